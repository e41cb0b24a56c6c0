/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: themselves where the link passes them, else one end of a socketpair
 * that is filled from the other side; either way, something to read and write. */
#include "talk.h"

#include <sys/socket.h>

/* Fd slot @slot of A goes to B, into the same slot, on channel 0. */
static void pass(talk *t, int slot) {
        assert_ok(msg_at(t, A, 0, "fd"));
        assert_r(put(t, A, 0, BEAM_FD, slot), 0);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_eq(kind_at(t, B, 0, 0), BEAM_FD);
        assert_r(fd_bridged(t, B, 0, 0), talk_shows_fds(t) ? 0 : 1);
        assert_r(fd_bridged(t, B, 0, 1), -ENOENT);
        assert_r(take(t, B, 0, 0, BEAM_FD, slot), 0);
        assert_r(take(t, B, 0, 0, BEAM_FD, 9), -ENOENT);
        assert_r(free_msg(t, B, 0), 0);
}

LAW(fd_pipe_read_end, 0) {
        channel(t, A, B, 1, 0);
        assert_r(fd_pipe(t, A, 0, 1), 0);
        assert_r(write_fd(t, A, 1, "before, "), 8);
        pass(t, 0);
        assert_r(write_fd(t, A, 1, "after"), 5);
        assert_r(close_fd(t, A, 1), 0);
        assert_r(read_fd(t, B, 0, 0), 13);
        assert_str(talk_text(t), "before, after");
}

LAW(fd_pipe_write_end, 0) {
        channel(t, A, B, 1, 0);
        assert_r(fd_pipe(t, A, 0, 1), 0);
        pass(t, 1);
        assert_r(write_fd(t, B, 1, "from B"), 6);
        assert_r(read_fd(t, A, 0, 6), 6);
        assert_str(talk_text(t), "from B");
        assert_r(close_fd(t, B, 1), 0);
        assert_r(read_fd(t, A, 0, 0), 0);
}

LAW(fd_socket, 0) {
        channel(t, A, B, 1, 0);
        assert_r(fd_socketpair(t, A, 0, 1), 0);
        pass(t, 0);
        assert_r(write_fd(t, A, 1, "to B"), 4);
        assert_r(read_fd(t, B, 0, 4), 4);
        assert_str(talk_text(t), "to B");
        assert_r(write_fd(t, B, 0, "to A"), 4);
        assert_r(read_fd(t, A, 1, 4), 4);
        assert_str(talk_text(t), "to A");
        assert_r(close_fd(t, B, 0), 0);
        assert_r(read_fd(t, A, 1, 0), 0);
}

LAW(fd_socket_half_close, 0) {
        channel(t, A, B, 1, 0);
        assert_r(fd_socketpair(t, A, 0, 1), 0);
        pass(t, 0);
        assert_r(write_fd(t, B, 0, "question"), 8);
        assert_r(shutdown_fd(t, B, 0, SHUT_WR), 0);
        assert_r(read_fd(t, A, 1, 0), 8);
        assert_r(write_fd(t, A, 1, "answer"), 6);
        assert_r(shutdown_fd(t, A, 1, SHUT_WR), 0);
        assert_r(read_fd(t, B, 0, 0), 6);
        assert_str(talk_text(t), "answer");
}

LAW(fd_regular_file, 0) {
        channel(t, A, B, 1, 0);
        assert_r(fd_file(t, A, 0, "what the file holds"), 0);
        pass(t, 0);
        assert_r(read_fd(t, B, 0, 0), 19);
        assert_str(talk_text(t), "what the file holds");
}

LAW(fds_several_in_a_message, 0) {
        enum { N = 6 };

        channel(t, A, B, 1, 0);
        assert_ok(msg_at(t, A, 0, "fds"));
        for (int i = 0; i < N; i++) {
                char text[] = "file 0";

                text[5] = (char)('0' + i);
                assert_r(fd_file(t, A, i, text), 0);
                assert_r(put(t, A, 0, BEAM_FD, i), i);
        }
        assert_r(pipe_at(t, A, 1, 1), 0);
        assert_r(put(t, A, 0, BEAM_SENDER, 1), N);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_eq(talk_value(t, 4), N + 1);
        assert_r(take(t, B, 0, N, BEAM_SENDER, 1), 0);
        for (int i = N - 1; i >= 0; i--) {
                assert_r(take(t, B, 0, (size_t)i, BEAM_FD, i), 0);
                assert_r(read_fd(t, B, i, 0), 6);
                assert_eq(talk_text(t)[5], '0' + i);
        }
        assert_r(send_text(t, B, 1, "x", LONG), 0);
        assert_r(recv_text(t, A, 1, LONG), 1);
}

