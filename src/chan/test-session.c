/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fds.h"
#include "base/mem.h"
#include "help.h"
#include "wire/mux/vectors.h"

/*
 * Two sessions of one thread, joined by memory: what one has to write waits here for a
 * turn of the loop, and is fed to the other in pieces, each in a block of its own.
 */
typedef struct side {
        session_link link; /* first */
        session *s;        /* NULL once the session has let go of the link */
        struct side *other;
        post deliver;
        uint8_t *bytes;
        size_t n, size, cut;
        size_t n_writes;
        int fds[64];
        size_t n_fds;
        bool stalled; /* takes nothing */
        bool gone;    /* no more bytes will come from here */
} side;

typedef struct pair {
        side a, b;
        beam_session *sa, *sb; /* a dials */
} pair;

static side *of(const session_link *l) {
        return (side *)(uintptr_t)l;
}

static void gather(side *d, const void *p, size_t n) {
        if (d->n + n > d->size) {
                d->size = 2 * (d->n + n);
                d->bytes = realloc(d->bytes, d->size);
                assert_not_null(d->bytes);
        }
        memcpy(d->bytes + d->n, p, n);
        d->n += n;
        post_put(&d->deliver);
}

static void link_flush(session_link *l) {
        side *d = of(l);
        out_queue *q = &d->s->out;
        bool was_high = q->n >= OUT_HIGH / 2;

        d->n_writes += q->n != 0;
        while (q->n && !d->stalled) {
                struct iovec iov[OUT_IOV_MAX];
                int fds[OUT_FDS_MAX];
                size_t n_fds, n = 0, n_iov = out_peek(q, iov, fds, &n_fds);

                for (size_t i = 0; i < n_iov; i++) {
                        gather(d, iov[i].iov_base, iov[i].iov_len);
                        n += iov[i].iov_len;
                }
                for (size_t i = 0; i < n_fds; i++)
                        d->fds[d->n_fds++] = fd_dup(fds[i]);
                assert_le(d->n_fds, n_of(d->fds));
                out_advance(q, n, n_fds);
                session_fill(d->s);
        }
        if (was_high && q->n < OUT_HIGH / 2)
                session_stir(d->s);
}

static size_t link_write(session_link *l, const struct iovec *iov, size_t n_iov) {
        side *d = of(l);
        size_t n = 0;

        for (size_t i = 0; i < n_iov && !d->stalled; i++) {
                gather(d, iov[i].iov_base, iov[i].iov_len);
                n += iov[i].iov_len;
        }
        return n;
}

static void link_shut(session_link *l) {
        of(l)->gone = true;
        post_put(&of(l)->deliver);
}

static void link_close(session_link *l) {
        of(l)->s = NULL;
        of(l)->gone = true;
        post_put(&of(l)->deliver);
}

static void link_peer(const session_link *l, beam_peer *ret) {
        (void)l;
        ret->pid = 4711;
}

static int link_join(beam_stream *st, int fd_in, int fd_out) {
        (void)st;
        (void)fd_in;
        (void)fd_out;
        return -ENOSYS;
}

static int link_show(beam_stream *st, bool readable, bool writable) {
        (void)st;
        (void)readable;
        (void)writable;
        return -ENOSYS;
}

static void feed(session *s, const uint8_t *p, size_t n, size_t cut) {
        for (size_t at = 0; at < n && !s->error; at += cut) {
                size_t n_piece = cut < n - at ? cut : n - at, n_place;
                uint8_t *place, *block;

                n_place = cut % 2 ? session_place(s, &place) : 0;
                n_place = n_place < n_piece ? n_place : n_piece;
                if (n_place) {
                        memcpy(place, p + at, n_place);
                        session_fed_in_place(s, place, n_place);
                }
                if (n_place == n_piece)
                        continue;
                block = malloc(n_piece - n_place);
                memcpy(block, p + at + n_place, n_piece - n_place);
                session_feed(s, block, n_piece - n_place);
                free(block);
        }
}

static void on_deliver(post *p) {
        side *d = container_of(p, side, deliver), *to = d->other;
        uint8_t *bytes = d->bytes;
        size_t n = d->n;

        d->bytes = NULL;
        d->n = d->size = 0;
        if (to->s && !to->s->error) {
                if (d->n_fds)
                        session_feed_fds(to->s, d->fds, d->n_fds);
                feed(to->s, bytes, n, d->cut);
                if (d->gone && to->s && !to->s->error)
                        session_lost(to->s, 0);
        } else
                fd_close_all(d->fds, d->n_fds);
        d->n_fds = 0;
        free(bytes);
}

