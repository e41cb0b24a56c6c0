/* SPDX-License-Identifier: Apache-2.0 */
/* Several threads: many producers, many workers, and ends that move to another. */
#include "help.h"
#include "talk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { N_THREADS = 4, N_EACH = 500 };

typedef struct party {
        pthread_t thread;
        beam_sender *tx;
        beam_receiver *rx;
        int id;
        _Atomic int *counts;
        int n_taken;
} party;

static void *produce(void *data) {
        party *p = data;

        for (int i = 0; i < N_EACH; i++) {
                int what[2] = { p->id, i };
                beam_msg *msg = NULL;

                assert_ok(beam_msg_new(what, sizeof(what), &msg));
                assert_r(beam_send(p->tx, msg, until(LONG)), 0);
        }
        beam_sender_close(p->tx);
        return NULL;
}

static void *work(void *data) {
        party *p = data;
        int last[N_THREADS], r;
        beam_msg *msg = NULL;

        memset(last, -1, sizeof(last));
        while ((r = beam_recv(p->rx, &msg, until(LONG))) > 0) {
                int what[2];

                size_t n;
                const void *bytes = beam_msg_data(msg, &n);
                assert_eq(n, sizeof(what));
                memcpy(what, bytes, sizeof(what));
                assert_gt(what[1], last[what[0]]); /* of one producer, in order */
                last[what[0]] = what[1];
                p->counts[what[0] * N_EACH + what[1]]++;
                p->n_taken++;
                beam_msg_free(msg);
        }
        assert_r(r, 0);
        beam_receiver_close(p->rx);
        return NULL;
}

