/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "help.h"

static void put(out_queue *q, const void *p, size_t n) {
        uint8_t *to = out_room(q, n);

        assert_not_null(to);
        memcpy(to, p, n);
        out_commit(q, n);
}

/* Write up to @max bytes as a link would. Returns how many; the descriptors that go
 * with them are counted. */
static size_t take(out_queue *q, uint8_t *buf, size_t max, size_t *ret_n_fds) {
        struct iovec iov[OUT_IOV_MAX];
        int fds[OUT_FDS_MAX];
        size_t n_fds, n = 0, n_iov = out_peek(q, iov, fds, &n_fds);

        assert_le(n_iov, OUT_IOV_MAX);
        for (size_t i = 0; i < n_iov && n < max; i++) {
                size_t part = iov[i].iov_len < max - n ? iov[i].iov_len : max - n;

                assert_gt(iov[i].iov_len, 0);
                memcpy(buf + n, iov[i].iov_base, part);
                n += part;
        }
        for (size_t i = 0; i < n_fds; i++)
                assert_eq(fcntl(fds[i], F_GETFD) >= 0, 1);
        out_advance(q, n, n_fds);
        if (ret_n_fds)
                *ret_n_fds = n_fds;
        return n;
}

/* Descriptors that can be told apart: eventfds that hold a number. */
static void put_fd(out_queue *q, unsigned number) {
        int fd = (int)assert_ok(eventfd(number, EFD_CLOEXEC | EFD_NONBLOCK));

        assert_eq(out_reserve(q, 1), 0);
        out_fd_put(q, fd);
}

static void check_fd(int fd, unsigned number) {
        uint64_t value;

        assert_eq(read(fd, &value, sizeof(value)), sizeof(value));
        assert_eq(value, number);
}

TEST(an_empty_queue_has_nothing) {
        struct iovec iov[OUT_IOV_MAX];
        int fds[OUT_FDS_MAX];
        size_t n_fds = 1;
        out_queue q;

        out_init(&q);
        assert_eq(out_peek(&q, iov, fds, &n_fds), 0);
        assert_eq(n_fds, 0);
        assert_eq(q.n, 0);
        out_advance(&q, 0, 0);
        out_deinit(&q);
        out_deinit(&q); /* may run twice */
}

TEST(room_that_is_not_committed_is_not_written) {
        uint8_t buf[16];
        out_queue q;

        out_init(&q);
        assert_not_null(out_room(&q, 100));
        assert_eq(take(&q, buf, sizeof(buf), NULL), 0);
        put(&q, "abc", 3);
        assert_not_null(out_room(&q, 100));
        assert_eq(take(&q, buf, sizeof(buf), NULL), 3);
        assert_mem(buf, 3, "abc", 3);
        out_deinit(&q);
}

/* Small and borrowed in turn, written in pieces of every kind: the same bytes. */
TEST(bytes_leave_in_order_however_they_are_cut) {
        static const size_t cuts[] = { 1, 2, 7, 100, 4095, 65536, 65537, 1 << 20 };
        enum { N = 300 * 1024 };
        uint8_t *want = malloc(N + 4096), *got = malloc(N + 4096);

        for (size_t c = 0; c < n_of(cuts); c++) {
                size_t n_put = 0, n_got = 0, i = 0;
                out_queue q;

                out_init(&q);
                while (n_put < (cuts[c] < 100 ? 20000 : N)) {
                        size_t n = 1 + test_random() % 3000;

                        for (size_t k = 0; k < n; k++)
                                want[n_put + k] = (uint8_t)test_random();
                        if (i++ % 3) {
                                put(&q, want + n_put, n);
                        } else {
                                beam_msg *msg = msg_new(n);

                                memcpy(msg->data, want + n_put, n);
                                assert_eq(out_reserve(&q, 0), 0);
                                out_borrow(&q, msg, msg->data, n);
                                beam_msg_free(msg); /* put off until it is written */
                        }
                        n_put += n;
                        assert_eq(q.n, n_put - n_got);
                        if (test_random() % 4 == 0)
                                n_got += take(&q, got + n_got, cuts[c], NULL);
                }
                while (q.n)
                        n_got += take(&q, got + n_got, cuts[c], NULL);
                assert_mem(got, n_got, want, n_put);
                assert_eq(q.written, n_put);
                assert_null(q.first);
                out_deinit(&q);
        }
        free(want);
        free(got);
}

