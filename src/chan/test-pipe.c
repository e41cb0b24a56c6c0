/* SPDX-License-Identifier: Apache-2.0 */
#include "pipe.h"

#include "test.h"

#include <pthread.h>
#include <string.h>

#include "end.h"
#include "help.h"
#include "test-numbered.h"

static const size_t depths[] = { 1, 2, 3, 7, 64 };

static void close_both(chan_pipe *p) {
        pipe_tx_close(p, NULL, 0, NULL);
        pipe_rx_close(p, NULL, 0, NULL);
}

/* the ring */

TEST(order_over_the_wrap_and_the_exact_depth) {
        for (size_t d = 0; d < n_of(depths); d++) {
                size_t n_put = 0, n_taken = 0;
                beam_msg *msg;
                chan_pipe *p;

                assert_eq(pipe_new(depths[d], &p), 0);
                for (size_t fill = 1; fill <= depths[d]; fill++)
                        for (size_t round = 0; round < 3; round++) {
                                while (n_put - n_taken < fill)
                                        assert_eq(put(p, n_put++), 0);
                                if (fill == depths[d])
                                        assert_r(put(p, 0), -EAGAIN);
                                while (n_taken < n_put)
                                        take(p, n_taken++);
                                assert_r(pipe_take(p, &msg), -EAGAIN);
                        }
                assert_eq(put(p, n_put), 0);
                close_both(p); /* with one in it */
        }
}

TEST(wrong_depths) {
        chan_pipe *p;

        assert_r(pipe_new(BEAM_DEPTH_MAX + 1, &p), -EINVAL);
        assert_r(pipe_new(SIZE_MAX, &p), -EINVAL);
        assert_eq(pipe_new(0, &p), 0);
        assert_r(put(p, 1), -EAGAIN);
        close_both(p);
}

TEST(ends) {
        beam_msg *msg;
        chan_pipe *p;

        assert_eq(pipe_new(2, &p), 0);
        assert_eq(put(p, 1), 0);
        pipe_tx_close(p, NULL, BEAM_CODE_USER, "why");
        take(p, 1);
        assert_r(pipe_take(p, &msg), -EPIPE);
        assert_str(p->tx.text, "why");
        pipe_rx_close(p, NULL, 0, NULL);

        assert_eq(pipe_new(2, &p), 0);
        pipe_tx_close(p, NULL, 0, NULL);
        assert_r(pipe_take(p, &msg), 0);
        assert_r(pipe_take(p, &msg), 0);
        pipe_rx_close(p, NULL, 0, NULL);

        assert_eq(pipe_new(2, &p), 0);
        assert_eq(put(p, 1), 0);
        pipe_rx_close(p, NULL, BEAM_CODE_LOST, NULL);
        assert_r(put(p, 2), -ENOTCONN);
        assert_true(pipe_is_left(p));
        assert_true(p->left);
        pipe_tx_close(p, NULL, 0, NULL);
}

TEST(handles_end_with_the_last) {
        beam_msg *msg;
        chan_pipe *p;

        assert_eq(pipe_new(1, &p), 0);
        pipe_tx_dup(p);
        pipe_rx_dup(p);
        pipe_tx_close(p, NULL, 300, "not the last");
        assert_eq(put(p, 1), 0);
        pipe_rx_close(p, NULL, 300, "not the last");
        take(p, 1);
        pipe_tx_close(p, NULL, 0, NULL);
        assert_r(pipe_take(p, &msg), 0);
        pipe_rx_close(p, NULL, 0, NULL);
}

/* two threads */

typedef struct job {
        beam_sender *tx;
        beam_receiver *rx;
        size_t n, first, n_got, sum;
        int r;
} job;

static void *send_all(void *arg) {
        job *j = arg;

        for (size_t i = 0; i < j->n; i++) {
                beam_msg *msg = numbered(j->first + i);

                j->r = beam_send(j->tx, msg, test_deadline());
                if (j->r < 0) {
                        beam_msg_free(msg);
                        break;
                }
        }
        beam_sender_close(j->tx);
        return NULL;
}

static void *recv_all(void *arg) {
        job *j = arg;
        beam_msg *msg;

        while ((j->r = beam_recv(j->rx, &msg, test_deadline())) == 1) {
                j->sum += number_of(msg);
                j->n_got++;
        }
        beam_receiver_close(j->rx);
        return NULL;
}