LAW(fds_in_many_messages, 0) {
        channel(t, A, B, 16, 0);
        for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 12; i++) {
                        char text[] = "a";

                        text[0] = (char)('a' + i);
                        assert_ok(msg_at(t, A, 0, text));
                        assert_r(fd_file(t, A, 0, text), 0);
                        assert_r(put(t, A, 0, BEAM_FD, 0), 0);
                        assert_r(send_msg(t, A, 0, 0, LONG), 0);
                }
                for (int i = 0; i < 12; i++) {
                        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
                        assert_eq(talk_text(t)[0], 'a' + i);
                        if (i % 3 != 2) {
                                assert_r(take(t, B, 0, 0, BEAM_FD, 0), 0);
                                assert_r(read_fd(t, B, 0, 0), 1);
                                assert_eq(talk_text(t)[0], 'a' + i);
                                assert_r(close_fd(t, B, 0), 0);
                        }
                        assert_r(free_msg(t, B, 0), 0);
                }
        }
}

LAW(fd_closed_with_the_message, 0) {
        channel(t, A, B, 2, 0);
        assert_r(fd_pipe(t, A, 0, 1), 0);
        assert_r(fd_pipe(t, A, 2, 3), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_FD, 1), 0);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        assert_ok(msg_at(t, A, 0, ""));
        assert_r(put(t, A, 0, BEAM_FD, 3), 0);
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        /* One dropped after it was received, one with the channel in which it lay. */
        assert_r(recv_msg(t, B, 0, 0, LONG), 1);
        assert_r(free_msg(t, B, 0), 0);
        assert_r(read_fd(t, A, 0, 0), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(read_fd(t, A, 2, 0), 0);
}

LAW(fd_much_through_it, LAW_TWO | LAW_DIRECT) {
        channel(t, A, B, 1, 0);
        assert_r(fd_socketpair(t, A, 0, 1), 0);
        pass(t, 0);
        later(t);
        at(t, A, step_fd_write_all, &(call){ .n = { 1, 4 << 20, 9 } });
        assert_r(at(t, B, step_fd_read_all, &(call){ .n = { 0, 0, 9 } }), 0);
        assert_eq(talk_value(t, 3), 4 << 20);
        assert_r(finish(t, A), 0);
}

/* At once, or from where a session in the background runs. */
static bool is_refused(talk *t, int r) {
        if (r == 0 && talk_what(t)->background) {
                assert_r(drain_tx(t, A, 0, LONG), -EPIPE);
                assert_r(reason_tx(t, A, 0), 1);
                assert_eq(talk_value(t, 1), BEAM_CODE_REFUSED);
                return true;
        }
        assert_true(r == -ENOBUFS || r == -EPIPE || r == -EPERM || r == -EOPNOTSUPP);
        return false;
}

LAW(fds_refused, LAW_DIRECT, .fds = BEAM_FDS_REFUSE) {
        channel(t, A, B, 2, 0);
        assert_r(fd_file(t, A, 0, "x"), 0);
        assert_ok(msg_at(t, A, 0, "with an fd"));
        assert_r(put(t, A, 0, BEAM_FD, 0), 0);
        if (is_refused(t, send_msg(t, A, 0, 0, LONG)))
                return;
        /* It was not taken from its sender, and the session lives. */
        assert_eq(kind_at(t, A, 0, 0), BEAM_FD);
        assert_r(send_text(t, A, 0, "without", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "without");
}

LAW(fds_real_ones_only, LAW_DIRECT, .fds = BEAM_FDS_REAL) {
        channel(t, A, B, 2, 0);
        assert_r(fd_file(t, A, 0, "x"), 0);
        assert_ok(msg_at(t, A, 0, "with an fd"));
        assert_r(put(t, A, 0, BEAM_FD, 0), 0);
        if (talk_passes_fds(t)) {
                assert_r(send_msg(t, A, 0, 0, LONG), 0);
                assert_r(recv_msg(t, B, 0, 0, LONG), 1);
                assert_r(fd_bridged(t, B, 0, 0), 0);
                return;
        }
        if (is_refused(t, send_msg(t, A, 0, 0, LONG)))
                return;
        assert_eq(kind_at(t, A, 0, 0), BEAM_FD);
        assert_r(send_text(t, A, 0, "without", LONG), 0);
        assert_r(recv_text(t, B, 0, LONG), 1);
        assert_str(talk_text(t), "without");
}

/* A bridge goes on after the channel and the message on which it came. */
LAW(fd_outlives_its_channel, LAW_DIRECT) {
        channel(t, A, B, 1, 0);
        assert_r(fd_socketpair(t, A, 0, 1), 0);
        pass(t, 0);
        assert_r(close_tx(t, A, 0), 0);
        assert_r(recv_text(t, B, 0, LONG), 0);
        assert_r(close_rx(t, B, 0), 0);
        assert_r(write_fd(t, A, 1, "still"), 5);
        assert_r(read_fd(t, B, 0, 5), 5);
}

/* A descriptor itself outlives the session, too. */
LAW(fd_outlives_its_session, LAW_DIRECT | LAW_REAL_FDS) {
        channel(t, A, B, 1, 0);
        assert_r(fd_socketpair(t, A, 0, 1), 0);
        pass(t, 0);
        assert_r(session_close(t, A), 0);
        assert_r(session_close(t, B), 0);
        assert_r(write_fd(t, A, 1, "still"), 5);
        assert_r(read_fd(t, B, 0, 5), 5);
}
