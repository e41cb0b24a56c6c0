/* SPDX-License-Identifier: Apache-2.0 */
/* The peer's process is killed, at any moment: an error or the end, never a hang. */
#include "help.h"
#include "talk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LAW(killed_while_we_receive, LAW_PROCESSES | LAW_DIRECT) {
        channel(t, A, B, 1, 0);
        later(t);
        recv_text(t, B, 0, LONG);
        blocked(t, B);
        talk_kill(t, A);
        assert_r(finish(t, B), -ECONNRESET);
        assert_r(recv_text(t, B, 0, NOW), -ECONNRESET);
        assert_r(session_state(t, B), -ECONNRESET);
}

LAW(killed_while_we_send, LAW_PROCESSES | LAW_DIRECT) {
        for (int depth = 0; depth < 2; depth++) {
                channel(t, A, B, (size_t)depth, depth);
                if (depth)
                        assert_r(send_text(t, A, depth, "fills it", LONG), 0);
        }
        later(t);
        send_text(t, A, 1, "x", LONG);
        blocked(t, A);
        talk_kill(t, B);
        int r = finish(t, A);
        assert_true(r == -ECONNRESET || r == -ENOTCONN);
        assert_r(send_text(t, A, 0, "x", LONG), -ENOTCONN);
        assert_r(drain_tx(t, A, 1, LONG), -ECONNRESET);
}

LAW(killed_while_we_read_and_write, LAW_PROCESSES | LAW_DIRECT) {
        stream(t, A, B, 0);
        later(t);
        write_all(t, A, 0, 64 << 20, 1, LONG);
        blocked(t, A);
        talk_kill(t, B);
        int r = finish(t, A);
        assert_true(r == -ECONNRESET || r == -ENOTCONN);
        assert_r(read_text(t, A, 0, LONG), -ECONNRESET);
}

LAW(killed_while_we_accept_drain_and_ping, LAW_PROCESSES | LAW_DIRECT) {
        channel(t, A, B, 1, 0);
        assert_r(send_text(t, A, 0, "unread", LONG), 0);
        later(t);
        session_drain(t, A, LONG);
        blocked(t, A);
        talk_kill(t, B);
        assert_r(finish(t, A), -ECONNRESET);
        assert_lt(at(t, A, step_ping, &(call){ .n = { LONG } }), 0);
        assert_lt(at(t, A, step_accept, &(call){ .n = { 1, LONG } }), 0);
}

LAW(killed_while_nobody_looks, LAW_PROCESSES | LAW_DIRECT) {
        channel(t, A, B, 4, 0);
        channel(t, B, A, 4, 1);
        assert_r(send_text(t, B, 1, "last words", LONG), 0);
        assert_r(at(t, A, step_ping, &(call){ .n = { LONG } }), 0);
        talk_kill(t, B);
        assert_r(recv_text(t, A, 1, LONG), 1);
        assert_str(talk_text(t), "last words");
        assert_r(recv_text(t, A, 1, LONG), -ECONNRESET);
        assert_r(send_text(t, A, 0, "x", LONG), -ENOTCONN);
}

/* Through a bridge the loss comes out as a reason or an error, on both sides. */
LAW(killed_in_the_middle, LAW_PROCESSES | LAW_BRIDGE) {
        channel(t, A, B, 1, 0);
        channel(t, B, A, 1, 1);
        later(t);
        recv_text(t, B, 0, LONG);
        blocked(t, B);
        talk_kill(t, M);
        assert_r(finish(t, B), -ECONNRESET);
        assert_r(recv_text(t, A, 1, LONG), -ECONNRESET);
}

LAW(killed_at_the_far_end, LAW_PROCESSES) {
        channel(t, A, B, 1, 0);
        channel(t, B, A, 1, 1);
        later(t);
        recv_text(t, A, 1, LONG);
        blocked(t, A);
        talk_kill(t, B);
        int r = finish(t, A);
        assert_true(r == -ECONNRESET || r == -EPIPE);
        r = send_text(t, A, 0, "x", LONG);
        if (r == 0)
                r = drain_tx(t, A, 0, LONG);
        assert_true(r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE);
}

/* Both talk at full speed in every way there is, until one is no more. */
static void step_talk_for_ever(side *s, call *c) {
        static uint8_t bytes[30000];
        beam_sender *back = NULL;
        uint32_t n = 0;
        int64_t end = beam_after(LONG);

        c->r = 0;
        while (c->r != -ENOTCONN && c->r != -ECONNRESET && beam_now() < end) {
                beam_msg *msg = NULL;
                beam_arm arms[4] = { { .tx = s->tx[0] },
                                     { .rx = s->rx[1] },
                                     { .rx = s->rx[2] },
                                     { .rx = s->rx[9] } };

                if (c->n[0]) /* the other way round for the other side */
                        arms[0].tx = s->tx[1], arms[1].rx = s->rx[0];
                assert_ok(beam_msg_new(bytes, n % 7 ? n % 100 : sizeof(bytes), &msg));
                if (n++ % 5 == 0 && !s->rx[9]) {
                        assert_r(beam_pipe(1, &back, &s->rx[9]), 0);
                        assert_ok(beam_msg_put_sender(msg, back));
                }
                arms[0].msg = msg;
                int i = beam_select(arms, 4, end);
                c->r = i < 0 ? i : arms[i].r;
                if (i != 0 || c->r < 0)
                        beam_msg_free(msg);
                if (i == 1 && c->r > 0) {
                        back = beam_msg_take_sender(arms[1].msg, 0);
                        if (back) {
                                assert_ok(beam_msg_new("answer", 6, &msg));
                                if (beam_send(back, msg, until(NOW)) < 0)
                                        beam_msg_free(msg);
                                beam_sender_close(back);
                        }
                }
                if (i > 0 && c->r > 0)
                        beam_msg_free(arms[i].msg);
                if (i == 3)
                        s->rx[9] = beam_receiver_close(s->rx[9]);
                if (i == 3 && c->r < 0 && c->r != -ECONNRESET)
                        c->r = 0;
                ++*s->progress;
        }
}

LAW(killed_at_any_moment, LAW_PROCESSES | LAW_DIRECT) {
        int victim = test_random() % 2 ? A : B, other = A + B - victim;

        channel(t, A, B, 3, 0);
        channel(t, B, A, 3, 1);
        later(t);
        at(t, A, step_talk_for_ever, &(call){ .n = { 0 } });
        later(t);
        at(t, B, step_talk_for_ever, &(call){ .n = { 1 } });
        talk_progress(t, victim, 50 + test_random() % 500);
        talk_kill(t, victim);
        int r = finish(t, other);
        assert_true(r == -ECONNRESET || r == -ENOTCONN);
}
