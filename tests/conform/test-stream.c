/* SPDX-License-Identifier: Apache-2.0 */
/* Byte streams: two ways, half-close, reasons, and no more in flight than fits. */
#include "talk.h"

LAW(stream_both_ways, 0) {
        stream(t, A, B, 0);
        assert_r(write_text(t, A, 0, "ping", LONG), 4);
        assert_r(read_text(t, B, 0, LONG), 4);
        assert_str(talk_text(t), "ping");
        assert_r(write_text(t, B, 0, "pong", LONG), 4);
        assert_r(read_text(t, A, 0, LONG), 4);
        assert_str(talk_text(t), "pong");
        assert_r(read_text(t, A, 0, NOW), -ETIMEDOUT);
        assert_r(read_text(t, B, 0, SHORT), -ETIMEDOUT);
}

LAW(stream_reads_what_is_there, 0) {
        stream(t, A, B, 0);
        assert_r(write_text(t, A, 0, "abcdef", LONG), 6);
        assert_r(drain_st(t, A, 0, NOW), -ETIMEDOUT);
        for (int i = 0; i < 6; i++) {
                assert_r(at(t, B, step_read, &(call){ .n = { 0, LONG, 1 } }), 1);
                assert_eq(talk_text(t)[0], 'a' + i);
        }
        assert_r(drain_st(t, A, 0, LONG), 0);
        assert_r(read_text(t, B, 0, NOW), -ETIMEDOUT);
        assert_r(write_text(t, A, 0, "", NOW), 0);
}

LAW(stream_half_close, 0) {
        stream(t, A, B, 0);
        assert_r(write_text(t, A, 0, "question", LONG), 8);
        assert_r(shutdown_st(t, A, 0), 0);
        assert_r(write_text(t, A, 0, "more", NOW), -EPIPE);
        assert_r(read_text(t, B, 0, LONG), 8);
        assert_r(read_text(t, B, 0, LONG), 0);
        assert_r(read_text(t, B, 0, NOW), 0);
        assert_r(write_text(t, B, 0, "answer", LONG), 6);
        assert_r(read_text(t, A, 0, LONG), 6);
        assert_str(talk_text(t), "answer");
        assert_r(shutdown_st(t, B, 0), 0);
        assert_r(read_text(t, A, 0, LONG), 0);
}

LAW(stream_close, 0) {
        stream(t, A, B, 0);
        assert_r(write_text(t, A, 0, "last", LONG), 4);
        assert_r(close_st(t, A, 0), 0);
        assert_r(read_text(t, B, 0, LONG), 4);
        assert_r(read_text(t, B, 0, LONG), 0);
        /* Nobody reads what is written from here on. It may take until the other side
         * has told so. */
        int r = write_text(t, B, 0, "x", LONG);
        if (r > 0)
                r = drain_st(t, B, 0, LONG);
        assert_r(r, -EPIPE);
        assert_r(write_text(t, B, 0, "x", LONG), -EPIPE);
}

LAW(stream_fail, 0) {
        stream(t, A, B, 0);
        assert_r(write_text(t, A, 0, "before", LONG), 6);
        assert_r(fail_st(t, A, 0, BEAM_CODE_USER + 1, "exited 3"), 0);
        assert_r(read_text(t, B, 0, LONG), 6);
        assert_r(read_text(t, B, 0, LONG), -EPIPE);
        assert_r(reason_st(t, B, 0), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_USER + 1);
        assert_str(talk_text(t), "exited 3");
        assert_r(write_text(t, B, 0, "x", LONG), -EPIPE);
}

LAW(stream_end_while_reading, LAW_TWO) {
        stream(t, A, B, 0);
        stream(t, A, B, 1);
        for (int i = 0; i < 2; i++) {
                later(t);
                read_text(t, B, i, LONG);
                blocked(t, B);
                if (i)
                        assert_r(fail_st(t, A, i, BEAM_CODE_USER, "x"), 0);
                else
                        assert_r(close_st(t, A, i), 0);
                assert_r(finish(t, B), i ? -EPIPE : 0);
        }
}