static void side_init(side *d, side *other, size_t cut, bool passes_fds) {
        *d = (side){
                .link = { .flush = link_flush,
                          .write = link_write,
                          .shut = link_shut,
                          .close = link_close,
                          .peer = link_peer,
                          .join = link_join,
                          .show = link_show,
                          .passes_fds = passes_fds },
                .other = other,
                .cut = cut,
        };
        post_init(&d->deliver, loop_get(), false, on_deliver);
}

static void turn(void) {
        for (int i = 0; i < 4; i++) {
                loop_turn(loop_get(), BEAM_NOW);
                loop_tidy(loop_get());
        }
}

static void begin_with(pair *p, size_t cut, const beam_options *opt_b) {
        side_init(&p->a, &p->b, cut, true);
        side_init(&p->b, &p->a, cut, true);
        assert_eq(session_new(&p->a.link, NULL, true, &p->a.s), 0);
        assert_eq(session_new(&p->b.link, opt_b, false, &p->b.s), 0);
        p->sa = &p->a.s->base;
        p->sb = &p->b.s->base;
        turn();
        assert_eq(session_greeting(p->a.s), 1);
        assert_eq(session_greeting(p->b.s), 1);
}

static void begin(pair *p, size_t cut) {
        begin_with(p, cut, NULL);
}

static void finish(pair *p) {
        p->sa = beam_session_close(p->sa);
        turn();
        p->sb = beam_session_close(p->sb);
        turn();
        post_cancel(&p->a.deliver);
        post_cancel(&p->b.deliver);
        assert_eq(p->a.n + p->b.n, 0);
        free(p->a.bytes);
        free(p->b.bytes);
}

static const size_t cuts[] = {
        1, 2, 3, 5, 7, 8, 11, 12, 13, 16, 23, 24, 25, 64, 100, 1001, 1 << 20
};

/* What the other side has opened; thing 0 of it, by its kind. */
static void *accept_one(beam_session *s, const char *service, beam_kind kind) {
        beam_msg *msg;
        void *end = NULL;
        size_t n;

        turn();
        assert_r(beam_session_accept(s, &msg, BEAM_NOW), 1);
        assert_str(beam_msg_data(msg, &n), service);
        assert_eq(n, strlen(service));
        assert_eq(beam_msg_kind(msg, 0), kind);
        end = kind == BEAM_SENDER     ? (void *)beam_msg_take_sender(msg, 0)
              : kind == BEAM_RECEIVER ? (void *)beam_msg_take_receiver(msg, 0)
                                      : (void *)beam_msg_take_stream(msg, 0);
        beam_msg_free(msg);
        return end;
}

static void open_to_b(pair *p, size_t depth, beam_sender **ret_tx, beam_receiver **ret_rx) {
        assert_eq(beam_session_open(p->sa, "svc", depth, ret_tx, BEAM_NOW), 0);
        *ret_rx = accept_one(p->sb, "svc", BEAM_RECEIVER);
}

static int try_send(beam_sender *tx, const void *data, size_t n) {
        beam_msg *msg;
        int r;

        assert_eq(beam_msg_new(data, n, &msg), 0);
        r = beam_send(tx, msg, BEAM_NOW);
        if (r < 0)
                beam_msg_free(msg);
        turn();
        return r;
}

static int try_recv(beam_receiver *rx, const void *data, size_t n) {
        beam_msg *msg;
        int r = beam_recv(rx, &msg, BEAM_NOW);

        if (r == 1) {
                size_t n_got;
                const void *got = beam_msg_data(msg, &n_got);

                assert_mem(got, n_got, data, n);
                beam_msg_free(msg);
        }
        turn();
        return r;
}

TEST(messages_and_their_end) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_receiver *rx;
                beam_sender *tx;
                beam_msg *msg;
                pair p;

                begin(&p, cuts[i]);
                open_to_b(&p, 4, &tx, &rx);
                assert_r(try_recv(rx, "", 0), -ETIMEDOUT);
                assert_eq(beam_msg_new("hello", 5, &msg), 0);
                assert_eq(beam_msg_set_label(msg, "text"), 0);
                beam_msg_set_deadline(msg, beam_after(100 * BEAM_SECOND));
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                assert_eq(try_send(tx, "", 0), 0);
                assert_eq(try_send(tx, "three", 5), 0);
                tx = beam_sender_close(tx);
                turn();

                assert_r(beam_recv(rx, &msg, BEAM_NOW), 1);
                assert_mem(beam_msg_data(msg, NULL), msg->n, "hello", 5);
                assert_str(beam_msg_label(msg), "text");
                assert_gt(beam_msg_deadline(msg), beam_after(10 * BEAM_SECOND));
                assert_le(beam_msg_deadline(msg), beam_after(100 * BEAM_SECOND));
                beam_msg_free(msg);
                assert_r(try_recv(rx, "", 0), 1);
                assert_r(try_recv(rx, "three", 5), 1);
                assert_r(try_recv(rx, "", 0), 0);
                assert_r(try_recv(rx, "", 0), 0);
                beam_receiver_close(rx);
                turn();
                assert_eq(p.a.s->n_wires, 0);
                assert_eq(p.b.s->n_wires, 0);
                assert_eq(p.b.s->queued, 0);
                finish(&p);
        }
}

