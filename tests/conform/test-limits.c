/* SPDX-License-Identifier: Apache-2.0 */
/* Past a limit: a clear error to whoever caused it, and the session lives. */
#include "talk.h"

#include <string.h>

enum { LIFE = 12 };

static void still_alive(talk *t) {
        channel(t, A, B, 1, LIFE);
        assert_r(send_text(t, A, LIFE, "alive", LONG), 0);
        assert_r(recv_text(t, B, LIFE, LONG), 1);
        assert_str(talk_text(t), "alive");
        assert_r(close_tx(t, A, LIFE), 0);
        assert_r(close_rx(t, B, LIFE), 0);
        assert_r(session_state(t, A), 0);
        assert_r(session_state(t, B), 0);
}

/* What the peer would not take is refused where the session runs: at once, or, if that
 * is in the background, as soon as it gets there. */
static void refused(talk *t, int slot, int r, int want) {
        if (r == 0 && talk_what(t)->background) {
                assert_r(drain_tx(t, A, slot, LONG), -EPIPE);
                assert_r(reason_tx(t, A, slot), 1);
                assert_eq(talk_value(t, 1), BEAM_CODE_LIMIT);
        } else
                assert_r(r, want);
}

LAW(max_msg, LAW_DIRECT | LAW_NET, .max_msg = 5000) {
        channel(t, A, B, 2, 0);
        assert_ok(msg_sized(t, A, 0, 5000, 1));
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_ok(msg_sized(t, A, 1, 5001, 1));
        refused(t, 0, send_msg(t, A, 0, 1, LONG), -EMSGSIZE);
        if (!talk_what(t)->background) {
                assert_r(send_text(t, A, 0, "less", LONG), 0);
                assert_r(recv_text(t, B, 0, LONG), 1);
        }
        still_alive(t);
}

LAW(max_msg_by_default, LAW_DIRECT | LAW_NET | LAW_FEW) {
        channel(t, A, B, 2, 0);
        assert_ok(msg_sized(t, A, 0, (16 << 20) + 1, 1));
        refused(t, 0, send_msg(t, A, 0, 0, LONG), -EMSGSIZE);
        still_alive(t);
}

LAW(max_things, LAW_DIRECT | LAW_NET, .max_things = 3) {
        channel(t, A, B, 2, 0);
        assert_ok(msg_at(t, A, 0, ""));
        for (int i = 0; i < 3; i++) {
                assert_r(pipe_at(t, A, 1, i + 1), 0);
                assert_r(put(t, A, 0, BEAM_SENDER, i + 1), i);
        }
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_eq(talk_value(t, 4), 3);

        assert_ok(msg_at(t, A, 1, ""));
        for (int i = 0; i < 4; i++) {
                assert_r(pipe_at(t, A, 1, i + 5), 0);
                assert_r(put(t, A, 1, BEAM_SENDER, i + 5), i);
        }
        refused(t, 0, send_msg(t, A, 0, 1, LONG), -E2BIG);
        for (int i = 0; i < 4 && !talk_what(t)->background; i++)
                assert_eq(kind_at(t, A, 1, (size_t)i), BEAM_SENDER);
        still_alive(t);
}

static int open_one(talk *t, int who, int slot, int64_t wait) {
        return at(t, who, step_open, &(call){ .n = { slot, 1, 0, wait }, .text = "one" });
}

LAW(max_channels, LAW_DIRECT | LAW_NET, .max_channels = 4) {
        for (int i = 0; i < 4; i++)
                assert_r(open_one(t, A, i, NOW), 0);
        assert_r(open_one(t, A, 4, NOW), -ETIMEDOUT);
        assert_r(open_one(t, A, 4, SHORT), -ETIMEDOUT);

        /* It is B's limit on what A opens; B has A's, and streams count as well. */
        for (int i = 8; i < 11; i++)
                assert_r(open_one(t, B, i, NOW), 0);
        assert_r(at(t, B, step_open_stream, &(call){ .n = { 8, 0, 0, NOW }, .text = "s" }), 0);
        assert_r(open_one(t, B, 11, NOW), -ETIMEDOUT);

        /* One that ends on both sides makes room. */
        assert_r(close_tx(t, A, 0), 0);
        assert_r(at(t, B, step_accept, &(call){ .n = { 0, LONG } }), 1);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(open_one(t, A, 0, LONG), 0);
        assert_r(open_one(t, A, 4, SHORT), -ETIMEDOUT);
}

