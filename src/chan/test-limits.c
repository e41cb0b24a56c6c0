/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer may make a session hold: past a limit it learns so, and the session lives. */
#include "test-pair.h"

#include "test.h"

#include <errno.h>
#include <string.h>
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

/* A message costs a block, however little is in it. */
TEST(empty_messages_are_not_for_nothing) {
        const beam_options opt = { .size = sizeof(opt), .max_queued = 10 * MSG_OVERHEAD };
        beam_receiver *rx;
        beam_sender *tx;
        beam_reason why;
        int n = 0;
        test_pair p;

        test_pair_open(&p, 50, &opt);
        test_channel(&p, 100, &tx, &rx);
        while (test_send(tx, "", 0) == 0)
                n++;
        assert_eq(n, 11); /* the last was under way when it was refused */
        assert_eq(beam_sender_reason(tx, &why), 1);
        assert_eq(why.code, BEAM_CODE_LIMIT);
        assert_eq(p.b.link.s->queued, 10 * MSG_OVERHEAD);
        for (int i = 0; i < 10; i++)
                assert_r(test_recv(rx, "", 0), 1);
        assert_r(test_recv(rx, "", 0), -ENOBUFS);
        assert_eq(p.b.link.s->queued, 0);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        test_pair_close(&p);
}

/* One side by itself, to which a peer has opened two channels, 1 and 3. */
static session *hear_channels(test_side *d, const beam_options *opt, beam_receiver *rx[static 2]) {
        uint8_t frame[MUX_PREFACE_SIZE + MUX_FIXED_MAX];
        session *s;
        size_t n;

        test_side_open(d, d, opt, false, 1, &s);
        d->link.stalled = true;
        memcpy(frame, mux_preface, MUX_PREFACE_SIZE);
        n = MUX_PREFACE_SIZE +
            mux_put_hello(frame + MUX_PREFACE_SIZE,
                          &(mux_hello){ .role = MUX_DIALLED, .max_frame = 65536, .window = 1000 });
        test_side_feed(s, frame, n, n);
        for (uint64_t i = 0; i < 2; i++) {
                n = mux_put_open(frame, 1 + 2 * i, MUX_RECEIVER, 4, (mux_bytes){ 0 });
                test_side_feed(s, frame, n, n);
                rx[i] = test_accept(&s->base, "", BEAM_RECEIVER);
        }
        return s;
}

/* The first byte of a message of @total, and a descriptor for one. */
static void hear_beginning(session *s, uint64_t id, uint64_t total) {
        uint8_t frame[MUX_FIXED_MAX + 1];
        size_t n = mux_put_msg_head(frame, id, MUX_MSG_HEAD | MUX_MSG_MORE, total, MUX_NO_DEADLINE,
                                    (mux_bytes){ 0 }, 1);

        frame[n++] = 'x';
        test_side_feed(s, frame, n, n);
}

static void hear_fd(session *s, uint64_t id) {
        uint8_t frame[MUX_FIXED_MAX];
        int fd = (int)assert_ok(fd_dup(0));

        assert_eq(session_feed_fds(s, &fd, 1), 0);
        test_side_feed(s, frame, mux_put_thing(frame, id, MUX_FD, 0, 0, 0), 1);
}

static void hear_taken_back(session *s, uint64_t id) {
        uint8_t frame[MUX_FIXED_MAX];

        test_side_feed(s, frame,
                       mux_put_close(frame, MUX_END, id, BEAM_CODE_CANCELED, (mux_bytes){ 0 }), 1);
}

