/* SPDX-License-Identifier: Apache-2.0 */
/* More than the other side takes: the writer waits, memory stays flat, the rest goes on. */
#include "help.h"
#include "talk.h"

#include <signal.h>

enum { FLAT = 16 << 20 };

static void step_resident(side *s, call *c) {
        (void)s;
        c->n[1] = (int64_t)test_resident(0);
}

static int64_t resident(talk *t, int who) {
        at(t, who, step_resident, NULL);
        return talk_value(t, 1);
}

/* Slot, bytes each, how many at most, wait, how many went before; out: n[4] how many went. */
static void step_offer(side *s, call *c) {
        beam_msg *msg = NULL;

        c->r = 0;
        for (c->n[4] = 0; c->n[4] < c->n[2]; c->n[4]++) {
                assert_ok(beam_msg_new(NULL, (size_t)c->n[1], &msg));
                pattern_fill(beam_msg_buffer(msg), (size_t)c->n[1], (uint64_t)(c->n[5] + c->n[4]),
                             0);
                c->r = beam_send(s->tx[c->n[0]], msg, until(c->n[3]));
                if (c->r < 0) {
                        beam_msg_free(msg);
                        return;
                }
        }
}

/* Slot, bytes each, how many: takes them and checks. */
static void step_take_all(side *s, call *c) {
        for (int64_t i = 0; i < c->n[2]; i++) {
                beam_msg *msg = NULL;
                size_t n;

                c->r = beam_recv(s->rx[c->n[0]], &msg, until(LONG));
                assert_r(c->r, 1);
                const void *p = beam_msg_data(msg, &n);
                assert_eq(n, c->n[1]);
                assert_true(pattern_is(p, n, (uint64_t)i, 0));
                beam_msg_free(msg);
        }
}

static void answers(talk *t, int slot) {
        for (int i = 0; i < 5; i++) {
                assert_r(send_text(t, A, slot, "small", LONG), 0);
                assert_r(recv_text(t, B, slot, LONG), 1);
                assert_r(send_text(t, B, slot + 1, "small", LONG), 0);
                assert_r(recv_text(t, A, slot + 1, LONG), 1);
        }
}

/* As many as go without a wait. Who stopped may have done so for a slow link and not yet
 * for its reader, and then there is room again; how much there is in all has to end. */
static int64_t offer_more(talk *t, int64_t size, int64_t went) {
        for (int i = 0; i < 20; i++) {
                int r = at(t, A, step_offer, &(call){ .n = { 0, size, 1, NOW, 0, went } });

                assert_true(r == 0 || r == -ETIMEDOUT);
                went += talk_value(t, 4);
        }
        return went;
}