TEST(order_between_threads) {
        for (size_t depth = 0; depth < 9; depth++) {
                job j = { .n = 5000 / (size_t)test_slowness() };
                pthread_t thread;
                beam_msg *msg;

                assert_eq(beam_pipe(depth, &j.tx, &j.rx), 0);
                assert_eq(pthread_create(&thread, NULL, send_all, &j), 0);
                for (size_t i = 0; i < j.n; i++) {
                        assert_r(beam_recv(j.rx, &msg, test_deadline()), 1);
                        assert_eq(number_of(msg), i);
                }
                assert_r(beam_recv(j.rx, &msg, test_deadline()), 0);
                beam_receiver_close(j.rx);
                pthread_join(thread, NULL);
        }
}

/* The receiver goes at any moment: each message is with one side or the other, which
 * the count of memory shows. */
TEST(closes_race_with_sends) {
        for (size_t i = 0; i < 600 / (size_t)test_slowness(); i++) {
                job j = { .n = SIZE_MAX };
                pthread_t thread;
                beam_msg *msg;

                assert_eq(beam_pipe(i % 4, &j.tx, &j.rx), 0);
                assert_eq(pthread_create(&thread, NULL, send_all, &j), 0);
                for (size_t k = 0; k < i % 50; k++) {
                        assert_r(beam_recv(j.rx, &msg, test_deadline()), 1);
                        assert_eq(number_of(msg), k);
                }
                beam_receiver_close(j.rx);
                pthread_join(thread, NULL);
                assert_r(j.r, -EPIPE);
        }
}

TEST(many_producers_and_workers) {
        enum { N = 4 };
        for (size_t depth = 0; depth < 6; depth += 2 + depth) {
                job producers[N] = { 0 }, workers[N] = { 0 };
                pthread_t threads[2 * N];
                size_t n = 2000 / (size_t)test_slowness(), n_got = 0, sum = 0;
                beam_receiver *rx;
                beam_sender *tx;

                assert_eq(beam_pipe(depth, &tx, &rx), 0);
                for (size_t i = 0; i < N; i++) {
                        assert_eq(beam_sender_dup(tx, &producers[i].tx), 0);
                        assert_eq(beam_receiver_dup(rx, &workers[i].rx), 0);
                        producers[i].n = n;
                        producers[i].first = i * n;
                }
                beam_sender_close(tx);
                beam_receiver_close(rx);
                for (size_t i = 0; i < N; i++) {
                        assert_eq(pthread_create(&threads[i], NULL, recv_all, &workers[i]), 0);
                        assert_eq(pthread_create(&threads[N + i], NULL, send_all, &producers[i]),
                                  0);
                }
                for (size_t i = 0; i < 2 * N; i++)
                        pthread_join(threads[i], NULL);
                for (size_t i = 0; i < N; i++) {
                        assert_eq(producers[i].r, 0);
                        assert_eq(workers[i].r, 0);
                        n_got += workers[i].n_got;
                        sum += workers[i].sum;
                }
                assert_eq(n_got, N * n);
                assert_eq(sum, N * n * (N * n - 1) / 2);
        }
}

/* watching */

static int n_posted;

static void on_port(post *p) {
        (void)p;
        n_posted++;
}

static bool was_posted(void) {
        n_posted = 0;
        loop_turn(loop_get(), 0);
        return n_posted > 0;
}

TEST(a_watch_is_posted_when_a_receive_would_not_wait) {
        chan_pipe *p;
        port by;

        assert_eq(pipe_new(2, &p), 0);
        port_init(&by, loop_get(), false, on_port);
        pipe_watch(p, &by);
        assert_false(was_posted());
        assert_eq(put(p, 1), 0);
        assert_true(was_posted());
        assert_eq(put(p, 2), 0);
        assert_false(was_posted()); /* once, until it watches again */
        pipe_watch(p, &by);
        assert_true(was_posted());
        take(p, 1);
        take(p, 2);
        pipe_watch(p, &by);
        pipe_tx_close(p, NULL, 0, NULL);
        assert_true(was_posted());
        pipe_unwatch(p, &by);
        pipe_rx_close(p, NULL, 0, NULL);
}
