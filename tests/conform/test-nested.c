/* SPDX-License-Identifier: Apache-2.0 */
/* Ends inside messages. */
#include "talk.h"

/* A sends B one end of a fresh channel on channel 0; it lands in slot @to at B. */
static void hand_over(talk *t, int from, int to, int carrier, beam_kind kind, int slot,
                      int to_slot) {
        assert_ok(msg_at(t, from, 0, "take it"));
        assert_r(put(t, from, 0, kind, slot), 0);
        assert_r(send_msg(t, from, carrier, 0, LONG), 0);
        assert_r(recv_msg(t, to, carrier, 0, LONG), 1);
        assert_eq(talk_value(t, 4), 1);
        assert_eq(kind_at(t, to, 0, 0), kind);
        assert_r(take(t, to, 0, 0, kind, to_slot), 0);
        assert_eq(kind_at(t, to, 0, 0), BEAM_NOTHING);
        assert_r(free_msg(t, to, 0), 0);
}

LAW(a_sender_travels, 0) {
        channel(t, A, B, 1, 0);
        assert_r(pipe_at(t, A, 2, 1), 0);
        hand_over(t, A, B, 0, BEAM_SENDER, 1, 1);
        for (int i = 0; i < 5; i++) {
                assert_r(send_text(t, B, 1, "answer", LONG), 0);
                assert_r(recv_text(t, A, 1, LONG), 1);
                assert_str(talk_text(t), "answer");
        }
        assert_r(close_tx(t, B, 1), 0);
        assert_r(recv_text(t, A, 1, LONG), 0);
}

LAW(a_receiver_travels, 0) {
        channel(t, A, B, 1, 0);
        assert_r(pipe_at(t, A, 2, 1), 0);
        hand_over(t, A, B, 0, BEAM_RECEIVER, 1, 1);
        for (int i = 0; i < 5; i++) {
                assert_r(send_text(t, A, 1, "more", LONG), 0);
                assert_r(recv_text(t, B, 1, LONG), 1);
                assert_str(talk_text(t), "more");
        }
        assert_r(fail_tx(t, A, 1, BEAM_CODE_USER, "bye"), 0);
        assert_r(recv_text(t, B, 1, LONG), -EPIPE);
        assert_r(reason_rx(t, B, 1), 1);
        assert_str(talk_text(t), "bye");
}

/* What lay in the channel when its receiver left comes along, in order. */
LAW(a_receiver_travels_with_what_lies_in_it, 0) {
        channel(t, A, B, 1, 0);
        assert_r(pipe_at(t, A, 3, 1), 0);
        assert_r(send_text(t, A, 1, "1", LONG), 0);
        assert_r(send_text(t, A, 1, "2", LONG), 0);
        hand_over(t, A, B, 0, BEAM_RECEIVER, 1, 1);
        assert_r(send_text(t, A, 1, "3", LONG), 0);
        assert_r(close_tx(t, A, 1), 0);
        assert_r(recv_text(t, B, 1, LONG), 1);
        assert_str(talk_text(t), "1");
        assert_r(recv_text(t, B, 1, LONG), 1);
        assert_str(talk_text(t), "2");
        assert_r(recv_text(t, B, 1, LONG), 1);
        assert_str(talk_text(t), "3");
        assert_r(recv_text(t, B, 1, LONG), 0);
}

LAW(a_sender_travels_with_what_lies_behind_it, 0) {
        channel(t, A, B, 1, 0);
        assert_r(pipe_at(t, A, 3, 1), 0);
        assert_r(send_text(t, A, 1, "1", LONG), 0);
        hand_over(t, A, B, 0, BEAM_SENDER, 1, 1);
        assert_r(send_text(t, B, 1, "2", LONG), 0);
        assert_r(recv_text(t, A, 1, LONG), 1);
        assert_str(talk_text(t), "1");
        assert_r(recv_text(t, A, 1, LONG), 1);
        assert_str(talk_text(t), "2");
}

LAW(usable_before_the_peer_has_seen_it, 0) {
        channel(t, A, B, 1, 0);
        assert_r(pipe_at(t, A, 2, 1), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_RECEIVER, 1), 0);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(send_text(t, A, 1, "early", LONG), 0);
        assert_r(send_text(t, A, 1, "earlier", LONG), 0);
        assert_r(send_text(t, A, 1, "too many", SHORT), -ETIMEDOUT);
        assert_r(close_tx(t, A, 1), 0);

        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_r(take(t, B, 0, 0, BEAM_RECEIVER, 1), 0);
        assert_r(recv_text(t, B, 1, LONG), 1);
        assert_str(talk_text(t), "early");
        assert_r(recv_text(t, B, 1, LONG), 1);
        assert_str(talk_text(t), "earlier");
        assert_r(recv_text(t, B, 1, LONG), 0);
}

