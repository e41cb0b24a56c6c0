/* SPDX-License-Identifier: Apache-2.0 */
#include "fds.h"

#include "cleanup.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool is_open(int fd) {
        return fcntl(fd, F_GETFD) >= 0;
}

TEST(close_once) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_ok(fd);
        errno = EDOM;
        assert_eq(fd_close(fd), -1);
        assert_false(is_open(fd));
        errno = EDOM;
        assert_eq(fd_close(-1), -1);
        assert_eq(fd_close(fd), -1);
        assert_eq(errno, EDOM);
}

TEST(close_all) {
        int fds[3] = { open("/", O_RDONLY), -1, open("/", O_RDONLY) }, a = fds[0], c = fds[2];

        fd_close_all(fds, n_of(fds));
        assert_true(fds[0] == -1 && fds[1] == -1 && fds[2] == -1);
        assert_false(is_open(a) || is_open(c));
        fd_close_all(fds, n_of(fds));
        fd_close_all(NULL, 0);
}

TEST(cleanup_closes) {
        int number, kept;
        {
                _cleanup_(fd_closep) int fd = open("/", O_RDONLY), none = -1;

                number = fd;
                assert_eq(none, -1);
        }
        assert_false(is_open(number));
        {
                _cleanup_(fd_closep) int fd = open("/", O_RDONLY);

                kept = take_fd(&fd);
                assert_eq(fd, -1);
        }
        assert_true(is_open(kept));
        close(kept);
}

TEST(flags) {
        int fds[2];

        assert_ok(pipe(fds));
        assert_ok(fd_set_nonblock(fds[0], true));
        assert_ok(fd_set_nonblock(fds[0], true));
        assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
        assert_eq(read(fds[0], &(char){ 0 }, 1), -1);
        assert_ok(fd_set_nonblock(fds[0], false));
        assert_false(fcntl(fds[0], F_GETFL) & O_NONBLOCK);

        assert_false(fcntl(fds[1], F_GETFD) & FD_CLOEXEC);
        assert_ok(fd_set_cloexec(fds[1], true));
        assert_true(fcntl(fds[1], F_GETFD) & FD_CLOEXEC);
        assert_ok(fd_set_cloexec(fds[1], false));
        assert_false(fcntl(fds[1], F_GETFD) & FD_CLOEXEC);

        fd_close_all(fds, 2);
        assert_r(fd_set_nonblock(-1, true), -EBADF);
        assert_r(fd_set_cloexec(-1, true), -EBADF);
}

TEST(dup_is_cloexec) {
        int fds[2], copy;

        assert_ok(pipe(fds));
        copy = fd_dup(fds[1]);
        assert_ok(copy);
        assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
        fd_close_all(fds, 2);
        fd_close(copy);
        assert_r(fd_dup(-1), -EBADF);
}

TEST(count) {
        int n = fd_count(), fd;

        assert_gt(n, 2);
        fd = open("/", O_RDONLY);
        assert_eq(fd_count(), n + 1);
        fd_close(fd);
        assert_eq(fd_count(), n);
}
