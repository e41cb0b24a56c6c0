/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as a whole: who is there, ending in order and at once. */
#include "talk.h"

#include <string.h>
#include <unistd.h>

LAW(session_lives, LAW_DIRECT) {
        for (int who = A; who <= B; who++) {
                assert_r(session_state(t, who), 0);
                assert_r(at(t, who, step_ping, &(call){ .n = { LONG } }), 0);
                assert_ge(talk_value(t, 1), 0);
                assert_lt(talk_value(t, 1), LONG);
        }
}

LAW(session_peer, LAW_DIRECT) {
        const char *name = talk_what(t)->name;

        for (int who = A; who <= B; who++) {
                assert_r(at(t, who, step_peer, NULL), 0);
                if (!strncmp(name, "tcp4", 4) || !strncmp(name, "ws", 2))
                        assert_true(!strncmp(talk_text(t), "127.0.0.1:", 10));
                else if (!strncmp(name, "tcp6", 4))
                        assert_true(!strncmp(talk_text(t), "[::1]:", 6));
                else if (!strncmp(name, "mem", 3))
                        assert_true(!strncmp(talk_text(t), "mem:", 4));
                else
                        assert_str(talk_text(t), "unix");

                if (!strncmp(name, "unix", 4) || !strncmp(name, "abstract", 8)) {
                        assert_eq(talk_value(t, 0), talk_pid(t, A + B - who));
                        assert_eq(talk_value(t, 1), getuid());
                        assert_eq(talk_value(t, 2), getgid());
                }
                if (!strncmp(name, "tcp", 3) || !strncmp(name, "ws", 2)) {
                        assert_eq(talk_value(t, 0), -1);
                        assert_eq(talk_value(t, 1), (uid_t)-1);
                }
        }
}

LAW(drain_of_nothing, LAW_TWO | LAW_DIRECT) {
        later(t);
        session_drain(t, A, LONG);
        assert_r(session_drain(t, B, LONG), 0);
        assert_r(finish(t, A), 0);
        assert_r(session_state(t, A), -EPIPE);
        assert_r(session_state(t, B), -EPIPE);
}