TEST(the_other_way) {
        beam_receiver *rx;
        beam_sender *tx;
        pair p;

        begin(&p, 3);
        assert_eq(beam_session_open_receiver(p.sb, "", 2, &rx, BEAM_NOW), 0);
        tx = accept_one(p.sa, "", BEAM_SENDER);
        assert_eq(try_send(tx, "x", 1), 0);
        assert_r(try_recv(rx, "x", 1), 1);
        beam_sender_fail(tx, BEAM_CODE_USER + 1, "enough");
        turn();
        assert_r(try_recv(rx, "", 0), -EPIPE);
        beam_receiver_close(rx);
        finish(&p);
}

TEST(credit_is_the_depth) {
        for (size_t depth = 1; depth <= 9; depth++) {
                beam_receiver *rx;
                beam_sender *tx;
                pair p;

                begin(&p, 100);
                open_to_b(&p, depth, &tx, &rx);
                for (int round = 0; round < 3; round++) {
                        for (size_t i = 0; i < depth; i++)
                                assert_eq(try_send(tx, &i, sizeof(i)), 0);
                        assert_r(try_send(tx, "no", 2), -ETIMEDOUT);
                        assert_r(beam_sender_drain(tx, BEAM_NOW), -ETIMEDOUT);
                        for (size_t i = 0; i < depth; i++)
                                assert_r(try_recv(rx, &i, sizeof(i)), 1);
                        turn();
                        assert_eq(beam_sender_drain(tx, BEAM_NOW), 0);
                }
                beam_sender_close(tx);
                beam_receiver_close(rx);
                finish(&p);
        }
}

TEST(without_depth_each_send_learns_its_fate) {
        beam_msg *msg = msg_new(1);
        beam_receiver *rx;
        beam_sender *tx;
        pair p;

        begin(&p, 1);
        open_to_b(&p, 0, &tx, &rx);
        assert_r(wire_send(tx->wire, msg, NULL), -EAGAIN);
        wire_want(rx->wire);
        turn();
        assert_eq(wire_send(tx->wire, msg, NULL), 0);
        turn();
        assert_r(wire_fate(tx->wire), -EAGAIN);
        assert_r(try_recv(rx, msg->data, 1), 1);
        assert_eq(wire_fate(tx->wire), 0);
        assert_r(wire_send(tx->wire, msg, NULL), -EAGAIN); /* each needs its own */

        wire_want(rx->wire);
        turn();
        assert_eq(wire_send(tx->wire, msg, NULL), 0);
        beam_receiver_close(rx);
        turn();
        assert_r(wire_fate(tx->wire), -EPIPE);
        beam_sender_close(tx);
        finish(&p);
        beam_msg_free(msg);
}

/* Larger than a frame, and another channel meanwhile. */
TEST(large_messages_come_in_parts) {
        static const size_t few[] = { 13, 1001, 4096, 65549, 1 << 20 };
        enum { N = 300 * 1000 };
        uint8_t *data = malloc(N);

        for (size_t i = 0; i < N; i++)
                data[i] = (uint8_t)test_random();
        for (size_t i = 0; i < n_of(few); i++) {
                beam_sender *tx, *tx2;
                beam_receiver *rx, *rx2;
                beam_msg *msg;
                pair p;

                begin(&p, few[i]);
                open_to_b(&p, 2, &tx, &rx);
                open_to_b(&p, 2, &tx2, &rx2);
                beam_cork();
                assert_eq(beam_msg_new(data, N, &msg), 0);
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                assert_eq(beam_msg_new("small", 5, &msg), 0);
                assert_eq(beam_send(tx2, msg, BEAM_NOW), 0);
                assert_lt(p.a.s->out.n, N); /* the rest waits its turn behind the small one */
                beam_uncork(BEAM_NOW);
                turn();
                assert_r(try_recv(rx2, "small", 5), 1);
                assert_r(try_recv(rx, data, N), 1);
                assert_r(beam_sender_drain(tx, BEAM_NOW), 0);
                beam_sender_close(tx);
                beam_sender_close(tx2);
                beam_receiver_close(rx);
                beam_receiver_close(rx2);
                finish(&p);
        }
        free(data);
}

