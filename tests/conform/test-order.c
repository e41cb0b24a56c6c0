/* SPDX-License-Identifier: Apache-2.0 */
/* Messages arrive whole, in order, once, and with all that was said of them. */
#include "talk.h"

#include <stdio.h>
#include <string.h>

LAW(one_message, 0) {
        channel(t, A, B, 4, 0);
        assert_r(send_text(t, A, 0, "hello", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "hello");
}

LAW(both_ways_and_both_openers, 0) {
        channel(t, A, B, 2, 0);
        channel(t, B, A, 2, 1);
        channel_back(t, A, B, 2, 2);
        channel_back(t, B, A, 2, 3);
        for (int i = 0; i < 4; i++) {
                int from = i % 2 ? B : A, to = i % 2 ? A : B;
                char text[8];

                snprintf(text, sizeof(text), "%d", i);
                assert_r(send_text(t, from, i, text, LONG), 0);
                assert_r(recv_text(t, to, i, LONG), 1);
                assert_str(talk_text(t), text);
        }
}

LAW(order_within_the_depth, 0) {
        channel(t, A, B, 16, 0);
        for (int round = 0; round < 4; round++) {
                char text[16];

                for (int i = 0; i < 16; i++) {
                        snprintf(text, sizeof(text), "%d.%d", round, i);
                        assert_r(send_text(t, A, 0, text, LONG), 0);
                }
                for (int i = 0; i < 16; i++) {
                        snprintf(text, sizeof(text), "%d.%d", round, i);
                        assert_r(recv_text(t, B, 0, LONG), 1);
                        assert_str(talk_text(t), text);
                }
        }
}

enum { N_STREAMED = 2000 };

static void step_send_numbers(side *s, call *c) {
        beam_msg *msg = NULL;

        for (uint32_t i = 0; i < N_STREAMED; i++) {
                c->r = beam_msg_new(&i, sizeof(i), &msg);
                if (c->r >= 0)
                        c->r = beam_send(s->tx[c->n[0]], msg, until(LONG));
                if (c->r < 0) {
                        beam_msg_free(msg);
                        return;
                }
        }
        s->tx[c->n[0]] = beam_sender_close(s->tx[c->n[0]]);
}

static void step_recv_numbers(side *s, call *c) {
        beam_msg *msg = NULL;
        uint32_t got, i = 0;

        while ((c->r = beam_recv(s->rx[c->n[0]], &msg, until(LONG))) > 0) {
                size_t n;
                const void *p = beam_msg_data(msg, &n);

                assert_eq(n, sizeof(got));
                memcpy(&got, p, sizeof(got));
                assert_eq(got, i);
                i++;
                beam_msg_free(msg);
        }
        c->n[1] = i;
}

static void numbers(talk *t, size_t depth) {
        channel(t, A, B, depth, 0);
        later(t);
        at(t, A, step_send_numbers, NULL);
        assert_r(at(t, B, step_recv_numbers, NULL), 0);
        assert_eq(talk_value(t, 1), N_STREAMED);
        assert_r(finish(t, A), 0);
}

LAW(order_at_full_speed, LAW_TWO) {
        numbers(t, 64);
}

LAW(order_at_depth_1, LAW_TWO) {
        numbers(t, 1);
}

LAW(order_at_depth_0, LAW_TWO | LAW_FEW) {
        numbers(t, 0);
}

LAW(order_in_both_directions_at_once, LAW_TWO) {
        channel(t, A, B, 8, 0);
        channel(t, B, A, 8, 1);
        later(t);
        at(t, A, step_send_numbers, &(call){ .n = { 0 } });
        assert_r(at(t, B, step_recv_numbers, &(call){ .n = { 0 } }), 0);
        assert_r(finish(t, A), 0);
        later(t);
        at(t, B, step_send_numbers, &(call){ .n = { 1 } });
        assert_r(at(t, A, step_recv_numbers, &(call){ .n = { 1 } }), 0);
        assert_r(finish(t, B), 0);
}

LAW(sizes, 0) {
        static const size_t sizes[] = { 0,      1,      2,       11,      12,     63,
                                        64,     1012,   1024,    4095,    4096,   16383,
                                        65523,  65524,  65535,   65536,   65537,  99999,
                                        131072, 262144, 1000000, 1 << 20, 3 << 20 };

        channel(t, A, B, 1, 0);
        for (size_t i = 0; i < n_of(sizes); i++) {
                assert_ok(msg_sized(t, A, 0, sizes[i], i));
                assert_r(send_msg(t, A, 0, 0, LONG), 0);
                assert_r(recv_msg(t, B, 0, 0, LONG), 1);
                assert_eq(talk_value(t, 3), sizes[i]);
                assert_true(check_msg(t, B, 0, sizes[i], i));
                assert_r(free_msg(t, B, 0), 0);
        }
}

LAW(label_travels, 0) {
        call c = { .n = { 0, -1 }, .n_text = 2, .text = "{}", .label = "application/json" };

        channel(t, A, B, 1, 0);
        assert_ok(at(t, A, step_msg, &c));
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_out(t)->label, "application/json");

        memset(c.label, 'x', BEAM_LABEL_MAX);
        assert_ok(at(t, A, step_msg, &c));
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_eq(strlen(talk_out(t)->label), BEAM_LABEL_MAX);

        assert_r(send_text(t, A, 0, "", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_out(t)->label, "");
}

LAW(deadline_travels_and_shrinks, 0) {
        call c = { .n = { 0, 100 * BEAM_SECOND } };

        channel(t, A, B, 2, 0);
        assert_ok(at(t, A, step_msg, &c));
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_lt(talk_value(t, 5), 100 * BEAM_SECOND);
        assert_gt(talk_value(t, 5), 40 * BEAM_SECOND);

        /* None is none, and one that has passed arrives as passed. */
        assert_r(send_text(t, A, 0, "", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_true(talk_value(t, 5) == BEAM_FOREVER);
        c.n[1] = 0;
        assert_ok(at(t, A, step_msg, &c));
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_le(talk_value(t, 5), 0);
}

static _Atomic int n_released;

static void released(void *arg) {
        *(uint8_t *)arg = 0;
        n_released++;
}

static void step_send_wrapped(side *s, call *c) {
        static uint8_t bytes[100000];
        beam_msg *msg = NULL;

        pattern_fill(bytes, sizeof(bytes), 7, 0);
        assert_ok(beam_msg_wrap(bytes, sizeof(bytes), released, bytes, &msg));
        assert_null(beam_msg_buffer(msg));
        assert_r(beam_send(s->tx[0], msg, until(LONG)), 0);
        assert_r(beam_sender_drain(s->tx[0], until(LONG)), 0);
        while (!n_released)
                assert_ok(beam_loop_dispatch());
        assert_eq(n_released, 1);
        c->r = 0;
}

LAW(wrapped_bytes, LAW_TWO | LAW_NET | LAW_FEW) {
        channel(t, A, B, 1, 0);
        later(t);
        at(t, A, step_send_wrapped, NULL);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_true(check_msg(t, B, 0, 100000, 7));
        assert_r(finish(t, A), 0);
}

LAW(channels_do_not_wait_for_each_other, 0) {
        channel(t, A, B, 1, 0);
        channel(t, A, B, 1, 1);
        assert_r(send_text(t, A, 0, "stuck", LONG), 0);
        assert_r(send_text(t, A, 0, "more", NOW), -ETIMEDOUT);
        assert_r(send_text(t, A, 1, "free", LONG), 0);
        assert_r(recv_text(t, B, 1, LONG), 1);
        assert_str(talk_text(t), "free");
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "stuck");
}

LAW(services_are_seen_in_order, LAW_DIRECT) {
        for (int i = 0; i < 3; i++) {
                call c = { .n = { i, 1, 0, LONG } };

                snprintf(c.text, sizeof(c.text), "service/%d", i);
                assert_r(at(t, A,
                            i == 1   ? step_open_stream
                            : i == 2 ? step_open_rx
                                     : step_open,
                            &c),
                         0);
        }
        for (int i = 0; i < 3; i++) {
                static const beam_kind kinds[] = { BEAM_RECEIVER, BEAM_STREAM, BEAM_SENDER };
                char name[16];

                assert_r(at(t, B, step_accept, &(call){ .n = { i, LONG } }), 1);
                snprintf(name, sizeof(name), "service/%d", i);
                assert_str(talk_text(t), name);
                assert_eq(talk_value(t, 3), kinds[i]);
        }
}

LAW(service_names_at_their_limits, LAW_DIRECT) {
        call c = { .n = { 0, 1, 0, LONG } };

        assert_r(at(t, A, step_open, &c), 0);
        assert_r(at(t, B, step_accept, &(call){ .n = { 0, LONG } }), 1);
        assert_str(talk_text(t), "");

        memset(c.text, 'n', 255);
        c.n[0] = 1;
        assert_r(at(t, A, step_open, &c), 0);
        assert_r(at(t, B, step_accept, &(call){ .n = { 1, LONG } }), 1);
        assert_str(talk_text(t), c.text);

        memset(c.text, 'n', 256);
        c.n[0] = 2;
        assert_r(at(t, A, step_open, &c), -EINVAL);
}

LAW(sent_before_accepted, LAW_DIRECT) {
        call c = { .n = { 0, 4, 0, LONG }, .text = "law" };

        assert_r(at(t, A, step_open, &c), 0);
        assert_r(send_text(t, A, 0, "early", LONG), 0);
        assert_r(close_tx(t, A, 0), 0);
        assert_r(at(t, B, step_accept, &(call){ .n = { 0, LONG } }), 1);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "early");
        assert_r(recv_text(t, B, 0, LONG), 0);
}