/* In the background a message that finds no room waits behind, with what it carries. */
LAW(max_channels_of_what_messages_carry, LAW_DIRECT | LAW_NET, .max_channels = 4) {
        channel(t, A, B, 1, 0);
        for (int i = 1; i < 4; i++)
                assert_r(open_one(t, A, i, NOW), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(pipe_at(t, A, 1, 4), 0);
        assert_r(put(t, A, 0, BEAM_SENDER, 4), 0);
        int r = send_msg(t, A, 0, 0, SHORT);
        if (r == 0 && talk_what(t)->background) {
                assert_r(recv_msg(t, B, 0, 0, SHORT), -ETIMEDOUT);
                assert_r(close_tx(t, A, 1), 0);
                assert_r(at(t, B, step_accept, &(call){ .n = { 1, LONG } }), 1);
                assert_r(close_rx(t, B, 1), 0);
                assert_r(recv_msg(t, B, 0, 0, LONG), 1);
                assert_eq(kind_at(t, B, 0, 0), BEAM_SENDER);
                return;
        }
        assert_r(r, -ETIMEDOUT);
        assert_eq(kind_at(t, A, 0, 0), BEAM_SENDER);
        assert_r(send_text(t, A, 0, "without", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
}

LAW(open_waits_for_room, LAW_TWO | LAW_DIRECT | LAW_NET, .max_channels = 1) {
        assert_r(open_one(t, A, 0, NOW), 0);
        later(t);
        open_one(t, A, 1, LONG);
        blocked(t, A);
        assert_r(at(t, B, step_accept, &(call){ .n = { 0, LONG } }), 1);
        assert_r(fail_rx(t, B, 0, BEAM_CODE_REFUSED, ""), 0);
        assert_r(finish(t, A), 0);
}

/* What B has not taken. Depth and window hold a channel; this holds all of them. */
LAW(max_queued, LAW_DIRECT | LAW_NET, .max_queued = 3 << 20) {
        int refused = 0;

        for (int i = 0; i < 8; i++)
                channel(t, A, B, 4, i);
        for (int i = 0; i < 8; i++) {
                assert_ok(msg_sized(t, A, i, 600000, 1));
                int r = send_msg(t, A, i, i, LONG);
                if (r == 0)
                        r = drain_tx(t, A, i, SHORT);
                assert_true(r == -ETIMEDOUT || r == -EPIPE || r == -ENOBUFS);
                refused += r != -ETIMEDOUT;
                if (r == -EPIPE) {
                        assert_r(reason_tx(t, A, i), 1);
                        assert_eq(talk_value(t, 1), BEAM_CODE_LIMIT);
                }
        }
        assert_lt(refused, 6);
        /* Nobody says which of them, nor how soon. */
        for (int i = 0; !refused; i = (i + 1) % 8)
                refused += drain_tx(t, A, i, SHORT) != -ETIMEDOUT;
        for (int i = 0; i < 8; i++) {
                int r = recv_msg(t, B, i, i, LONG);
                if (r == 1)
                        assert_true(check_msg(t, B, i, 600000, 1));
                else if (r != 0 && r != -EPIPE)
                        assert_r(r, -ENOBUFS); /* of our own limit */
        }
        for (int i = 0; i < 8; i++)
                assert_r(free_msg(t, B, i), 0);
        still_alive(t);
}

LAW(max_fds, LAW_DIRECT | LAW_NET, .max_fds = 4) {
        int refused = 0;

        channel(t, A, B, 16, 0);
        channel(t, A, B, 16, 1);
        for (int i = 0; i < 6; i++) {
                assert_r(fd_file(t, A, 0, "x"), 0);
                assert_ok(msg_at(t, A, 0, ""));
                assert_r(put(t, A, 0, BEAM_FD, 0), 0);
                int r = send_msg(t, A, i < 3 ? 0 : 1, 0, LONG);
                if (r == 0)
                        r = drain_tx(t, A, i < 3 ? 0 : 1, SHORT);
                else
                        free_msg(t, A, 0);
                refused += r != -ETIMEDOUT;
                assert_true(r == -ETIMEDOUT || r == -EPIPE || r == -ENOBUFS);
        }
        assert_le(refused, 2);
        assert_r(drain_tx(t, A, 1, LONG), -EPIPE);
        still_alive(t);
        for (int i = 0; i < 3; i++) {
                assert_r(recv_msg(t, B, 0, 0, LONG), 1);
                assert_r(take(t, B, 0, 0, BEAM_FD, 0), 0);
                assert_r(read_fd(t, B, 0, 0), 1);
                assert_r(close_fd(t, B, 0), 0);
                assert_r(free_msg(t, B, 0), 0);
        }
}

/* Fds that lie in one message beyond the limit. */
LAW(max_fds_in_one_message, LAW_DIRECT | LAW_NET, .max_fds = 4) {
        channel(t, A, B, 16, 0);
        assert_ok(msg_at(t, A, 0, ""));
        for (int i = 0; i < 6; i++) {
                assert_r(fd_file(t, A, i, "x"), 0);
                assert_r(put(t, A, 0, BEAM_FD, i), i);
        }
        int r = send_msg(t, A, 0, 0, LONG);
        if (r == 0)
                r = drain_tx(t, A, 0, LONG);
        assert_true(r == -EPIPE || r == -ENOBUFS);
        still_alive(t);
}

LAW(max_nesting, LAW_DIRECT | LAW_NET, .max_nesting = 3) {
        channel(t, A, B, 1, 0);
        for (int i = 0; i <= 3; i++) {
                assert_ok(msg_at(t, A, 0, ""));
                assert_r(pipe_at(t, A, 1, i + 1), 0);
                assert_r(put(t, A, 0, BEAM_RECEIVER, i + 1), 0);
                assert_r(send_msg(t, A, i, 0, LONG), 0);
                if (i < 3)
                        assert_r(drain_tx(t, A, i, SHORT), -ETIMEDOUT);
        }
        assert_r(drain_tx(t, A, 3, LONG), -EPIPE);
        assert_r(reason_tx(t, A, 3), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_LIMIT);
        still_alive(t);
}

LAW(nesting_is_not_counted_once_read, LAW_DIRECT | LAW_NET, .max_nesting = 2) {
        channel(t, A, B, 1, 0);
        for (int i = 0; i < 6; i++) {
                assert_ok(msg_at(t, A, 0, ""));
                assert_r(pipe_at(t, A, 1, i + 1), 0);
                assert_r(put(t, A, 0, BEAM_RECEIVER, i + 1), 0);
                assert_r(send_msg(t, A, i, 0, LONG), 0);
                assert_r(recv_msg(t, B, i, 0, LONG), 1);
                assert_r(take(t, B, 0, 0, BEAM_RECEIVER, i + 1), 0);
                assert_r(free_msg(t, B, 0), 0);
        }
        still_alive(t);
}

static void step_label_too_long(side *s, call *c) {
        char label[BEAM_LABEL_MAX + 2] = "";

        memset(label, 'l', BEAM_LABEL_MAX + 1);
        c->r = beam_msg_set_label(s->msg[c->n[0]], label);
}

LAW(label_too_long, LAW_FEW) {
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(at(t, A, step_label_too_long, &(call){ .n = { 0 } }), -EINVAL);
}
