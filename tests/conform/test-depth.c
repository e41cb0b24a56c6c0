/* SPDX-License-Identifier: Apache-2.0 */
/* How much may lie between the two ends: as much as was asked for, and nothing at 0. */
#include "talk.h"

#include <string.h>

static void exactly(talk *t, int slot, int depth) {
        for (int i = 0; i < depth; i++)
                assert_r(send_text(t, A, slot, "in", NOW), 0);
        assert_r(send_text(t, A, slot, "over", NOW), -ETIMEDOUT);
        assert_r(send_text(t, A, slot, "over", SHORT), -ETIMEDOUT);

        /* Each one taken makes room for one. */
        assert_r(recv_text(t, B, slot, LONG), 1);
        assert_r(send_text(t, A, slot, "in", LONG), 0);
        assert_r(send_text(t, A, slot, "over", SHORT), -ETIMEDOUT);
        for (int i = 0; i < depth; i++) {
                assert_r(recv_text(t, B, slot, LONG), 1);
                assert_str(talk_text(t), "in");
        }
        assert_r(recv_text(t, B, slot, NOW), -ETIMEDOUT);
}

LAW(exactly_the_depth, 0) {
        static const int depths[] = { 1, 2, 3, 8, 100 };

        for (int i = 0; i < (int)n_of(depths); i++) {
                channel(t, A, B, (size_t)depths[i], i);
                exactly(t, i, depths[i]);
        }
}

LAW(exactly_the_depth_opened_by_the_receiver, 0) {
        static const int depths[] = { 1, 5 };

        for (int i = 0; i < (int)n_of(depths); i++) {
                channel_back(t, A, B, (size_t)depths[i], i);
                /* The end that was accepted may be sent into at once. */
                exactly(t, i, depths[i]);
        }
}

/* A receive that gives up can not take back over a link that it waited: what comes
 * for it then lies there for the next one, and its sender knows only that it left. */
static void after_a_lost_want(talk *t, int slot, const char *text) {
        int r = send_text(t, A, slot, text, SHORT);

        if (r == -EINPROGRESS && strncmp(talk_what(t)->name, "mem/", 4)) {
                assert_r(recv_text(t, B, slot, LONG), 1);
                assert_str(talk_text(t), text);
                r = send_text(t, A, slot, text, SHORT);
        }
        assert_r(r, -ETIMEDOUT);
        assert_r(recv_text(t, B, slot, NOW), -ETIMEDOUT);
}

LAW(depth_0_without_a_receiver, 0) {
        channel(t, A, B, 0, 0);
        assert_r(send_text(t, A, 0, "x", NOW), -ETIMEDOUT);
        assert_r(send_text(t, A, 0, "x", SHORT), -ETIMEDOUT);
        assert_r(recv_text(t, B, 0, NOW), -ETIMEDOUT);
        assert_r(send_text(t, A, 0, "x", SHORT), -ETIMEDOUT);
        assert_r(recv_text(t, B, 0, SHORT), -ETIMEDOUT);
        after_a_lost_want(t, 0, "x");
}

LAW(depth_0_send_waits_for_the_receive, LAW_TWO) {
        channel(t, A, B, 0, 0);
        for (int i = 0; i < 3; i++) {
                later(t);
                send_text(t, A, 0, "met", LONG);
                blocked(t, A);
                assert_r(recv_text(t, B, 0, LONG), 1);
                assert_str(talk_text(t), "met");
                assert_r(finish(t, A), 0);
        }
}

LAW(depth_0_receive_waits_for_the_send, LAW_TWO) {
        channel(t, A, B, 0, 0);
        for (int i = 0; i < 3; i++) {
                later(t);
                recv_text(t, B, 0, LONG);
                blocked(t, B);
                assert_r(send_text(t, A, 0, "met", LONG), 0);
                assert_r(finish(t, B), 1);
                assert_str(talk_text(t), "met");
        }
}

/* A send that has not been taken has not succeeded, whatever the wire has done. */
LAW(depth_0_never_succeeds_unreceived, LAW_TWO) {
        channel(t, A, B, 0, 0);
        later(t);
        send_text(t, A, 0, "x", LONG);
        blocked(t, A);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(finish(t, A), -EPIPE);
}

/* A receiver that waits tells the sender so; once it has been met, the next send
 * finds nobody again. */
LAW(depth_0_met_once, LAW_TWO) {
        channel(t, A, B, 0, 0);
        later(t);
        recv_text(t, B, 0, LONG);
        blocked(t, B);
        assert_r(send_text(t, A, 0, "first", LONG), 0);
        assert_r(finish(t, B), 1);
        assert_r(send_text(t, A, 0, "second", SHORT), -ETIMEDOUT);
        assert_r(recv_text(t, B, 0, NOW), -ETIMEDOUT);
}

