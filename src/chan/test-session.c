/* SPDX-License-Identifier: Apache-2.0 */
#include "test-pair.h"

#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "help.h"

static const size_t cuts[] = {
        1, 2, 3, 5, 7, 8, 11, 12, 13, 16, 23, 24, 25, 64, 100, 1001, 1 << 20
};

TEST(messages_and_their_end) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_receiver *rx;
                beam_sender *tx;
                beam_msg *msg;
                test_pair p;

                test_pair_open(&p, cuts[i], NULL);
                test_channel(&p, 4, &tx, &rx);
                assert_r(test_recv(rx, "", 0), -ETIMEDOUT);
                assert_eq(beam_msg_new("hello", 5, &msg), 0);
                assert_eq(beam_msg_set_label(msg, "text"), 0);
                beam_msg_set_deadline(msg, beam_after(100 * BEAM_SECOND));
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                assert_eq(test_send(tx, "", 0), 0);
                assert_eq(test_send(tx, "three", 5), 0);
                tx = beam_sender_close(tx);
                test_turn();

                assert_r(beam_recv(rx, &msg, BEAM_NOW), 1);
                assert_mem(beam_msg_data(msg, NULL), msg->n, "hello", 5);
                assert_str(beam_msg_label(msg), "text");
                assert_gt(beam_msg_deadline(msg), beam_after(10 * BEAM_SECOND));
                assert_le(beam_msg_deadline(msg), beam_after(100 * BEAM_SECOND));
                beam_msg_free(msg);
                assert_r(test_recv(rx, "", 0), 1);
                assert_r(test_recv(rx, "three", 5), 1);
                assert_r(test_recv(rx, "", 0), 0);
                assert_r(test_recv(rx, "", 0), 0);
                beam_receiver_close(rx);
                test_turn();
                assert_eq(p.a.link.s->n_wires, 0);
                assert_eq(p.b.link.s->n_wires, 0);
                assert_eq(p.b.link.s->queued, 0);
                test_pair_close(&p);
        }
}

TEST(the_other_way) {
        beam_receiver *rx;
        beam_sender *tx;
        test_pair p;

        test_pair_open(&p, 3, NULL);
        assert_eq(beam_session_open_receiver(p.sb, "", 2, &rx, BEAM_NOW), 0);
        tx = test_accept(p.sa, "", BEAM_SENDER);
        assert_eq(test_send(tx, "x", 1), 0);
        assert_r(test_recv(rx, "x", 1), 1);
        beam_sender_fail(tx, BEAM_CODE_USER + 1, "enough");
        test_turn();
        assert_r(test_recv(rx, "", 0), -EPIPE);
        beam_receiver_close(rx);
        test_pair_close(&p);
}

TEST(credit_is_the_depth) {
        for (size_t depth = 1; depth <= 9; depth++) {
                beam_receiver *rx;
                beam_sender *tx;
                test_pair p;

                test_pair_open(&p, 100, NULL);
                test_channel(&p, depth, &tx, &rx);
                for (int round = 0; round < 3; round++) {
                        for (size_t i = 0; i < depth; i++)
                                assert_eq(test_send(tx, &i, sizeof(i)), 0);
                        assert_r(test_send(tx, "no", 2), -ETIMEDOUT);
                        assert_r(beam_sender_drain(tx, BEAM_NOW), -ETIMEDOUT);
                        for (size_t i = 0; i < depth; i++)
                                assert_r(test_recv(rx, &i, sizeof(i)), 1);
                        test_turn();
                        assert_eq(beam_sender_drain(tx, BEAM_NOW), 0);
                }
                beam_sender_close(tx);
                beam_receiver_close(rx);
                test_pair_close(&p);
        }
}

