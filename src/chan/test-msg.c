/* SPDX-License-Identifier: Apache-2.0 */
#include "msg.h"

#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "help.h"

/* blocks */

TEST(sizes_have_their_room) {
        for (size_t n = 0; n < 3000; n += n < 200 ? 1 : 61) {
                beam_msg *msg = msg_new(n);

                assert_eq(msg->n, n);
                assert_ge(msg_room(msg), n);
                assert_ge(msg_room(msg), 64);
                assert_eq((uintptr_t)msg % 64, 0);
                memset(beam_msg_buffer(msg), 'x', msg_room(msg));
                assert_eq(beam_msg_deadline(msg), BEAM_FOREVER);
                assert_str(beam_msg_label(msg), "");
                assert_eq(beam_msg_things(msg), 0);
                assert_null(beam_msg_free(msg));
        }
        for (size_t n = 4096; n <= (8u << 20); n = n * 2 + 1) {
                beam_msg *msg = msg_new(n);

                assert_ge(msg_room(msg), n);
                assert_lt(msg_room(msg), 2 * n + 64);
                ((uint8_t *)beam_msg_buffer(msg))[msg_room(msg) - 1] = 1;
                beam_msg_free(msg);
        }
        assert_null(msg_new(SIZE_MAX));
        assert_null(msg_new(SIZE_MAX - 100));
        assert_null(beam_msg_free(NULL));
}

TEST(freed_blocks_are_used_again) {
        static const size_t sizes[] = { 1, 64, 65, 1000, 8192, 65536, 1 << 20 };

        mem_watch(true);
        for (size_t i = 0; i < n_of(sizes); i++) {
                uint64_t n_new;

                beam_msg_free(msg_new(sizes[i]));
                n_new = mem_get_stats().n_new;
                for (int k = 0; k < 100; k++)
                        beam_msg_free(msg_new(sizes[i]));
                assert_eq(mem_get_stats().n_new, n_new);
        }
        msg_trim();
        assert_eq(mem_get_stats().n_live, 0);
        /* larger ones go back at once */
        beam_msg_free(msg_new((1 << 20) + 1));
        assert_eq(mem_get_stats().n_live, 0);
        mem_watch(false);
}

typedef struct chain {
        beam_msg *first;
        size_t n, size;
} chain;

static void *make_chain(void *arg) {
        chain *c = arg;

        for (size_t i = 0; i < c->n; i++) {
                beam_msg *msg = msg_new(c->size);

                msg->next = c->first;
                c->first = msg;
        }
        return NULL;
}

static void *free_chain(void *arg) {
        chain *c = arg;

        while (c->first) {
                beam_msg *msg = c->first;

                c->first = msg->next;
                beam_msg_free(msg);
        }
        return NULL;
}

static void in_thread(void *(*fn)(void *arg), void *arg) {
        pthread_t thread;

        assert_eq(pthread_create(&thread, NULL, fn, arg), 0);
        assert_eq(pthread_join(thread, NULL), 0);
}

/* What one thread frees another gets, in bundles; and it does not grow for ever. */
TEST(blocks_move_between_threads) {
        chain c = { .n = 1000, .size = 64 };
        uint64_t n_new;

        mem_watch(true);
        in_thread(make_chain, &c);
        in_thread(free_chain, &c);
        n_new = mem_get_stats().n_new;
        for (int i = 0; i < 10; i++) {
                in_thread(make_chain, &c);
                in_thread(free_chain, &c);
        }
        assert_lt(mem_get_stats().n_new - n_new, 10 * 200); /* of 10,000 */
        msg_trim();
        assert_eq(mem_get_stats().n_live, 0);

        /* of large ones the depot keeps no more than a few */
        c = (chain){ .n = 64, .size = 1 << 20 };
        in_thread(make_chain, &c);
        in_thread(free_chain, &c);
        assert_le(mem_get_stats().n_bytes, 8 << 20);
        msg_trim();
        assert_eq(mem_get_stats().n_live, 0);
        mem_watch(false);
}

/* reserving */

