/* SPDX-License-Identifier: Apache-2.0 */
/* Inlets and outlets, at one pipe. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/mem.h"
#include "end.h"
#include "help.h"
#include "test-numbered.h"

static const size_t depths[] = { 1, 2, 3, 7, 64 };

static int push(inlet *in, size_t n) {
        beam_msg *msg = numbered(n);
        int r = inlet_push(in, msg);

        if (r < 0)
                beam_msg_free(msg);
        return r;
}

static void pull(outlet *out, size_t n) {
        beam_msg *msg;

        assert_r(outlet_pull(out, &msg), 1);
        assert_eq(number_of(msg), n);
}

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

static void inlet_at(inlet *in, chan_pipe *p) {
        *in = (inlet){ 0 };
        port_init(&in->port, loop_get(), false, on_port);
        assert_eq(inlet_init(in, p), 0);
        inlet_open(in);
}

static void outlet_at(outlet *out, chan_pipe *p) {
        *out = (outlet){ 0 };
        port_init(&out->port, loop_get(), false, on_port);
        outlet_open(out, p);
}

/* outlets */

TEST(pulled_is_not_taken_before_its_ack) {
        for (size_t d = 0; d < n_of(depths); d++) {
                size_t depth = depths[d], n = 0;
                beam_msg *msg;
                chan_pipe *p;
                outlet out;

                assert_eq(pipe_new(depth, &p), 0);
                outlet_at(&out, p);
                assert_r(outlet_pull(&out, &msg), -EAGAIN);
                for (size_t round = 0; round < 3; round++) {
                        for (size_t i = 0; i < depth; i++)
                                assert_eq(put(p, n + i), 0);
                        assert_true(was_posted());
                        for (size_t i = 0; i < depth; i++) {
                                pull(&out, n + i);
                                assert_r(put(p, 0), -EAGAIN);
                        }
                        assert_r(outlet_pull(&out, &msg), -EAGAIN);
                        outlet_ack(&out, depth);
                        n += depth;
                }
                pipe_tx_close(p, NULL, 0, NULL);
                assert_true(was_posted());
                assert_r(outlet_pull(&out, &msg), 0);
                outlet_close(&out, NULL, 0, NULL, 0);
        }
}

/* Without depth each acknowledgement is for the outlet's own. */
TEST(outlets_acknowledge_their_own) {
        waitset sets[2] = { { .chosen = WAIT_OPEN, .loop = loop_get() },
                            { .chosen = WAIT_OPEN, .loop = loop_get() } };
        waiter w[2] = { { .set = &sets[0], .msg = numbered(0) },
                        { .set = &sets[1], .msg = numbered(1) } };
        outlet out[2];
        loop *poke;
        chan_pipe *p;

        assert_eq(pipe_new(0, &p), 0);
        pipe_rx_dup(p);
        for (int i = 0; i < 2; i++) {
                outlet_at(&out[i], p);
                list_init(&w[i].node);
                lock_take(&p->guard);
                assert_r(pipe_put_or_wait(p, &w[i], &poke), -EAGAIN);
                lock_give(&p->guard);
        }
        pull(&out[0], 0);
        pull(&out[1], 1);
        outlet_ack(&out[1], 1);
        assert_false(w[0].done);
        assert_true(w[1].done && w[1].r == 0);
        outlet_close(&out[0], NULL, BEAM_CODE_LOST, NULL, 0);
        assert_true(w[0].done);
        assert_r(w[0].r, -ECONNRESET);
        outlet_close(&out[1], NULL, 0, NULL, 0);
        pipe_tx_close(p, NULL, 0, NULL);
        for (int i = 0; i < 2; i++)
                beam_msg_free(w[i].msg);
}

/* inlets */