TEST(without_depth_each_send_learns_its_fate) {
        beam_msg *msg = msg_new(1);
        beam_receiver *rx;
        beam_sender *tx;
        test_pair p;

        test_pair_open(&p, 1, NULL);
        test_channel(&p, 0, &tx, &rx);
        assert_r(wire_send(tx->wire, msg, NULL), -EAGAIN);
        wire_want(rx->wire);
        test_turn();
        assert_eq(wire_send(tx->wire, msg, NULL), 0);
        test_turn();
        assert_r(wire_fate(tx->wire), -EAGAIN);
        assert_r(test_recv(rx, msg->data, 1), 1);
        assert_eq(wire_fate(tx->wire), 0);
        assert_r(wire_send(tx->wire, msg, NULL), -EAGAIN); /* each needs its own */

        wire_want(rx->wire);
        test_turn();
        assert_eq(wire_send(tx->wire, msg, NULL), 0);
        beam_receiver_close(rx);
        test_turn();
        assert_r(wire_fate(tx->wire), -EPIPE);
        beam_sender_close(tx);
        test_pair_close(&p);
        beam_msg_free(msg);
}

/* Larger than a frame, and another channel meanwhile. */
TEST(large_messages_come_in_parts) {
        static const size_t few[] = { 13, 1001, 4096, 65549, 1 << 20 };
        enum { N = 300 * 1000 };
        uint8_t *data = malloc(N);

        for (size_t i = 0; i < N; i++)
                data[i] = (uint8_t)test_random();
        for (size_t i = 0; i < n_of(few); i++) {
                beam_sender *tx, *tx2;
                beam_receiver *rx, *rx2;
                beam_msg *msg;
                test_pair p;

                test_pair_open(&p, few[i], NULL);
                test_channel(&p, 2, &tx, &rx);
                test_channel(&p, 2, &tx2, &rx2);
                beam_cork();
                assert_eq(beam_msg_new(data, N, &msg), 0);
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                assert_eq(beam_msg_new("small", 5, &msg), 0);
                assert_eq(beam_send(tx2, msg, BEAM_NOW), 0);
                assert_lt(p.a.link.s->out.n, N); /* the rest waits its turn behind the small one */
                beam_uncork(BEAM_NOW);
                test_turn();
                assert_r(test_recv(rx2, "small", 5), 1);
                assert_r(test_recv(rx, data, N), 1);
                assert_r(beam_sender_drain(tx, BEAM_NOW), 0);
                beam_sender_close(tx);
                beam_sender_close(tx2);
                beam_receiver_close(rx);
                beam_receiver_close(rx2);
                test_pair_close(&p);
        }
        free(data);
}

TEST(things_are_carried) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_receiver *rx, *to_b, *from_b;
                beam_sender *tx, *b_tx, *a_tx;
                beam_stream *here, *there;
                beam_msg *msg, *got;
                char buf[8];
                int fds[2];
                test_pair p;

                test_pair_open(&p, cuts[i], NULL);
                test_channel(&p, 4, &tx, &rx);
                assert_eq(beam_pipe(2, &b_tx, &from_b), 0);
                assert_eq(beam_pipe(2, &a_tx, &to_b), 0);
                assert_eq(beam_stream_pair(&here, &there), 0);
                assert_eq(pipe(fds), 0);
                assert_eq(beam_msg_new("all", 3, &msg), 0);
                assert_eq(beam_msg_put_sender(msg, b_tx), 0);
                assert_eq(beam_msg_put_receiver(msg, to_b), 1);
                assert_eq(beam_msg_put_stream(msg, there), 2);
                assert_eq(beam_msg_put_fd(msg, fds[1]), 3);
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                test_turn();

                assert_r(beam_recv(rx, &got, BEAM_NOW), 1);
                assert_eq(beam_msg_things(got), 4);
                b_tx = beam_msg_take_sender(got, 0);
                to_b = beam_msg_take_receiver(got, 1);
                there = beam_msg_take_stream(got, 2);
                fds[1] = beam_msg_take_fd(got, 3);
                assert_eq(beam_msg_fd_bridged(got, 3), -ENOENT);
                assert_true(b_tx && to_b && there && fds[1] >= 0);
                beam_msg_free(got);

                assert_eq(test_send(b_tx, "back", 4), 0);
                assert_r(test_recv(from_b, "back", 4), 1);
                assert_eq(test_send(a_tx, "on", 2), 0);
                assert_r(test_recv(to_b, "on", 2), 1);
                assert_eq(beam_stream_write(here, "bytes", 5, BEAM_NOW), 5);
                test_turn();
                assert_eq(beam_stream_read(there, buf, sizeof(buf), BEAM_NOW), 5);
                assert_mem(buf, 5, "bytes", 5);
                assert_eq(write(fds[1], "x", 1), 1);
                assert_eq(read(fds[0], buf, 1), 1);

                beam_sender_close(b_tx);
                test_turn();
                assert_r(test_recv(from_b, "", 0), 0);
                beam_receiver_close(to_b);
                test_turn();
                assert_r(test_send(a_tx, "", 0), -EPIPE);
                beam_stream_close(there);
                test_turn();
                assert_eq(beam_stream_read(here, buf, 1, BEAM_NOW), 0);

                /* unread, and the channel goes: so does what it carries */
                assert_eq(beam_msg_new(NULL, 0, &msg), 0);
                assert_ok(beam_msg_put_fd(msg, fds[1]));
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                test_turn();
                assert_eq(p.b.link.s->n_fds_held, 1);
                beam_receiver_close(rx);
                test_turn();
                assert_eq(p.b.link.s->n_fds_held, 0);
                assert_eq(read(fds[0], buf, 1), 0);
                close(fds[0]);
                beam_sender_close(tx);
                beam_sender_close(a_tx);
                beam_receiver_close(from_b);
                beam_stream_close(here);
                test_pair_close(&p);
        }
}