TEST(a_borrowed_message_is_free_when_it_has_left) {
        beam_msg *msg = msg_new(100);
        uint8_t buf[100];
        out_queue q;

        memset(msg->data, 'm', 100);
        out_init(&q);
        assert_eq(out_reserve(&q, 0), 0);
        out_borrow(&q, msg, msg->data, 60);
        assert_eq(out_reserve(&q, 0), 0);
        out_borrow(&q, msg, msg->data + 60, 40);
        assert_eq(msg->pins, 2);
        assert_eq(take(&q, buf, 59, NULL), 59);
        assert_eq(msg->pins, 2);
        assert_eq(take(&q, buf, 1, NULL), 1);
        assert_eq(msg->pins, 1);
        out_deinit(&q); /* what is left is given back unwritten */
        assert_eq(msg->pins, 0);
        beam_msg_free(msg);
}

TEST(many_pieces_go_in_several_writes) {
        beam_msg *msg = msg_new(3 * OUT_IOV_MAX);
        uint8_t buf[3 * OUT_IOV_MAX];
        size_t n = 0, n_writes = 0;
        out_queue q;

        for (size_t i = 0; i < 3 * OUT_IOV_MAX; i++)
                msg->data[i] = (uint8_t)i;
        out_init(&q);
        for (size_t i = 0; i < 3 * OUT_IOV_MAX; i++) {
                assert_eq(out_reserve(&q, 0), 0);
                out_borrow(&q, msg, msg->data + i, 1);
        }
        for (; q.n; n_writes++)
                n += take(&q, buf + n, sizeof(buf), NULL);
        assert_eq(n_writes, 3);
        assert_mem(buf, n, msg->data, 3 * OUT_IOV_MAX);
        out_deinit(&q);
        beam_msg_free(msg);
}

/* descriptors */

TEST(a_descriptor_goes_with_its_byte_or_before) {
        struct iovec iov[OUT_IOV_MAX];
        int fds[OUT_FDS_MAX];
        uint8_t buf[8];
        out_queue q;
        size_t n;

        out_init(&q);
        put(&q, "ab", 2);
        put_fd(&q, 1);
        put(&q, "cd", 2);
        put_fd(&q, 2); /* its byte is not there yet */
        assert_eq(out_peek(&q, iov, fds, &n), 1);
        assert_eq(n, 1);
        check_fd(fds[0], 1);

        /* a partial write takes the descriptor with its first byte */
        assert_eq(take(&q, buf, 1, &n), 1);
        assert_eq(n, 1);
        assert_eq(take(&q, buf, 8, &n), 3);
        assert_eq(n, 0);
        assert_mem(buf, 3, "bcd", 3);

        put(&q, "e", 1);
        assert_eq(out_peek(&q, iov, fds, &n), 1);
        assert_eq(n, 1);
        check_fd(fds[0], 2);
        out_deinit(&q); /* closes it: the runner counts */
}

/* A write that is short may end before the byte of one that was sent: it came early,
 * which is allowed for as many as one write takes, and never late. */