LAW(depth_of_a_nested_channel_holds, 0) {
        channel(t, A, B, 1, 0);
        for (int i = 1; i < 4; i++) {
                assert_r(pipe_at(t, A, (size_t)i, i), 0);
                hand_over(t, A, B, 0, BEAM_SENDER, i, i);
                for (int k = 0; k < i; k++)
                        assert_r(send_text(t, B, i, "in", LONG), 0);
                assert_r(send_text(t, B, i, "over", SHORT), -ETIMEDOUT);
                assert_r(recv_text(t, A, i, LONG), 1);
                assert_r(send_text(t, B, i, "in", LONG), 0);
        }
}

LAW(nested_rendezvous, LAW_TWO) {
        channel(t, A, B, 1, 0);
        assert_r(pipe_at(t, A, 0, 1), 0);
        hand_over(t, A, B, 0, BEAM_SENDER, 1, 1);
        assert_r(send_text(t, B, 1, "x", NOW), -ETIMEDOUT);
        later(t);
        send_text(t, B, 1, "met", LONG);
        blocked(t, B);
        assert_r(recv_text(t, A, 1, LONG), 1);
        assert_r(finish(t, B), 0);
        later(t);
        recv_text(t, A, 1, LONG);
        blocked(t, A);
        assert_r(send_text(t, B, 1, "met", LONG), 0);
        assert_r(finish(t, A), 1);
}

LAW(nested_in_nested, 0) {
        channel(t, A, B, 1, 0);
        assert_r(pipe_at(t, A, 1, 1), 0);
        assert_r(pipe_at(t, A, 1, 2), 0);
        assert_r(pipe_at(t, A, 1, 3), 0);
        /* A message with a receiver, in which lies a message with a receiver, and so on:
         * all of it is on its way before B has seen any. */
        for (int i = 0; i < 3; i++) {
                assert_ok(msg_at(t, A, 0, ""));
                assert_r(put(t, A, 0, BEAM_RECEIVER, i + 1), 0);
                assert_r(send_msg(t, A, i, 0, LONG), 0);
        }
        assert_r(send_text(t, A, 3, "innermost", LONG), 0);
        for (int i = 0; i < 3; i++) {
                assert_r(recv_msg(t, B, i, 0, LONG), 1);
                assert_r(take(t, B, 0, 0, BEAM_RECEIVER, i + 1), 0);
                assert_r(free_msg(t, B, 0), 0);
        }
        assert_r(recv_text(t, B, 3, LONG), 1);
        assert_str(talk_text(t), "innermost");
}

/* The same, closed up from the inside before the outermost leaves. */
LAW(nested_in_nested_before_it_leaves, 0) {
        channel(t, A, B, 1, 0);
        for (int i = 1; i <= 3; i++)
                assert_r(pipe_at(t, A, 1, i), 0);
        assert_r(send_text(t, A, 3, "innermost", LONG), 0);
        for (int i = 2; i >= 0; i--) {
                assert_ok(msg_at(t, A, 0, ""));
                assert_r(put(t, A, 0, BEAM_RECEIVER, i + 1), 0);
                assert_r(send_msg(t, A, i, 0, LONG), 0);
        }
        for (int i = 0; i < 3; i++) {
                assert_r(recv_msg(t, B, i, 0, LONG), 1);
                assert_r(take(t, B, 0, 0, BEAM_RECEIVER, i + 1), 0);
                assert_r(free_msg(t, B, 0), 0);
        }
        assert_r(recv_text(t, B, 3, LONG), 1);
        assert_str(talk_text(t), "innermost");
}