/* Each message is taken once, by whoever; the end comes when the last producer ends. */
static void producers_and_workers(size_t depth) {
        static _Atomic int counts[N_THREADS * N_EACH];
        party producers[N_THREADS], workers[N_THREADS];
        beam_sender *tx = NULL;
        beam_receiver *rx = NULL;

        memset(counts, 0, sizeof(counts));
        assert_r(beam_pipe(depth, &tx, &rx), 0);
        for (int i = 0; i < N_THREADS; i++) {
                producers[i] = (party){ .id = i };
                workers[i] = (party){ .counts = counts };
                assert_r(beam_sender_dup(tx, &producers[i].tx), 0);
                assert_r(beam_receiver_dup(rx, &workers[i].rx), 0);
        }
        beam_sender_close(tx);
        beam_receiver_close(rx);
        for (int i = 0; i < N_THREADS; i++) {
                assert_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
                assert_eq(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
        }
        for (int i = 0; i < N_THREADS; i++) {
                pthread_join(producers[i].thread, NULL);
                pthread_join(workers[i].thread, NULL);
        }
        for (int i = 0; i < N_THREADS * N_EACH; i++)
                assert_eq(counts[i], 1);
}

TEST(many_producers_many_workers) {
        producers_and_workers(16);
}

TEST(many_producers_many_workers_at_depth_0) {
        producers_and_workers(0);
}

TEST(many_producers_many_workers_at_depth_1) {
        producers_and_workers(1);
}

/* The last worker to go is what a producer is told of. */
TEST(the_last_of_several_handles) {
        beam_sender *tx[3] = { 0 };
        beam_receiver *rx[3] = { 0 };
        beam_msg *msg = NULL;

        assert_r(beam_pipe(4, &tx[0], &rx[0]), 0);
        for (int i = 1; i < 3; i++) {
                assert_r(beam_sender_dup(tx[0], &tx[i]), 0);
                assert_r(beam_receiver_dup(rx[0], &rx[i]), 0);
        }
        for (int i = 0; i < 3; i++) {
                assert_ok(beam_msg_new("x", 1, &msg));
                assert_r(beam_send(tx[2], msg, until(LONG)), 0);
                beam_receiver_close(rx[i]);
        }
        assert_ok(beam_msg_new("x", 1, &msg));
        assert_r(beam_send(tx[2], msg, until(LONG)), -EPIPE);
        beam_msg_free(msg);
        for (int i = 0; i < 3; i++)
                beam_sender_close(tx[i]);
}

TEST(the_last_of_several_senders) {
        beam_sender *tx[2] = { 0 };
        beam_receiver *rx = NULL;
        beam_msg *msg = NULL;

        assert_r(beam_pipe(4, &tx[0], &rx), 0);
        assert_r(beam_sender_dup(tx[0], &tx[1]), 0);
        beam_sender_close(tx[0]);
        assert_r(beam_recv(rx, &msg, until(NOW)), -ETIMEDOUT);
        assert_r(beam_recv(rx, &msg, until(SHORT)), -ETIMEDOUT);
        beam_sender_close(tx[1]);
        assert_r(beam_recv(rx, &msg, until(LONG)), 0);
        beam_receiver_close(rx);
}

/* Of a session's ends, too: they become ends in memory that the session feeds. */
LAW(session_ends_duplicated, 0) {
        channel(t, A, B, 4, 0);
        assert_r(dup_tx(t, A, 0, 1), 0);
        assert_r(dup_rx(t, B, 0, 1), 0);
        for (int i = 0; i < 2; i++) {
                assert_r(send_text(t, A, i, "x", LONG), 0);
                assert_r(recv_text(t, B, 1 - i, LONG), 1);
        }
        assert_r(close_tx(t, A, 0), 0);
        assert_r(recv_text(t, B, 0, SHORT), -ETIMEDOUT);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(send_text(t, A, 1, "y", LONG), 0);
        assert_r(recv_text(t, B, 1, LONG), 1);
        assert_r(fail_tx(t, A, 1, BEAM_CODE_USER, "end"), 0);
        assert_r(recv_text(t, B, 1, LONG), -EPIPE);
        assert_r(reason_rx(t, B, 1), 1);
        assert_str(talk_text(t), "end");
}

/* An end of a session moves to another thread inside a message in memory, and works
 * there while the thread that the session belongs to runs its loop. */
typedef struct mover {
        beam_receiver *orders; /* in memory: one message with an end, and one back */
} mover;

static void *move_in(void *data) {
        mover *m = data;
        beam_msg *msg = NULL, *echo = NULL;
        beam_receiver *rx;
        beam_sender *tx;
        size_t n;
        int r;

        assert_r(beam_recv(m->orders, &msg, until(LONG)), 1);
        assert_not_null(rx = beam_msg_take_receiver(msg, 0));
        assert_not_null(tx = beam_msg_take_sender(msg, 1));
        beam_msg_free(msg);

        /* Echo from here on, until the end. */
        while ((r = beam_recv(rx, &msg, until(LONG))) > 0) {
                const void *p = beam_msg_data(msg, &n);

                assert_ok(beam_msg_new(p, n, &echo));
                assert_r(beam_send(tx, echo, until(LONG)), 0);
                beam_msg_free(msg);
        }
        assert_r(r, 0);
        beam_receiver_close(rx);
        beam_sender_close(tx);
        beam_receiver_close(m->orders);
        return NULL;
}

static void on_stop(void *data, beam_receiver *rx) {
        beam_msg *msg = NULL;

        (void)data;
        int r = beam_recv(rx, &msg, BEAM_NOW);
        if (r == -ETIMEDOUT)
                return;
        if (r > 0)
                beam_msg_free(msg);
        beam_loop_stop();
}

/* Slots 0 (receiver) and 1 (sender) go to a thread; this one runs its loop until
 * something arrives in slot 2. */
static void step_move_away(side *s, call *c) {
        beam_sender *tx = NULL;
        beam_msg *msg = NULL;
        pthread_t thread;
        mover m;

        assert_r(beam_pipe(1, &tx, &m.orders), 0);
        assert_ok(beam_msg_new("", 0, &msg));
        assert_r(beam_msg_put_receiver(msg, s->rx[0]), 0);
        s->rx[0] = NULL;
        assert_r(beam_msg_put_sender(msg, s->tx[1]), 1);
        s->tx[1] = NULL;
        assert_r(beam_send(tx, msg, until(LONG)), 0);
        beam_sender_close(tx);
        assert_eq(pthread_create(&thread, NULL, move_in, &m), 0);

        assert_r(beam_receiver_watch(s->rx[2], on_stop, NULL), 0);
        c->r = beam_loop_run(until(LONG));
        pthread_join(thread, NULL);
        assert_r(beam_receiver_watch(s->rx[2], NULL, NULL), 0);
}

LAW(ends_move_to_another_thread, LAW_TWO) {
        channel(t, A, B, 2, 0);
        channel(t, B, A, 2, 1);
        channel(t, A, B, 1, 2);
        later(t);
        at(t, B, step_move_away, NULL);
        for (int i = 0; i < 50; i++) {
                assert_r(send_text(t, A, 0, "to the thread", LONG), 0);
                assert_r(recv_text(t, A, 1, LONG), 1);
                assert_str(talk_text(t), "to the thread");
        }
        assert_r(close_tx(t, A, 0), 0);
        assert_r(recv_text(t, A, 1, LONG), 0);
        assert_r(send_text(t, A, 2, "stop", LONG), 0);
        assert_r(finish(t, B), 0);
}

LAW(ends_move_at_depth_0, LAW_TWO) {
        channel(t, A, B, 0, 0);
        channel(t, B, A, 0, 1);
        channel(t, A, B, 1, 2);
        later(t);
        at(t, B, step_move_away, NULL);
        for (int i = 0; i < 20; i++) {
                assert_r(send_text(t, A, 0, "met", LONG), 0);
                assert_r(recv_text(t, A, 1, LONG), 1);
        }
        assert_r(close_tx(t, A, 0), 0);
        assert_r(recv_text(t, A, 1, LONG), 0);
        assert_r(send_text(t, A, 2, "stop", LONG), 0);
        assert_r(finish(t, B), 0);
}

static void *wait_for_end(void *data) {
        beam_receiver *orders = data, *rx;
        beam_msg *msg = NULL;
        intptr_t r;

        assert_r(beam_recv(orders, &msg, until(LONG)), 1);
        assert_not_null(rx = beam_msg_take_receiver(msg, 0));
        beam_msg_free(msg);
        r = beam_recv(rx, &msg, until(LONG));
        beam_receiver_close(rx);
        beam_receiver_close(orders);
        return (void *)r;
}

static void step_thread_waits(side *s, call *c) {
        pthread_t thread;
        void *r;

        assert_eq(pthread_create(&thread, NULL, wait_for_end, s->rx[1]), 0);
        s->rx[1] = NULL;
        /* Wherever the thread is by now, it is told. */
        s->s = beam_session_close(s->s);
        pthread_join(thread, &r);
        c->r = (int)(intptr_t)r;
}

/* The home thread ends its session while the end works elsewhere. */
LAW(session_closed_under_a_moved_end, LAW_TWO | LAW_DIRECT) {
        channel(t, A, B, 2, 0);
        assert_r(pipe_at(t, B, 1, 1), 0);
        assert_ok(msg_at(t, B, 0, ""));
        assert_r(put(t, B, 0, BEAM_RECEIVER, 0), 0);
        assert_r(send_msg(t, B, 1, 0, LONG), 0);
        assert_r(at(t, B, step_thread_waits, NULL), -ECANCELED);
}
