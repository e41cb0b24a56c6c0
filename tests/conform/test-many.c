/* SPDX-License-Identifier: Apache-2.0 */
/* Many channels: open together, one after another, inside messages, abandoned. */
#include "help.h"
#include "talk.h"

#include <stdlib.h>

enum { MANY = 10000, PACK = 500 };

static int64_t many(int64_t n) {
        return n / test_slowness();
}

/* Opens n[0] channels, sends a message on each, keeps them. */
static void step_open_many(side *s, call *c) {
        beam_sender **tx = calloc((size_t)c->n[0], sizeof(*tx));
        beam_msg *msg = NULL;

        assert_not_null(tx);
        s->own = tx;
        for (int64_t i = 0; i < c->n[0]; i++) {
                c->r = beam_session_open(s->s, "many", 1, &tx[i], until(LONG));
                assert_r(c->r, 0);
                assert_ok(beam_msg_new(&i, sizeof(i), &msg));
                assert_r(beam_send(tx[i], msg, until(LONG)), 0);
        }
}

static void step_accept_many(side *s, call *c) {
        beam_receiver **rx = calloc((size_t)c->n[0], sizeof(*rx));
        beam_msg *msg = NULL;

        assert_not_null(rx);
        s->own = rx;
        for (int64_t i = 0; i < c->n[0]; i++) {
                assert_r(beam_session_accept(s->s, &msg, until(LONG)), 1);
                assert_not_null(rx[i] = beam_msg_take_receiver(msg, 0));
                beam_msg_free(msg);
        }
        for (int64_t i = 0; i < c->n[0]; i++) {
                size_t n;

                assert_r(beam_recv(rx[i], &msg, until(LONG)), 1);
                assert_eq(*(const int64_t *)beam_msg_data(msg, &n), i);
                beam_msg_free(msg);
        }
        c->r = 0;
}

static void step_close_many_tx(side *s, call *c) {
        beam_sender **tx = s->own;

        for (int64_t i = 0; i < c->n[0]; i++)
                beam_sender_close(tx[i]);
        free(tx);
        s->own = NULL;
        c->r = 0;
}

static void step_close_many_rx(side *s, call *c) {
        beam_receiver **rx = s->own;
        beam_msg *msg;

        for (int64_t i = 0; i < c->n[0]; i++) {
                if (c->n[1])
                        assert_r(beam_recv(rx[i], &msg, until(LONG)), 0);
                beam_receiver_close(rx[i]);
        }
        free(rx);
        s->own = NULL;
        c->r = 0;
}

LAW(many_open_at_once, LAW_DIRECT) {
        call c = { .n = { many(MANY) } };

        for (int round = 0; round < 2; round++) {
                /* In one thread the other side's loop must move on to give credit. */
                assert_r(at(t, A, step_open_many, &c), 0);
                assert_r(at(t, B, step_accept_many, &c), 0);
                if (round) {
                        assert_r(at(t, B, step_close_many_rx, &c), 0);
                        assert_r(at(t, A, step_close_many_tx, &c), 0);
                } else {
                        assert_r(at(t, A, step_close_many_tx, &c), 0);
                        c.n[1] = 1;
                        assert_r(at(t, B, step_close_many_rx, &c), 0);
                        c.n[1] = 0;
                }
        }
        assert_r(session_state(t, A), 0);
        for (int who = A; who <= B; who++)
                assert_r(at(t, who, step_ping, &(call){ .n = { LONG } }), 0);
}

LAW(many_open_when_the_session_closes, LAW_DIRECT | LAW_FEW) {
        call c = { .n = { many(MANY) } };

        assert_r(at(t, A, step_open_many, &c), 0);
        assert_r(at(t, B, step_accept_many, &c), 0);
        assert_r(session_close(t, A), 0);
        assert_r(at(t, A, step_close_many_tx, &c), 0);
        assert_r(at(t, B, step_close_many_rx, &c), 0);
}

LAW(many_never_accepted, LAW_DIRECT | LAW_FEW) {
        call c = { .n = { many(MANY) } };

        assert_r(at(t, A, step_open_many, &c), 0);
        assert_r(at(t, A, step_close_many_tx, &c), 0);
        assert_r(session_close(t, B), 0);
}

/* n[0] channels inside messages of PACK each; their receivers stay here. */
static void step_pack_many(side *s, call *c) {
        beam_receiver **rx = calloc((size_t)c->n[0], sizeof(*rx));
        beam_msg *msg = NULL;
        beam_sender *tx;

        assert_not_null(rx);
        s->own = rx;
        for (int64_t i = 0; i < c->n[0]; i++) {
                if (!msg)
                        assert_ok(beam_msg_new("", 0, &msg));
                assert_r(beam_pipe(1, &tx, &rx[i]), 0);
                assert_ok(beam_msg_put_sender(msg, tx));
                if (beam_msg_things(msg) == PACK || i == c->n[0] - 1) {
                        assert_r(beam_send(s->tx[0], msg, until(LONG)), 0);
                        msg = NULL;
                }
        }
        c->r = 0;
}