static void reader_that_stops(talk *t, int64_t size) {
        bool alone = talk_what(t)->where == IN_PROCESSES;
        int64_t before[2], after[2], went, depth = (128 << 20) / size;

        /* Deep enough that the bytes have to be what stops it. */
        channel(t, A, B, (size_t)depth, 0);
        channel(t, A, B, 1, 1);
        channel(t, B, A, 1, 2);
        answers(t, 1);
        for (int who = A; who <= B; who++)
                before[who] = resident(t, who);

        assert_r(at(t, A, step_offer, &(call){ .n = { 0, size, depth, SHORT } }), -ETIMEDOUT);
        went = talk_value(t, 4);
        assert_gt(went, 0);
        went = offer_more(t, size, went);
        assert_lt(went * size, 64 << 20);
        answers(t, 1);
        for (int who = A; who <= B; who++) {
                after[who] = resident(t, who);
                if (alone && test_slowness() == 1)
                        assert_lt(after[who] - before[who], FLAT);
        }

        /* All that went comes out when it is taken, and makes room. */
        assert_r(at(t, B, step_take_all, &(call){ .n = { 0, size, went } }), 1);
        assert_r(recv_text(t, B, 0, NOW), -ETIMEDOUT);
        assert_r(send_text(t, A, 0, "room", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "room");
}

LAW(reader_that_stops_64k, LAW_NET | LAW_DIRECT) {
        reader_that_stops(t, 65536);
}

LAW(reader_that_stops_1k, LAW_NET | LAW_DIRECT | LAW_FEW) {
        reader_that_stops(t, 1000);
}

LAW(reader_that_stops_over_a_bridge, LAW_NET | LAW_BRIDGE | LAW_FEW) {
        reader_that_stops(t, 65536);
}

LAW(stream_reader_that_stops, LAW_PROCESSES) {
        int64_t before[2];

        stream(t, A, B, 0);
        channel(t, A, B, 1, 1);
        channel(t, B, A, 1, 2);
        answers(t, 1);
        for (int who = A; who <= B; who++)
                before[who] = resident(t, who);
        assert_r(write_all(t, A, 0, 1 << 30, 1, SHORT), -ETIMEDOUT);
        assert_lt(talk_value(t, 4), 64 << 20);
        answers(t, 1);
        for (int who = A; who <= B; who++)
                if (test_slowness() == 1)
                        assert_lt(resident(t, who) - before[who], FLAT);
}

/* The whole peer stands still, the kernel's buffers fill up. */
LAW(peer_that_stops, LAW_PROCESSES | LAW_DIRECT) {
        channel(t, A, B, 2048, 0);
        stream(t, A, B, 1);
        int64_t before = resident(t, A);

        kill(talk_pid(t, B), SIGSTOP);
        assert_r(at(t, A, step_offer, &(call){ .n = { 0, 65536, 2048, SHORT } }), -ETIMEDOUT);
        int64_t went = offer_more(t, 65536, talk_value(t, 4));
        assert_r(write_all(t, A, 1, 1 << 30, 1, SHORT), -ETIMEDOUT);
        int64_t written = talk_value(t, 4);
        went = offer_more(t, 65536, went);
        if (test_slowness() == 1)
                assert_lt(resident(t, A) - before, FLAT);
        kill(talk_pid(t, B), SIGCONT);

        assert_r(at(t, B, step_take_all, &(call){ .n = { 0, 65536, went } }), 1);
        assert_r(shutdown_st(t, A, 1), 0);
        assert_r(read_all(t, B, 1, 1, LONG), 0);
        assert_eq(talk_value(t, 4), written);
}

/* Pings, opens and closes at a peer that stands still: bounded too, and no hang. */
LAW(peer_that_stops_is_asked_much, LAW_PROCESSES | LAW_DIRECT) {
        channel(t, A, B, 1, 0);
        int64_t before = resident(t, A);

        kill(talk_pid(t, B), SIGSTOP);
        for (int i = 0; i < 100; i++)
                assert_r(at(t, A, step_ping, &(call){ .n = { NOW } }), -ETIMEDOUT);
        assert_r(at(t, A, step_ping, &(call){ .n = { SHORT } }), -ETIMEDOUT);
        int r = 0;
        for (int i = 0; i < 20000 && r == 0; i++) {
                r = at(t, A, step_open, &(call){ .n = { 1, 1, 0, NOW }, .text = "x" });
                if (r == 0)
                        close_tx(t, A, 1);
        }
        assert_r(r, -ETIMEDOUT);
        if (test_slowness() == 1)
                assert_lt(resident(t, A) - before, FLAT);
        kill(talk_pid(t, B), SIGCONT);
        assert_r(at(t, A, step_ping, &(call){ .n = { LONG } }), 0);
        assert_r(send_text(t, A, 0, "again", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
}

/* One large message, and after it a small one on another channel, which comes first by
 * far. Corked, since a send alone waits until the kernel has all of its message. */
static void step_large_then_small(side *s, call *c) {
        beam_msg *small = NULL;

        beam_cork();
        assert_r(beam_send(s->tx[0], s->msg[0], until(LONG)), 0);
        s->msg[0] = NULL;
        assert_ok(beam_msg_new("small", 5, &small));
        c->r = beam_send(s->tx[1], small, until(LONG));
        beam_uncork(BEAM_NOW);
}

/* Whichever comes first; out: n[1] its slot. */
static void step_recv_either(side *s, call *c) {
        beam_arm arms[2] = { { .rx = s->rx[0] }, { .rx = s->rx[1] } };

        c->n[1] = beam_select(arms, 2, until(LONG));
        assert_ok(c->n[1]);
        c->r = arms[c->n[1]].r;
        if (c->r == 1)
                s->msg[c->n[1]] = arms[c->n[1]].msg;
}

/* B waits already, so that what it gets is what came first, whoever is slow; and where it
 * can be stopped, nothing of the two has come through before both are on their way. */
static void large_beside_small(talk *t, int64_t size) {
        bool stops = talk_what(t)->where == IN_PROCESSES;

        channel(t, A, B, 1, 0);
        channel(t, A, B, 1, 1);
        assert_ok(msg_sized(t, A, 0, (size_t)size, 6));
        later(t);
        at(t, B, step_recv_either, NULL);
        blocked(t, B);
        if (stops)
                kill(talk_pid(t, B), SIGSTOP);
        assert_r(at(t, A, step_large_then_small, NULL), 0);
        if (stops)
                kill(talk_pid(t, B), SIGCONT);
        assert_r(finish(t, B), 1);
        assert_eq(talk_value(t, 1), 1);
        /* And not only the first one. */
        assert_r(send_text(t, A, 1, "smaller", LONG), 0);
        assert_r(recv_text(t, B, 1, LONG), 1);

        assert_r(recv_msg(t, B, 0, 0, 5 * LONG), 1); /* a quarter of a GiB takes its time */
        assert_eq(talk_value(t, 3), size);
        assert_true(check_msg(t, B, 0, (size_t)size, 6));
}

LAW(large_beside_small_64m, LAW_TWO | LAW_DIRECT | LAW_NET | LAW_PLAIN, .max_msg = 1 << 30,
    .max_queued = 1 << 30) {
        large_beside_small(t, (64 << 20) / test_slowness());
}

LAW(large_beside_small_256m, LAW_PROCESSES | LAW_DIRECT | LAW_FEW, .max_msg = 1 << 30,
    .max_queued = 1 << 30) {
        large_beside_small(t, (256 << 20) / test_slowness());
}

/* Large ones on several channels share the link: the first to come is not the last. */
LAW(large_ones_take_turns, LAW_DIRECT | LAW_NET | LAW_FEW) {
        for (int i = 0; i < 4; i++) {
                channel(t, A, B, 1, i);
                assert_ok(msg_sized(t, A, i, 8 << 20, (uint64_t)i));
        }
        for (int i = 0; i < 4; i++)
                assert_r(send_msg(t, A, i, i, LONG), 0);
        for (int i = 3; i >= 0; i--) {
                assert_r(recv_msg(t, B, i, i, LONG), 1);
                assert_true(check_msg(t, B, i, 8 << 20, (uint64_t)i));
        }
}