TEST(a_descriptor_is_never_late_nor_far_ahead) {
        enum { N_FRAMES = 700 };
        out_queue q;

        for (size_t max = 1; max < 300; max += 13) {
                uint64_t at[N_FRAMES];
                size_t n_sent = 0;

                out_init(&q);
                for (unsigned i = 0; i < N_FRAMES; i++) {
                        uint8_t frame[8] = { 0 };
                        size_t n = 1 + i % 8;

                        at[i] = q.written + q.n;
                        assert_eq(out_reserve(&q, 1), 0);
                        out_fd_put(&q, (int)assert_ok(dup(0)));
                        put(&q, frame, n);
                        if (i % 5 == 0)
                                put(&q, frame, 8);
                }
                while (q.n) {
                        uint64_t before = q.written;
                        uint8_t buf[512];
                        size_t n, n_ahead = 0, done = take(&q, buf, max, &n);

                        assert_gt(done, 0);
                        assert_le(n, OUT_FDS_MAX);
                        /* before the first byte of this write went all of the earlier ones */
                        if (n_sent < N_FRAMES)
                                assert_ge(at[n_sent], before);
                        n_sent += n;
                        if (n_sent < N_FRAMES)
                                assert_ge(at[n_sent], q.written);
                        while (n_ahead < n_sent && at[n_sent - 1 - n_ahead] >= q.written)
                                n_ahead++;
                        assert_le(n_ahead, OUT_FDS_MAX);
                }
                assert_eq(n_sent, N_FRAMES);
                assert_eq(q.n_fds, 0);
                out_deinit(&q);
        }
}

TEST(more_than_one_write_may_carry) {
        uint8_t buf[1024];
        out_queue q;
        size_t n;

        /* all of one frame would not fit: the bytes stop where the next one belongs */
        out_init(&q);
        for (unsigned i = 0; i < 2 * OUT_FDS_MAX + 1; i++) {
                assert_eq(out_reserve(&q, 1), 0);
                out_fd_put(&q, (int)assert_ok(dup(0)));
                put(&q, "x", 1);
        }
        assert_eq(take(&q, buf, sizeof(buf), &n), OUT_FDS_MAX);
        assert_eq(n, OUT_FDS_MAX);
        assert_eq(take(&q, buf, sizeof(buf), &n), OUT_FDS_MAX);
        assert_eq(n, OUT_FDS_MAX);
        assert_eq(take(&q, buf, sizeof(buf), &n), 1);
        assert_eq(n, 1);
        assert_eq(q.n, 0);
        out_deinit(&q);
}

/* memory */

TEST(without_memory_nothing_changes) {
        uint8_t buf[8];
        out_queue q;
        int fd;

        mem_watch(true);
        out_trim();
        out_init(&q);
        mem_fail_at(1);
        assert_null(out_room(&q, 10));
        mem_fail_at(1);
        assert_r(out_reserve(&q, 0), -ENOMEM);
        assert_eq(out_reserve(&q, 0), 0);
        mem_fail_at(1);
        assert_r(out_reserve(&q, 1), -ENOMEM);
        assert_eq(out_reserve(&q, 1), 0);

        /* what was reserved does not ask */
        put(&q, "abc", 3);
        fd = (int)assert_ok(dup(0));
        mem_fail_at(1);
        out_fd_put(&q, fd);
        assert_false(mem_has_failed());
        mem_fail_at(0);
        put(&q, "d", 1);
        assert_eq(take(&q, buf, 8, NULL), 4);
        out_deinit(&q);
        out_trim();
        assert_eq(mem_get_stats().n_live, 0);
        mem_watch(false);
}

TEST(an_idle_queue_has_no_block) {
        uint8_t buf[8];
        out_queue q;

        mem_watch(true);
        out_trim();
        out_init(&q);
        for (int i = 0; i < 100; i++) {
                put(&q, "abc", 3);
                assert_eq(take(&q, buf, 8, NULL), 3);
                assert_null(q.first);
        }
        assert_le(mem_get_stats().n_new, 1); /* the same block, lent again and again */
        out_trim();
        assert_eq(mem_get_stats().n_live, 0);
        out_deinit(&q);
        mem_watch(false);
}