TEST(reserve_keeps_what_is_there) {
        static const size_t sizes[] = { 64, 65, 1000, 70000, 2 << 20, (2 << 20) + 10, 5 << 20 };
        beam_msg *msg, *had;
        size_t n = 5;

        assert_eq(beam_msg_new("hello", 5, &msg), 0);
        assert_eq(beam_msg_set_label(msg, "text"), 0);
        beam_msg_set_deadline(msg, 77);
        assert_eq(beam_msg_put_fd(msg, (int)assert_ok(dup(0))), 0);
        for (size_t i = 0; i < n_of(sizes); i++) {
                assert_eq(msg_reserve(&msg, sizes[i]), 0);
                assert_eq(msg->n, n);
                assert_ge(msg_room(msg), sizes[i]);
                assert_mem(beam_msg_data(msg, NULL), 5, "hello", 5);
                msg->n = sizes[i];
                for (; n < sizes[i]; n++)
                        msg->data[n] = (uint8_t)(n * 31);
        }
        for (size_t i = 5; i < n; i++)
                assert_eq(msg->data[i], (uint8_t)(i * 31));
        assert_str(beam_msg_label(msg), "text");
        assert_eq(beam_msg_deadline(msg), 77);
        assert_eq(beam_msg_kind(msg, 0), BEAM_FD);

        /* within its room it does not move */
        had = msg;
        assert_eq(msg_reserve(&msg, 3), 0);
        assert_eq(msg_reserve(&msg, msg_room(msg)), 0);
        assert_true(msg == had);

        mem_fail_at(1);
        n = msg->n;
        assert_r(msg_reserve(&msg, 9 << 20), -ENOMEM);
        assert_true(msg == had);
        assert_eq(msg->n, n);
        mem_fail_at(0);
        beam_msg_free(msg);
}

/* bytes of somebody else's */

static void count_release(void *arg) {
        ++*(int *)arg;
}

TEST(wrapped_bytes_stay_where_they_are) {
        static const char text[] = "not ours";
        int n_released = 0;
        beam_msg *msg;
        size_t n;

        assert_eq(beam_msg_wrap(text, 8, count_release, &n_released, &msg), 0);
        assert_true(beam_msg_data(msg, &n) == text);
        assert_eq(n, 8);
        assert_null(beam_msg_buffer(msg));
        assert_eq(beam_msg_set_label(msg, "text"), 0);
        assert_eq(n_released, 0);
        beam_msg_free(msg);
        assert_eq(n_released, 1);

        assert_eq(beam_msg_wrap(NULL, 0, NULL, NULL, &msg), 0);
        beam_msg_data(msg, &n);
        assert_eq(n, 0);
        beam_msg_free(msg);

        /* pinned: released when the last part has left */
        assert_eq(beam_msg_wrap(text, 8, count_release, &n_released, &msg), 0);
        msg_pin(msg);
        msg_pin(msg);
        beam_msg_free(msg);
        assert_eq(n_released, 1);
        msg_unpin(msg);
        assert_eq(n_released, 1);
        msg_unpin(msg);
        assert_eq(n_released, 2);

        for (uint64_t nth = 1; nth <= 2; nth++) {
                msg_trim();
                mem_fail_at(nth);
                assert_r(beam_msg_wrap(text, 8, count_release, &n_released, &msg), -ENOMEM);
                assert_true(mem_has_failed());
        }
        mem_fail_at(0);
        assert_eq(n_released, 2);
}

TEST(a_pinned_message_that_is_not_freed_lives_on) {
        beam_msg *msg = msg_new(10);

        msg_pin(msg);
        msg_unpin(msg);
        memset(msg->data, 'x', 10);
        beam_msg_free(msg);
}

/* labels */

TEST(labels) {
        char longest[BEAM_LABEL_MAX + 2];
        beam_msg *msg = msg_new(0);

        memset(longest, 'l', sizeof(longest));
        longest[BEAM_LABEL_MAX] = '\0';
        assert_eq(beam_msg_set_label(msg, longest), 0);
        assert_str(beam_msg_label(msg), longest);
        longest[BEAM_LABEL_MAX] = 'l';
        longest[BEAM_LABEL_MAX + 1] = '\0';
        assert_lt(beam_msg_set_label(msg, longest), 0);
        assert_eq(strlen(beam_msg_label(msg)), BEAM_LABEL_MAX);
        assert_eq(beam_msg_set_label(msg, ""), 0);
        assert_str(beam_msg_label(msg), "");
        beam_msg_free(msg);

        msg = msg_new(0);
        msg_trim();
        mem_fail_at(1);
        assert_r(beam_msg_set_label(msg, "json"), -ENOMEM);
        assert_str(beam_msg_label(msg), "");
        mem_fail_at(0);
        beam_msg_free(msg);
}

