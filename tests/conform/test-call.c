/* SPDX-License-Identifier: Apache-2.0 */
/* Question and answer, and copying. */
#include "talk.h"

#include <stdio.h>
#include <string.h>

/* Slot, wait; the text goes and comes; n[2]: whether it left. */
static void step_call(side *s, call *c) {
        beam_msg *msg = NULL, *answer = NULL;
        int left = -1;

        assert_ok(beam_msg_new(c->text, c->n_text, &msg));
        c->r = beam_call(s->tx[c->n[0]], msg, &answer, &left, until(c->n[1]));
        c->n[2] = left;
        if (c->r < 0) {
                if (!left)
                        beam_msg_free(msg);
                return;
        }

        size_t n;
        const void *p = beam_msg_data(answer, &n);
        assert_lt(n, TEXT_SIZE);
        memcpy(c->text, p, n);
        c->text[n] = 0;
        beam_msg_free(answer);
}

static int call_at(talk *t, int who, int slot, const char *text, int64_t wait) {
        call c = { .n = { slot, wait }, .n_text = strlen(text) };

        strcpy(c.text, text);
        return at(t, who, step_call, &c);
}

/* Answers @n[1] questions from slot 0 with themselves in brackets. */
static void step_answer(side *s, call *c) {
        for (int64_t i = 0; i < c->n[1]; i++) {
                beam_msg *msg = NULL, *answer = NULL;
                char text[TEXT_SIZE];
                size_t n;

                c->r = beam_recv(s->rx[c->n[0]], &msg, until(LONG));
                assert_r(c->r, 1);
                const char *p = beam_msg_data(msg, &n);
                c->n[2] = beam_msg_deadline(msg) == BEAM_FOREVER;
                int n_text = snprintf(text, sizeof(text), "[%.*s]", (int)n, p);
                assert_ok(beam_msg_new(text, (size_t)n_text, &answer));
                assert_r(beam_reply(msg, answer, until(LONG)), 0);
                beam_msg_free(msg);
        }
        c->r = 0;
}

LAW(call_is_answered, LAW_TWO) {
        channel(t, A, B, 4, 0);
        later(t);
        at(t, B, step_answer, &(call){ .n = { 0, 50 } });
        for (int i = 0; i < 50; i++) {
                char text[16], want[16];

                snprintf(text, sizeof(text), "%d", i);
                snprintf(want, sizeof(want), "[%d]", i);
                assert_r(call_at(t, A, 0, text, LONG), 0);
                assert_str(talk_text(t), want);
                assert_eq(talk_value(t, 2), 1);
        }
        assert_r(finish(t, B), 0);
        assert_eq(talk_value(t, 2), 0); /* the deadline came along */
}

LAW(call_at_depth_0, LAW_TWO) {
        channel(t, A, B, 0, 0);
        later(t);
        at(t, B, step_answer, &(call){ .n = { 0, 10 } });
        for (int i = 0; i < 10; i++) {
                assert_r(call_at(t, A, 0, "q", LONG), 0);
                assert_str(talk_text(t), "[q]");
        }
        assert_r(finish(t, B), 0);
}

LAW(call_without_an_answer, LAW_TWO) {
        channel(t, A, B, 1, 0);
        later(t);
        call_at(t, A, 0, "q", LONG);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_r(free_msg(t, B, 0), 0);
        assert_r(finish(t, A), -EPIPE);
        assert_eq(talk_value(t, 2), 1);
}

