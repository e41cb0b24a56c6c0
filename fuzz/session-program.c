/* SPDX-License-Identifier: Apache-2.0 */
/* What the program does: any call with any of the ends that it has. */
#undef NDEBUG
#include "session-run.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/fds.h"

static uint32_t sum(const void *p, size_t n) {
        const uint8_t *bytes = p;
        uint32_t h = 2166136261;

        for (size_t i = 0; i < n; i++)
                h = (h ^ bytes[i]) * 16777619;
        return h;
}

static beam_sender **tx_at(session_run *r) {
        return &r->tx[run_byte(r) % N_ENDS];
}

static beam_receiver **rx_at(session_run *r) {
        return &r->rx[run_byte(r) % N_ENDS];
}

static beam_stream **st_at(session_run *r) {
        return &r->st[run_byte(r) % N_ENDS];
}

static beam_msg **msg_at(session_run *r) {
        return &r->msgs[run_byte(r) % N_MSGS];
}

#define KEEP(places, thing, close)                  \
        do {                                        \
                size_t i_ = 0;                      \
                while (i_ < N_ENDS && (places)[i_]) \
                        i_++;                       \
                if (i_ < N_ENDS)                    \
                        (places)[i_] = (thing);     \
                else                                \
                        close(thing);               \
        } while (0)

static void keep_msg(session_run *r, beam_msg *msg) {
        size_t n;
        const void *p = beam_msg_data(msg, &n);
        beam_msg **at = msg_at(r);

        run_note(r, "  %zu bytes %08x, '%s', %zu things\n", n, n ? sum(p, n) : 0,
                 beam_msg_label(msg), beam_msg_things(msg));
        beam_msg_free(*at);
        *at = msg;
}

static void take(session_run *r, beam_msg *msg) {
        for (size_t i = 0; msg && i < beam_msg_things(msg); i++) {
                run_note(r, "  %d\n", beam_msg_kind(msg, i));
                switch (beam_msg_kind(msg, i)) {
                case BEAM_SENDER:
                        KEEP(r->tx, beam_msg_take_sender(msg, i), beam_sender_close);
                        break;
                case BEAM_RECEIVER:
                        KEEP(r->rx, beam_msg_take_receiver(msg, i), beam_receiver_close);
                        break;
                case BEAM_STREAM:
                        KEEP(r->st, beam_msg_take_stream(msg, i), beam_stream_close);
                        break;
                case BEAM_FD:
                        if (i % 2)
                                close(beam_msg_take_fd(msg, i));
                        break;
                default:
                        break;
                }
        }
}

static beam_msg *new_msg(session_run *r) {
        size_t n = run_byte(r);
        beam_msg *msg;

        n = n > 200 ? n * 80 : n;
        r->n_made++;
        assert(beam_msg_new(NULL, n, &msg) == 0);
        memset(beam_msg_buffer(msg), 'm', n);
        return msg;
}

/* Ends that the program has go into @msg: back to where they came from, often. */
static void load(session_run *r, beam_msg *msg) {
        uint8_t what = run_byte(r);
        beam_receiver *rx;
        beam_sender *tx;
        int fd;

        if (what & 1) {
                beam_sender **at = tx_at(r);

                if (*at && beam_msg_put_sender(msg, *at) >= 0)
                        *at = NULL;
        }
        if (what & 2) {
                beam_receiver **at = rx_at(r);

                if (*at && beam_msg_put_receiver(msg, *at) >= 0)
                        *at = NULL;
        }
        if (what & 4) {
                beam_stream **at = st_at(r);

                if (*at && beam_msg_put_stream(msg, *at) >= 0)
                        *at = NULL;
        }
        if (what & 8) {
                fd = fd_dup(0);
                assert(fd >= 0 && beam_msg_put_fd(msg, fd) >= 0);
        }
        if (what & 0x10) {
                assert(beam_pipe(what >> 6, &tx, &rx) == 0);
                KEEP(r->tx, tx, beam_sender_close);
                assert(beam_msg_put_receiver(msg, rx) >= 0);
        }
        if (what & 0x20) {
                assert(beam_pipe(what >> 6, &tx, &rx) == 0);
                KEEP(r->rx, rx, beam_receiver_close);
                assert(beam_msg_put_sender(msg, tx) >= 0);
        }
}

