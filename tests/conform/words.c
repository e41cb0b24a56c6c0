/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include <stdio.h>
#include <string.h>

static call said(const char *text) {
        call c = { .n_text = strlen(text) };

        assert_lt(c.n_text, TEXT_SIZE);
        memcpy(c.text, text, c.n_text + 1);
        return c;
}

static int one(talk *t, int who, step *f, int64_t a) {
        return at(t, who, f, &(call){ .n = { a } });
}

static int two(talk *t, int who, step *f, int64_t a, int64_t b) {
        return at(t, who, f, &(call){ .n = { a, b } });
}

static int told(talk *t, int who, step *f, const char *text, int64_t a, int64_t b) {
        call c = said(text ? text : "");

        c.n[0] = a;
        c.n[1] = b;
        return at(t, who, f, &c);
}

/* channels */

/* What M took from @from's session goes on to @to, in a message of the carrier's. */
static void carry(talk *t, int from, int to, beam_kind kind, int slot) {
        enum { CARRY_A = N_SLOTS - 2, CARRIED = N_SLOTS - 1, PARCEL = N_SLOTS - 1 };

        assert_r(at(t, M, step_accept, &(call){ .n = { slot, LONG, from + 1 } }), 1);
        assert_eq(talk_value(t, 3), kind);
        assert_ok(msg_at(t, M, PARCEL, "carried"));
        assert_r(put(t, M, PARCEL, kind, slot), 0);
        assert_r(send_msg(t, M, CARRY_A + to, PARCEL, LONG), 0);
        assert_r(recv_msg(t, to, CARRIED, PARCEL, LONG), 1);
        assert_r(take(t, to, PARCEL, 0, kind, slot), 0);
        assert_r(free_msg(t, to, PARCEL), 0);
}

static void accept_at(talk *t, int from, int to, beam_kind kind, int slot) {
        if (talk_what(t)->url2) {
                carry(t, from, to, kind, slot);
                return;
        }
        assert_r(at(t, to, step_accept, &(call){ .n = { slot, LONG } }), 1);
        assert_str(talk_text(t), "law");
        assert_eq(talk_value(t, 3), kind);
}

void channel(talk *t, int from, int to, size_t depth, int slot) {
        call c = { .n = { slot, (int64_t)depth, 0, LONG }, .text = "law" };

        assert_r(at(t, from, step_open, &c), 0);
        accept_at(t, from, to, BEAM_RECEIVER, slot);
}

void channel_back(talk *t, int from, int to, size_t depth, int slot) {
        call c = { .n = { slot, (int64_t)depth, 0, LONG }, .text = "law" };

        assert_r(at(t, to, step_open_rx, &c), 0);
        accept_at(t, to, from, BEAM_SENDER, slot);
}

void stream(talk *t, int from, int to, int slot) {
        call c = { .n = { slot, 0, 0, LONG }, .text = "law" };

        assert_r(at(t, from, step_open_stream, &c), 0);
        accept_at(t, from, to, BEAM_STREAM, slot);
}

int pipe_at(talk *t, int who, size_t depth, int slot) {
        return two(t, who, step_pipe, slot, (int64_t)depth);
}

int send_text(talk *t, int who, int slot, const char *text, int64_t wait) {
        return told(t, who, step_send_text, text, slot, wait);
}

int recv_text(talk *t, int who, int slot, int64_t wait) {
        return recv_msg(t, who, slot, -1, wait);
}

int recv_msg(talk *t, int who, int slot, int msg, int64_t wait) {
        return at(t, who, step_recv, &(call){ .n = { slot, wait, msg } });
}

int dup_tx(talk *t, int who, int slot, int to) {
        return two(t, who, step_dup_tx, slot, to);
}

int dup_rx(talk *t, int who, int slot, int to) {
        return two(t, who, step_dup_rx, slot, to);
}

int drain_tx(talk *t, int who, int slot, int64_t wait) {
        return two(t, who, step_drain_tx, slot, wait);
}

int close_tx(talk *t, int who, int slot) {
        return one(t, who, step_close_tx, slot);
}

int close_rx(talk *t, int who, int slot) {
        return one(t, who, step_close_rx, slot);
}

int fail_tx(talk *t, int who, int slot, uint32_t code, const char *text) {
        return told(t, who, step_fail_tx, text, slot, code);
}

