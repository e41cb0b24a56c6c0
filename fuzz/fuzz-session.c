/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A whole session, with a hostile peer and a program that does whatever the input says
 *
 * The input is a list of acts. Some are the peer's: frames that are made from a few
 * bytes, or bytes as they are, which gather until the program acts, and are fed then.
 * The others are calls of the program: accept, receive, take what came, send it on,
 * reply, open, read, write, close, drain. Nothing may crash or leak, what the session
 * says has to be frames, memory stays within the limits, and how the bytes were cut
 * changes neither what the program gets nor what the peer is told.
 */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fds.h"
#include "base/mem.h"
#include "chan/msg.h"
#include "chan/out.h"
#include "chan/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

enum {
        N_ENDS = 16, /* of each kind, that the program has at once */
        N_MSGS = 4,
        BATCH_MAX = 16 * 1024, /* bytes between two acts of the program */
        TEXT_MAX = 256 * 1024,
        STALLED = 4 * OUT_HIGH, /* as a link does: who does not read is not listened to */
        MEMORY_MAX = 4 << 20,   /* of a run: a session's limits here add up to a few 100 KiB, */
        OWN_MAX = 40 * 1024,    /* and beside that what the program itself makes */
};

typedef struct run {
        session_link link; /* first */
        session *s;
        const uint8_t *in;
        size_t n_in;

        bool dials, turns, stalled;
        size_t cut; /* 0: whole */
        uint64_t last_id;
        uint8_t batch[BATCH_MAX];
        size_t n_batch;

        mux_decoder said;
        beam_sender *tx[N_ENDS];
        beam_receiver *rx[N_ENDS];
        beam_stream *st[N_ENDS];
        beam_msg *msgs[N_MSGS];

        char *text;
        size_t n_text;
        int64_t n_made;
} run;

static __attribute__((format(printf, 2, 3))) void note(run *r, const char *fmt, ...) {
        va_list args;
        int n;

        va_start(args, fmt);
        n = vsnprintf(r->text + r->n_text, TEXT_MAX - r->n_text, fmt, args);
        va_end(args);
        r->n_text += (size_t)n;
        if (r->n_text >= TEXT_MAX)
                r->n_text = TEXT_MAX - 1;
}

static uint32_t sum(const void *p, size_t n) {
        const uint8_t *bytes = p;
        uint32_t h = 2166136261;

        for (size_t i = 0; i < n; i++)
                h = (h ^ bytes[i]) * 16777619;
        return h;
}

static uint8_t byte(run *r) {
        if (!r->n_in)
                return 0;
        r->n_in--;
        return *r->in++;
}

/* the link */

static run *of(const session_link *l) {
        return (run *)(uintptr_t)l;
}

static void hear(run *r, const uint8_t *p, size_t n) {
        mux_bytes in = { p, n };
        mux_event ev;
        int got;

        while ((got = mux_decode(&r->said, &in, &ev)) > 0) {
                /* a payload comes as it was written, which is in the order of the bytes only */
                if (ev.head.type == MUX_MSG || ev.head.type == MUX_DATA) {
                        if (ev.last)
                                note(r, "say %u on %llu, %u bytes\n", ev.head.type,
                                     (unsigned long long)ev.head.channel, ev.head.length);
                        continue;
                }
                note(r, "say %u on %llu", ev.head.type, (unsigned long long)ev.head.channel);
                if (ev.head.type == MUX_CREDIT)
                        note(r, " %u %llu", ev.credit.n_msgs,
                             (unsigned long long)ev.credit.n_bytes);
                if (ev.head.type == MUX_END || ev.head.type == MUX_STOP || ev.head.type == MUX_AWAY)
                        note(r, " %u %.*s", ev.close.code, (int)ev.close.text.n,
                             (const char *)ev.close.text.p);
                note(r, "\n");
        }
        assert(got == 0);
}