LAW(many_things_in_one_message, 0) {
        channel(t, A, B, 1, 0);
        assert_ok(msg_at(t, A, 0, "all of it"));
        for (int i = 1; i <= 4; i++) {
                assert_r(pipe_at(t, A, 1, i), 0);
                assert_r(put(t, A, 0, i % 2 ? BEAM_SENDER : BEAM_RECEIVER, i), i - 1);
        }
        assert_r(at(t, A, step_stream_pair, &(call){ .n = { 5, 6 } }), 0);
        assert_r(put(t, A, 0, BEAM_STREAM, 6), 4);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);

        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_eq(talk_value(t, 4), 5);
        assert_r(take(t, B, 0, 0, BEAM_RECEIVER, 9), -ENOENT);
        assert_r(take(t, B, 0, 7, BEAM_SENDER, 9), -ENOENT);
        for (int i = 1; i <= 4; i++)
                assert_r(take(t, B, 0, (size_t)i - 1, i % 2 ? BEAM_SENDER : BEAM_RECEIVER, i), 0);
        assert_r(take(t, B, 0, 4, BEAM_STREAM, 5), 0);
        assert_r(take(t, B, 0, 4, BEAM_STREAM, 6), -ENOENT);

        for (int i = 1; i <= 4; i++) {
                int from = i % 2 ? B : A, to = i % 2 ? A : B;

                assert_r(send_text(t, from, i, "through", LONG), 0);
                assert_r(recv_text(t, to, i, LONG), 1);
        }
        assert_r(write_text(t, A, 5, "stream", LONG), 6);
        assert_r(read_text(t, B, 5, LONG), 6);
}

/* An end goes to B and comes back: it is as if it had never left. */
LAW(there_and_back, 0) {
        channel(t, A, B, 1, 0);
        channel(t, B, A, 1, 1);
        assert_r(pipe_at(t, A, 2, 2), 0);
        assert_r(pipe_at(t, A, 2, 3), 0);
        hand_over(t, A, B, 0, BEAM_SENDER, 2, 2);
        hand_over(t, A, B, 0, BEAM_RECEIVER, 3, 3);
        hand_over(t, B, A, 1, BEAM_SENDER, 2, 2);
        hand_over(t, B, A, 1, BEAM_RECEIVER, 3, 3);
        for (int i = 2; i < 4; i++) {
                assert_r(send_text(t, A, i, "home", LONG), 0);
                assert_r(send_text(t, A, i, "again", LONG), 0);
                assert_r(send_text(t, A, i, "over", SHORT), -ETIMEDOUT);
                assert_r(recv_text(t, A, i, LONG), 1);
                assert_str(talk_text(t), "home");
                assert_r(recv_text(t, A, i, LONG), 1);
                assert_str(talk_text(t), "again");
                assert_r(close_tx(t, A, i), 0);
                assert_r(recv_text(t, A, i, LONG), 0);
        }
}

LAW(there_and_back_three_times, LAW_FEW) {
        channel(t, A, B, 1, 0);
        channel(t, B, A, 1, 1);
        assert_r(pipe_at(t, A, 1, 2), 0);
        assert_r(send_text(t, A, 2, "0", LONG), 0);
        for (int i = 0; i < 3; i++) {
                hand_over(t, A, B, 0, BEAM_RECEIVER, 2, 2);
                hand_over(t, B, A, 1, BEAM_RECEIVER, 2, 2);
        }
        assert_r(recv_text(t, A, 2, LONG), 1);
        assert_str(talk_text(t), "0");
        assert_r(fail_rx(t, A, 2, BEAM_CODE_USER, "done"), 0);
        /* It has a way to go: what is sent before it has come is lost, and drain says so. */
        int r = send_text(t, A, 2, "x", LONG);
        assert_r(r == 0 ? drain_tx(t, A, 2, LONG) : r, -EPIPE);
        assert_r(send_text(t, A, 2, "x", LONG), -EPIPE);
        assert_r(reason_tx(t, A, 2), 1);
        assert_str(talk_text(t), "done");
}

/* Both ends of one channel go to the other side. */
LAW(both_ends_travel, 0) {
        channel(t, A, B, 1, 0);
        assert_r(pipe_at(t, A, 1, 1), 0);
        hand_over(t, A, B, 0, BEAM_SENDER, 1, 1);
        hand_over(t, A, B, 0, BEAM_RECEIVER, 1, 1);
        assert_r(send_text(t, B, 1, "to myself", LONG), 0);
        assert_r(recv_text(t, B, 1, LONG), 1);
        assert_str(talk_text(t), "to myself");
        assert_r(close_tx(t, B, 1), 0);
        assert_r(recv_text(t, B, 1, LONG), 0);
}