/* One side alone: the other learns of it while it idles. */
LAW(drain_when_all_was_taken, LAW_DIRECT) {
        channel(t, A, B, 2, 0);
        assert_r(send_text(t, A, 0, "1", LONG), 0);
        assert_r(close_tx(t, A, 0), 0);
        assert_r(session_drain(t, A, NOW), -ETIMEDOUT);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(recv_text(t, B, 0, LONG), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(session_drain(t, A, LONG), 0);
        assert_r(session_drain(t, A, NOW), 0);
}

LAW(drain_waits_for_what_is_open, LAW_DIRECT) {
        channel(t, A, B, 2, 0);
        channel(t, B, A, 2, 1);
        assert_r(session_drain(t, A, NOW), -ETIMEDOUT);

        /* What is open goes on, both ways. */
        assert_r(send_text(t, A, 0, "on", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(send_text(t, B, 1, "on", LONG), 0);
        assert_r(recv_text(t, A, 1, LONG), 1);
        assert_r(session_drain(t, A, SHORT), -ETIMEDOUT);

        assert_r(close_tx(t, A, 0), 0);
        assert_r(recv_text(t, B, 0, LONG), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(session_drain(t, A, SHORT), -ETIMEDOUT);
        assert_r(close_tx(t, B, 1), 0);
        assert_r(recv_text(t, A, 1, LONG), 0);
        assert_r(close_rx(t, A, 1), 0);
        assert_r(session_drain(t, A, LONG), 0);
}

LAW(drain_opens_nothing_new, LAW_DIRECT) {
        call c = { .n = { 1, 1, 0, LONG }, .text = "new" };

        channel(t, A, B, 2, 0);
        assert_r(session_drain(t, A, NOW), -ETIMEDOUT);
        assert_lt(at(t, A, step_open, &c), 0);

        /* The other side is told that nothing new is taken, at once or when it tries. */
        int r = at(t, B, step_open, &c);
        if (r == 0) {
                r = send_text(t, B, 1, "x", SHORT);
                if (r == 0)
                        r = drain_tx(t, B, 1, LONG);
                if (r == -ETIMEDOUT)
                        r = send_text(t, B, 1, "x", LONG);
        }
        assert_lt(r, 0);
        assert_ne(r, -ETIMEDOUT);
        assert_r(send_text(t, A, 0, "still", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
}

/* Some was not taken: the result says so. */
LAW(drain_tells_of_refusal, LAW_DIRECT) {
        channel(t, A, B, 2, 0);
        assert_r(send_text(t, A, 0, "unread", LONG), 0);
        assert_r(close_tx(t, A, 0), 0);
        assert_r(session_drain(t, A, NOW), -ETIMEDOUT);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(session_drain(t, A, LONG), -EPIPE);
}

LAW(drain_tells_of_a_refused_stream, LAW_DIRECT) {
        stream(t, A, B, 0);
        assert_r(write_text(t, A, 0, "unread", LONG), 6);
        assert_r(fail_st(t, B, 0, BEAM_CODE_REFUSED, "no"), 0);
        assert_r(read_text(t, A, 0, LONG), -EPIPE);
        assert_r(close_st(t, A, 0), 0);
        assert_r(session_drain(t, A, LONG), -EPIPE);
}

/* The receiver still has what lies there when the link has been closed in order. */
LAW(drain_by_the_receiver_s_side, LAW_DIRECT) {
        channel(t, A, B, 4, 0);
        assert_r(send_text(t, A, 0, "1", LONG), 0);
        assert_r(send_text(t, A, 0, "2", LONG), 0);
        assert_r(close_tx(t, A, 0), 0);
        assert_r(session_drain(t, B, NOW), -ETIMEDOUT);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(recv_text(t, B, 0, LONG), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(session_drain(t, B, LONG), 0);
}

LAW(drain_cut_short, LAW_DIRECT) {
        channel(t, A, B, 2, 0);
        assert_r(send_text(t, A, 0, "unread", LONG), 0);
        assert_r(session_drain(t, A, NOW), -ETIMEDOUT);
        assert_r(session_close(t, B), 0);
        assert_r(session_drain(t, A, LONG), -ECONNRESET);
}

/* The drain ends the peer's accept loop in order, and gives it an end. */
LAW(drain_ends_accepting, LAW_TWO | LAW_DIRECT) {
        later(t);
        at(t, B, step_accept, &(call){ .n = { 0, LONG } });
        blocked(t, B);
        session_drain(t, A, LONG);
        int r = finish(t, B);
        assert_true(r == 0 || r == -EPIPE);
}

LAW(close_at_once, LAW_DIRECT) {
        channel(t, A, B, 2, 0);
        channel(t, B, A, 2, 1);
        stream(t, A, B, 2);
        assert_r(session_close(t, A), 0);

        /* Ours, */
        assert_r(send_text(t, A, 0, "x", LONG), -ECANCELED);
        assert_r(recv_text(t, A, 1, LONG), -ECANCELED);
        assert_r(read_text(t, A, 2, LONG), -ECANCELED);
        assert_r(write_text(t, A, 2, "x", LONG), -ECANCELED);
        /* and the peer's. */
        assert_r(recv_text(t, B, 0, LONG), -ECONNRESET);
        int r = send_text(t, B, 1, "x", LONG);
        if (r == 0) /* into the pipe that a session in the background feeds from */
                r = drain_tx(t, B, 1, LONG);
        assert_true(r == -ENOTCONN || (r == -ECONNRESET && talk_what(t)->background));
        assert_r(read_text(t, B, 2, LONG), -ECONNRESET);
        assert_lt(write_text(t, B, 2, "x", LONG), 0);
        /* In the background each end tells of itself, and the session after them. */
        assert_lt(at(t, B, step_accept, &(call){ .n = { 3, LONG } }), 0);
        assert_r(session_state(t, B), -ECONNRESET);
        assert_lt(at(t, B, step_ping, &(call){ .n = { LONG } }), 0);
}

LAW(close_lets_what_arrived_be_received, LAW_DIRECT) {
        channel(t, A, B, 4, 0);
        assert_r(send_text(t, A, 0, "1", LONG), 0);
        assert_r(send_text(t, A, 0, "2", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        /* A ping is answered after all that was sent before it. */
        assert_r(at(t, A, step_ping, &(call){ .n = { LONG } }), 0);
        assert_r(session_close(t, A), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "2");
        assert_r(recv_text(t, B, 0, LONG), -ECONNRESET);
}

LAW(close_while_the_peer_waits, LAW_TWO | LAW_DIRECT) {
        channel(t, A, B, 0, 0);
        later(t);
        recv_text(t, B, 0, LONG);
        blocked(t, B);
        assert_r(session_close(t, A), 0);
        assert_r(finish(t, B), -ECONNRESET);
}

LAW(close_while_the_peer_sends, LAW_TWO | LAW_DIRECT) {
        channel(t, A, B, 0, 0);
        later(t);
        send_text(t, A, 0, "x", LONG);
        blocked(t, A);
        assert_r(session_close(t, B), 0);
        int r = finish(t, A);
        assert_true(r == -ENOTCONN || r == -ECONNRESET);
}

LAW(close_while_the_peer_accepts, LAW_TWO | LAW_DIRECT) {
        later(t);
        at(t, B, step_accept, &(call){ .n = { 0, LONG } });
        blocked(t, B);
        assert_r(session_close(t, A), 0);
        assert_r(finish(t, B), -ECONNRESET);
}

/* Ends of a session that has gone may be closed in any order, and put into messages. */
LAW(ends_outlive_their_session, LAW_DIRECT) {
        channel(t, A, B, 2, 0);
        channel(t, A, B, 2, 1);
        assert_r(session_close(t, A), 0);
        assert_r(session_close(t, B), 0);
        assert_r(pipe_at(t, A, 1, 2), 0);
        assert_ok(msg_at(t, A, 0, ""));
        if (put(t, A, 0, BEAM_SENDER, 0) >= 0)
                send_msg(t, A, 2, 0, NOW);
        assert_r(close_tx(t, A, 0), 0);
        assert_r(close_rx(t, B, 1), 0);
}

/* An end lying in a memory message when its session ends. */
LAW(ends_in_flight_when_the_session_closes, LAW_DIRECT) {
        channel(t, A, B, 2, 0);
        assert_r(pipe_at(t, B, 1, 1), 0);
        assert_ok(msg_at(t, B, 0, ""));
        assert_r(put(t, B, 0, BEAM_RECEIVER, 0), 0);
        assert_r(send_msg(t, B, 1, 0, LONG), 0);
        assert_r(session_close(t, A), 0);
        assert_r(recv_msg(t, B, 1, 0, LONG), 1);
        assert_r(take(t, B, 0, 0, BEAM_RECEIVER, 2), 0);
        assert_r(recv_text(t, B, 2, LONG), -ECONNRESET);
}

/* The opens channel is a receiver like others. */
static void step_select_opens(side *s, call *c) {
        beam_arm arms[2] = { { .rx = beam_session_opens(s->s) }, { .rx = s->rx[0] } };

        c->r = beam_select(arms, 2, until(c->n[1]));
        if (c->r < 0)
                return;
        c->n[2] = arms[c->r].r;
        if (c->n[2] > 0)
                beam_msg_free(arms[c->r].msg);
}

LAW(opens_can_be_selected_on, LAW_DIRECT) {
        call c = { .n = { 1, 1, 0, LONG }, .text = "law" };

        channel(t, A, B, 1, 0);
        assert_r(at(t, B, step_select_opens, &(call){ .n = { 0, NOW } }), -ETIMEDOUT);
        assert_r(at(t, A, step_open, &c), 0);
        assert_r(at(t, B, step_select_opens, &(call){ .n = { 0, LONG } }), 0);
        assert_eq(talk_value(t, 2), 1);
        assert_r(send_text(t, A, 0, "x", LONG), 0);
        assert_r(at(t, B, step_select_opens, &(call){ .n = { 0, LONG } }), 1);
        /* The open that was received and dropped closed the channel. */
        assert_r(drain_tx(t, A, 1, LONG), 0);
        int r = send_text(t, A, 1, "x", LONG);
        assert_r(r == 0 ? drain_tx(t, A, 1, LONG) : r, -EPIPE);
}