static void link_flush(session_link *l) {
        run *r = of(l);
        out_queue *q = &r->s->out;
        bool was_high = q->n >= OUT_HIGH / 2;

        while (q->n && !r->stalled) {
                struct iovec iov[OUT_IOV_MAX];
                int fds[OUT_FDS_MAX];
                size_t n_fds, n = 0, n_iov = out_peek(q, iov, fds, &n_fds);

                assert(n_iov);
                for (size_t i = 0; i < n_iov; i++) {
                        hear(r, iov[i].iov_base, iov[i].iov_len);
                        n += iov[i].iov_len;
                }
                for (size_t i = 0; i < n_fds; i++)
                        assert(fcntl(fds[i], F_GETFD) >= 0);
                out_advance(q, n, n_fds);
                session_fill(r->s);
        }
        if (was_high && q->n < OUT_HIGH / 2)
                session_stir(r->s);
}

static size_t link_write(session_link *l, const struct iovec *iov, size_t n_iov) {
        run *r = of(l);
        size_t n = 0;

        for (size_t i = 0; i < n_iov && !r->stalled; i++) {
                hear(r, iov[i].iov_base, iov[i].iov_len);
                n += iov[i].iov_len;
        }
        return n;
}

static void link_shut(session_link *l) {
        note(of(l), "shut\n");
}

static void link_close(session_link *l) {
        note(of(l), "closed\n");
}

static void link_peer(const session_link *l, beam_peer *ret) {
        (void)l;
        ret->pid = -1;
}

static int link_join(beam_stream *st, int fd_in, int fd_out) {
        fd_close(fd_in);
        if (fd_out != fd_in)
                fd_close(fd_out);
        beam_stream_close(st);
        return 0;
}

static int link_show(beam_stream *st, bool readable, bool writable) {
        int fd = fd_dup(0);

        (void)readable;
        (void)writable;
        if (fd >= 0)
                beam_stream_close(st);
        return fd;
}

/* what the peer says */

static uint8_t *frame_room(run *r, size_t n) {
        return BATCH_MAX - r->n_batch < n ? NULL : r->batch + r->n_batch;
}

static void put_raw(run *r, size_t n) {
        uint8_t *p;

        n = n < r->n_in ? n : r->n_in;
        p = frame_room(r, n);
        if (p) {
                memcpy(p, r->in, n);
                r->n_batch += n;
        }
        r->in += n;
        r->n_in -= n;
}

static void put_frame(run *r, size_t length, mux_type type, uint8_t flags, uint64_t channel) {
        uint8_t *p = frame_room(r, MUX_HEAD_SIZE);

        if (p)
                r->n_batch += mux_put_head(p, &(mux_head){ .length = (uint32_t)length,
                                                           .type = (uint8_t)type,
                                                           .flags = flags,
                                                           .channel = channel });
}

/* A number that mostly has not been used yet. */
static uint64_t fresh(run *r) {
        uint8_t b = byte(r);

        if (b & 0x80)
                return (uint64_t)(b & 0x3f) + 1;
        r->last_id += 2;
        return r->last_id;
}

static uint64_t channel(run *r) {
        return byte(r) & 0x1f;
}

static void put_payload(run *r, size_t n) {
        uint8_t *p = frame_room(r, n);

        if (p) {
                memset(p, 'x', n);
                r->n_batch += n;
        }
}

static void put_msg(run *r, bool head) {
        uint64_t id = channel(r);
        uint8_t flags = byte(r) & 5;
        size_t n = byte(r), total = byte(r);
        uint8_t *p = frame_room(r, MUX_FIXED_MAX);

        n = n > 200 ? n * 40 : n;
        total = total > 200 ? total * 256 : total;
        if (!p)
                return;
        if (head && !(flags & MUX_MSG_REST)) {
                size_t n_label = byte(r) % 8;

                flags |= MUX_MSG_HEAD;
                total = flags & MUX_MSG_MORE ? total : n;
                r->n_batch += mux_put_msg_head(
                        p, id ? id : 1, flags, total, byte(r) % 2 ? 5 : MUX_NO_DEADLINE,
                        (mux_bytes){ (const uint8_t *)"abcdefgh", n_label }, (uint32_t)n);
        } else {
                put_frame(r, n, MUX_MSG, flags, id);
        }
        put_payload(r, n);
}