/* Something new: over the session, or in memory with both ends. */
static void act_open(session_run *r) {
        beam_receiver *rx;
        beam_stream *st, *st2;
        beam_sender *tx;
        uint8_t b = run_byte(r);
        int got;

        r->n_made++;
        if (b % 5 == 3) {
                assert(beam_pipe(b >> 4, &tx, &rx) == 0);
                KEEP(r->tx, tx, beam_sender_close);
                KEEP(r->rx, rx, beam_receiver_close);
                return;
        }
        if (b % 5 == 4) {
                assert(beam_stream_pair(&st, &st2) == 0);
                KEEP(r->st, st, beam_stream_close);
                KEEP(r->st, st2, beam_stream_close);
                return;
        }
        if (!r->s)
                return;
        switch (b % 5) {
        case 0:
                got = beam_session_open(&r->s->base, "s", b >> 4, &tx, BEAM_NOW);
                if (got >= 0)
                        KEEP(r->tx, tx, beam_sender_close);
                break;
        case 1:
                got = beam_session_open_receiver(&r->s->base, "", b >> 4, &rx, BEAM_NOW);
                if (got >= 0)
                        KEEP(r->rx, rx, beam_receiver_close);
                break;
        default:
                got = beam_session_open_stream(&r->s->base, NULL, &st, BEAM_NOW);
                if (got >= 0)
                        KEEP(r->st, st, beam_stream_close);
        }
        run_note(r, "open %d\n", got);
}

static void act_send(session_run *r, bool carries) {
        beam_msg *msg = new_msg(r);
        beam_sender *tx;
        int got;

        if (carries)
                load(r, msg);
        tx = *tx_at(r); /* after, since one that is in the message is gone from here */
        if (!tx) {
                beam_msg_free(msg);
                return;
        }
        got = beam_send(tx, msg, BEAM_NOW);
        run_note(r, "send %d\n", got);
        if (got < 0)
                beam_msg_free(msg);
}

static void act_call(session_run *r) {
        beam_msg *msg = new_msg(r), *answer = NULL;
        beam_sender *tx = *tx_at(r);
        int got, left = 0;

        if (!tx) {
                beam_msg_free(msg);
                return;
        }
        got = beam_call(tx, msg, &answer, &left, BEAM_NOW);
        run_note(r, "call %d %d\n", got, left);
        if (got < 0 && !left)
                beam_msg_free(msg);
        beam_msg_free(answer);
}

static void act_stream(session_run *r) {
        static char buf[12 * 1024];
        beam_stream **at = st_at(r);
        uint8_t b = run_byte(r);
        ssize_t got = 0;

        if (!*at)
                return;
        switch (b % 5) {
        case 0:
        case 1:
                got = beam_stream_read(*at, buf, b >= 128 ? sizeof(buf) : b, BEAM_NOW);
                run_note(r, "  %08x\n", got > 0 ? sum(buf, (size_t)got) : 0);
                break;
        case 2:
                memset(buf, 'w', sizeof(buf));
                for (int i = 0; i < 1 + b / 16; i++)
                        got = beam_stream_write(*at, buf, b >= 128 ? sizeof(buf) : b, BEAM_NOW);
                break;
        case 3:
                got = beam_stream_shutdown(*at);
                break;
        case 4:
                got = beam_stream_drain(*at, BEAM_NOW);
                break;
        }
        run_note(r, "stream %u %zd\n", b % 5, got);
}

static void act_close(session_run *r) {
        uint8_t b = run_byte(r);

        switch (b % 7) {
        case 0: {
                beam_sender **at = tx_at(r);
                *at = beam_sender_close(*at);
                break;
        }
        case 1: {
                beam_receiver **at = rx_at(r);
                *at = beam_receiver_close(*at);
                break;
        }
        case 2: {
                beam_stream **at = st_at(r);
                *at = beam_stream_close(*at);
                break;
        }
        case 3: {
                beam_sender **at = tx_at(r);
                *at = *at ? beam_sender_fail(*at, 1 + (b >> 4), "no") : NULL;
                break;
        }
        case 4: {
                beam_receiver **at = rx_at(r);
                *at = *at ? beam_receiver_fail(*at, 1 + (b >> 4), "no") : NULL;
                break;
        }
        case 5: {
                beam_stream **at = st_at(r);
                *at = *at ? beam_stream_fail(*at, 1 + (b >> 4), NULL) : NULL;
                break;
        }
        case 6: {
                beam_msg **at = msg_at(r);
                *at = beam_msg_free(*at);
                break;
        }
        }
}

static void act_dup(session_run *r) {
        beam_sender *tx = *tx_at(r), *tx2;
        beam_receiver *rx = *rx_at(r), *rx2;

        r->n_made++;
        if (run_byte(r) & 1) {
                if (tx && beam_sender_dup(tx, &tx2) >= 0)
                        KEEP(r->tx, tx2, beam_sender_close);
        } else if (rx && beam_receiver_dup(rx, &rx2) >= 0)
                KEEP(r->rx, rx2, beam_receiver_close);
}

static void on_watch(void *data, beam_receiver *rx) {
        session_run *r = data;
        beam_msg *msg;
        int got = beam_recv(rx, &msg, BEAM_NOW);

        run_note(r, "watch %d\n", got);
        if (got > 0)
                keep_msg(r, msg);
        else
                beam_receiver_watch(rx, NULL, NULL);
}