LAW(stream_carries_much, LAW_TWO) {
        stream(t, A, B, 0);
        later(t);
        write_all(t, A, 0, 8 << 20, 3, LONG);
        /* The reader reads to the end, which comes after all of it. */
        later(t);
        read_all(t, B, 0, 3, LONG);
        assert_r(finish(t, A), 0);
        assert_r(shutdown_st(t, A, 0), 0);
        assert_r(finish(t, B), 0);
        assert_eq(talk_value(t, 4), 8 << 20);
        assert_r(drain_st(t, A, 0, LONG), 0);
}

LAW(stream_both_ways_at_once, LAW_TWO) {
        stream(t, A, B, 0);
        stream(t, A, B, 1);
        later(t);
        write_all(t, A, 0, 3 << 20, 1, LONG);
        assert_r(at(t, B, step_read_exactly, &(call){ .n = { 0, LONG, 3 << 20, 1 } }), 0);
        assert_r(finish(t, A), 0);
        later(t);
        write_all(t, B, 0, 3 << 20, 2, LONG);
        assert_r(at(t, A, step_read_exactly, &(call){ .n = { 0, LONG, 3 << 20, 2 } }), 0);
        assert_r(finish(t, B), 0);
}

/* A writer whose reader does not read comes to a stop, and goes on when it does. */
LAW(stream_back_pressure, LAW_TWO) {
        stream(t, A, B, 0);
        assert_r(write_all(t, A, 0, 64 << 20, 4, SHORT), -ETIMEDOUT);
        int64_t written = talk_value(t, 4);
        assert_gt(written, 0);
        assert_lt(written, 16 << 20);
        assert_r(shutdown_st(t, A, 0), 0);
        assert_r(read_all(t, B, 0, 4, LONG), 0);
        assert_eq(talk_value(t, 4), written);
}

LAW(stream_writer_told_while_blocked, LAW_TWO) {
        stream(t, A, B, 0);
        later(t);
        write_all(t, A, 0, 64 << 20, 4, LONG);
        blocked(t, A);
        assert_r(fail_st(t, B, 0, BEAM_CODE_CANCELED, "enough"), 0);
        assert_r(finish(t, A), -EPIPE);
        assert_r(reason_st(t, A, 0), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_CANCELED);
        assert_str(talk_text(t), "enough");
}

LAW(a_stream_travels, 0) {
        channel(t, A, B, 1, 0);
        assert_r(at(t, A, step_stream_pair, &(call){ .n = { 1, 2 } }), 0);
        assert_r(write_text(t, A, 1, "before ", LONG), 7);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_STREAM, 2), 0);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(write_text(t, A, 1, "after", LONG), 5);
        assert_r(shutdown_st(t, A, 1), 0);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_r(take(t, B, 0, 0, BEAM_STREAM, 3), 0);
        assert_r(at(t, B, step_read_text_to_end, &(call){ .n = { 3, LONG } }), 0);
        assert_str(talk_text(t), "before after");
        assert_r(write_text(t, B, 3, "back", LONG), 4);
        assert_r(close_st(t, B, 3), 0);
        assert_r(at(t, A, step_read_text_to_end, &(call){ .n = { 1, LONG } }), 0);
        assert_str(talk_text(t), "back");
}

LAW(a_stream_there_and_back, 0) {
        channel(t, A, B, 1, 0);
        channel(t, B, A, 1, 1);
        assert_r(at(t, A, step_stream_pair, &(call){ .n = { 1, 2 } }), 0);
        for (int i = 0; i < 2; i++) {
                int from = i ? B : A, to = i ? A : B;

                assert_ok(msg_at(t, from, 0, ""));
                assert_r(put(t, from, 0, BEAM_STREAM, 2), 0);
                assert_r(send_msg(t, from, i, 0, LONG), 0);
                assert_r(recv_msg(t, to, i, 0, LONG), 1);
                assert_r(take(t, to, 0, 0, BEAM_STREAM, 2), 0);
                assert_r(free_msg(t, to, 0), 0);
        }
        assert_r(write_text(t, A, 1, "home", LONG), 4);
        assert_r(read_text(t, A, 2, LONG), 4);
        assert_str(talk_text(t), "home");
        assert_r(shutdown_st(t, A, 2), 0);
        assert_r(read_text(t, A, 1, LONG), 0);
        assert_r(fail_st(t, A, 1, BEAM_CODE_USER, "x"), 0);
        assert_r(read_text(t, A, 2, LONG), -EPIPE);
}

