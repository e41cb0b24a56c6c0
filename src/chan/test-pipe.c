/* SPDX-License-Identifier: Apache-2.0 */
#include "pipe.h"

#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "end.h"
#include "help.h"

static const size_t depths[] = { 1, 2, 3, 7, 64 };

static beam_msg *numbered(size_t n) {
        beam_msg *msg;

        assert_eq(beam_msg_new(&n, sizeof(n), &msg), 0);
        return msg;
}

static size_t number_of(beam_msg *msg) {
        size_t n;

        memcpy(&n, beam_msg_data(msg, NULL), sizeof(n));
        beam_msg_free(msg);
        return n;
}

static int put(chan_pipe *p, size_t n) {
        beam_msg *msg = numbered(n);
        int r = pipe_put(p, msg);

        if (r < 0)
                beam_msg_free(msg);
        return r;
}

static void take(chan_pipe *p, size_t n) {
        beam_msg *msg;

        assert_r(pipe_take(p, &msg), 1);
        assert_eq(number_of(msg), n);
}

static void close_both(chan_pipe *p) {
        pipe_tx_close(p, 0, NULL);
        pipe_rx_close(p, 0, NULL);
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
        pipe_tx_close(p, BEAM_CODE_USER, "why");
        take(p, 1);
        assert_r(pipe_take(p, &msg), -EPIPE);
        assert_str(p->tx_text, "why");
        pipe_rx_close(p, 0, NULL);

        assert_eq(pipe_new(2, &p), 0);
        pipe_tx_close(p, 0, NULL);
        assert_r(pipe_take(p, &msg), 0);
        assert_r(pipe_take(p, &msg), 0);
        pipe_rx_close(p, 0, NULL);

        assert_eq(pipe_new(2, &p), 0);
        assert_eq(put(p, 1), 0);
        pipe_rx_close(p, BEAM_CODE_LOST, NULL);
        assert_r(put(p, 2), -ENOTCONN);
        assert_r(pipe_is_left(p), -ENOTCONN);
        assert_true(p->left);
        pipe_tx_close(p, 0, NULL);
}

TEST(cut) {
        beam_msg *msg;
        chan_pipe *p;

        assert_eq(pipe_new(2, &p), 0);
        assert_eq(put(p, 1), 0);
        pipe_cut(p, -ECANCELED);
        assert_r(put(p, 2), -ECANCELED);
        take(p, 1); /* what lay in the ring */
        assert_r(pipe_take(p, &msg), -ECANCELED);
        close_both(p);

        assert_eq(pipe_new(0, &p), 0);
        pipe_cut(p, -ECONNRESET);
        assert_r(put(p, 2), -ENOTCONN);
        assert_r(pipe_take(p, &msg), -ECONNRESET);
        close_both(p);
}