/* It goes round, each time into channels within the ones before, until that is too deep. */
TEST(a_receiver_into_its_own_channel_over_a_session) {
        beam_receiver *rx, *own;
        beam_sender *tx, *to_own;
        beam_reason why;
        beam_msg *msg;
        test_pair p;

        test_pair_open(&p, 1001, NULL);
        test_channel(&p, 1, &tx, &rx);
        assert_eq(beam_pipe(1, &to_own, &own), 0);
        assert_eq(beam_msg_new(NULL, 0, &msg), 0);
        assert_ok(beam_msg_put_sender(msg, to_own));
        assert_ok(beam_msg_put_receiver(msg, own));
        assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
        test_turn();
        assert_r(beam_recv(rx, &msg, BEAM_NOW), 1);
        to_own = beam_msg_take_sender(msg, 0);
        own = beam_msg_take_receiver(msg, 1);
        beam_msg_free(msg);

        assert_eq(beam_msg_new(NULL, 0, &msg), 0);
        assert_ok(beam_msg_put_receiver(msg, own));
        assert_eq(beam_send(to_own, msg, BEAM_NOW), 0);
        for (int i = 0; i < 100 && p.a.link.s->n_wires > 1; i++)
                test_turn();
        assert_eq(p.a.link.s->n_wires, 1);
        assert_eq(p.b.link.s->n_wires, 1);
        assert_r(test_send(to_own, "", 0), -EPIPE);
        assert_eq(beam_sender_reason(to_own, &why), 1);
        assert_eq(why.code, BEAM_CODE_LIMIT);
        beam_sender_close(to_own);
        beam_receiver_close(rx);
        beam_sender_close(tx);
        test_pair_close(&p);
}

TEST(a_stop_has_its_reason) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_receiver *rx;
                beam_reason why;
                beam_sender *tx;
                test_pair p;

                test_pair_open(&p, cuts[i], NULL);
                test_channel(&p, 4, &tx, &rx);
                assert_eq(test_send(tx, "unread", 6), 0);
                assert_eq(beam_sender_reason(tx, &why), 0);
                beam_receiver_fail(rx, BEAM_CODE_USER + 7, "out of paper");
                test_turn();
                assert_r(test_send(tx, "more", 4), -EPIPE);
                assert_eq(beam_sender_reason(tx, &why), 1);
                assert_eq(why.code, BEAM_CODE_USER + 7);
                assert_str(why.text, "out of paper");
                assert_r(beam_sender_drain(tx, BEAM_NOW), -EPIPE);
                beam_sender_close(tx);
                test_turn();
                assert_eq(p.a.link.s->n_wires, 0);
                assert_eq(p.b.link.s->n_wires, 0);
                test_pair_close(&p);
        }
}

