/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks from the loop, and the loop inside of another one. */
#include "help.h"
#include "talk.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

typedef struct book {
        beam_receiver *rx, *other;
        beam_sender *tx;
        int n, stop_at, last;
        char text[TEXT_SIZE];
} book;

static void on_message(void *data, beam_receiver *rx) {
        beam_msg *msg = NULL;
        book *l = data;
        size_t n;

        assert_true(rx == l->rx);
        l->last = beam_recv(rx, &msg, BEAM_NOW);
        assert_ne(l->last, -ETIMEDOUT); /* it would not wait, or it was not called */
        if (l->last > 0) {
                const char *p = beam_msg_data(msg, &n);

                strncat(l->text, p, n);
                beam_msg_free(msg);
        } else
                l->rx = beam_receiver_close(rx); /* inside its own callback */
        if (++l->n == l->stop_at)
                beam_loop_stop();
}

/* Slot, how many calls; out: the texts in a row, n[2] the last result. */
static void step_watch(side *s, call *c) {
        book l = { .rx = s->rx[c->n[0]], .stop_at = (int)c->n[1] };

        assert_r(beam_receiver_watch(l.rx, on_message, &l), 0);
        c->r = beam_loop_run(until(LONG));
        if (l.rx)
                assert_r(beam_receiver_watch(l.rx, NULL, NULL), 0);
        s->rx[c->n[0]] = l.rx;
        strcpy(c->text, l.text);
        c->n[2] = l.last;
}