static void put_hello(run *r) {
        static const uint32_t few[] = { 0, 1, 2, 64 };
        uint8_t *p = frame_room(r, MUX_FIXED_MAX), b = byte(r), c = byte(r);

        if (p)
                r->n_batch += mux_put_hello(
                        p, &(mux_hello){ .role = r->dials ? MUX_ACCEPTED : MUX_DIALLED,
                                         .fds = b & 3,
                                         .max_frame = b & 4 ? MUX_FRAME_MIN : 65536,
                                         .max_msg = b & 8 ? 100 : 1 << 20,
                                         .max_things = few[c & 3],
                                         .max_opens = few[c >> 2 & 3],
                                         .window = b & 0x10 ? 1 : 65536 });
}

/* One of the peer's acts; false if it is none. */
static bool act_of_peer(run *r, uint8_t act) {
        uint8_t *p = frame_room(r, MUX_FIXED_MAX);
        mux_bytes text = { (const uint8_t *)"why", 3 };
        uint64_t id;
        uint8_t b;

        if (!p)
                return false;
        switch (act) {
        case 0:
                put_raw(r, byte(r));
                return true;
        case 1:
                put_raw(r, (size_t)byte(r) << 8 | byte(r));
                return true;
        case 2:
                put_hello(r);
                return true;
        case 3:
                b = byte(r);
                r->n_batch += mux_put_open(p, fresh(r), (mux_kind)(1 + b % 3), b >> 4,
                                           (mux_bytes){ text.p, b >> 2 & 3 });
                return true;
        case 4:
                b = byte(r);
                id = channel(r);
                r->n_batch += mux_put_thing(p, id ? id : 1, (mux_kind)(1 + b % 5), 1 + b % 3,
                                            fresh(r), b >> 4);
                return true;
        case 5:
                put_msg(r, false);
                return true;
        case 6:
                put_msg(r, true);
                return true;
        case 7:
                id = channel(r);
                b = byte(r);
                put_frame(r, b > 200 ? b * 40u : b, MUX_DATA, 0, id);
                put_payload(r, b > 200 ? b * 40u : b);
                return true;
        case 8:
                id = channel(r);
                b = byte(r);
                r->n_batch += mux_put_credit(p, id, id ? b & 1 : 0, b >> 1 & 7, id ? byte(r) : 0);
                return true;
        case 9:
                id = channel(r);
                b = byte(r);
                r->n_batch += mux_put_close(p, b & 1 ? MUX_END : MUX_STOP, id ? id : 1, b >> 1 & 15,
                                            text);
                return true;
        case 10:
                id = channel(r);
                r->n_batch += mux_put_ask(p, id ? id : 1);
                return true;
        case 11:
                b = byte(r);
                r->n_batch += mux_put_away(p, b & 3 ? 0 : b >> 2, b, text);
                return true;
        case 12:
                r->n_batch += mux_put_ping(p, byte(r) & 1 ? MUX_PING : MUX_PONG,
                                           (const uint8_t *)"\1\0\0\0\0\0\0");
                return true;
        default:
                return false;
        }
}

/* The loop, until all that follows from it has happened. */
static void settle(void) {
        loop *l = loop_get();

        loop_turn(l, BEAM_NOW);
        loop_tidy(l);
}

static void feed_piece(run *r, const uint8_t *p, size_t n) {
        uint8_t *place = NULL, *block;
        size_t n_place = r->cut ? session_place(r->s, &place) : 0;

        if (n_place) {
                n_place = n_place < n ? n_place : n;
                memcpy(place, p, n_place);
                session_fed_in_place(r->s, place, n_place);
                p += n_place;
                n -= n_place;
        }
        if (!n || r->s->error)
                return;
        block = malloc(n);
        assert(block);
        memcpy(block, p, n);
        session_feed(r->s, block, n);
        free(block);
}