LAW(a_stream_dropped_unread, 0) {
        channel(t, A, B, 1, 0);
        assert_r(at(t, A, step_stream_pair, &(call){ .n = { 1, 2 } }), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_STREAM, 2), 0);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_r(free_msg(t, B, 0), 0);
        assert_r(read_text(t, A, 1, LONG), -EPIPE);
        assert_r(reason_st(t, A, 1), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_GONE);
        assert_r(write_text(t, A, 1, "x", LONG), -EPIPE);
}

static void on_done(void *data, int r) {
        call *c = data;

        c->n[5]++;
        c->n[6] = r;
        beam_loop_stop();
}

/* Slots of the stream, of the descriptors in and out (-1: none); runs the loop until
 * both ways are over. */
static void step_join(side *s, call *c) {
        int in = c->n[1] < 0 ? -1 : s->fd[c->n[1]], out = c->n[2] < 0 ? -1 : s->fd[c->n[2]];

        c->r = beam_stream_join(s->st[c->n[0]], in, out, on_done, c);
        if (c->r < 0)
                return;
        s->st[c->n[0]] = NULL;
        if (c->n[1] >= 0)
                s->fd[c->n[1]] = -1;
        if (c->n[2] >= 0)
                s->fd[c->n[2]] = -1;
        assert_eq(c->n[5], 0);
        c->r = beam_loop_run(until(LONG));
        assert_eq(c->n[5], 1);
        if (c->r == 0)
                c->r = (int)c->n[6];
}

LAW(stream_joined_with_pipes, LAW_TWO) {
        stream(t, A, B, 0);
        assert_r(fd_pipe(t, B, 0, 1), 0); /* what A writes comes out of 0 */
        assert_r(fd_file(t, B, 2, "from a file"), 0);
        assert_r(at(t, B, step_fd_dup, &(call){ .n = { 0, 3 } }), 0);
        later(t);
        at(t, B, step_join, &(call){ .n = { 0, 2, 1 } });
        assert_r(write_text(t, A, 0, "into a pipe", LONG), 11);
        assert_r(shutdown_st(t, A, 0), 0);
        assert_r(at(t, A, step_read_text_to_end, &(call){ .n = { 0, LONG } }), 0);
        assert_str(talk_text(t), "from a file");
        assert_r(finish(t, B), 0);
        assert_r(read_fd(t, B, 3, 0), 11);
        assert_str(talk_text(t), "into a pipe");
}

LAW(stream_joined_with_a_socket, LAW_TWO) {
        stream(t, A, B, 0);
        assert_r(fd_socketpair(t, B, 0, 1), 0);
        assert_r(write_fd(t, B, 1, "from the socket"), 15);
        assert_r(shutdown_fd(t, B, 1, 1), 0);
        later(t);
        at(t, B, step_join, &(call){ .n = { 0, 0, 0 } });
        assert_r(at(t, A, step_read_text_to_end, &(call){ .n = { 0, LONG } }), 0);
        assert_str(talk_text(t), "from the socket");
        assert_r(write_text(t, A, 0, "to it", LONG), 5);
        assert_r(close_st(t, A, 0), 0);
        assert_r(finish(t, B), 0);
        assert_r(read_fd(t, B, 1, 0), 5);
        assert_str(talk_text(t), "to it");
}

LAW(stream_joined_one_way, LAW_TWO) {
        stream(t, A, B, 0);
        assert_r(fd_file(t, B, 0, "only out"), 0);
        later(t);
        at(t, B, step_join, &(call){ .n = { 0, 0, -1 } });
        assert_r(at(t, A, step_read_text_to_end, &(call){ .n = { 0, LONG } }), 0);
        assert_str(talk_text(t), "only out");
        assert_r(finish(t, B), 0);
}

LAW(stream_joined_and_failed, LAW_TWO) {
        stream(t, A, B, 0);
        assert_r(fd_socketpair(t, B, 0, 1), 0);
        later(t);
        at(t, B, step_join, &(call){ .n = { 0, 0, 0 } });
        blocked(t, B);
        assert_r(fail_st(t, A, 0, BEAM_CODE_USER, "x"), 0);
        assert_r(finish(t, B), -EPIPE);
        assert_r(read_fd(t, B, 1, 0), 0);
}