static void step_select_recv(side *s, call *c) {
        beam_arm arms[2] = { { .rx = s->rx[0] }, { .rx = s->rx[1] } };

        c->n[2] = beam_select(arms, 2, until(c->n[1]));
        c->r = c->n[2] < 0 ? (int)c->n[2] : arms[c->n[2]].r;
        if (c->r > 0)
                s->msg[0] = arms[c->n[2]].msg;
}

static void step_select_send(side *s, call *c) {
        beam_arm arms[2] = { { .tx = s->tx[0] }, { .tx = s->tx[1] } };

        assert_ok(beam_msg_new("a", 1, &arms[0].msg));
        assert_ok(beam_msg_new("b", 1, &arms[1].msg));
        c->n[2] = beam_select(arms, 2, until(c->n[1]));
        c->r = c->n[2] < 0 ? (int)c->n[2] : arms[c->n[2]].r;
        for (int i = 0; i < 2; i++)
                if (c->r < 0 || c->n[2] != i)
                        beam_msg_free(arms[i].msg);
}

LAW(depth_0_select_to_receive, LAW_TWO) {
        channel(t, A, B, 0, 0);
        channel(t, A, B, 0, 1);
        for (int i = 0; i < 4; i++) {
                later(t);
                at(t, B, step_select_recv, &(call){ .n = { 0, LONG } });
                blocked(t, B);
                assert_r(send_text(t, A, i % 2, "met", LONG), 0);
                assert_r(finish(t, B), 1);
                assert_eq(talk_value(t, 2), i % 2);
                assert_r(free_msg(t, B, 0), 0);
                /* The arm that was not chosen waits for nobody any more. */
                after_a_lost_want(t, 1 - i % 2, "x");
        }
}

LAW(depth_0_select_to_send, LAW_TWO) {
        channel(t, A, B, 0, 0);
        channel(t, A, B, 0, 1);
        for (int i = 0; i < 4; i++) {
                later(t);
                at(t, A, step_select_send, &(call){ .n = { 0, LONG } });
                blocked(t, A);
                assert_r(recv_text(t, B, i % 2, LONG), 1);
                assert_str(talk_text(t), i % 2 ? "b" : "a");
                assert_r(finish(t, A), 0);
                assert_eq(talk_value(t, 2), i % 2);
                assert_r(recv_text(t, B, 1 - i % 2, NOW), -ETIMEDOUT);
        }
}

LAW(depth_0_select_on_both_sides, LAW_TWO) {
        channel(t, A, B, 0, 0);
        channel(t, A, B, 0, 1);
        for (int i = 0; i < 20; i++) {
                later(t);
                at(t, A, step_select_send, &(call){ .n = { 0, LONG } });
                assert_r(at(t, B, step_select_recv, &(call){ .n = { 0, LONG } }), 1);
                int64_t arm = talk_value(t, 2);
                assert_r(free_msg(t, B, 0), 0);
                assert_r(finish(t, A), 0);
                assert_eq(talk_value(t, 2), arm);
        }
        assert_r(at(t, B, step_select_recv, &(call){ .n = { 0, NOW } }), -ETIMEDOUT);
}

LAW(full_sender_waits_for_room, LAW_TWO) {
        channel(t, A, B, 2, 0);
        assert_r(send_text(t, A, 0, "1", LONG), 0);
        assert_r(send_text(t, A, 0, "2", LONG), 0);
        later(t);
        send_text(t, A, 0, "3", LONG);
        blocked(t, A);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(finish(t, A), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "3");
}

LAW(drain_tells_what_was_taken, 0) {
        channel(t, A, B, 2, 0);
        assert_r(drain_tx(t, A, 0, NOW), 0);
        assert_r(send_text(t, A, 0, "1", LONG), 0);
        assert_r(send_text(t, A, 0, "2", LONG), 0);
        assert_r(drain_tx(t, A, 0, NOW), -ETIMEDOUT);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(drain_tx(t, A, 0, SHORT), -ETIMEDOUT);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(drain_tx(t, A, 0, LONG), 0);

        assert_r(send_text(t, A, 0, "3", LONG), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(drain_tx(t, A, 0, LONG), -EPIPE);
}

LAW(drain_waits, LAW_TWO) {
        channel(t, A, B, 2, 0);
        assert_r(send_text(t, A, 0, "1", LONG), 0);
        later(t);
        drain_tx(t, A, 0, LONG);
        blocked(t, A);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(finish(t, A), 0);
}

LAW(too_deep, LAW_DIRECT) {
        call c = { .n = { 0, (int64_t)BEAM_DEPTH_MAX + 1, 0, LONG }, .text = "law" };

        assert_r(pipe_at(t, A, BEAM_DEPTH_MAX + 1, 0), -EINVAL);
        assert_r(at(t, A, step_open, &c), -EINVAL);
        assert_r(at(t, A, step_open_rx, &c), -EINVAL);
        c.n[1] = (int64_t)BEAM_DEPTH_MAX;
        assert_r(at(t, A, step_open, &c), 0);
}