TEST(things_are_carried) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_receiver *rx, *to_b, *from_b;
                beam_sender *tx, *b_tx, *a_tx;
                beam_stream *here, *there;
                beam_msg *msg, *got;
                char buf[8];
                int fds[2];
                pair p;

                begin(&p, cuts[i]);
                open_to_b(&p, 4, &tx, &rx);
                assert_eq(beam_pipe(2, &b_tx, &from_b), 0);
                assert_eq(beam_pipe(2, &a_tx, &to_b), 0);
                assert_eq(beam_stream_pair(&here, &there), 0);
                assert_eq(pipe(fds), 0);
                assert_eq(beam_msg_new("all", 3, &msg), 0);
                assert_eq(beam_msg_put_sender(msg, b_tx), 0);
                assert_eq(beam_msg_put_receiver(msg, to_b), 1);
                assert_eq(beam_msg_put_stream(msg, there), 2);
                assert_eq(beam_msg_put_fd(msg, fds[1]), 3);
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                turn();

                assert_r(beam_recv(rx, &got, BEAM_NOW), 1);
                assert_eq(beam_msg_things(got), 4);
                b_tx = beam_msg_take_sender(got, 0);
                to_b = beam_msg_take_receiver(got, 1);
                there = beam_msg_take_stream(got, 2);
                fds[1] = beam_msg_take_fd(got, 3);
                assert_eq(beam_msg_fd_bridged(got, 3), -ENOENT);
                assert_true(b_tx && to_b && there && fds[1] >= 0);
                beam_msg_free(got);

                assert_eq(try_send(b_tx, "back", 4), 0);
                assert_r(try_recv(from_b, "back", 4), 1);
                assert_eq(try_send(a_tx, "on", 2), 0);
                assert_r(try_recv(to_b, "on", 2), 1);
                assert_eq(beam_stream_write(here, "bytes", 5, BEAM_NOW), 5);
                turn();
                assert_eq(beam_stream_read(there, buf, sizeof(buf), BEAM_NOW), 5);
                assert_mem(buf, 5, "bytes", 5);
                assert_eq(write(fds[1], "x", 1), 1);
                assert_eq(read(fds[0], buf, 1), 1);

                beam_sender_close(b_tx);
                turn();
                assert_r(try_recv(from_b, "", 0), 0);
                beam_receiver_close(to_b);
                turn();
                assert_r(try_send(a_tx, "", 0), -EPIPE);
                beam_stream_close(there);
                turn();
                assert_eq(beam_stream_read(here, buf, 1, BEAM_NOW), 0);

                /* unread, and the channel goes: so does what it carries */
                assert_eq(beam_msg_new(NULL, 0, &msg), 0);
                assert_ok(beam_msg_put_fd(msg, fds[1]));
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                turn();
                assert_eq(p.b.s->n_fds_held, 1);
                beam_receiver_close(rx);
                turn();
                assert_eq(p.b.s->n_fds_held, 0);
                assert_eq(read(fds[0], buf, 1), 0);
                close(fds[0]);
                beam_sender_close(tx);
                beam_sender_close(a_tx);
                beam_receiver_close(from_b);
                beam_stream_close(here);
                finish(&p);
        }
}

TEST(a_stop_has_its_reason) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_receiver *rx;
                beam_reason why;
                beam_sender *tx;
                pair p;

                begin(&p, cuts[i]);
                open_to_b(&p, 4, &tx, &rx);
                assert_eq(try_send(tx, "unread", 6), 0);
                assert_eq(beam_sender_reason(tx, &why), 0);
                beam_receiver_fail(rx, BEAM_CODE_USER + 7, "out of paper");
                turn();
                assert_r(try_send(tx, "more", 4), -EPIPE);
                assert_eq(beam_sender_reason(tx, &why), 1);
                assert_eq(why.code, BEAM_CODE_USER + 7);
                assert_str(why.text, "out of paper");
                assert_r(beam_sender_drain(tx, BEAM_NOW), -EPIPE);
                beam_sender_close(tx);
                turn();
                assert_eq(p.a.s->n_wires, 0);
                assert_eq(p.b.s->n_wires, 0);
                finish(&p);
        }
}