int fail_rx(talk *t, int who, int slot, uint32_t code, const char *text) {
        return told(t, who, step_fail_rx, text, slot, code);
}

int reason_tx(talk *t, int who, int slot) {
        return one(t, who, step_reason_tx, slot);
}

int reason_rx(talk *t, int who, int slot) {
        return one(t, who, step_reason_rx, slot);
}

/* messages */

int msg_at(talk *t, int who, int msg, const char *text) {
        return told(t, who, step_msg, text, msg, -1);
}

int msg_sized(talk *t, int who, int msg, size_t n, uint64_t seed) {
        return at(t, who, step_msg_sized, &(call){ .n = { msg, (int64_t)n, (int64_t)seed } });
}

int check_msg(talk *t, int who, int msg, size_t n, uint64_t seed) {
        return at(t, who, step_check_msg, &(call){ .n = { msg, (int64_t)n, (int64_t)seed } });
}

int put(talk *t, int who, int msg, beam_kind kind, int slot) {
        return at(t, who, step_put, &(call){ .n = { msg, kind, slot } });
}

int take(talk *t, int who, int msg, size_t place, beam_kind kind, int slot) {
        return at(t, who, step_take, &(call){ .n = { msg, (int64_t)place, kind, slot } });
}

int kind_at(talk *t, int who, int msg, size_t place) {
        return two(t, who, step_kind, msg, (int64_t)place);
}

int send_msg(talk *t, int who, int slot, int msg, int64_t wait) {
        return at(t, who, step_send_msg, &(call){ .n = { slot, wait, msg } });
}

int free_msg(talk *t, int who, int msg) {
        return one(t, who, step_free_msg, msg);
}

/* streams */

int write_text(talk *t, int who, int slot, const char *text, int64_t wait) {
        return told(t, who, step_write, text, slot, wait);
}

int read_text(talk *t, int who, int slot, int64_t wait) {
        return two(t, who, step_read, slot, wait);
}

int write_all(talk *t, int who, int slot, int64_t n, uint64_t seed, int64_t wait) {
        return at(t, who, step_write_all, &(call){ .n = { slot, wait, n, (int64_t)seed } });
}

int read_all(talk *t, int who, int slot, uint64_t seed, int64_t wait) {
        return at(t, who, step_read_all, &(call){ .n = { slot, wait, 0, (int64_t)seed } });
}

int shutdown_st(talk *t, int who, int slot) {
        return one(t, who, step_shutdown, slot);
}

int drain_st(talk *t, int who, int slot, int64_t wait) {
        return two(t, who, step_drain_stream, slot, wait);
}

int close_st(talk *t, int who, int slot) {
        return one(t, who, step_close_stream, slot);
}

int fail_st(talk *t, int who, int slot, uint32_t code, const char *text) {
        return told(t, who, step_fail_stream, text, slot, code);
}

int reason_st(talk *t, int who, int slot) {
        return one(t, who, step_reason_stream, slot);
}

/* descriptors */

int fd_pipe(talk *t, int who, int to_read, int to_write) {
        return two(t, who, step_fd_pipe, to_read, to_write);
}

int fd_socketpair(talk *t, int who, int slot, int other) {
        return two(t, who, step_fd_socketpair, slot, other);
}

int fd_file(talk *t, int who, int slot, const char *text) {
        return told(t, who, step_fd_file, text, slot, 0);
}

int write_fd(talk *t, int who, int slot, const char *text) {
        return told(t, who, step_fd_write, text, slot, 0);
}

int read_fd(talk *t, int who, int slot, size_t n) {
        return two(t, who, step_fd_read, slot, (int64_t)n);
}

int close_fd(talk *t, int who, int slot) {
        return one(t, who, step_fd_close, slot);
}

int shutdown_fd(talk *t, int who, int slot, int how) {
        return two(t, who, step_fd_shutdown, slot, how);
}

int fd_bridged(talk *t, int who, int msg, size_t place) {
        return two(t, who, step_fd_bridged, msg, (int64_t)place);
}

/* sessions */

int session_drain(talk *t, int who, int64_t wait) {
        return one(t, who, step_session_drain, wait);
}

int session_close(talk *t, int who) {
        return one(t, who, step_session_close, 0);
}

int session_state(talk *t, int who) {
        return one(t, who, step_session_state, 0);
}
