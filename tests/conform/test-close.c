/* SPDX-License-Identifier: Apache-2.0 */
/* Ends: in order, with a reason, by dropping; seen from the other side. */
#include "talk.h"

#include <string.h>

LAW(sender_closes_in_order, 0) {
        channel(t, A, B, 2, 0);
        assert_r(send_text(t, A, 0, "last", LONG), 0);
        assert_r(close_tx(t, A, 0), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "last");
        assert_r(recv_text(t, B, 0, LONG), 0);
        assert_r(recv_text(t, B, 0, NOW), 0);
}

LAW(sender_closes_while_the_receiver_waits, LAW_TWO) {
        channel(t, A, B, 0, 0);
        later(t);
        recv_text(t, B, 0, LONG);
        blocked(t, B);
        assert_r(close_tx(t, A, 0), 0);
        assert_r(finish(t, B), 0);
}

LAW(sender_fails_with_a_reason, 0) {
        channel(t, A, B, 2, 0);
        assert_r(send_text(t, A, 0, "before", LONG), 0);
        assert_r(fail_tx(t, A, 0, BEAM_CODE_USER + 7, "out of paper"), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "before");
        assert_r(recv_text(t, B, 0, LONG), -EPIPE);
        assert_r(reason_rx(t, B, 0), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_USER + 7);
        assert_str(talk_text(t), "out of paper");
        assert_r(recv_text(t, B, 0, NOW), -EPIPE);
}

LAW(sender_fails_while_the_receiver_waits, LAW_TWO) {
        channel(t, A, B, 1, 0);
        later(t);
        recv_text(t, B, 0, LONG);
        blocked(t, B);
        assert_r(fail_tx(t, A, 0, BEAM_CODE_CANCELED, NULL), 0);
        assert_r(finish(t, B), -EPIPE);
        assert_r(reason_rx(t, B, 0), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_CANCELED);
        assert_str(talk_text(t), "");
}

LAW(an_end_is_no_reason, 0) {
        channel(t, A, B, 1, 0);
        assert_r(reason_rx(t, B, 0), 0);
        assert_r(reason_tx(t, A, 0), 0);
        assert_r(close_tx(t, A, 0), 0);
        assert_r(recv_text(t, B, 0, LONG), 0);
        assert_r(reason_rx(t, B, 0), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_NONE);
}

