/* SPDX-License-Identifier: Apache-2.0 */
/* Fork: what was there before belongs to the parent, what the child makes is its own. */
#include "help.h"
#include "talk.h"

#include <unistd.h>

/* In the child every call on what it inherited says so, and touches nothing. */
static void child_of_side(void *arg) {
        side *s = arg;
        beam_msg *msg = NULL, *got = NULL;
        beam_reason reason;
        int64_t rtt;
        char byte;

        assert_ok(beam_msg_new("x", 1, &msg));
        assert_r(beam_send(s->tx[0], msg, until(LONG)), -ECHILD);
        assert_r(beam_recv(s->rx[1], &got, until(LONG)), -ECHILD);
        assert_r(beam_sender_drain(s->tx[0], until(LONG)), -ECHILD);
        assert_r(beam_stream_read(s->st[2], &byte, 1, until(LONG)), -ECHILD);
        assert_r(beam_stream_write(s->st[2], "x", 1, until(LONG)), -ECHILD);
        assert_r(beam_stream_shutdown(s->st[2]), -ECHILD);
        assert_r(beam_session_ping(s->s, &rtt, until(LONG)), -ECHILD);
        assert_r(beam_session_accept(s->s, &got, until(LONG)), -ECHILD);
        assert_r(beam_session_drain(s->s, until(LONG)), -ECHILD);
        assert_r(beam_session_open(s->s, "x", 1, &s->tx[9], until(LONG)), -ECHILD);
        assert_r(beam_session_state(s->s, &reason), -ECHILD);
        assert_r(beam_receiver_watch(s->rx[1], NULL, NULL), -ECHILD);
        assert_r(beam_sender_dup(s->tx[0], &s->tx[9]), -ECHILD);

        beam_arm arms[2] = { { .tx = s->tx[0], .msg = msg }, { .rx = s->rx[1] } };
        int r = beam_select(arms, 2, until(LONG));
        assert_r(r < 0 ? r : arms[r].r, -ECHILD);
        assert_lt(beam_msg_put_sender(msg, s->tx[0]), 0);
        beam_msg_free(msg);

        /* Closing them is fine, and tells nobody. */
        side_deinit(s);

        /* What is made here works, sessions too. */
        beam_session *a = NULL, *b = NULL;
        beam_listener *l = NULL;
        beam_sender *tx = NULL;
        beam_receiver *rx = NULL;
        assert_r(beam_pipe(1, &tx, &rx), 0);
        assert_ok(beam_msg_new("y", 1, &msg));
        assert_r(beam_send(tx, msg, until(LONG)), 0);
        assert_r(beam_recv(rx, &msg, until(LONG)), 1);
        beam_msg_free(msg);
        tx = beam_sender_close(tx);
        rx = beam_receiver_close(rx);

        assert_r(beam_listen("tcp://127.0.0.1:0", NULL, &l), 0);
        assert_r(beam_dial(beam_listener_url(l), NULL, &a, until(LONG)), 0);
        assert_r(beam_accept(l, &b, until(LONG)), 0);
        assert_r(beam_session_open(a, "child", 1, &tx, until(LONG)), 0);
        assert_ok(beam_msg_new("z", 1, &msg));
        assert_r(beam_send(tx, msg, until(LONG)), 0);
        beam_sender_close(tx);
        assert_r(beam_session_accept(b, &got, until(LONG)), 1);
        rx = beam_msg_take_receiver(got, 0);
        beam_msg_free(got);
        assert_r(beam_recv(rx, &msg, until(LONG)), 1);
        beam_msg_free(msg);
        beam_receiver_close(rx);
        beam_session_close(a);
        beam_session_close(b);
        beam_listener_close(l);
        assert_r(beam_loop_run(until(NOW)), -ETIMEDOUT);
        assert_ge(beam_loop_fd(), 0);
}

static void step_fork(side *s, call *c) {
        c->r = test_wait(test_fork(child_of_side, s));
}

/* A child that ends without a word. */
static void child_leaves(void *arg) {
        (void)arg;
}

static void step_fork_and_leave(side *s, call *c) {
        c->r = test_wait(test_fork(child_leaves, s));
}

static void parent_goes_on(talk *t) {
        assert_r(send_text(t, A, 0, "to B", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_r(send_text(t, B, 1, "to A", LONG), 0);
        assert_r(recv_text(t, A, 1, LONG), 1);
        assert_r(write_text(t, A, 2, "bytes", LONG), 5);
        assert_r(read_text(t, B, 2, LONG), 5);
        assert_r(session_state(t, A), 0);
        assert_r(session_state(t, B), 0);
        for (int who = A; who <= B; who++)
                assert_r(at(t, who, step_ping, &(call){ .n = { LONG } }), 0);
}

LAW(fork_with_everything_open, LAW_DIRECT) {
        channel(t, A, B, 4, 0);
        channel(t, B, A, 4, 1);
        stream(t, A, B, 2);
        assert_r(at(t, A, step_fork, NULL), 0);
        parent_goes_on(t);
        assert_r(at(t, A, step_fork_and_leave, NULL), 0);
        parent_goes_on(t);
}

/* The parent's end is the end, though a child lives that was forked meanwhile. */
static void child_stays(void *arg) {
        int *p = arg;
        char byte;

        close(p[1]);
        assert_eq(read(p[0], &byte, 1), 0);
        close(p[0]);
}

static void step_child_stays(side *s, call *c) {
        int p[2];

        assert_eq(pipe(p), 0);
        s->fd[10] = p[1];
        c->n[7] = test_fork(child_stays, p);
        close(p[0]);
        c->r = 0;
}

static void step_child_ends(side *s, call *c) {
        close(s->fd[10]);
        s->fd[10] = -1;
        c->r = test_wait((pid_t)c->n[7]);
}

LAW(fork_does_not_hold_the_link_open, LAW_DIRECT | LAW_NET | LAW_PROCESSES) {
        channel(t, A, B, 4, 0);
        channel(t, B, A, 4, 1);
        stream(t, A, B, 2);
        assert_r(at(t, B, step_child_stays, NULL), 0);
        call c = *talk_out(t);
        parent_goes_on(t);
        assert_r(session_close(t, B), 0);
        assert_r(recv_text(t, A, 1, LONG), -ECONNRESET);
        assert_r(at(t, B, step_child_ends, &c), 0);
}

TEST(fork_with_pipes_only) {
        side s;

        side_init(&s, "parent");
        assert_r(beam_pipe(1, &s.tx[0], &s.rx[0]), 0);
        beam_msg *msg = NULL;
        assert_ok(beam_msg_new("x", 1, &msg));
        assert_r(beam_send(s.tx[0], msg, until(LONG)), 0);
        assert_eq(test_wait(test_fork(child_leaves, NULL)), 0);
        assert_r(beam_recv(s.rx[0], &msg, until(LONG)), 1);
        beam_msg_free(msg);
        side_deinit(&s);
}