TEST(streams) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_stream *here, *there;
                beam_reason why;
                char buf[8];
                test_pair p;

                test_pair_open(&p, cuts[i], NULL);
                assert_eq(beam_session_open_stream(p.sa, "st", &here, BEAM_NOW), 0);
                there = test_accept(p.sb, "st", BEAM_STREAM);
                assert_eq(beam_stream_write(here, "ping", 4, BEAM_NOW), 4);
                test_turn();
                assert_r(beam_stream_drain(here, BEAM_NOW), -ETIMEDOUT);
                assert_eq(beam_stream_read(there, buf, 3, BEAM_NOW), 3);
                assert_eq(beam_stream_read(there, buf + 3, 3, BEAM_NOW), 1);
                assert_mem(buf, 4, "ping", 4);
                assert_r(beam_stream_read(there, buf, 3, BEAM_NOW), -ETIMEDOUT);
                test_turn();
                assert_r(beam_stream_drain(here, BEAM_NOW), 0);

                /* one way ends, the other goes on */
                assert_eq(beam_stream_shutdown(here), 0);
                test_turn();
                assert_eq(beam_stream_read(there, buf, 1, BEAM_NOW), 0);
                assert_r(beam_stream_write(here, "x", 1, BEAM_NOW), -EPIPE);
                assert_eq(beam_stream_write(there, "pong", 4, BEAM_NOW), 4);
                test_turn();
                assert_eq(beam_stream_read(here, buf, 8, BEAM_NOW), 4);
                beam_stream_fail(there, 300, "broke");
                test_turn();
                assert_r(beam_stream_read(here, buf, 8, BEAM_NOW), -EPIPE);
                assert_eq(beam_stream_reason(here, &why), 1);
                assert_eq(why.code, 300);
                assert_str(why.text, "broke");
                beam_stream_close(here);
                test_pair_close(&p);
        }
}

TEST(a_stream_stops_at_the_window) {
        static char block[32 * 1024];
        beam_stream *here, *there;
        uint64_t n_written = 0, n_read = 0;
        ssize_t r;
        test_pair p;

        test_pair_open(&p, 1001, NULL);
        assert_eq(beam_session_open_stream(p.sa, "", &here, BEAM_NOW), 0);
        there = test_accept(p.sb, "", BEAM_STREAM);
        for (int round = 0; round < 3; round++) {
                while ((r = beam_stream_write(here, block, sizeof(block), BEAM_NOW)) > 0) {
                        n_written += (uint64_t)r;
                        test_turn();
                }
                assert_r(r, -ETIMEDOUT);
                assert_eq(n_written - n_read, p.a.link.s->peer.window);
                while ((r = beam_stream_read(there, block, sizeof(block), BEAM_NOW)) > 0)
                        n_read += (uint64_t)r;
                test_turn();
                assert_eq(n_read, n_written);
        }
        beam_stream_close(here);
        beam_stream_close(there);
        test_pair_close(&p);
}

/* A peer that takes small frames and does not read costs no more than one that does. */
TEST(small_parts_cost_what_they_are) {
        const beam_options small = { .size = sizeof(small) };
        beam_receiver *rx;
        beam_sender *tx;
        int64_t before;
        test_pair p;

        mem_watch(true);
        test_pair_open(&p, 1001, &small);
        p.a.link.s->peer.max_frame = MUX_FRAME_MIN;
        test_channel(&p, 4, &tx, &rx);
        before = mem_get_stats().n_bytes;
        p.a.link.stalled = true;
        assert_eq(test_send(tx, cuts, 0), 0);
        for (int i = 0; i < 3; i++) {
                beam_msg *msg = msg_new(100 * 1000);

                if (beam_send(tx, msg, BEAM_NOW) < 0)
                        beam_msg_free(msg);
        }
        assert_lt(mem_get_stats().n_bytes - before, 2 << 20);
        p.a.link.stalled = false;
        session_touch(p.a.link.s);
        test_turn();
        beam_sender_close(tx);
        beam_receiver_close(rx);
        test_pair_close(&p);
}