/* A message that is half there counts as much as one that nobody takes. */
static void half_a_message(const beam_options *opt, bool fd) {
        beam_receiver *rx[2];
        test_side d;
        session *s = hear_channels(&d, opt, rx);

        assert_eq(s->queued, 0);
        for (uint64_t id = 1; id <= 3; id += 2) {
                if (fd)
                        hear_fd(s, id);
                hear_beginning(s, id, 1500);
        }
        assert_eq(s->error, 0);
        assert_eq(s->queued, 1500 + MSG_OVERHEAD);
        assert_eq(s->n_fds_held, fd);
        assert_r(test_recv(rx[1], "", 0), -ENOBUFS);
        assert_r(test_recv(rx[0], "", 0), -ETIMEDOUT);

        hear_taken_back(s, 1);
        assert_eq(s->queued, 0);
        assert_eq(s->n_fds_held, 0);
        assert_r(test_recv(rx[0], "", 0), -EPIPE);
        beam_receiver_close(rx[0]);
        beam_receiver_close(rx[1]);
        beam_session_close(&s->base);
        test_turn();
        test_side_deinit(&d);
}

TEST(a_message_counts_from_its_beginning) {
        half_a_message(&(beam_options){ .size = sizeof(beam_options), .max_queued = 2000 }, false);
}

TEST(its_descriptors_too) {
        half_a_message(&(beam_options){ .size = sizeof(beam_options), .max_fds = 1 }, true);
}

TEST(bytes_of_streams_that_nobody_reads) {
        const beam_options opt = { .size = sizeof(opt), .max_queued = 1000 };
        beam_stream *here[2], *there[2];
        static char bytes[600];
        beam_reason why;
        test_pair p;

        test_pair_open(&p, 50, &opt);
        for (int i = 0; i < 2; i++) {
                assert_eq(beam_session_open_stream(p.sa, "", &here[i], BEAM_NOW), 0);
                there[i] = test_accept(p.sb, "", BEAM_STREAM);
                assert_eq(beam_stream_write(here[i], bytes, 600, BEAM_NOW), 600);
                test_turn();
        }
        assert_r(beam_stream_read(there[1], bytes, 600, BEAM_NOW), -ENOBUFS);
        assert_r(beam_stream_write(here[1], bytes, 1, BEAM_NOW), -EPIPE);
        assert_eq(beam_stream_reason(here[1], &why), 1);
        assert_eq(why.code, BEAM_CODE_LIMIT);

        /* the other one lives; what is closed half read gives back what it had */
        assert_eq(beam_stream_read(there[0], bytes, 200, BEAM_NOW), 200);
        assert_eq(p.b.link.s->queued, 400);
        there[0] = beam_stream_close(there[0]);
        assert_eq(p.b.link.s->queued, 0);
        for (int i = 0; i < 2; i++) {
                beam_stream_close(here[i]);
                beam_stream_close(there[i]);
        }
        test_pair_close(&p);
}

/* One that is over counts as long as nobody has looked at it. */
TEST(limit_of_channels_that_nobody_looks_at) {
        const beam_options opt = { .size = sizeof(opt), .max_channels = 4 };
        beam_receiver *rx, *things;
        beam_sender *tx, *none;
        beam_msg *msg;
        test_pair p;

        test_pair_open(&p, 50, &opt);
        test_channel(&p, 100, &tx, &rx);
        assert_eq(beam_session_open(p.sa, "", 1, &none, BEAM_NOW), 0);
        beam_sender_close(none);
        for (int i = 0; i < 2; i++) {
                assert_eq(beam_msg_new(NULL, 0, &msg), 0);
                assert_eq(beam_pipe(1, &none, &things), 0);
                beam_sender_close(none);
                assert_ok(beam_msg_put_receiver(msg, things));
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                test_turn();
        }
        assert_eq(p.b.link.s->n_wires, 1);
        assert_r(beam_session_open(p.sa, "", 1, &none, BEAM_NOW), -ETIMEDOUT);

        assert_r(beam_recv(rx, &msg, BEAM_NOW), 1);
        test_turn();
        assert_eq(beam_session_open(p.sa, "", 1, &none, BEAM_NOW), 0);
        beam_sender_close(none);
        test_turn();
        assert_r(beam_session_open(p.sa, "", 1, &none, BEAM_NOW), -ETIMEDOUT);
        beam_msg_free(msg);

        /* both that were opened, unread */
        beam_receiver_close(rx);
        test_turn();
        assert_eq(beam_session_open(p.sa, "", 1, &none, BEAM_NOW), 0);
        beam_sender_close(none);
        beam_sender_close(tx);
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
