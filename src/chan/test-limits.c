/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer may make a session hold: past a limit it learns so, and the session lives. */
#include "test-pair.h"

#include "test.h"

#include <errno.h>
#include <unistd.h>

#include "base/fds.h"

TEST(limits_of_a_message) {
        const beam_options opt = { .size = sizeof(opt), .max_msg = 10, .max_things = 2 };
        beam_receiver *rx;
        beam_sender *tx;
        beam_msg *msg;
        test_pair p;

        test_pair_open(&p, 5, &opt);
        test_channel(&p, 4, &tx, &rx);
        assert_eq(test_send(tx, "0123456789", 10), 0);
        assert_r(test_send(tx, "0123456789a", 11), -EMSGSIZE);
        assert_eq(beam_msg_new(NULL, 0, &msg), 0);
        for (int i = 0; i < 3; i++)
                assert_ok(beam_msg_put_fd(msg, (int)assert_ok(fd_dup(0))));
        assert_r(beam_send(tx, msg, BEAM_NOW), -E2BIG);
        close(beam_msg_take_fd(msg, 2));
        assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
        test_turn();
        assert_eq(session_greeting(p.b.link.s), 1);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        test_pair_close(&p);
}

TEST(limit_of_channels) {
        const beam_options opt = { .size = sizeof(opt), .max_channels = 3 };
        beam_sender *tx[3], *none;
        beam_msg *msg;
        test_pair p;

        test_pair_open(&p, 5, &opt);
        for (int round = 0; round < 3; round++) {
                for (size_t i = 0; i < n_of(tx); i++)
                        assert_eq(beam_session_open(p.sa, "", 1, &tx[i], BEAM_NOW), 0);
                assert_r(beam_session_open(p.sa, "", 1, &none, BEAM_NOW), -ETIMEDOUT);
                test_turn();
                for (size_t i = 0; i < n_of(tx); i++) {
                        assert_r(beam_session_accept(p.sb, &msg, BEAM_NOW), 1);
                        beam_msg_free(msg);
                        beam_sender_close(tx[i]);
                }
                test_turn();
        }
        test_pair_close(&p);
}

TEST(limit_of_what_nobody_takes) {
        const beam_options opt = { .size = sizeof(opt), .max_queued = 1000 };
        static const char bytes[600];
        beam_receiver *rx, *rx2;
        beam_sender *tx, *tx2;
        beam_reason why;
        test_pair p;

        test_pair_open(&p, 50, &opt);
        test_channel(&p, 4, &tx, &rx);
        test_channel(&p, 4, &tx2, &rx2);
        assert_eq(test_send(tx, bytes, 600), 0);
        assert_eq(test_send(tx2, bytes, 600), 0);
        assert_r(test_send(tx2, "", 0), -EPIPE);
        assert_eq(beam_sender_reason(tx2, &why), 1);
        assert_eq(why.code, BEAM_CODE_LIMIT);
        assert_r(test_recv(rx2, "", 0), -ENOBUFS);
        assert_r(test_recv(rx, bytes, 600), 1); /* the session lives */
        assert_eq(test_send(tx, bytes, 600), 0);
        assert_r(test_recv(rx, bytes, 600), 1);
        beam_sender_close(tx);
        beam_sender_close(tx2);
        beam_receiver_close(rx);
        beam_receiver_close(rx2);
        test_pair_close(&p);
}

TEST(descriptors_refused) {
        const beam_options opt = { .size = sizeof(opt), .fds = BEAM_FDS_REFUSE };
        beam_receiver *rx;
        beam_sender *tx;
        beam_msg *msg;
        test_pair p;

        test_pair_open(&p, 5, &opt);
        test_channel(&p, 4, &tx, &rx);
        assert_eq(beam_msg_new(NULL, 0, &msg), 0);
        assert_ok(beam_msg_put_fd(msg, (int)assert_ok(fd_dup(0))));
        assert_r(beam_send(tx, msg, BEAM_NOW), -ENOBUFS);
        assert_eq(beam_msg_kind(msg, 0), BEAM_FD);
        beam_msg_free(msg);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        test_pair_close(&p);
}