TEST(push_hears_what_was_taken) {
        chan_pipe *p;
        inlet in;

        assert_eq(pipe_new(4, &p), 0);
        inlet_at(&in, p);
        for (size_t i = 0; i < 4; i++)
                assert_eq(push(&in, i), 0);
        assert_eq(inlet_taken(&in, true), 0);
        take(p, 0);
        assert_true(was_posted());
        assert_eq(inlet_taken(&in, false), 1);
        take(p, 1);
        assert_false(was_posted()); /* at half, since not soon */
        take(p, 2);
        assert_true(was_posted());
        assert_eq(inlet_taken(&in, false), 2);
        assert_r(inlet_left(&in), -EAGAIN);
        pipe_rx_close(p, NULL, 300, "no more");
        assert_true(was_posted());
        assert_eq(inlet_taken(&in, false), 0); /* the last was left */
        assert_r(inlet_left(&in), -EPIPE);
        inlet_close(&in, NULL, 0, NULL);
}

/* For one message more than there is room it waits in line; the next is refused. */
TEST(push_waits_in_line) {
        for (size_t d = 0; d < n_of(depths); d++) {
                size_t depth = depths[d];
                chan_pipe *p;
                inlet in;

                assert_eq(pipe_new(depth, &p), 0);
                for (size_t i = 0; i < depth; i++)
                        assert_eq(put(p, i), 0);
                inlet_at(&in, p);
                assert_eq(push(&in, depth), 0);
                assert_false(inlet_is_wanted(&in));
                assert_r(push(&in, 0), -EAGAIN);
                assert_false(was_posted());
                take(p, 0);
                assert_true(was_posted());
                assert_true(inlet_is_wanted(&in));
                assert_eq(push(&in, depth + 1), 0);
                for (size_t i = 1; i < depth + 2; i++) {
                        assert_eq(inlet_taken(&in, true), 0 + (i > depth));
                        take(p, i);
                }
                assert_eq(inlet_taken(&in, true), 1);
                inlet_close(&in, NULL, 0, NULL);
                pipe_rx_close(p, NULL, 0, NULL);
        }
}

TEST(what_waits_in_line_is_closed_with_either_end) {
        for (size_t depth = 0; depth < 2; depth++)
                for (int first = 0; first < 2; first++) {
                        chan_pipe *p;
                        inlet in;

                        assert_eq(pipe_new(depth, &p), 0);
                        for (size_t i = 0; i < depth; i++)
                                assert_eq(put(p, i), 0);
                        inlet_at(&in, p);
                        assert_eq(push(&in, depth), 0);
                        if (first) {
                                inlet_close(&in, NULL, 0, NULL);
                                pipe_rx_close(p, NULL, 0, NULL);
                                continue;
                        }
                        pipe_rx_close(p, NULL, 0, NULL);
                        assert_true(was_posted());
                        assert_eq(inlet_taken(&in, true), 0);
                        assert_r(inlet_left(&in), -EPIPE);
                        inlet_close(&in, NULL, 0, NULL);
                }
}

/* What other handles send is not the inlet's to be told of, nor what other inlets push,
 * in whatever order they come. */
TEST(each_counts_its_own) {
        enum { N = 3 };
        for (size_t d = 0; d < n_of(depths); d++) {
                size_t depth = depths[d], n_put = 0, n_taken = 0, of[64 + 1];
                size_t n_told[N + 1] = { 0 }, n_due[N + 1] = { 0 };
                chan_pipe *p;
                inlet in[N];

                assert_eq(pipe_new(depth, &p), 0);
                for (int i = 0; i < N; i++)
                        pipe_tx_dup(p);
                for (int i = 0; i < N; i++)
                        inlet_at(&in[i], p);
                for (size_t step = 0; step < 2000; step++) {
                        size_t who = loop_random(loop_get()) % (N + 1);

                        if (n_put - n_taken < depth && loop_random(loop_get()) % 2) {
                                of[n_put % depth] = who;
                                assert_eq(who < N ? push(&in[who], n_put) : put(p, n_put), 0);
                                n_put++;
                        } else if (n_taken < n_put) {
                                n_due[of[n_taken % depth]]++;
                                take(p, n_taken++);
                        }
                        if (who < N && loop_random(loop_get()) % 2) {
                                n_told[who] += inlet_taken(&in[who], step % 2);
                                assert_eq(n_told[who], n_due[who]);
                        }
                }
                for (int i = 0; i < N; i++) {
                        n_told[i] += inlet_taken(&in[i], true);
                        assert_eq(n_told[i], n_due[i]);
                        inlet_close(&in[i], NULL, 0, NULL);
                }
                pipe_tx_close(p, NULL, 0, NULL);
                pipe_rx_close(p, NULL, 0, NULL);
        }
}