/* An end of a session's own channel is put into a message on that session. */
LAW(a_session_end_travels_on_its_own_session, 0) {
        channel(t, A, B, 2, 0);
        channel(t, B, A, 2, 1);
        channel(t, A, B, 2, 2);
        hand_over(t, B, A, 1, BEAM_RECEIVER, 2, 2);
        assert_r(send_text(t, A, 2, "round about", LONG), 0);
        assert_r(recv_text(t, A, 2, LONG), 1);
        assert_str(talk_text(t), "round about");
        assert_r(close_rx(t, A, 2), 0);
        assert_r(drain_tx(t, A, 2, LONG), 0);
        assert_r(send_text(t, A, 2, "x", LONG) == 0 ? drain_tx(t, A, 2, LONG) : -EPIPE, -EPIPE);
}

/* Dropping a message unread closes all that it carries, however deep. */
LAW(unread_is_closed, 0) {
        channel(t, A, B, 1, 0);
        assert_r(pipe_at(t, A, 1, 1), 0);
        assert_r(pipe_at(t, A, 1, 2), 0);
        assert_r(pipe_at(t, A, 1, 3), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_SENDER, 1), 0);
        assert_r(put(t, A, 0, BEAM_RECEIVER, 2), 1);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_SENDER, 3), 0);
        assert_r(send_msg(t, A, 2, 0, LONG), 0);

        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_r(free_msg(t, B, 0), 0);
        assert_r(recv_text(t, A, 1, LONG), -EPIPE);
        assert_r(reason_rx(t, A, 1), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_GONE);
        assert_r(drain_tx(t, A, 2, LONG), -EPIPE);
        assert_r(send_text(t, A, 2, "x", LONG), -EPIPE);
        assert_r(reason_tx(t, A, 2), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_GONE);
        assert_r(recv_text(t, A, 3, LONG), -EPIPE);
}

/* The same when the channel goes on which it lies, not yet received. */
LAW(unreceived_is_closed, 0) {
        channel(t, A, B, 2, 0);
        assert_r(pipe_at(t, A, 1, 1), 0);
        assert_r(pipe_at(t, A, 1, 2), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_SENDER, 1), 0);
        assert_r(put(t, A, 0, BEAM_RECEIVER, 2), 1);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(recv_text(t, A, 1, LONG), -EPIPE);
        assert_r(reason_rx(t, A, 1), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_GONE);
        assert_r(drain_tx(t, A, 2, LONG), 0);
        assert_r(send_text(t, A, 2, "x", LONG) == 0 ? drain_tx(t, A, 2, LONG) : -EPIPE, -EPIPE);
}

/* And when the message never left. */
LAW(unsent_is_closed, LAW_FEW) {
        assert_r(pipe_at(t, A, 1, 1), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_SENDER, 1), 0);
        assert_r(free_msg(t, A, 0), 0);
        assert_r(recv_text(t, A, 1, LONG), -EPIPE);
        assert_r(reason_rx(t, A, 1), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_GONE);
}

LAW(a_message_may_not_carry_its_own_channel, LAW_FEW) {
        assert_r(pipe_at(t, A, 1, 1), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_RECEIVER, 1), 0);
        /* Allowed or not, it must not leak or hang: the receiver of a channel inside
         * that channel can never be received, so it is as good as dropped. */
        int r = send_msg(t, A, 1, 0, SHORT);
        if (r < 0)
                assert_r(free_msg(t, A, 0), 0);
        assert_r(close_tx(t, A, 1), 0);
}

/* A chain of messages, each in the channel whose receiver the one before carries, is let
 * go at once, in memory and coming from elsewhere, however long it is. */
TEST(a_long_chain_is_dropped) {
        beam_sender *tx = NULL, *outer_tx = NULL;
        beam_receiver *rx = NULL, *outer = NULL;
        beam_msg *msg = NULL;

        assert_r(beam_pipe(1, &tx, &rx), 0);
        for (int i = 0; i < 200000 / test_slowness(); i++) {
                assert_r(beam_pipe(1, &outer_tx, &outer), 0);
                assert_ok(beam_msg_new("", 0, &msg));
                assert_ok(beam_msg_put_receiver(msg, rx));
                assert_r(beam_send(outer_tx, msg, until(NOW)), 0);
                beam_sender_close(outer_tx);
                rx = outer;
        }
        beam_receiver_close(rx);
        assert_ok(beam_msg_new("", 0, &msg));
        assert_r(beam_send(tx, msg, until(NOW)), -EPIPE);
        beam_msg_free(msg);
        beam_sender_close(tx);
}