TEST(streams) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_stream *here, *there;
                beam_reason why;
                char buf[8];
                pair p;

                begin(&p, cuts[i]);
                assert_eq(beam_session_open_stream(p.sa, "st", &here, BEAM_NOW), 0);
                there = accept_one(p.sb, "st", BEAM_STREAM);
                assert_eq(beam_stream_write(here, "ping", 4, BEAM_NOW), 4);
                turn();
                assert_r(beam_stream_drain(here, BEAM_NOW), -ETIMEDOUT);
                assert_eq(beam_stream_read(there, buf, 3, BEAM_NOW), 3);
                assert_eq(beam_stream_read(there, buf + 3, 3, BEAM_NOW), 1);
                assert_mem(buf, 4, "ping", 4);
                assert_r(beam_stream_read(there, buf, 3, BEAM_NOW), -ETIMEDOUT);
                turn();
                assert_r(beam_stream_drain(here, BEAM_NOW), 0);

                /* one way ends, the other goes on */
                assert_eq(beam_stream_shutdown(here), 0);
                turn();
                assert_eq(beam_stream_read(there, buf, 1, BEAM_NOW), 0);
                assert_r(beam_stream_write(here, "x", 1, BEAM_NOW), -EPIPE);
                assert_eq(beam_stream_write(there, "pong", 4, BEAM_NOW), 4);
                turn();
                assert_eq(beam_stream_read(here, buf, 8, BEAM_NOW), 4);
                beam_stream_fail(there, 300, "broke");
                turn();
                assert_r(beam_stream_read(here, buf, 8, BEAM_NOW), -EPIPE);
                assert_eq(beam_stream_reason(here, &why), 1);
                assert_eq(why.code, 300);
                assert_str(why.text, "broke");
                beam_stream_close(here);
                finish(&p);
        }
}

TEST(a_stream_stops_at_the_window) {
        static char block[32 * 1024];
        beam_stream *here, *there;
        uint64_t n_written = 0, n_read = 0;
        ssize_t r;
        pair p;

        begin(&p, 1001);
        assert_eq(beam_session_open_stream(p.sa, "", &here, BEAM_NOW), 0);
        there = accept_one(p.sb, "", BEAM_STREAM);
        for (int round = 0; round < 3; round++) {
                while ((r = beam_stream_write(here, block, sizeof(block), BEAM_NOW)) > 0) {
                        n_written += (uint64_t)r;
                        turn();
                }
                assert_r(r, -ETIMEDOUT);
                assert_eq(n_written - n_read, p.a.s->peer.window);
                while ((r = beam_stream_read(there, block, sizeof(block), BEAM_NOW)) > 0)
                        n_read += (uint64_t)r;
                turn();
                assert_eq(n_read, n_written);
        }
        beam_stream_close(here);
        beam_stream_close(there);
        finish(&p);
}

/* A peer that takes small frames and does not read costs no more than one that does. */
TEST(small_parts_cost_what_they_are) {
        const beam_options small = { .size = sizeof(small) };
        beam_receiver *rx;
        beam_sender *tx;
        int64_t before;
        pair p;

        mem_watch(true);
        begin_with(&p, 1001, &small);
        p.a.s->peer.max_frame = MUX_FRAME_MIN;
        open_to_b(&p, 4, &tx, &rx);
        before = mem_get_stats().n_bytes;
        p.a.stalled = true;
        assert_eq(try_send(tx, cuts, 0), 0);
        for (int i = 0; i < 3; i++) {
                beam_msg *msg = msg_new(100 * 1000);

                if (beam_send(tx, msg, BEAM_NOW) < 0)
                        beam_msg_free(msg);
        }
        assert_lt(mem_get_stats().n_bytes - before, 2 << 20);
        p.a.stalled = false;
        session_touch(p.a.s);
        turn();
        beam_sender_close(tx);
        beam_receiver_close(rx);
        finish(&p);
}

/* ends of a session */

TEST(away_and_all_is_over) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_receiver *rx;
                beam_sender *tx, *none;
                beam_msg *msg;
                pair p;

                begin(&p, cuts[i]);
                open_to_b(&p, 4, &tx, &rx);
                assert_eq(try_send(tx, "last", 4), 0);
                assert_r(beam_session_drain(p.sa, BEAM_NOW), -ETIMEDOUT);
                turn();
                assert_r(beam_session_open(p.sa, "", 1, &none, BEAM_NOW), -EPIPE);
                assert_r(beam_session_open(p.sb, "", 1, &none, BEAM_NOW), -EPIPE);
                assert_r(try_recv(rx, "last", 4), 1);
                assert_r(beam_session_drain(p.sa, BEAM_NOW), -ETIMEDOUT);
                beam_sender_close(tx);
                turn();
                assert_r(try_recv(rx, "", 0), 0);
                beam_receiver_close(rx);
                turn();
                assert_eq(beam_session_drain(p.sa, BEAM_NOW), 0);
                assert_eq(beam_session_drain(p.sb, BEAM_NOW), 0);
                assert_r(beam_session_state(p.sa, NULL), -EPIPE);
                assert_r(beam_session_state(p.sb, NULL), -EPIPE);
                assert_r(beam_session_accept(p.sb, &msg, BEAM_NOW), 0);
                finish(&p);
        }
}