LAW(watch, 0) {
        channel(t, A, B, 4, 0);
        for (const char *p = "abc"; *p; p++)
                assert_r(send_text(t, A, 0, (char[2]){ *p }, LONG), 0);
        assert_r(at(t, B, step_watch, &(call){ .n = { 0, 3 } }), 0);
        assert_str(talk_text(t), "abc");

        /* It is the loop that calls, and only while it runs, and only while watched. */
        assert_r(send_text(t, A, 0, "d", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "d");
}

LAW(watch_while_they_come, LAW_TWO) {
        channel(t, A, B, 4, 0);
        later(t);
        at(t, B, step_watch, &(call){ .n = { 0, 20 } });
        for (int i = 0; i < 20; i++)
                assert_r(send_text(t, A, 0, "x", LONG), 0);
        assert_r(finish(t, B), 0);
        assert_str(talk_text(t), "xxxxxxxxxxxxxxxxxxxx");
}

/* The program may receive by itself what the callback is already due for. */
static void step_receive_under_watch(side *s, call *c) {
        book l = { .rx = s->rx[0] };

        assert_r(beam_receiver_watch(l.rx, on_message, &l), 0);
        step_recv(s, c);
        assert_ok(beam_loop_dispatch());
        assert_eq(l.n, 0);
        assert_r(beam_receiver_watch(l.rx, NULL, NULL), 0);
}

LAW(watch_while_the_program_receives, 0) {
        channel(t, A, B, 4, 0);
        assert_r(send_text(t, A, 0, "x", LONG), 0);
        assert_r(at(t, B, step_receive_under_watch, &(call){ .n = { 0, LONG, -1 } }), 1);
        assert_r(send_text(t, A, 0, "y", LONG), 0);
        assert_r(at(t, B, step_watch, &(call){ .n = { 0, 1 } }), 0);
        assert_str(talk_text(t), "y");
}

LAW(watch_at_depth_0, LAW_TWO) {
        channel(t, A, B, 0, 0);
        later(t);
        at(t, B, step_watch, &(call){ .n = { 0, 5 } });
        for (int i = 0; i < 5; i++)
                assert_r(send_text(t, A, 0, "x", LONG), 0);
        assert_r(finish(t, B), 0);
        assert_str(talk_text(t), "xxxxx");
}

LAW(watch_tells_of_the_end, LAW_TWO) {
        channel(t, A, B, 4, 0);
        channel(t, A, B, 4, 1);
        for (int i = 0; i < 2; i++) {
                later(t);
                at(t, B, step_watch, &(call){ .n = { i, 2 } });
                assert_r(send_text(t, A, i, "x", LONG), 0);
                if (i)
                        assert_r(fail_tx(t, A, i, BEAM_CODE_USER, ""), 0);
                else
                        assert_r(close_tx(t, A, i), 0);
                assert_r(finish(t, B), 0);
                assert_str(talk_text(t), "x");
                assert_r(talk_value(t, 2), i ? -EPIPE : 0);
        }
}

LAW(watch_tells_of_the_link, LAW_TWO | LAW_DIRECT) {
        channel(t, A, B, 4, 0);
        later(t);
        at(t, B, step_watch, &(call){ .n = { 0, 1 } });
        blocked(t, B);
        assert_r(session_close(t, A), 0);
        assert_r(finish(t, B), 0);
        assert_r(talk_value(t, 2), -ECONNRESET);
}

/* Waiting inside of a callback: for the session whose callback it is, and no callback
 * runs meanwhile. */
static void on_question(void *data, beam_receiver *rx) {
        beam_msg *msg = NULL, *second = NULL;
        book *l = data;

        assert_eq(l->n, 0); /* not from within itself */
        l->n = 1;
        int r = beam_recv(rx, &msg, BEAM_NOW);
        assert_r(r, 1);
        assert_r(beam_send(l->tx, msg, until(LONG)), 0);
        /* The other side answers on another channel once it has that. */
        assert_r(beam_recv(l->other, &second, until(LONG)), 1);
        assert_r(beam_send(l->tx, second, until(LONG)), 0);
        assert_r(beam_loop_run(until(NOW)), -EDEADLK);
        l->n = 0;
        if (++l->last == l->stop_at)
                beam_loop_stop();
}

static void step_wait_in_callback(side *s, call *c) {
        book l = { .rx = s->rx[0], .other = s->rx[1], .tx = s->tx[2], .stop_at = (int)c->n[1] };

        assert_r(beam_receiver_watch(s->rx[0], on_question, &l), 0);
        c->r = beam_loop_run(until(LONG));
        assert_r(beam_receiver_watch(s->rx[0], NULL, NULL), 0);
}

LAW(blocking_call_in_a_callback, LAW_TWO) {
        channel(t, A, B, 4, 0);
        channel(t, A, B, 4, 1);
        channel(t, B, A, 0, 2);
        later(t);
        at(t, B, step_wait_in_callback, &(call){ .n = { 0, 3 } });
        for (int i = 0; i < 3; i++)
                assert_r(send_text(t, A, 0, "question", LONG), 0);
        for (int i = 0; i < 3; i++) {
                assert_r(recv_text(t, A, 2, LONG), 1);
                assert_str(talk_text(t), "question");
                assert_r(send_text(t, A, 1, "answer", LONG), 0);
                assert_r(recv_text(t, A, 2, LONG), 1);
                assert_str(talk_text(t), "answer");
        }
        assert_r(finish(t, B), 0);
}

/* Callbacks that close others' ends, and their session, while those are due, too. */
typedef struct pair {
        side *s;
        int n;
} pair;

static void on_close_all(void *data, beam_receiver *rx) {
        pair *p = data;

        (void)rx;
        p->n++;
        p->s->rx[0] = beam_receiver_close(p->s->rx[0]);
        p->s->rx[1] = beam_receiver_close(p->s->rx[1]);
        p->s->s = beam_session_close(p->s->s);
        beam_loop_stop();
}

static void step_close_in_callback(side *s, call *c) {
        pair p = { .s = s };

        assert_r(beam_receiver_watch(s->rx[0], on_close_all, &p), 0);
        assert_r(beam_receiver_watch(s->rx[1], on_close_all, &p), 0);
        c->r = beam_loop_run(until(LONG));
        assert_eq(p.n, 1);
        assert_ok(beam_loop_dispatch());
        assert_eq(p.n, 1);
}

LAW(close_inside_a_callback, LAW_DIRECT) {
        channel(t, A, B, 4, 0);
        channel(t, A, B, 4, 1);
        assert_r(send_text(t, A, 0, "x", LONG), 0);
        assert_r(send_text(t, A, 1, "x", LONG), 0);
        assert_r(at(t, B, step_close_in_callback, NULL), 0);
        int r = at(t, A, step_ping, &(call){ .n = { LONG } });
        assert_true(r == -ECONNRESET || r == -ENOTCONN);
}

/* A foreign loop: nothing but poll(), on what Beam says. */
typedef struct foreign {
        int n;
} foreign;

static void on_foreign(void *data, beam_receiver *rx) {
        foreign *f = data;
        beam_msg *msg = NULL;

        /* One at a time: what is left must show again. */
        if (beam_recv(rx, &msg, BEAM_NOW) > 0) {
                beam_msg_free(msg);
                f->n++;
        }
}

static int poll_once(int max_ms) {
        struct pollfd p = { .fd = beam_loop_fd(), .events = beam_loop_events() };
        int64_t wake = beam_loop_wake();
        int ms = max_ms;

        assert_ge(p.fd, 0);
        if (wake != BEAM_FOREVER) {
                int64_t left = wake - beam_now();

                if (left <= 0)
                        ms = 0;
                else if (left / 1000000 + 1 < max_ms)
                        ms = (int)(left / 1000000 + 1);
        }
        return poll(&p, 1, ms);
}

static void step_foreign_loop(side *s, call *c) {
        foreign f = { 0 };

        assert_r(beam_receiver_watch(s->rx[0], on_foreign, &f), 0);
        while (f.n < c->n[1]) {
                poll_once(20000);
                assert_ok(beam_loop_dispatch());
        }
        assert_eq(f.n, c->n[1]);
        assert_r(beam_receiver_watch(s->rx[0], NULL, NULL), 0);
        c->r = 0;
}

LAW(inside_another_loop, LAW_TWO) {
        channel(t, A, B, 4, 0);
        later(t);
        at(t, B, step_foreign_loop, &(call){ .n = { 0, 30 } });
        for (int i = 0; i < 30; i++)
                assert_r(send_text(t, A, 0, "x", LONG), 0);
        assert_r(finish(t, B), 0);
}

/* Level-triggered: what was not dispatched shows as long as it is there. */
static void step_level(side *s, call *c) {
        foreign f = { 0 };

        assert_r(beam_receiver_watch(s->rx[0], on_foreign, &f), 0);
        while (poll_once(20000) == 0 && beam_loop_wake() > beam_now())
                ;
        for (int i = 0; i < 3; i++)
                assert_true(poll_once(0) == 1 || beam_loop_wake() <= beam_now());
        while (!f.n)
                assert_ok(beam_loop_dispatch());
        /* And idle is idle, once nothing is left to be done. */
        while (f.n < 1 || poll_once(0) == 1 || beam_loop_wake() <= beam_now())
                assert_ok(beam_loop_dispatch());
        assert_eq(poll_once(0), 0);
        assert_r(beam_receiver_watch(s->rx[0], NULL, NULL), 0);
        c->r = 0;
}

LAW(the_fd_is_level_triggered, LAW_TWO | LAW_PLAIN) {
        channel(t, A, B, 4, 0);
        later(t);
        at(t, B, step_level, NULL);
        assert_r(send_text(t, A, 0, "x", LONG), 0);
        assert_r(finish(t, B), 0);
}

/* Memory channels show in the same fd. */
static void step_memory_in_foreign_loop(side *s, call *c) {
        foreign f = { 0 };
        beam_msg *msg = NULL;

        assert_r(beam_receiver_watch(s->rx[3], on_foreign, &f), 0);
        assert_eq(beam_loop_fd(), beam_loop_fd());
        for (int i = 0; i < 3; i++) {
                assert_ok(beam_msg_new("x", 1, &msg));
                assert_r(beam_send(s->tx[3], msg, until(NOW)), 0);
                while (f.n <= i) {
                        poll_once(20000);
                        assert_ok(beam_loop_dispatch());
                }
        }
        assert_r(beam_receiver_watch(s->rx[3], NULL, NULL), 0);
        c->r = 0;
}

LAW(memory_inside_another_loop, LAW_FEW | LAW_DIRECT) {
        assert_r(pipe_at(t, A, 1, 3), 0);
        assert_r(at(t, A, step_memory_in_foreign_loop, NULL), 0);
}

static void step_run_loop(side *s, call *c) {
        (void)s;
        c->r = beam_loop_run(until(c->n[0]));
}

LAW(loop_run_has_a_deadline, LAW_FEW | LAW_DIRECT) {
        assert_r(at(t, A, step_run_loop, &(call){ .n = { NOW } }), -ETIMEDOUT);
        assert_r(at(t, A, step_run_loop, &(call){ .n = { SHORT } }), -ETIMEDOUT);
}

/* Between cork and uncork nothing needs to leave, and then all has. */
static void step_corked(side *s, call *c) {
        beam_msg *msg = NULL;

        beam_cork();
        beam_cork();
        for (int i = 0; i < 50; i++) {
                assert_ok(beam_msg_new("x", 1, &msg));
                assert_r(beam_send(s->tx[0], msg, until(LONG)), 0);
        }
        assert_r(beam_uncork(until(LONG)), 0);
        c->r = beam_uncork(until(LONG));
}

LAW(cork, 0) {
        channel(t, A, B, 64, 0);
        assert_r(at(t, A, step_corked, NULL), 0);
        for (int i = 0; i < 50; i++)
                assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(recv_text(t, B, 0, NOW), -ETIMEDOUT);
}

/* Corked or not, a call that waits for the other side must get what it waits for. */
static void step_corked_round(side *s, call *c) {
        beam_msg *msg = NULL;

        beam_cork();
        assert_ok(beam_msg_new("x", 1, &msg));
        assert_r(beam_send(s->tx[0], msg, until(LONG)), 0);
        c->r = beam_recv(s->rx[1], &msg, until(LONG));
        if (c->r > 0)
                beam_msg_free(msg);
        assert_ok(beam_uncork(until(LONG)));
}

LAW(waiting_while_corked, LAW_TWO) {
        channel(t, A, B, 1, 0);
        channel(t, B, A, 1, 1);
        later(t);
        at(t, A, step_corked_round, NULL);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(send_text(t, B, 1, "y", LONG), 0);
        assert_r(finish(t, A), 1);
}