/* things */

TEST(things_go_in_and_come_out) {
        beam_stream *a, *b;
        beam_receiver *rx;
        beam_msg *msg = msg_new(0);
        beam_sender *tx;
        int fd = (int)assert_ok(dup(0));

        assert_eq(beam_pipe(1, &tx, &rx), 0);
        assert_eq(beam_stream_pair(&a, &b), 0);
        assert_r(beam_msg_put_sender(msg, NULL), -EINVAL);
        assert_r(beam_msg_put_receiver(msg, NULL), -EINVAL);
        assert_r(beam_msg_put_stream(msg, NULL), -EINVAL);
        assert_r(beam_msg_put_fd(msg, -1), -EBADF);
        assert_eq(beam_msg_things(msg), 0);

        assert_eq(beam_msg_put_sender(msg, tx), 0);
        assert_eq(beam_msg_put_receiver(msg, rx), 1);
        assert_eq(beam_msg_put_stream(msg, a), 2);
        assert_eq(beam_msg_put_fd(msg, fd), 3);
        assert_eq(beam_msg_put_stream(msg, b), 4); /* past the first block of places */
        assert_eq(beam_msg_things(msg), 5);
        assert_eq(beam_msg_kind(msg, 0), BEAM_SENDER);
        assert_eq(beam_msg_kind(msg, 3), BEAM_FD);
        assert_eq(beam_msg_kind(msg, 5), BEAM_NOTHING);
        assert_eq(msg_n_fds(msg), 1);
        assert_eq(beam_msg_fd_bridged(msg, 3), 0);
        assert_r(beam_msg_fd_bridged(msg, 0), -ENOENT);
        assert_r(beam_msg_fd_bridged(msg, 99), -ENOENT);

        /* only as what it is, and once */
        assert_null(beam_msg_take_sender(msg, 1));
        assert_null(beam_msg_take_receiver(msg, 0));
        assert_null(beam_msg_take_stream(msg, 3));
        assert_eq(beam_msg_take_fd(msg, 2), -1);
        assert_eq(beam_msg_take_fd(msg, SIZE_MAX), -1);
        assert_true(beam_msg_take_sender(msg, 0) == tx);
        assert_null(beam_msg_take_sender(msg, 0));
        assert_true(beam_msg_take_receiver(msg, 1) == rx);
        assert_true(beam_msg_take_stream(msg, 2) == a);
        assert_eq(beam_msg_take_fd(msg, 3), fd);
        assert_eq(beam_msg_take_fd(msg, 3), -1);
        assert_eq(beam_msg_kind(msg, 3), BEAM_NOTHING);
        assert_eq(beam_msg_things(msg), 5); /* places stay */

        msg_trim_things(msg);
        assert_eq(beam_msg_things(msg), 5); /* the last is still there */
        assert_true(beam_msg_take_stream(msg, 4) == b);
        msg_trim_things(msg);
        assert_eq(beam_msg_things(msg), 0);

        beam_msg_free(msg);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        beam_stream_close(a);
        beam_stream_close(b);
        close(fd);
}

TEST(a_thing_that_finds_no_memory_stays_the_callers) {
        beam_msg *msg = msg_new(0);
        beam_receiver *rx;
        beam_sender *tx;

        assert_eq(beam_pipe(1, &tx, &rx), 0);
        /* there is a place for one beside the label */
        for (int n = 0; n < 2; n++) {
                msg_trim();
                mem_fail_at(1);
                assert_r(beam_msg_put_sender(msg, tx), -ENOMEM);
                assert_true(mem_has_failed());
                assert_eq(beam_msg_things(msg), (size_t)n);
                mem_fail_at(0);
                assert_r(beam_msg_put_fd(msg, (int)assert_ok(dup(0))), n);
        }
        assert_eq(beam_msg_put_sender(msg, tx), 2);
        beam_msg_free(msg);
        beam_receiver_close(rx);
}