TEST(refused_and_lost_are_told_apart) {
        beam_receiver *rx;
        beam_sender *tx;
        pair p;

        begin(&p, 7);
        open_to_b(&p, 4, &tx, &rx);
        assert_eq(try_send(tx, "x", 1), 0);
        beam_receiver_close(rx);
        turn();
        beam_sender_close(tx);
        turn();
        beam_session_drain(p.sa, BEAM_NOW);
        turn();
        assert_r(beam_session_drain(p.sa, BEAM_NOW), -EPIPE);
        finish(&p);

        begin(&p, 7);
        open_to_b(&p, 4, &tx, &rx);
        assert_eq(try_send(tx, "x", 1), 0);
        session_lost(p.a.s, -ECONNRESET);
        turn();
        assert_r(beam_session_drain(p.sa, BEAM_NOW), -ECONNRESET);
        assert_r(beam_sender_drain(tx, BEAM_NOW), -ECONNRESET);
        assert_r(try_send(tx, "y", 1), -ENOTCONN);
        assert_r(try_recv(rx, "x", 1), 1); /* what had come is there */
        assert_r(try_recv(rx, "", 0), -ECONNRESET);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        finish(&p);
}

TEST(close_now) {
        beam_receiver *rx;
        beam_sender *tx;
        beam_reason why;
        pair p;

        begin(&p, 5);
        open_to_b(&p, 4, &tx, &rx);
        assert_eq(try_send(tx, "x", 1), 0);
        p.sa = beam_session_close(p.sa);
        assert_r(try_send(tx, "y", 1), -ECANCELED);
        turn();
        assert_r(beam_session_state(p.sb, &why), -ECONNRESET);
        assert_eq(why.code, BEAM_CODE_CANCELED);
        assert_r(try_recv(rx, "x", 1), 1);
        assert_r(try_recv(rx, "", 0), -ECONNRESET);
        beam_receiver_close(rx);
        beam_sender_close(tx);
        finish(&p);
}

/* What was taken before a close has been taken. */
TEST(close_now_tells_what_was_taken) {
        beam_receiver *rx;
        beam_sender *tx;
        beam_msg *msg;
        pair p;

        begin(&p, 5);
        open_to_b(&p, 8, &tx, &rx);
        assert_eq(try_send(tx, "x", 1), 0);
        assert_r(beam_recv(rx, &msg, BEAM_NOW), 1);
        beam_msg_free(msg);
        p.sb = beam_session_close(p.sb);
        turn();
        assert_r(beam_session_state(p.sa, NULL), -ECONNRESET);
        assert_eq(beam_sender_drain(tx, BEAM_NOW), 0);
        beam_receiver_close(rx);
        beam_sender_close(tx);
        finish(&p);
}

/* One write for the credit, the answer and the end. */
TEST(an_answer_leaves_with_its_end) {
        beam_receiver *rx, *back;
        beam_sender *tx, *way;
        beam_msg *msg, *answer;
        pair p;

        begin(&p, 1 << 20);
        open_to_b(&p, 1, &tx, &rx);
        assert_eq(beam_pipe(1, &way, &back), 0);
        assert_eq(beam_msg_new("q", 1, &msg), 0);
        assert_eq(beam_msg_put_sender(msg, way), 0);
        assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
        turn();
        assert_r(beam_recv(rx, &msg, BEAM_NOW), 1);

        assert_eq(beam_msg_new("a", 1, &answer), 0);
        p.b.n_writes = 0;
        assert_eq(beam_reply(msg, answer, BEAM_NOW), 0);
        assert_eq(p.b.n_writes, 1);
        beam_msg_free(msg);
        turn();
        assert_r(try_recv(back, "a", 1), 1);
        assert_r(try_recv(back, "", 0), 0);
        assert_eq(p.b.n_writes, 1);
        assert_eq(p.a.s->n_wires, 1);
        assert_eq(p.b.s->n_wires, 1);
        beam_receiver_close(back);
        beam_receiver_close(rx);
        beam_sender_close(tx);
        finish(&p);
}