/* ends of a session */

TEST(away_and_all_is_over) {
        for (size_t i = 0; i < n_of(cuts); i++) {
                beam_receiver *rx;
                beam_sender *tx, *none;
                beam_msg *msg;
                test_pair p;

                test_pair_open(&p, cuts[i], NULL);
                test_channel(&p, 4, &tx, &rx);
                assert_eq(test_send(tx, "last", 4), 0);
                assert_r(beam_session_drain(p.sa, BEAM_NOW), -ETIMEDOUT);
                test_turn();
                assert_r(beam_session_open(p.sa, "", 1, &none, BEAM_NOW), -EPIPE);
                assert_r(beam_session_open(p.sb, "", 1, &none, BEAM_NOW), -EPIPE);
                assert_r(test_recv(rx, "last", 4), 1);
                assert_r(beam_session_drain(p.sa, BEAM_NOW), -ETIMEDOUT);
                beam_sender_close(tx);
                test_turn();
                assert_r(test_recv(rx, "", 0), 0);
                beam_receiver_close(rx);
                test_turn();
                assert_eq(beam_session_drain(p.sa, BEAM_NOW), 0);
                assert_eq(beam_session_drain(p.sb, BEAM_NOW), 0);
                assert_r(beam_session_state(p.sa, NULL), -EPIPE);
                assert_r(beam_session_state(p.sb, NULL), -EPIPE);
                assert_r(beam_session_accept(p.sb, &msg, BEAM_NOW), 0);
                test_pair_close(&p);
        }
}

TEST(refused_and_lost_are_told_apart) {
        beam_receiver *rx;
        beam_sender *tx;
        test_pair p;

        test_pair_open(&p, 7, NULL);
        test_channel(&p, 4, &tx, &rx);
        assert_eq(test_send(tx, "x", 1), 0);
        beam_receiver_close(rx);
        test_turn();
        beam_sender_close(tx);
        test_turn();
        beam_session_drain(p.sa, BEAM_NOW);
        test_turn();
        assert_r(beam_session_drain(p.sa, BEAM_NOW), -EPIPE);
        test_pair_close(&p);

        test_pair_open(&p, 7, NULL);
        test_channel(&p, 4, &tx, &rx);
        assert_eq(test_send(tx, "x", 1), 0);
        session_lost(p.a.link.s, -ECONNRESET);
        test_turn();
        assert_r(beam_session_drain(p.sa, BEAM_NOW), -ECONNRESET);
        assert_r(beam_sender_drain(tx, BEAM_NOW), -ECONNRESET);
        assert_r(test_send(tx, "y", 1), -ENOTCONN);
        assert_r(test_recv(rx, "x", 1), 1); /* what had come is there */
        assert_r(test_recv(rx, "", 0), -ECONNRESET);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        test_pair_close(&p);
}

TEST(close_now) {
        beam_receiver *rx;
        beam_sender *tx;
        beam_reason why;
        test_pair p;

        test_pair_open(&p, 5, NULL);
        test_channel(&p, 4, &tx, &rx);
        assert_eq(test_send(tx, "x", 1), 0);
        p.sa = beam_session_close(p.sa);
        assert_r(test_send(tx, "y", 1), -ECANCELED);
        test_turn();
        assert_r(beam_session_state(p.sb, &why), -ECONNRESET);
        assert_eq(why.code, BEAM_CODE_CANCELED);
        assert_r(test_recv(rx, "x", 1), 1);
        assert_r(test_recv(rx, "", 0), -ECONNRESET);
        beam_receiver_close(rx);
        beam_sender_close(tx);
        test_pair_close(&p);
}