/* The sender learns of it without sending: what it asks, a drain, is answered at once. */
LAW(receiver_closes, 0) {
        channel(t, A, B, 2, 0);
        assert_r(send_text(t, A, 0, "unread", LONG), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(drain_tx(t, A, 0, LONG), -EPIPE);
        assert_r(send_text(t, A, 0, "x", LONG), -EPIPE);
        assert_r(reason_tx(t, A, 0), 1);
}

LAW(receiver_fails_with_a_reason, 0) {
        channel(t, A, B, 2, 0);
        assert_r(send_text(t, A, 0, "unread", LONG), 0);
        assert_r(fail_rx(t, B, 0, BEAM_CODE_REFUSED, "not at home"), 0);
        assert_r(drain_tx(t, A, 0, LONG), -EPIPE);
        assert_r(send_text(t, A, 0, "x", NOW), -EPIPE);
        assert_r(reason_tx(t, A, 0), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_REFUSED);
        assert_str(talk_text(t), "not at home");
}

LAW(receiver_closes_while_the_sender_waits, LAW_TWO) {
        for (int depth = 0; depth < 2; depth++) {
                channel(t, A, B, (size_t)depth, depth);
                if (depth)
                        assert_r(send_text(t, A, depth, "fills it", LONG), 0);
                later(t);
                send_text(t, A, depth, "x", LONG);
                blocked(t, A);
                assert_r(fail_rx(t, B, depth, BEAM_CODE_USER, "no more"), 0);
                assert_r(finish(t, A), -EPIPE);
                assert_r(reason_tx(t, A, depth), 1);
                assert_eq(talk_value(t, 1), BEAM_CODE_USER);
                assert_str(talk_text(t), "no more");
        }
}

LAW(long_reasons_are_cut, 0) {
        char text[300];

        memset(text, 'r', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        channel(t, A, B, 2, 0);
        assert_r(fail_tx(t, A, 0, UINT32_MAX, text), 0);
        assert_r(recv_text(t, B, 0, LONG), -EPIPE);
        assert_r(reason_rx(t, B, 0), 1);
        assert_eq(talk_value(t, 1), UINT32_MAX);
        assert_eq(strlen(talk_text(t)), 255);
}

LAW(closing_one_channel_leaves_the_others, 0) {
        channel(t, A, B, 2, 0);
        channel(t, A, B, 2, 1);
        channel(t, B, A, 2, 2);
        assert_r(fail_tx(t, A, 0, BEAM_CODE_USER, "x"), 0);
        assert_r(recv_text(t, B, 0, LONG), -EPIPE);
        assert_r(send_text(t, A, 1, "1", LONG), 0);
        assert_r(send_text(t, B, 2, "2", LONG), 0);
        assert_r(recv_text(t, B, 1, LONG), 1);
        assert_r(recv_text(t, A, 2, LONG), 1);
        assert_r(close_rx(t, B, 1), 0);
        assert_r(send_text(t, B, 2, "3", LONG), 0);
        assert_r(recv_text(t, A, 2, LONG), 1);
}

/* Three outcomes of a send: */
LAW(never_sent, 0) {
        channel(t, A, B, 1, 0);
        assert_r(send_text(t, A, 0, "fills it", LONG), 0);
        assert_ok(msg_at(t, A, 0, "whole"));
        assert_r(pipe_at(t, A, 1, 5), 0);
        assert_r(put(t, A, 0, BEAM_SENDER, 5), 0);
        assert_r(send_msg(t, A, 0, 0, SHORT), -ETIMEDOUT);

        /* It is still the caller's, with what it carries, and can be sent again. */
        assert_eq(kind_at(t, A, 0, 0), BEAM_SENDER);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_str(talk_text(t), "whole");
        assert_r(take(t, B, 0, 0, BEAM_SENDER, 1), 0);
        assert_r(send_text(t, B, 1, "back", LONG), 0);
        assert_r(recv_text(t, A, 5, LONG), 1);
}

LAW(refused, 0) {
        channel(t, A, B, 1, 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_ok(msg_at(t, A, 0, "whole"));
        assert_r(pipe_at(t, A, 1, 5), 0);
        assert_r(put(t, A, 0, BEAM_SENDER, 5), 0);
        /* Depth 1: it may leave before the close is known here, and then it counts as
         * sent; the second cannot. */
        if (send_msg(t, A, 0, 0, LONG) == 0) {
                assert_r(drain_tx(t, A, 0, LONG), -EPIPE);
                assert_ok(msg_at(t, A, 0, "whole"));
                assert_r(send_msg(t, A, 0, 0, LONG), -EPIPE);
        } else
                assert_eq(kind_at(t, A, 0, 0), BEAM_SENDER);
}

/* The receiver takes the message or its process ends: at depth 0 the sender is told
 * the one, the other, or that nobody knows; never that a message was taken that was not. */
LAW(unknown, LAW_TWO | LAW_PROCESSES | LAW_DIRECT) {
        channel(t, A, B, 0, 0);
        later(t);
        send_text(t, A, 0, "x", LONG);
        blocked(t, A);
        talk_kill(t, B);
        finish(t, A);
        assert_true(talk_out(t)->r == -ECONNRESET || talk_out(t)->r == -ENOTCONN);
        assert_r(send_text(t, A, 0, "x", NOW), -ENOTCONN);
}

LAW(misuse_is_told, LAW_FEW) {
        channel(t, A, B, 1, 0);
        assert_r(fail_tx(t, A, 5, 0, NULL), 0); /* of NULL */
        assert_r(close_tx(t, A, 5), 0);
        assert_r(close_rx(t, A, 5), 0);
        assert_r(close_st(t, A, 5), 0);
        assert_r(free_msg(t, A, 5), 0);
        assert_r(send_text(t, A, 0, "still fine", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
}