TEST(a_message_closes_what_it_carries) {
        beam_stream *a, *b;
        beam_receiver *rx;
        beam_msg *msg = msg_new(0), *got;
        beam_reason why;
        beam_sender *tx;
        char byte;
        int ends[2];

        assert_eq(beam_pipe(1, &tx, &rx), 0);
        assert_eq(beam_stream_pair(&a, &b), 0);
        assert_eq(pipe(ends), 0);
        assert_ok(beam_msg_put_sender(msg, tx));
        assert_ok(beam_msg_put_stream(msg, a));
        assert_ok(beam_msg_put_fd(msg, ends[1]));
        beam_msg_free(msg);

        assert_r(beam_recv(rx, &got, BEAM_NOW), -EPIPE);
        assert_eq(beam_receiver_reason(rx, &why), 1);
        assert_eq(why.code, BEAM_CODE_GONE);
        assert_r(beam_stream_read(b, &byte, 1, BEAM_NOW), -EPIPE);
        assert_eq(read(ends[0], &byte, 1), 0);
        beam_receiver_close(rx);
        beam_stream_close(b);
        close(ends[0]);
}

static void move_extra(size_t n_things) {
        beam_msg *from = msg_new(3), *to = msg_new(4), *plain = msg_new(0);

        assert_eq(msg_take_extra(to, plain), 0);
        assert_null(to->extra);
        assert_eq(beam_msg_set_label(from, "json"), 0);
        for (size_t i = 0; i < n_things; i++)
                assert_ok(beam_msg_put_fd(from, (int)assert_ok(dup(0))));
        msg_trim();
        mem_fail_at(1);
        assert_r(msg_take_extra(to, from), -ENOMEM);
        mem_fail_at(0);
        assert_eq(beam_msg_things(from), n_things);
        assert_eq(msg_take_extra(to, from), 0);
        assert_str(beam_msg_label(to), "json");
        assert_eq(beam_msg_things(to), n_things);
        for (size_t i = 0; i < n_things; i++)
                assert_eq(beam_msg_kind(to, i), BEAM_FD);
        assert_eq(beam_msg_things(from), 0);
        assert_eq(to->n, 4);
        beam_msg_free(from);
        beam_msg_free(to);
        beam_msg_free(plain);
}

TEST(label_and_things_move_to_another) {
        move_extra(0);
        move_extra(1);
        move_extra(3);
}

/* Messages in messages: as deep as one likes, on a small stack. */
static void *free_nested(void *arg) {
        beam_msg_free(arg);
        return NULL;
}

TEST(deep_nesting_is_freed_flat) {
        pthread_attr_t attr;
        beam_msg *msg = msg_new(0);
        pthread_t thread;

        for (int i = 0; i < 100000 / test_slowness(); i++) {
                beam_msg *outer = msg_new(0);
                beam_receiver *rx;
                beam_sender *tx;

                assert_eq(beam_pipe(1, &tx, &rx), 0);
                assert_eq(beam_send(tx, msg, BEAM_NOW), 0);
                beam_sender_close(tx);
                assert_ok(beam_msg_put_receiver(outer, rx));
                msg = outer;
        }
        assert_eq(pthread_attr_init(&attr), 0);
        assert_eq(pthread_attr_setstacksize(&attr, 256 * 1024), 0);
        assert_eq(pthread_create(&thread, &attr, free_nested, msg), 0);
        assert_eq(pthread_join(thread, NULL), 0);
        pthread_attr_destroy(&attr);
}

/* queues */

TEST(a_queue_keeps_order) {
        beam_msg *msgs[5];
        msg_queue q;

        msg_queue_init(&q);
        assert_null(msg_queue_take(&q));
        for (int round = 0; round < 3; round++) {
                for (size_t i = 0; i < n_of(msgs); i++) {
                        msgs[i] = msg_new(i);
                        msg_queue_put(&q, msgs[i]);
                }
                for (size_t i = 0; i < n_of(msgs); i++) {
                        assert_true(msg_queue_take(&q) == msgs[i]);
                        beam_msg_free(msgs[i]);
                }
                assert_null(msg_queue_take(&q));
        }
}