LAW(call_never_leaves, 0) {
        channel(t, A, B, 1, 0);
        assert_r(send_text(t, A, 0, "fills it", LONG), 0);
        assert_r(call_at(t, A, 0, "q", SHORT), -ETIMEDOUT);
        assert_eq(talk_value(t, 2), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(call_at(t, A, 0, "q", LONG), -EPIPE);
        assert_eq(talk_value(t, 2), 0);
}

LAW(call_times_out_after_leaving, 0) {
        channel(t, A, B, 1, 0);
        assert_r(call_at(t, A, 0, "q", SHORT), -ETIMEDOUT);
        assert_eq(talk_value(t, 2), 1);
        /* Whoever gets it then finds nobody who wants the answer. */
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_lt(talk_value(t, 5), SHORT); /* over, but for what the way has added */
        assert_r(take(t, B, 0, 0, BEAM_SENDER, 1), 0);
        int r = send_text(t, B, 1, "late", LONG);
        assert_r(r == 0 ? drain_tx(t, B, 1, LONG) : r, -EPIPE);
}

LAW(call_and_the_link_goes, LAW_TWO | LAW_DIRECT) {
        channel(t, A, B, 1, 0);
        later(t);
        call_at(t, A, 0, "q", LONG);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_r(session_close(t, B), 0);
        assert_r(finish(t, A), -ECONNRESET);
        assert_eq(talk_value(t, 2), 1);
        assert_r(call_at(t, A, 0, "q", LONG), -ENOTCONN);
        assert_eq(talk_value(t, 2), 0);
}

static void step_reply_to_plain(side *s, call *c) {
        beam_msg *answer = NULL;

        assert_ok(beam_msg_new("a", 1, &answer));
        c->r = beam_reply(s->msg[0], answer, until(NOW));
        beam_msg_free(answer);
}

LAW(no_way_back, LAW_FEW) {
        channel(t, A, B, 1, 0);
        assert_r(send_text(t, A, 0, "no question", LONG), 0);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_r(at(t, B, step_reply_to_plain, NULL), -ENOENT);
}

/* An answer that is large waits in the session, not in the call. */
static void step_reply_large(side *s, call *c) {
        beam_msg *answer = NULL;

        assert_ok(beam_msg_new(NULL, (size_t)c->n[1], &answer));
        pattern_fill(beam_msg_buffer(answer), (size_t)c->n[1], 5, 0);
        c->r = beam_reply(s->msg[0], answer, until(NOW));
        s->msg[0] = beam_msg_free(s->msg[0]);
}

static void step_call_large(side *s, call *c) {
        beam_msg *msg = NULL, *answer = NULL;
        size_t n;

        assert_ok(beam_msg_new("q", 1, &msg));
        c->r = beam_call(s->tx[0], msg, &answer, NULL, until(LONG));
        if (c->r < 0)
                return;
        const void *p = beam_msg_data(answer, &n);
        c->r = n == (size_t)c->n[1] && pattern_is(p, n, 5, 0);
        beam_msg_free(answer);
}

LAW(large_answer_at_once, LAW_TWO | LAW_FEW) {
        channel(t, A, B, 1, 0);
        later(t);
        at(t, A, step_call_large, &(call){ .n = { 0, 10 << 20 } });
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_r(at(t, B, step_reply_large, &(call){ .n = { 0, 10 << 20 } }), 0);
        assert_r(finish(t, A), 1);
}

LAW(copy_to_the_end, LAW_TWO) {
        channel(t, A, B, 4, 0);
        channel(t, B, A, 4, 1);
        later(t);
        at(t, B, step_copy, &(call){ .n = { 0, 1, LONG } });
        for (int i = 0; i < 20; i++) {
                assert_r(send_text(t, A, 0, "round", LONG), 0);
                assert_r(recv_text(t, A, 1, LONG), 1);
        }
        assert_r(close_tx(t, A, 0), 0);
        assert_r(finish(t, B), 0);
        assert_eq(talk_value(t, 3), 20);
        /* Both ends stayed with their owner. */
        assert_r(send_text(t, B, 1, "still", LONG), 0);
        assert_r(recv_text(t, A, 1, LONG), 1);
}

LAW(copy_tells_who_failed, LAW_TWO) {
        channel(t, A, B, 4, 0);
        channel(t, B, A, 4, 1);
        assert_r(fail_tx(t, A, 0, BEAM_CODE_USER, "x"), 0);
        assert_r(at(t, B, step_copy, &(call){ .n = { 0, 1, LONG } }), -EPIPE);
        assert_r(reason_rx(t, B, 0), 1);

        channel(t, A, B, 6, 2);
        assert_r(at(t, B, step_copy, &(call){ .n = { 2, 1, SHORT } }), -ETIMEDOUT);
        assert_r(close_rx(t, A, 1), 0);
        later(t);
        at(t, B, step_copy, &(call){ .n = { 2, 1, LONG } });
        /* It is noticed with a message in hand, once the word of it has come: at the latest
         * with one more than there is room for. */
        for (int i = 0; i < 5; i++)
                assert_r(send_text(t, A, 2, "x", LONG), 0);
        assert_r(finish(t, B), -EPIPE);
}