/* Those that wait are served in turn, and each is posted for its own only. */
TEST(they_wait_in_turn) {
        chan_pipe *p;
        inlet a, b;

        assert_eq(pipe_new(2, &p), 0);
        pipe_tx_dup(p);
        inlet_at(&a, p);
        inlet_at(&b, p);
        assert_eq(push(&a, 0), 0);
        assert_eq(push(&a, 1), 0);
        assert_eq(push(&a, 2), 0);
        assert_eq(push(&b, 3), 0);
        assert_r(push(&a, 0), -EAGAIN);
        assert_r(push(&b, 0), -EAGAIN);
        take(p, 0);
        assert_eq(push(&a, 4), 0);
        assert_r(push(&b, 0), -EAGAIN);
        for (size_t i = 1; i < 5; i++)
                take(p, i);
        assert_eq(inlet_taken(&a, true), 4);
        assert_eq(inlet_taken(&b, true), 1);
        inlet_close(&a, NULL, 0, NULL);
        inlet_close(&b, NULL, 0, NULL);
        pipe_rx_close(p, NULL, 0, NULL);
}

/* The reason is that of whoever ends last, though it may have been told before. */
TEST(the_last_to_end_says_why) {
        beam_msg *msg;
        chan_pipe *p;
        inlet a, b;

        assert_eq(pipe_new(2, &p), 0);
        pipe_tx_dup(p);
        inlet_at(&a, p);
        inlet_at(&b, p);
        assert_eq(push(&a, 0), 0);
        inlet_end(&a, NULL, BEAM_CODE_LOST, NULL, 0);
        assert_eq(push(&b, 1), 0);
        take(p, 0);
        take(p, 1);
        assert_r(pipe_take(p, &msg), -EAGAIN);
        inlet_end(&b, NULL, 300, "last", 0);
        assert_r(pipe_take(p, &msg), -EPIPE);
        assert_str(p->tx.text, "last");
        inlet_close(&b, NULL, 0, NULL);
        inlet_close(&a, NULL, 0, NULL);
        pipe_rx_close(p, NULL, 0, NULL);
}

/* both, without depth */

TEST(without_depth_between_both) {
        beam_msg *msg;
        chan_pipe *p;
        inlet in;
        outlet out;

        assert_eq(pipe_new(0, &p), 0);
        inlet_at(&in, p);
        outlet_at(&out, p);
        assert_false(inlet_is_wanted(&in));
        assert_r(outlet_pull(&out, &msg), -EAGAIN);
        assert_true(was_posted()); /* a receive waits */
        assert_true(inlet_is_wanted(&in));
        assert_eq(push(&in, 7), 0);
        assert_true(was_posted());
        assert_false(inlet_is_wanted(&in));
        assert_eq(inlet_taken(&in, true), 0);
        pull(&out, 7);
        assert_eq(inlet_taken(&in, true), 0);
        outlet_ack(&out, 1);
        assert_true(was_posted());
        assert_eq(inlet_taken(&in, true), 1);
        inlet_close(&in, NULL, 0, NULL);
        outlet_close(&out, NULL, 0, NULL, 0);
}

/* Two and two: whoever goes takes only its own with it. */
TEST(without_depth_one_of_several_goes) {
        chan_pipe *p;
        inlet in[2];
        outlet out[2];

        assert_eq(pipe_new(0, &p), 0);
        pipe_tx_dup(p);
        pipe_rx_dup(p);
        for (int i = 0; i < 2; i++) {
                inlet_at(&in[i], p);
                outlet_at(&out[i], p);
        }
        for (size_t i = 0; i < 2; i++) {
                assert_eq(push(&in[i], i), 0);
                pull(&out[i], i);
        }
        outlet_close(&out[0], NULL, BEAM_CODE_LOST, NULL, 0);
        assert_eq(inlet_taken(&in[0], true), 0);
        assert_r(inlet_left(&in[0]), -ECONNRESET);
        assert_r(inlet_left(&in[1]), -EAGAIN);
        inlet_close(&in[0], NULL, 0, NULL);
        outlet_ack(&out[1], 1);
        assert_eq(inlet_taken(&in[1], true), 1);
        assert_eq(push(&in[1], 3), 0);
        inlet_close(&in[1], NULL, 0, NULL);
        outlet_close(&out[1], NULL, 0, NULL, 0);
}