/* An end that is over while the program still has it, and then the session goes. */
TEST(ends_outlive_their_session) {
        beam_stream *here, *there;
        beam_receiver *rx;
        beam_sender *tx;
        beam_reason why;
        char byte;
        pair p;

        begin(&p, 5);
        open_to_b(&p, 4, &tx, &rx);
        assert_eq(beam_session_open_stream(p.sa, "", &here, BEAM_NOW), 0);
        there = accept_one(p.sb, "", BEAM_STREAM);
        rx = beam_receiver_fail(rx, 256, "no");
        there = beam_stream_close(there);
        turn();
        assert_r(try_send(tx, "", 0), -EPIPE);
        beam_stream_shutdown(here);
        turn();
        assert_eq(beam_stream_read(here, &byte, 1, BEAM_NOW), 0);
        p.sa = beam_session_close(p.sa);
        assert_lt(try_send(tx, "", 0), 0);
        assert_eq(beam_sender_reason(tx, &why), 1);
        assert_str(why.text, "no");
        assert_lt(beam_stream_write(here, "", 1, BEAM_NOW), 0);
        beam_sender_close(tx);
        beam_stream_close(here);
        finish(&p);
}

TEST(ping) {
        int64_t rtt = -1;
        pair p;

        begin(&p, 5);
        assert_eq(beam_session_ping(p.sa, &rtt, beam_after(2 * BEAM_SECOND)), 0);
        assert_ge(rtt, 0);
        p.b.stalled = true;
        assert_r(beam_session_ping(p.sa, &rtt, BEAM_NOW), -ETIMEDOUT);
        p.b.stalled = false;
        session_touch(p.b.s);
        finish(&p);
}

/* limits */

TEST(limits_of_a_message) {
        const beam_options opt = { .size = sizeof(opt), .max_msg = 10, .max_things = 2 };
        beam_receiver *rx;
        beam_sender *tx;
        beam_msg *msg;
        pair p;

        begin_with(&p, 5, &opt);
        open_to_b(&p, 4, &tx, &rx);
        assert_eq(try_send(tx, "0123456789", 10), 0);
        assert_r(try_send(tx, "0123456789a", 11), -EMSGSIZE);
        assert_eq(beam_msg_new(NULL, 0, &msg), 0);
        for (int i = 0; i < 3; i++)
                assert_ok(beam_msg_put_fd(msg, (int)assert_ok(fd_dup(0))));
        assert_r(beam_send(tx, msg, BEAM_NOW), -E2BIG);
        close(beam_msg_take_fd(msg, 2));
        assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
        turn();
        assert_eq(session_greeting(p.b.s), 1);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        finish(&p);
}

TEST(limit_of_channels) {
        const beam_options opt = { .size = sizeof(opt), .max_channels = 3 };
        beam_sender *tx[3], *none;
        beam_msg *msg;
        pair p;

        begin_with(&p, 5, &opt);
        for (int round = 0; round < 3; round++) {
                for (size_t i = 0; i < n_of(tx); i++)
                        assert_eq(beam_session_open(p.sa, "", 1, &tx[i], BEAM_NOW), 0);
                assert_r(beam_session_open(p.sa, "", 1, &none, BEAM_NOW), -ETIMEDOUT);
                turn();
                for (size_t i = 0; i < n_of(tx); i++) {
                        assert_r(beam_session_accept(p.sb, &msg, BEAM_NOW), 1);
                        beam_msg_free(msg);
                        beam_sender_close(tx[i]);
                }
                turn();
        }
        finish(&p);
}

TEST(limit_of_what_nobody_takes) {
        const beam_options opt = { .size = sizeof(opt), .max_queued = 1000 };
        static const char bytes[600];
        beam_receiver *rx, *rx2;
        beam_sender *tx, *tx2;
        beam_reason why;
        pair p;

        begin_with(&p, 50, &opt);
        open_to_b(&p, 4, &tx, &rx);
        open_to_b(&p, 4, &tx2, &rx2);
        assert_eq(try_send(tx, bytes, 600), 0);
        assert_eq(try_send(tx2, bytes, 600), 0);
        assert_r(try_send(tx2, "", 0), -EPIPE);
        assert_eq(beam_sender_reason(tx2, &why), 1);
        assert_eq(why.code, BEAM_CODE_LIMIT);
        assert_r(try_recv(rx2, "", 0), -ENOBUFS);
        assert_r(try_recv(rx, bytes, 600), 1); /* the session lives */
        assert_eq(try_send(tx, bytes, 600), 0);
        assert_r(try_recv(rx, bytes, 600), 1);
        beam_sender_close(tx);
        beam_sender_close(tx2);
        beam_receiver_close(rx);
        beam_receiver_close(rx2);
        finish(&p);
}