static void feed(run *r) {
        size_t step = r->cut ? r->cut : r->n_batch;

        for (size_t at = 0; at < r->n_batch && r->s && !r->s->error; at += step) {
                if (r->s->out.n >= STALLED)
                        break;
                feed_piece(r, r->batch + at, step < r->n_batch - at ? step : r->n_batch - at);
                if (r->turns)
                        settle();
        }
        r->n_batch = 0;
        settle();
}

/* what the program does */

static beam_sender **tx_at(run *r) {
        return &r->tx[byte(r) % N_ENDS];
}

static beam_receiver **rx_at(run *r) {
        return &r->rx[byte(r) % N_ENDS];
}

static beam_stream **st_at(run *r) {
        return &r->st[byte(r) % N_ENDS];
}

static beam_msg **msg_at(run *r) {
        return &r->msgs[byte(r) % N_MSGS];
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

static void keep_msg(run *r, beam_msg *msg) {
        size_t n;
        const void *p = beam_msg_data(msg, &n);
        beam_msg **at = msg_at(r);

        note(r, "  %zu bytes %08x, '%s', %zu things\n", n, n ? sum(p, n) : 0, beam_msg_label(msg),
             beam_msg_things(msg));
        beam_msg_free(*at);
        *at = msg;
}

static void take(run *r, beam_msg *msg) {
        for (size_t i = 0; msg && i < beam_msg_things(msg); i++) {
                note(r, "  %d\n", beam_msg_kind(msg, i));
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

static beam_msg *new_msg(run *r) {
        size_t n = byte(r);
        beam_msg *msg;

        n = n > 200 ? n * 80 : n;
        r->n_made++;
        assert(beam_msg_new(NULL, n, &msg) == 0);
        memset(beam_msg_buffer(msg), 'm', n);
        return msg;
}

/* Ends that the program has go into @msg: back to where they came from, often. */
static void load(run *r, beam_msg *msg) {
        uint8_t what = byte(r);
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

static void act_open(run *r) {
        beam_receiver *rx;
        beam_stream *st;
        beam_sender *tx;
        uint8_t b = byte(r);
        int got;

        if (!r->s)
                return;
        switch (b % 3) {
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
        note(r, "open %d\n", got);
}

static void act_send(run *r, bool carries) {
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
        note(r, "send %d\n", got);
        if (got < 0)
                beam_msg_free(msg);
}

static void act_call(run *r) {
        beam_msg *msg = new_msg(r), *answer = NULL;
        beam_sender *tx = *tx_at(r);
        int got, left = 0;

        if (!tx) {
                beam_msg_free(msg);
                return;
        }
        got = beam_call(tx, msg, &answer, &left, BEAM_NOW);
        note(r, "call %d %d\n", got, left);
        if (got < 0 && !left)
                beam_msg_free(msg);
        beam_msg_free(answer);
}

static void act_stream(run *r) {
        static char buf[4096];
        beam_stream **at = st_at(r);
        uint8_t b = byte(r);
        ssize_t got = 0;

        if (!*at)
                return;
        switch (b % 5) {
        case 0:
        case 1:
                got = beam_stream_read(*at, buf, b >= 128 ? sizeof(buf) : b, BEAM_NOW);
                note(r, "  %08x\n", got > 0 ? sum(buf, (size_t)got) : 0);
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
        note(r, "stream %u %zd\n", b % 5, got);
}

static void act_close(run *r) {
        uint8_t b = byte(r);

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

static void act_dup(run *r) {
        beam_sender *tx = *tx_at(r), *tx2;
        beam_receiver *rx = *rx_at(r), *rx2;

        if (byte(r) & 1) {
                if (tx && beam_sender_dup(tx, &tx2) >= 0)
                        KEEP(r->tx, tx2, beam_sender_close);
        } else if (rx && beam_receiver_dup(rx, &rx2) >= 0)
                KEEP(r->rx, rx2, beam_receiver_close);
}

static void act_reason(run *r) {
        const beam_receiver *rx = *rx_at(r);
        const beam_sender *tx = *tx_at(r);
        beam_reason why = { 0, "" };

        if (tx && beam_sender_reason(tx, &why) > 0)
                note(r, "reason %u %s\n", why.code, why.text);
        if (rx && beam_receiver_reason(rx, &why) > 0)
                note(r, "reason %u %s\n", why.code, why.text);
        if (r->s) {
                int got = beam_session_state(&r->s->base, &why);

                note(r, "state %d %u %s\n", got, why.code, why.text);
        }
}

static void act_copy(run *r) {
        beam_receiver *rx = *rx_at(r);
        beam_sender *tx = *tx_at(r);
        uint64_t n = 0;
        int got;

        if (!rx || !tx)
                return;
        got = beam_copy(rx, tx, &n, BEAM_NOW);
        note(r, "copy %d %llu\n", got, (unsigned long long)n);
}

static void act_end_of_session(run *r) {
        uint8_t b = byte(r);

        if (!r->s)
                return;
        if (b == 0x77) {
                beam_session_close(&r->s->base);
                r->s = NULL;
        } else if (b % 4 == 0)
                session_lost(r->s, b & 4 ? -ECONNRESET : 0);
        else if (b % 4 == 1)
                note(r, "drain %d\n", beam_session_drain(&r->s->base, BEAM_NOW));
        else
                note(r, "ping %d\n", beam_session_ping(&r->s->base, &(int64_t){ 0 }, BEAM_NOW));
}

static void act_fds(run *r) {
        int fds[4];
        size_t n = 1 + byte(r) % 4u;

        if (!r->s || r->s->error || !r->link.passes_fds)
                return;
        for (size_t i = 0; i < n; i++) {
                fds[i] = fd_dup(0);
                assert(fds[i] >= 0);
        }
        session_feed_fds(r->s, fds, n);
}

static void act_of_program(run *r, uint8_t act) {
        beam_msg *msg, **at;
        beam_receiver *rx;
        beam_sender *tx;
        int got;

        switch (act) {
        case 13:
                if (!r->s)
                        break;
                got = beam_session_accept(&r->s->base, &msg, BEAM_NOW);
                note(r, "accept %d\n", got);
                if (got > 0) {
                        take(r, msg);
                        keep_msg(r, msg);
                }
                break;
        case 14:
        case 15:
                rx = *rx_at(r);
                if (!rx)
                        break;
                got = beam_recv(rx, &msg, BEAM_NOW);
                note(r, "recv %d\n", got);
                if (got > 0)
                        keep_msg(r, msg);
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
                note(r, "reply %d\n", got);
                if (got < 0)
                        beam_msg_free(msg);
                break;
        case 20:
                tx = *tx_at(r);
                at = msg_at(r);
                if (!tx || !*at)
                        break;
                got = beam_send(tx, *at, BEAM_NOW);
                note(r, "forward %d\n", got);
                if (got >= 0)
                        *at = NULL;
                break;
        case 21:
        case 22:
                act_stream(r);
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
                        note(r, "drain %d\n", beam_sender_drain(tx, BEAM_NOW));
                break;
        case 29:
                act_fds(r);
                break;
        case 30:
                act_end_of_session(r);
                break;
        case 31:
                if (byte(r) & 1)
                        act_copy(r);
                else {
                        r->stalled = !r->stalled;
                        if (!r->stalled && r->s)
                                session_touch(r->s);
                }
                break;
        default:
                break;
        }
}

/* The first byte is how: which side, whether a preface and a HELLO are there. */
static char *run_once(const uint8_t *data, size_t n, size_t cut, bool turns) {
        const beam_options opt = {
                .size = sizeof(opt),
                .max_msg = 32 * 1024,
                .max_things = 4,
                .max_channels = 12,
                .max_queued = 64 * 1024,
                .max_fds = 3,
                .max_nesting = 3,
                .fds = data[0] & 8   ? BEAM_FDS_REFUSE
                       : data[0] & 2 ? BEAM_FDS_REAL
                                     : BEAM_FDS_DEFAULT,
        };
        int64_t before = mem_get_stats().n_bytes;
        run *r = calloc(1, sizeof(*r));
        char *text;

        assert(r);
        r->text = malloc(TEXT_MAX);
        assert(r->text);
        r->text[0] = '\0';
        r->in = data + 2;
        r->n_in = n - 2;
        r->dials = data[0] & 4;
        r->last_id = r->dials ? 0 : (uint64_t)-1;
        r->cut = cut;
        r->turns = turns;
        r->link = (session_link){
                .flush = link_flush,
                .write = link_write,
                .shut = link_shut,
                .close = link_close,
                .peer = link_peer,
                .join = link_join,
                .show = link_show,
                .passes_fds = data[0] & 2,
        };
        mux_decoder_init(&r->said, 1 << 20);
        assert(session_new(&r->link, &opt, r->dials, &r->s) == 0);
        if (data[0] & 1) {
                memcpy(r->batch, mux_preface, MUX_PREFACE_SIZE);
                r->n_batch = MUX_PREFACE_SIZE;
                put_hello(r);
        }

        while (r->n_in) {
                uint8_t act = byte(r) % 32;

                if (act_of_peer(r, act))
                        continue;
                feed(r);
                act_of_program(r, act);
                settle();
                assert(mem_get_stats().n_bytes - before < MEMORY_MAX + r->n_made * OWN_MAX);
        }
        feed(r);
        r->stalled = false;
        if (r->s)
                session_touch(r->s);
        settle();
        note(r, "error %d\n", r->s ? r->s->error : 0);

        if (data[1] & 0x80 && r->s) {
                beam_session_close(&r->s->base);
                r->s = NULL;
        }
        for (size_t i = 0; i < N_MSGS; i++)
                beam_msg_free(r->msgs[i]);
        for (size_t i = 0; i < N_ENDS; i++) {
                beam_sender_close(r->tx[i]);
                beam_receiver_close(r->rx[i]);
                beam_stream_close(r->st[i]);
        }
        settle();
        if (r->s)
                beam_session_close(&r->s->base);
        loop_tidy(loop_get());
        settle();
        mux_decoder_deinit(&r->said);
        text = r->text;
        free(r);
        return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static const size_t cuts[] = { 1, 2, 3, 5, 8, 11, 12, 13, 24, 100, 1000, 4096 };
        static loop *l;
        char *whole, *cut;
        int64_t live;
        size_t step;

        if (!l) {
                mem_watch(true);
                l = loop_get();
                assert(l && loop_fd(l) >= 0 && loop_buffer(l)); /* they stay */
        }
        if (n < 2)
                return 0;
        msg_trim();
        out_trim();
        live = mem_get_stats().n_live;
        step = cuts[data[1] % (sizeof(cuts) / sizeof(*cuts))];

        whole = run_once(data, n, 0, false);
        cut = run_once(data, n, step, data[1] & 0x40);
        /* with rounds of the loop between the pieces the session may answer in between */
        if (!(data[1] & 0x40) && strcmp(whole, cut)) {
                fprintf(stderr, "whole:\n%scut by %zu:\n%s", whole, step, cut);
                abort();
        }
        free(whole);
        free(cut);

        msg_trim();
        out_trim();
        if (mem_get_stats().n_live != live) {
                fprintf(stderr, "%lld blocks are left\n",
                        (long long)(mem_get_stats().n_live - live));
                if (__lsan_do_recoverable_leak_check)
                        __lsan_do_recoverable_leak_check(); /* says where they are from */
                abort();
        }
        return 0;
}
