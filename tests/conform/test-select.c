/* SPDX-License-Identifier: Apache-2.0 */
/* Choice: exactly one arm, any that could go, over ends of whatever kind. */
#include "talk.h"

#include <string.h>

/* n[0] arms that receive from slots 0.., for n[1]; out: n[2] the arm, r its result. */
static void step_select(side *s, call *c) {
        beam_arm arms[N_SLOTS];

        for (int64_t i = 0; i < c->n[0]; i++)
                arms[i] = (beam_arm){ .rx = s->rx[i] };
        c->n[2] = beam_select(arms, (size_t)c->n[0], until(c->n[1]));
        c->r = c->n[2] < 0 ? (int)c->n[2] : arms[c->n[2]].r;
        for (int64_t i = 0; i < c->n[0]; i++)
                if (arms[i].msg) {
                        assert_eq(i, c->n[2]);
                        beam_msg_free(arms[i].msg);
                }
}

static int choose(talk *t, int who, int n, int64_t wait) {
        return at(t, who, step_select, &(call){ .n = { n, wait } });
}

LAW(select_takes_the_ready_one, 0) {
        for (int i = 0; i < 3; i++)
                channel(t, A, B, 1, i);
        assert_r(pipe_at(t, B, 1, 3), 0);
        assert_r(choose(t, B, 4, NOW), -ETIMEDOUT);
        for (int i = 0; i < 4; i++) {
                assert_r(send_text(t, i < 3 ? A : B, i, "x", LONG), 0);
                assert_r(choose(t, B, 4, LONG), 1);
                assert_eq(talk_value(t, 2), i);
        }
        assert_r(choose(t, B, 4, SHORT), -ETIMEDOUT);
}

LAW(select_waits_over_a_mixture, LAW_TWO) {
        for (int i = 0; i < 3; i++)
                channel(t, A, B, 1, i);
        assert_r(pipe_at(t, B, 1, 3), 0);
        for (int i = 0; i < 3; i++) {
                later(t);
                choose(t, B, 4, LONG);
                blocked(t, B);
                assert_r(send_text(t, A, i, "x", LONG), 0);
                assert_r(finish(t, B), 1);
                assert_eq(talk_value(t, 2), i);
        }
}

LAW(select_tells_of_ends, 0) {
        for (int i = 0; i < 3; i++)
                channel(t, A, B, 1, i);
        assert_r(close_tx(t, A, 1), 0);
        assert_r(choose(t, B, 3, LONG), 0);
        assert_eq(talk_value(t, 2), 1);
        assert_r(close_rx(t, B, 1), 0);
        /* An arm with neither is never chosen. */
        assert_r(choose(t, B, 3, SHORT), -ETIMEDOUT);
        assert_r(fail_tx(t, A, 2, BEAM_CODE_USER, ""), 0);
        assert_r(choose(t, B, 3, LONG), -EPIPE);
        assert_eq(talk_value(t, 2), 2);
}

LAW(select_of_nothing, LAW_FEW) {
        assert_r(choose(t, A, 0, NOW), -ETIMEDOUT);
        assert_r(choose(t, A, 3, SHORT), -ETIMEDOUT);
}

/* Many rounds with all of them ready: each arm has its chance. */
static void step_select_fairly(side *s, call *c) {
        int counts[4] = { 0 };

        memset(c->n, 0, sizeof(c->n));
        for (int i = 0; i < 400; i++) {
                beam_arm arms[4] = { { .rx = s->rx[0] },
                                     { .rx = s->rx[1] },
                                     { .rx = s->rx[2] },
                                     { .rx = s->rx[3] } };
                int r = beam_select(arms, 4, until(LONG));

                assert_ok(r);
                assert_r(arms[r].r, 1);
                beam_msg_free(arms[r].msg);
                counts[r]++;
        }
        for (int i = 0; i < 4; i++)
                c->n[i] = counts[i];
        c->r = 0;
}

LAW(select_is_fair, LAW_FEW | LAW_DIRECT | LAW_PLAIN) {
        for (int i = 0; i < 4; i++) {
                channel(t, A, B, 400, i);
                for (int k = 0; k < 400; k++)
                        assert_r(send_text(t, A, i, "x", LONG), 0);
        }
        /* All of it is there once the answer to a ping is. */
        assert_r(at(t, A, step_ping, &(call){ .n = { LONG } }), 0);
        assert_r(at(t, B, step_select_fairly, NULL), 0);
        for (int i = 0; i < 4; i++)
                assert_gt(talk_value(t, i), 400 / 4 / 4);
}

/* Sends and receives mixed: whatever can go goes, and only that. */
static void step_select_mixed(side *s, call *c) {
        beam_arm arms[2] = { { .tx = s->tx[0] }, { .rx = s->rx[1] } };

        assert_ok(beam_msg_new("out", 3, &arms[0].msg));
        beam_msg *out = arms[0].msg;
        c->n[2] = beam_select(arms, 2, until(c->n[1]));
        c->r = c->n[2] < 0 ? (int)c->n[2] : arms[c->n[2]].r;
        if (c->n[2] != 0 || c->r < 0)
                beam_msg_free(out);
        if (c->n[2] == 1 && c->r > 0)
                beam_msg_free(arms[1].msg);
}

LAW(select_mixed, 0) {
        channel(t, A, B, 1, 0);
        channel(t, B, A, 1, 1);
        call now = { .n = { 0, NOW } }, wait = { .n = { 0, LONG } };

        assert_r(at(t, A, step_select_mixed, &now), 0);
        assert_eq(talk_value(t, 2), 0);
        assert_r(at(t, A, step_select_mixed, &now), -ETIMEDOUT);
        assert_r(send_text(t, B, 1, "in", LONG), 0);
        assert_r(at(t, A, step_select_mixed, &wait), 1);
        assert_eq(talk_value(t, 2), 1);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(at(t, A, step_select_mixed, &wait), 0);
        assert_eq(talk_value(t, 2), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(at(t, A, step_select_mixed, &wait), -EPIPE);
        assert_eq(talk_value(t, 2), 0);
}

LAW(select_mixed_waits_for_room, LAW_TWO) {
        channel(t, A, B, 1, 0);
        channel(t, B, A, 1, 1);
        assert_r(send_text(t, A, 0, "fills it", LONG), 0);
        later(t);
        at(t, A, step_select_mixed, &(call){ .n = { 0, LONG } });
        blocked(t, A);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(finish(t, A), 0);
        assert_eq(talk_value(t, 2), 0);
}