TEST(descriptors_refused) {
        const beam_options opt = { .size = sizeof(opt), .fds = BEAM_FDS_REFUSE };
        beam_receiver *rx;
        beam_sender *tx;
        beam_msg *msg;
        pair p;

        begin_with(&p, 5, &opt);
        open_to_b(&p, 4, &tx, &rx);
        assert_eq(beam_msg_new(NULL, 0, &msg), 0);
        assert_ok(beam_msg_put_fd(msg, (int)assert_ok(fd_dup(0))));
        assert_r(beam_send(tx, msg, BEAM_NOW), -ENOBUFS);
        assert_eq(beam_msg_kind(msg, 0), BEAM_FD);
        beam_msg_free(msg);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        finish(&p);
}

/* the vectors: whatever comes, a session goes on or ends with an error, and which does
 * not depend on the cuts */

typedef struct vector {
        char name[128], start[16];
        uint8_t bytes[8192];
        size_t n;
        bool bad;
        int role;
} vector;

static void vector_line(vector *v, const char *line) {
        unsigned byte;
        int n;

        if (!strncmp(line, "name ", 5))
                snprintf(v->name, sizeof(v->name), "%.*s", (int)strlen(line) - 6, line + 5);
        else if (!strncmp(line, "start ", 6))
                sscanf(line + 6, "%15s", v->start);
        else if (!strncmp(line, "error ", 6))
                v->bad = true;
        else if (!strncmp(line, "hello ", 6))
                sscanf(line, "hello role=%d", &v->role);
        else if (!strncmp(line, "bytes", 5))
                for (line += 5; sscanf(line, " %2x%n", &byte, &n) == 1; line += n)
                        v->bytes[v->n++] = (uint8_t)byte;
}

static int vector_run(const vector *v, bool dials, size_t first, size_t step) {
        uint8_t before[MUX_PREFACE_SIZE + MUX_FIXED_MAX];
        size_t n = 0;
        beam_msg *msg;
        session *s;
        side d;
        int r;

        side_init(&d, &d, 1, true);
        d.stalled = true;
        assert_eq(session_new(&d.link, NULL, dials, &s), 0);
        d.s = s;
        if (strcmp(v->start, "preface")) {
                memcpy(before, mux_preface, MUX_PREFACE_SIZE);
                n = MUX_PREFACE_SIZE;
        }
        if (!*v->start || !strcmp(v->start, "frames"))
                n += mux_put_hello(before + n, &(mux_hello){ .role = dials ? 2 : 1,
                                                             .max_frame = 65536,
                                                             .max_msg = 1000,
                                                             .max_opens = 10,
                                                             .window = 1000 });
        feed(s, before, n, n ? n : 1);
        assert_eq(s->error, 0);
        feed(s, v->bytes, first, first ? first : 1);
        if (!s->error)
                feed(s, v->bytes + first, v->n - first, step);
        r = s->error;
        while (beam_session_accept(&s->base, &msg, BEAM_NOW) == 1)
                beam_msg_free(msg);
        beam_session_close(&s->base);
        turn();
        post_cancel(&d.deliver);
        free(d.bytes);
        return r;
}

static void vector_check(const char *file, const vector *v, bool dials) {
        int r = vector_run(v, dials, v->n, 1);
        size_t few = v->n > 100 ? 7 : 1;

        if ((v->bad && r >= 0) || (r && r != -EPROTO && r != -EMSGSIZE && r != -ENOBUFS &&
                                   r != -E2BIG && r != -ECONNRESET))
                test_fail("%s: %s: %d", file, v->name, r);
        for (size_t step = 1; step < v->n; step += few)
                if (vector_run(v, dials, 0, step) != r)
                        test_fail("%s: %s, in pieces of %zu", file, v->name, step);
        for (size_t first = 1; first < v->n; first += few)
                if (vector_run(v, dials, first, v->n) != r)
                        test_fail("%s: %s, cut at %zu", file, v->name, first);
}

TEST(vectors, .timeout = 60) {
        vector *v = calloc(1, sizeof(*v));
        DIR *dir = opendir(SPEC_VECTORS);
        size_t n = 0;

        assert_not_null(dir);
        for (struct dirent *e; (e = readdir(dir));) {
                char path[512], line[4096];
                FILE *f;

                if (!strstr(e->d_name, ".txt"))
                        continue;
                snprintf(path, sizeof(path), "%s/%s", SPEC_VECTORS, e->d_name);
                f = fopen(path, "re");
                assert_not_null(f);
                for (bool more = true; more;) {
                        more = fgets(line, sizeof(line), f);
                        if (more && line[0] != '\n') {
                                vector_line(v, line);
                                continue;
                        }
                        if (*v->name && v->n < 1500) {
                                vector_check(e->d_name, v, v->role != MUX_DIALLED);
                                n++;
                        }
                        memset(v, 0, sizeof(*v));
                }
                fclose(f);
        }
        closedir(dir);
        free(v);
        assert_gt(n, 150);
}