TEST(handles_end_with_the_last) {
        beam_msg *msg;
        chan_pipe *p;

        assert_eq(pipe_new(1, &p), 0);
        pipe_tx_dup(p);
        pipe_rx_dup(p);
        pipe_tx_close(p, 300, "not the last");
        assert_eq(put(p, 1), 0);
        pipe_rx_close(p, 300, "not the last");
        take(p, 1);
        pipe_tx_close(p, 0, NULL);
        assert_r(pipe_take(p, &msg), 0);
        pipe_rx_close(p, 0, NULL);
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

/* ports */

static int n_posted;

static void on_port(post *p) {
        (void)p;
        n_posted++;
}

static void port_init(port *by) {
        *by = (port){ 0 };
        post_init(&by->post, loop_get(), false, on_port);
        list_init(&by->node);
}

static bool was_posted(void) {
        n_posted = 0;
        loop_turn(loop_get(), 0);
        return n_posted > 0;
}

TEST(pulled_is_not_taken_before_its_ack) {
        for (size_t d = 0; d < n_of(depths); d++) {
                size_t depth = depths[d], n = 0;
                beam_msg *msg;
                chan_pipe *p;
                port by;

                assert_eq(pipe_new(depth, &p), 0);
                port_init(&by);
                pipe_rx_adopt(p, &by);
                assert_r(pipe_pull(p, &by, &msg), -EAGAIN);
                for (size_t round = 0; round < 3; round++) {
                        for (size_t i = 0; i < depth; i++)
                                assert_eq(put(p, n + i), 0);
                        assert_true(was_posted());
                        for (size_t i = 0; i < depth; i++) {
                                assert_r(pipe_pull(p, &by, &msg), 1);
                                assert_eq(number_of(msg), n + i);
                                assert_r(put(p, 0), -EAGAIN);
                        }
                        assert_r(pipe_pull(p, &by, &msg), -EAGAIN);
                        pipe_ack(p, depth, 0);
                        n += depth;
                }
                pipe_tx_close(p, 0, NULL);
                assert_true(was_posted());
                assert_r(pipe_pull(p, &by, &msg), 0);
                pipe_rx_unwatch(p, &by);
                pipe_rx_close(p, 0, NULL);
        }
}

TEST(push_hears_what_was_taken) {
        chan_pipe *p;
        port by;

        assert_eq(pipe_new(4, &p), 0);
        port_init(&by);
        pipe_tx_adopt(p, &by);
        for (size_t i = 0; i < 4; i++)
                assert_eq(pipe_push(p, numbered(i)), 0);
        assert_eq(pipe_pushed_taken(p, true), 0);
        take(p, 0);
        assert_true(was_posted());
        assert_eq(pipe_pushed_taken(p, false), 1);
        take(p, 1);
        assert_false(was_posted()); /* at half, since not soon */
        take(p, 2);
        assert_true(was_posted());
        assert_eq(pipe_pushed_taken(p, false), 2);
        assert_r(pipe_is_left(p), -EAGAIN);
        pipe_rx_close(p, 300, "no more");
        assert_true(was_posted());
        assert_eq(pipe_pushed_taken(p, false), 0); /* the last was left */
        assert_r(pipe_is_left(p), -EPIPE);
        pipe_tx_unadopt(p);
        pipe_tx_close(p, 0, NULL);
}

static int waits_for_guard(void *pipe) {
        return atomic_load(&((chan_pipe *)pipe)->guard.state) == 2;
}

static int main_thread_sleeps(void *unused) {
        char path[64], line[256] = "";
        const char *state;
        FILE *f;

        (void)unused;
        snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
        f = fopen(path, "re");
        assert_not_null(f);
        assert_not_null(fgets(line, sizeof(line), f));
        fclose(f);
        state = strrchr(line, ')');
        return state && state[1] && state[2] == 'S';
}

static void *close_receiver(void *arg) {
        beam_receiver_close(((job *)arg)->rx);
        return NULL;
}

static void *give_guard(void *arg) {
        test_until(main_thread_sleeps, NULL);
        lock_give(&((job *)arg)->tx->pipe->guard);
        return NULL;
}

/* The receiver goes in the midst of a count: what it swept is not taken. The guard is
 * held for it, so that it stands before the count in the queue. */
TEST(swept_is_not_taken) {
        for (size_t d = 0; d < n_of(depths); d++) {
                pthread_t closing, giving;
                size_t n_taken;
                chan_pipe *p;
                job j = { 0 };
                port by;

                assert_eq(beam_pipe(depths[d], &j.tx, &j.rx), 0);
                p = j.tx->pipe;
                port_init(&by);
                pipe_tx_adopt(p, &by);
                for (size_t k = 0; k < depths[d]; k++)
                        assert_eq(pipe_push(p, numbered(k)), 0);
                lock_take(&p->guard);
                assert_eq(pthread_create(&closing, NULL, close_receiver, &j), 0);
                test_until(waits_for_guard, p);
                assert_eq(pthread_create(&giving, NULL, give_guard, &j), 0);
                n_taken = pipe_pushed_taken(p, true);
                pthread_join(giving, NULL);
                pthread_join(closing, NULL);
                assert_eq(n_taken, 0);
                assert_eq(pipe_pushed_taken(p, true), 0);
                assert_r(pipe_is_left(p), -EPIPE);
                pipe_tx_unadopt(p);
                beam_sender_close(j.tx);
        }
}

/* It may still be received, but whoever pushed it will not hear of that any more. */
TEST(cut_is_not_taken) {
        chan_pipe *p;
        port by;

        assert_eq(pipe_new(4, &p), 0);
        port_init(&by);
        pipe_tx_adopt(p, &by);
        for (size_t i = 0; i < 3; i++)
                assert_eq(pipe_push(p, numbered(i)), 0);
        take(p, 0);
        pipe_cut(p, -ECONNRESET);
        assert_eq(pipe_pushed_taken(p, true), 1);
        take(p, 1);
        pipe_rx_close(p, 0, NULL);
        assert_eq(pipe_pushed_taken(p, true), 1); /* known after all: one was left */
        assert_r(pipe_is_left(p), -ENOTCONN);
        pipe_tx_unadopt(p);
        pipe_tx_close(p, 0, NULL);
}

/* What other handles send is not the port's to be told of. */
TEST(push_counts_its_own) {
        chan_pipe *p;
        port by;

        assert_eq(pipe_new(4, &p), 0);
        pipe_tx_dup(p);
        port_init(&by);
        pipe_tx_adopt(p, &by);
        assert_eq(put(p, 0), 0);
        assert_eq(pipe_pushed_taken(p, true), 0);
        assert_eq(pipe_push(p, numbered(1)), 0);
        take(p, 0);
        take(p, 1);
        assert_eq(pipe_pushed_taken(p, true), 1);
        pipe_tx_unadopt(p);
        pipe_tx_close(p, 0, NULL);
        close_both(p);
}

TEST(two_ports_without_depth) {
        port from, to;
        beam_msg *msg = numbered(7), *got;
        chan_pipe *p;

        assert_eq(pipe_new(0, &p), 0);
        port_init(&from);
        port_init(&to);
        pipe_tx_adopt(p, &from);
        pipe_rx_adopt(p, &to);
        assert_false(pipe_is_wanted(p));
        assert_r(pipe_push(p, msg), -EAGAIN);
        assert_r(pipe_pull(p, &to, &got), -EAGAIN);
        assert_true(was_posted()); /* a receive waits */
        assert_true(pipe_is_wanted(p));
        assert_eq(pipe_push(p, msg), 0);
        assert_true(was_posted());
        assert_eq(pipe_pushed_taken(p, true), 0);
        assert_r(pipe_pull(p, &to, &got), 1);
        assert_true(got == msg);
        assert_eq(pipe_pushed_taken(p, true), 0);
        pipe_ack(p, 1, 0);
        assert_eq(pipe_pushed_taken(p, true), 1);
        beam_msg_free(got);
        pipe_tx_unadopt(p);
        pipe_rx_unwatch(p, &to);
        close_both(p);
}

TEST(a_watch_is_posted_when_a_receive_would_not_wait) {
        chan_pipe *p;
        port by;

        assert_eq(pipe_new(2, &p), 0);
        port_init(&by);
        pipe_rx_watch(p, &by);
        assert_false(was_posted());
        assert_eq(put(p, 1), 0);
        assert_true(was_posted());
        assert_eq(put(p, 2), 0);
        assert_false(was_posted()); /* once, until it watches again */
        pipe_rx_watch(p, &by);
        assert_true(was_posted());
        take(p, 1);
        take(p, 2);
        pipe_rx_watch(p, &by);
        pipe_tx_close(p, 0, NULL);
        assert_true(was_posted());
        pipe_rx_unwatch(p, &by);
        pipe_rx_close(p, 0, NULL);
}