/* What was taken before a close has been taken. */
TEST(close_now_tells_what_was_taken) {
        beam_receiver *rx;
        beam_sender *tx;
        beam_msg *msg;
        test_pair p;

        test_pair_open(&p, 5, NULL);
        test_channel(&p, 8, &tx, &rx);
        assert_eq(test_send(tx, "x", 1), 0);
        assert_r(beam_recv(rx, &msg, BEAM_NOW), 1);
        beam_msg_free(msg);
        p.sb = beam_session_close(p.sb);
        test_turn();
        assert_r(beam_session_state(p.sa, NULL), -ECONNRESET);
        assert_eq(beam_sender_drain(tx, BEAM_NOW), 0);
        beam_receiver_close(rx);
        beam_sender_close(tx);
        test_pair_close(&p);
}

/* One write for the credit, the answer and the end. */
TEST(an_answer_leaves_with_its_end) {
        beam_receiver *rx, *back;
        beam_sender *tx, *way;
        beam_msg *msg, *answer;
        test_pair p;

        test_pair_open(&p, 1 << 20, NULL);
        test_channel(&p, 1, &tx, &rx);
        assert_eq(beam_pipe(1, &way, &back), 0);
        assert_eq(beam_msg_new("q", 1, &msg), 0);
        assert_eq(beam_msg_put_sender(msg, way), 0);
        assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
        test_turn();
        assert_r(beam_recv(rx, &msg, BEAM_NOW), 1);

        assert_eq(beam_msg_new("a", 1, &answer), 0);
        p.b.link.n_writes = 0;
        assert_eq(beam_reply(msg, answer, BEAM_NOW), 0);
        assert_eq(p.b.link.n_writes, 1);
        beam_msg_free(msg);
        test_turn();
        assert_r(test_recv(back, "a", 1), 1);
        assert_r(test_recv(back, "", 0), 0);
        assert_eq(p.b.link.n_writes, 1);
        assert_eq(p.a.link.s->n_wires, 1);
        assert_eq(p.b.link.s->n_wires, 1);
        beam_receiver_close(back);
        beam_receiver_close(rx);
        beam_sender_close(tx);
        test_pair_close(&p);
}

/* An end that is over while the program still has it, and then the session goes. */
TEST(ends_outlive_their_session) {
        beam_stream *here, *there;
        beam_receiver *rx;
        beam_sender *tx;
        beam_reason why;
        char byte;
        test_pair p;

        test_pair_open(&p, 5, NULL);
        test_channel(&p, 4, &tx, &rx);
        assert_eq(beam_session_open_stream(p.sa, "", &here, BEAM_NOW), 0);
        there = test_accept(p.sb, "", BEAM_STREAM);
        rx = beam_receiver_fail(rx, 256, "no");
        there = beam_stream_close(there);
        test_turn();
        assert_r(test_send(tx, "", 0), -EPIPE);
        beam_stream_shutdown(here);
        test_turn();
        assert_eq(beam_stream_read(here, &byte, 1, BEAM_NOW), 0);
        p.sa = beam_session_close(p.sa);
        assert_lt(test_send(tx, "", 0), 0);
        assert_eq(beam_sender_reason(tx, &why), 1);
        assert_str(why.text, "no");
        assert_lt(beam_stream_write(here, "", 1, BEAM_NOW), 0);
        beam_sender_close(tx);
        beam_stream_close(here);
        test_pair_close(&p);
}

TEST(ping) {
        int64_t rtt = -1;
        test_pair p;

        test_pair_open(&p, 5, NULL);
        assert_eq(beam_session_ping(p.sa, &rtt, beam_after(2 * BEAM_SECOND)), 0);
        assert_ge(rtt, 0);
        p.b.link.stalled = true;
        assert_r(beam_session_ping(p.sa, &rtt, BEAM_NOW), -ETIMEDOUT);
        p.b.link.stalled = false;
        session_touch(p.b.link.s);
        test_pair_close(&p);
}