/* closing in the midst of it */

typedef struct held {
        beam_sender *tx;
        beam_receiver *rx;
} held;

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
        beam_receiver_close(((held *)arg)->rx);
        return NULL;
}

static void *give_guard(void *arg) {
        test_until(main_thread_sleeps, NULL);
        lock_give(&((held *)arg)->tx->pipe->guard);
        return NULL;
}

/* The receiver goes in the midst of a count: what it swept is not taken. The guard is
 * held for it, so that it stands before the count in the queue. */
TEST(swept_is_not_taken) {
        for (size_t d = 0; d < n_of(depths); d++) {
                pthread_t closing, giving;
                size_t n_taken;
                chan_pipe *p;
                held j = { 0 };
                inlet in;

                assert_eq(beam_pipe(depths[d], &j.tx, &j.rx), 0);
                p = j.tx->pipe;
                inlet_at(&in, p);
                for (size_t k = 0; k < depths[d]; k++)
                        assert_eq(push(&in, k), 0);
                lock_take(&p->guard);
                assert_eq(pthread_create(&closing, NULL, close_receiver, &j), 0);
                test_until(waits_for_guard, p);
                assert_eq(pthread_create(&giving, NULL, give_guard, &j), 0);
                n_taken = inlet_taken(&in, true);
                pthread_join(giving, NULL);
                pthread_join(closing, NULL);
                assert_eq(n_taken, 0);
                assert_eq(inlet_taken(&in, true), 0);
                assert_r(inlet_left(&in), -EPIPE);
                inlet_close(&in, NULL, 0, NULL);
                mem_free(j.tx);
        }
}

static void *take_all(void *arg) {
        beam_receiver *rx = arg;
        beam_msg *msg;

        while (beam_recv(rx, &msg, test_deadline()) == 1)
                beam_msg_free(msg);
        beam_receiver_close(rx);
        return NULL;
}

/* Each inlet hears of all that it pushed, while another thread takes it. */
TEST(inlets_and_a_thread) {
        enum { N = 3 };
        for (size_t depth = 0; depth < 9; depth = 2 * depth + 1) {
                size_t n = 1000 / (size_t)test_slowness(), n_pushed[N] = { 0 }, n_told[N] = { 0 };
                size_t n_over = 0;
                beam_receiver *rx;
                beam_sender *tx;
                pthread_t thread;
                chan_pipe *p;
                inlet in[N];

                assert_eq(beam_pipe(depth, &tx, &rx), 0);
                p = tx->pipe;
                for (int i = 1; i < N; i++)
                        pipe_tx_dup(p);
                for (int i = 0; i < N; i++)
                        inlet_at(&in[i], p);
                loop_get()->n_foreign++;
                assert_eq(pthread_create(&thread, NULL, take_all, rx), 0);
                while (n_over < N) {
                        n_over = 0;
                        for (int i = 0; i < N; i++) {
                                while (n_pushed[i] < n && inlet_is_wanted(&in[i]) &&
                                       push(&in[i], 0) == 0)
                                        n_pushed[i]++;
                                n_told[i] += inlet_taken(&in[i], n_pushed[i] == n);
                                n_over += n_told[i] == n;
                        }
                        if (n_over < N)
                                loop_turn(loop_get(), test_deadline());
                        assert_lt(beam_now(), test_deadline());
                }
                loop_get()->n_foreign--;
                for (int i = 0; i < N; i++)
                        inlet_close(&in[i], NULL, 0, NULL);
                pthread_join(thread, NULL);
                mem_free(tx);
        }
}
