/* SPDX-License-Identifier: Apache-2.0 */
/* Receivers that would lie behind themselves. That nothing is left of the others, when
 * all is let go of, the runner sees. */
#include "lodge.h"

#include "test.h"

#include <errno.h>
#include <pthread.h>

#include "end.h"
#include "help.h"

static int send_receiver(beam_sender *tx, beam_receiver *rx, int64_t deadline) {
        beam_msg *msg;
        int r;

        assert_eq(beam_msg_new(NULL, 0, &msg), 0);
        assert_eq(beam_msg_put_receiver(msg, rx), 0);
        r = beam_send(tx, msg, deadline);
        if (r < 0) {
                assert_true(beam_msg_take_receiver(msg, 0) == rx);
                beam_msg_free(msg);
        }
        return r;
}

static beam_receiver *take_receiver(beam_receiver *from) {
        beam_receiver *rx;
        beam_msg *msg;

        assert_r(beam_recv(from, &msg, BEAM_NOW), 1);
        rx = beam_msg_take_receiver(msg, 0);
        assert_not_null(rx);
        beam_msg_free(msg);
        return rx;
}

TEST(into_its_own_channel) {
        for (size_t depth = 0; depth < 3; depth++) {
                beam_receiver *rx, *twin;
                beam_sender *tx;

                assert_eq(beam_pipe(depth, &tx, &rx), 0);
                assert_r(send_receiver(tx, rx, BEAM_FOREVER), -ELOOP);
                assert_eq(beam_receiver_dup(rx, &twin), 0);
                assert_r(send_receiver(tx, twin, BEAM_FOREVER), -ELOOP);
                beam_receiver_close(twin);
                beam_sender_close(tx);
                beam_receiver_close(rx);
        }
}

TEST(a_copy_into_itself) {
        beam_receiver *rx, *twin;
        beam_sender *tx;
        beam_msg *msg;

        assert_eq(beam_pipe(1, &tx, &rx), 0);
        assert_eq(beam_receiver_dup(rx, &twin), 0);
        assert_eq(beam_msg_new(NULL, 0, &msg), 0);
        assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
        assert_r(beam_copy(rx, tx, NULL, BEAM_FOREVER), -ELOOP);
        assert_r(beam_copy(twin, tx, NULL, BEAM_FOREVER), -ELOOP);
        beam_receiver_close(twin);
        beam_receiver_close(rx);
        beam_sender_close(tx);
}

TEST(into_one_that_lies_in_it) {
        enum { N = 5 };
        beam_receiver *rx[N];
        beam_sender *tx[N];

        for (size_t n = 2; n <= N; n++) {
                for (size_t i = 0; i < n; i++)
                        assert_eq(beam_pipe(2, &tx[i], &rx[i]), 0);
                /* the first in the second, that in the third, and so on */
                for (size_t i = 0; i + 1 < n; i++)
                        assert_r(send_receiver(tx[i + 1], rx[i], BEAM_NOW), 0);
                for (size_t i = 0; i < n; i++)
                        assert_r(send_receiver(tx[i], rx[n - 1], BEAM_FOREVER), -ELOOP);

                /* once it has been taken out nothing lies in it */
                if (n == 2) {
                        rx[0] = take_receiver(rx[1]);
                        assert_r(send_receiver(tx[0], rx[1], BEAM_NOW), 0);
                        beam_receiver_close(rx[0]);
                } else
                        beam_receiver_close(rx[n - 1]);
                for (size_t i = 0; i < n; i++)
                        beam_sender_close(tx[i]);
        }
}

/* It is enough that one of several handles lies there: the others may be closed. */
TEST(by_way_of_a_twin) {
        beam_receiver *a, *b, *twin;
        beam_sender *to_a, *to_b;

        assert_eq(beam_pipe(2, &to_a, &a), 0);
        assert_eq(beam_pipe(2, &to_b, &b), 0);
        assert_eq(beam_receiver_dup(a, &twin), 0);
        assert_r(send_receiver(to_b, twin, BEAM_NOW), 0);
        assert_r(send_receiver(to_a, b, BEAM_NOW), -ELOOP);
        beam_receiver_close(a);
        beam_receiver_close(b);
        beam_sender_close(to_a);
        beam_sender_close(to_b);
}