static void act_watch(session_run *r) {
        beam_receiver *rx = *rx_at(r);

        if (rx)
                assert(beam_receiver_watch(rx, run_byte(r) % 4 ? on_watch : NULL, r) == 0);
}

static void act_reason(session_run *r) {
        const beam_receiver *rx = *rx_at(r);
        const beam_sender *tx = *tx_at(r);
        beam_reason why = { 0, "" };

        if (tx && beam_sender_reason(tx, &why) > 0)
                run_note(r, "reason %u %s\n", why.code, why.text);
        if (rx && beam_receiver_reason(rx, &why) > 0)
                run_note(r, "reason %u %s\n", why.code, why.text);
        if (r->s) {
                int got = beam_session_state(&r->s->base, &why);

                run_note(r, "state %d %u %s\n", got, why.code, why.text);
        }
}

static void act_copy(session_run *r) {
        beam_receiver *rx = *rx_at(r);
        beam_sender *tx = *tx_at(r);
        uint64_t n = 0;
        int got;

        if (!rx || !tx)
                return;
        got = beam_copy(rx, tx, &n, BEAM_NOW);
        run_note(r, "copy %d %llu\n", got, (unsigned long long)n);
}

static void act_end_of_session(session_run *r) {
        uint8_t b = run_byte(r);

        if (!r->s)
                return;
        if (b == 0x77) {
                beam_session_close(&r->s->base);
                r->s = NULL;
        } else if (b % 4 == 0)
                session_lost(r->s, b & 4 ? -ECONNRESET : 0);
        else if (b % 4 == 1)
                run_note(r, "drain %d\n", beam_session_drain(&r->s->base, BEAM_NOW));
        else
                run_note(r, "ping %d\n", beam_session_ping(&r->s->base, &(int64_t){ 0 }, BEAM_NOW));
}

static void act_fds(session_run *r) {
        int fds[4];
        size_t n = 1 + run_byte(r) % 4u;

        if (!r->s || r->s->error || !r->link.link.passes_fds)
                return;
        for (size_t i = 0; i < n; i++) {
                fds[i] = fd_dup(0);
                assert(fds[i] >= 0);
        }
        session_feed_fds(r->s, fds, n);
}

void run_program(session_run *r, uint8_t act) {
        beam_msg *msg, **at;
        beam_receiver *rx;
        beam_sender *tx;
        int got;

        switch (act) {
        case 13:
                if (!r->s)
                        break;
                got = beam_session_accept(&r->s->base, &msg, BEAM_NOW);
                run_note(r, "accept %d\n", got);
                if (got > 0) {
                        take(r, msg);
                        keep_msg(r, msg);
                }
                break;
        case 14:
                rx = *rx_at(r);
                if (!rx)
                        break;
                got = beam_recv(rx, &msg, BEAM_NOW);
                run_note(r, "recv %d\n", got);
                if (got > 0)
                        keep_msg(r, msg);
                break;
        case 15:
                act_watch(r);
                break;
        case 16:
                take(r, *msg_at(r));
                break;
        case 17:
        case 18:
                act_send(r, act == 18);
                break;
        case 19:
                at = msg_at(r);
                if (!*at)
                        break;
                msg = new_msg(r);
                got = beam_reply(*at, msg, BEAM_NOW);
                run_note(r, "reply %d\n", got);
                if (got < 0)
                        beam_msg_free(msg);
                break;
        case 20:
                tx = *tx_at(r);
                at = msg_at(r);
                if (!tx || !*at)
                        break;
                r->n_made++;
                got = beam_send(tx, *at, BEAM_NOW);
                run_note(r, "forward %d\n", got);
                if (got >= 0)
                        *at = NULL;
                break;
        case 21:
                act_stream(r);
                break;
        case 22:
                r->fail_at = run_byte(r);
                break;
        case 23:
        case 24:
                act_close(r);
                break;
        case 25:
                act_open(r);
                break;
        case 26:
                act_call(r);
                break;
        case 27:
                act_dup(r);
                break;
        case 28:
                act_reason(r);
                tx = *tx_at(r);
                if (tx)
                        run_note(r, "drain %d\n", beam_sender_drain(tx, BEAM_NOW));
                break;
        case 29:
                act_fds(r);
                break;
        case 30:
                act_end_of_session(r);
                break;
        case 31:
                if (run_byte(r) & 1)
                        act_copy(r);
                else {
                        r->link.stalled = !r->link.stalled;
                        if (!r->link.stalled && r->s)
                                session_touch(r->s);
                }
                break;
        default:
                break;
        }
}

void run_program_ends(session_run *r) {
        for (size_t i = 0; i < N_MSGS; i++)
                beam_msg_free(r->msgs[i]);
        for (size_t i = 0; i < N_ENDS; i++) {
                beam_sender_close(r->tx[i]);
                beam_receiver_close(r->rx[i]);
                beam_stream_close(r->st[i]);
        }
}