/* Takes all that come, answers on each, or drops them. */
static void step_unpack_many(side *s, call *c) {
        beam_msg *msg = NULL, *answer = NULL;
        int64_t n = 0;

        while (n < c->n[0]) {
                assert_r(beam_recv(s->rx[0], &msg, until(LONG)), 1);
                size_t things = beam_msg_things(msg);

                for (size_t i = 0; i < things && !c->n[1]; i++) {
                        beam_sender *tx = beam_msg_take_sender(msg, i);

                        assert_not_null(tx);
                        int64_t number = n + (int64_t)i;
                        assert_ok(beam_msg_new(&number, sizeof(number), &answer));
                        assert_r(beam_send(tx, answer, until(LONG)), 0);
                        beam_sender_close(tx);
                }
                n += (int64_t)things;
                beam_msg_free(msg);
        }
        c->r = 0;
}

static void step_answers_of_many(side *s, call *c) {
        beam_receiver **rx = s->own;
        beam_msg *msg = NULL;
        size_t n;

        for (int64_t i = 0; i < c->n[0]; i++) {
                if (c->n[1]) {
                        assert_r(beam_recv(rx[i], &msg, until(LONG)), -EPIPE);
                } else {
                        assert_r(beam_recv(rx[i], &msg, until(LONG)), 1);
                        assert_eq(*(const int64_t *)beam_msg_data(msg, &n), i);
                        beam_msg_free(msg);
                        assert_r(beam_recv(rx[i], &msg, until(LONG)), 0);
                }
                beam_receiver_close(rx[i]);
        }
        free(rx);
        s->own = NULL;
        c->r = 0;
}

LAW(many_inside_messages, 0) {
        call c = { .n = { many(MANY), 0 } };

        channel(t, A, B, 64, 0);
        for (c.n[1] = 0; c.n[1] < 2; c.n[1]++) {
                assert_r(at(t, A, step_pack_many, &c), 0);
                assert_r(at(t, B, step_unpack_many, &c), 0);
                assert_r(at(t, A, step_answers_of_many, &c), 0);
        }
}

/* More, one after another, than may be open at once: each is given back. */
static void step_open_and_close(side *s, call *c) {
        for (int64_t i = 0; i < c->n[0]; i++) {
                beam_sender *tx = NULL;
                beam_msg *msg = NULL;

                c->r = beam_session_open(s->s, "short", 1, &tx, until(LONG));
                assert_r(c->r, 0);
                if (i % 3 == 0) {
                        assert_ok(beam_msg_new("x", 1, &msg));
                        int r = beam_send(tx, msg, until(LONG));
                        if (r < 0) {
                                assert_r(r, -EPIPE); /* dropped already */
                                beam_msg_free(msg);
                        }
                }
                beam_sender_close(tx);
        }
}

static void step_accept_and_close(side *s, call *c) {
        for (int64_t i = 0; i < c->n[0]; i++) {
                beam_msg *msg = NULL, *got = NULL;

                assert_r(beam_session_accept(s->s, &msg, until(LONG)), 1);
                if (i % 3 == 1) { /* else it is dropped with its message */
                        beam_receiver *rx = beam_msg_take_receiver(msg, 0);

                        assert_r(beam_recv(rx, &got, until(LONG)), 0);
                        beam_receiver_close(rx);
                }
                beam_msg_free(msg);
        }
        c->r = 0;
}

LAW(many_one_after_another, LAW_TWO | LAW_DIRECT | LAW_FEW) {
        call c = { .n = { many(100000) } };

        later(t);
        at(t, A, step_open_and_close, &c);
        assert_r(at(t, B, step_accept_and_close, &c), 0);
        assert_r(finish(t, A), 0);
}

LAW(many_one_after_another_within_a_small_limit, LAW_TWO | LAW_DIRECT, .max_channels = 3) {
        call c = { .n = { many(3000) } };

        later(t);
        at(t, A, step_open_and_close, &c);
        assert_r(at(t, B, step_accept_and_close, &c), 0);
        assert_r(finish(t, A), 0);
}

/* Fresh ways back, each abandoned in another way. */
static void step_ask_and_abandon(side *s, call *c) {
        for (int64_t i = 0; i < c->n[0]; i++) {
                beam_sender *back = NULL;
                beam_receiver *rx = NULL;
                beam_msg *msg = NULL;

                assert_r(beam_pipe(1, &back, &rx), 0);
                assert_ok(beam_msg_new("?", 1, &msg));
                assert_ok(beam_msg_put_sender(msg, back));
                assert_r(beam_send(s->tx[0], msg, until(LONG)), 0);
                if (i % 4 == 3) {
                        int r = beam_recv(rx, &msg, until(LONG));

                        assert_true(r == 1 || r == -EPIPE);
                        if (r == 1)
                                beam_msg_free(msg);
                }
                beam_receiver_close(rx);
        }
        s->tx[0] = beam_sender_close(s->tx[0]);
        c->r = 0;
}

static void step_answer_or_not(side *s, call *c) {
        beam_msg *msg = NULL, *answer = NULL;
        int64_t n = 0;
        int r;

        while ((r = beam_recv(s->rx[0], &msg, until(LONG))) > 0) {
                if (n++ % 2) {
                        assert_ok(beam_msg_new("!", 1, &answer));
                        if (beam_reply(msg, answer, until(LONG)) < 0)
                                beam_msg_free(answer);
                }
                beam_msg_free(msg);
        }
        assert_r(r, 0);
        assert_eq(n, c->n[0]);
        c->r = 0;
}

LAW(many_abandoned, LAW_TWO, .max_channels = 64) {
        call c = { .n = { many(5000) } };

        channel(t, A, B, 8, 0);
        later(t);
        at(t, A, step_ask_and_abandon, &c);
        assert_r(at(t, B, step_answer_or_not, &c), 0);
        assert_r(finish(t, A), 0);
}