TEST(a_choice_is_told) {
        beam_receiver *a, *b;
        beam_sender *to_a, *to_b;
        beam_arm arms[1];

        assert_eq(beam_pipe(1, &to_a, &a), 0);
        assert_eq(beam_pipe(1, &to_b, &b), 0);
        assert_r(send_receiver(to_a, b, BEAM_NOW), 0);
        arms[0] = (beam_arm){ .tx = to_b };
        assert_eq(beam_msg_new(NULL, 0, &arms[0].msg), 0);
        assert_ok(beam_msg_put_receiver(arms[0].msg, a));
        assert_eq(beam_select(arms, 1, BEAM_FOREVER), 0);
        assert_r(arms[0].r, -ELOOP);
        beam_msg_free(arms[0].msg);
        beam_sender_close(to_a);
        beam_sender_close(to_b);
}

typedef struct waiting {
        beam_sender *tx;
        beam_receiver *rx;
        int r;
} waiting;

static void *send_and_wait(void *arg) {
        waiting *w = arg;

        w->r = send_receiver(w->tx, w->rx, BEAM_FOREVER);
        return NULL;
}

static int is_waited_for(void *arg) {
        chan_pipe *p = arg;
        bool waited;

        lock_take(&p->guard);
        waited = !list_is_empty(&p->tx.waiters);
        lock_give(&p->guard);
        return waited;
}

/* There was no way round when the send began to wait, and there is when it goes on. */
TEST(a_send_that_waited_is_told) {
        beam_receiver *a, *b, *twin;
        beam_sender *to_a, *to_b;
        pthread_t thread;
        beam_msg *msg;
        waiting w;

        assert_eq(beam_pipe(1, &to_a, &a), 0);
        assert_eq(beam_pipe(1, &to_b, &b), 0);
        assert_eq(beam_receiver_dup(b, &twin), 0);
        assert_eq(beam_msg_new(NULL, 0, &msg), 0);
        assert_eq(beam_send(to_b, msg, BEAM_NOW), 0);
        w = (waiting){ .tx = to_b, .rx = a };
        assert_eq(pthread_create(&thread, NULL, send_and_wait, &w), 0);
        test_until(is_waited_for, to_b->pipe);

        assert_r(send_receiver(to_a, b, BEAM_NOW), 0);
        assert_r(beam_recv(twin, &msg, BEAM_NOW), 1);
        beam_msg_free(msg);
        assert_eq(pthread_join(thread, NULL), 0);
        assert_r(w.r, -ELOOP);
        beam_receiver_close(twin);
        beam_receiver_close(a);
        beam_sender_close(to_a);
        beam_sender_close(to_b);
}

/* Whatever was let in goes when it is let go of. */
TEST(any_order) {
        enum { N = 6, N_ROUNDS = 200, N_ACTS = 40 };

        for (int round = 0; round < N_ROUNDS; round++) {
                beam_receiver *rx[2 * N] = { NULL };
                beam_sender *tx[N] = { NULL };

                for (size_t i = 0; i < N; i++)
                        assert_eq(beam_pipe(1 + test_random() % 3, &tx[i], &rx[i]), 0);
                for (int act = 0; act < N_ACTS; act++) {
                        beam_receiver **at = &rx[test_random() % n_of(rx)];
                        beam_receiver **other = &rx[test_random() % n_of(rx)];
                        beam_msg *msg;
                        int r;

                        if (!*at)
                                continue;
                        switch (test_random() % 4) {
                        case 0:
                        case 1:
                                r = send_receiver(tx[test_random() % N], *at, BEAM_NOW);
                                assert_true(r == 0 || r == -ELOOP || r == -ETIMEDOUT ||
                                            r == -EPIPE);
                                if (r == 0)
                                        *at = NULL;
                                break;
                        case 2:
                                if (!*other && beam_recv(*at, &msg, BEAM_NOW) == 1) {
                                        *other = beam_msg_take_receiver(msg, 0);
                                        beam_msg_free(msg);
                                }
                                break;
                        case 3:
                                if (!*other)
                                        assert_eq(beam_receiver_dup(*at, other), 0);
                                break;
                        }
                }
                for (size_t i = 0; i < n_of(rx); i++)
                        beam_receiver_close(rx[i]);
                for (size_t i = 0; i < N; i++)
                        beam_sender_close(tx[i]);
        }
}
