/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors that were handed over: whose they are, and what they are
 */

#include "listenfd.h"

#include "base/fds.h"
#include "help.h"
#include "test.h"
#include "unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

TEST(variables_count) {
        static const struct {
                const char *pid, *fds;
                int want;
        } cases[] = {
                { "42", "1", 1 },
                { "42", "3", 3 },
                { "042", "03", 3 },
                { "42", "2147483644", 2147483644 },
                { NULL, NULL, -ENOENT },
                { "42", NULL, -ENOENT },
                { NULL, "1", -ENOENT },
                { "42", "0", -ENOENT },
                { "41", "1", -ESRCH },
                { "4", "1", -ESRCH },
                { "421", "1", -ESRCH },
                { "0", "1", -ESRCH },
                { "41", "rubbish", -ESRCH },
                { "42", "", -EINVAL },
                { "42", "-1", -EINVAL },
                { "42", "+1", -EINVAL },
                { "42", " 1", -EINVAL },
                { "42", "1 ", -EINVAL },
                { "42", "1x", -EINVAL },
                { "42", "0x1", -EINVAL },
                { "42", "2147483645", -EINVAL }, /* 3 more are too many for an int */
                { "42", "4294967297", -EINVAL },
                { "42", "99999999999999999999", -EINVAL },
                { "", "1", -EINVAL },
                { "-42", "1", -EINVAL },
                { " 42", "1", -EINVAL },
                { "42\n", "1", -EINVAL },
                { "4294967338", "1", -EINVAL }, /* 42 in 32 bits */
        };

        for (size_t i = 0; i < n_of(cases); i++) {
                test_say("%s, %s", cases[i].pid ? cases[i].pid : "NULL",
                         cases[i].fds ? cases[i].fds : "NULL");
                assert_r(listenfd_count(cases[i].pid, cases[i].fds, 42), cases[i].want);
        }
}

static int flags_of(int fd) {
        return (fcntl(fd, F_GETFD) & FD_CLOEXEC ? 1 : 0) |
               (fcntl(fd, F_GETFL) & O_NONBLOCK ? 2 : 0);
}

TEST(adopt_tells_kinds_apart) {
        const char *path = test_path("s");
        unix_listener l;
        int fds[2], fd;

        assert_ok(unix_listen(path, false, 8, &l));
        fd = dup(l.fd);
        assert_eq(fcntl(fd, F_SETFL, 0), 0);
        assert_eq(flags_of(fd), 0);
        assert_eq(listenfd_adopt(fd), LISTENFD_LISTENING);
        assert_eq(flags_of(fd), 3);
        close(fd);

        /* The file of a socket is not the socket. */
        fd = (int)assert_ok(open(path, O_PATH));
        assert_eq(listenfd_adopt(fd), LISTENFD_OTHER);
        close(fd);
        unix_listener_deinit(&l);

        assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_eq(listenfd_adopt(fds[0]), LISTENFD_CONNECTED);
        assert_eq(flags_of(fds[0]), 1);
        fds[1] = fd_close(fds[1]); /* gone, but it was there */
        assert_eq(listenfd_adopt(fds[0]), LISTENFD_CONNECTED);
        close(fds[0]);

        assert_eq(pipe(fds), 0);
        assert_eq(listenfd_adopt(fds[0]), LISTENFD_PIPE);
        assert_eq(listenfd_adopt(fds[1]), LISTENFD_PIPE);
        assert_eq(flags_of(fds[0]), 1);
        fd_close_all(fds, 2);

        assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
        assert_eq(listenfd_adopt(fds[0]), LISTENFD_OTHER);
        fd_close_all(fds, 2);

        fd = (int)assert_ok(socket(AF_INET, SOCK_STREAM, 0));
        assert_eq(listenfd_adopt(fd), LISTENFD_OTHER);
        close(fd);

        fd = (int)assert_ok(open("/dev/null", O_RDWR));
        assert_eq(listenfd_adopt(fd), LISTENFD_OTHER);
        assert_eq(flags_of(fd), 1);
        close(fd);

        assert_r(listenfd_adopt(-1), -EBADF);
        assert_r(listenfd_adopt(12345), -EBADF);
}

/* As systemd starts a service, but for the exec. */
static void take_in_child(void *arg) {
        unix_listener *l = arg;
        char pid[16];

        assert_r(listenfd_take(), -ENOENT);
        snprintf(pid, sizeof(pid), "%d", (int)getppid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "1", 1);
        assert_r(listenfd_take(), -ESRCH); /* for our parent */
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("LISTEN_PID", pid, 1);

        fd_close(LISTENFD_FIRST);
        assert_r(listenfd_take(), -EBADF); /* a lie; and nothing is used up by it */
        assert_eq(dup2(l->fd, LISTENFD_FIRST), LISTENFD_FIRST);
        assert_eq(flags_of(LISTENFD_FIRST) & 1, 0);
        assert_eq(listenfd_take(), LISTENFD_FIRST);
        assert_eq(flags_of(LISTENFD_FIRST), 3);
        assert_r(listenfd_take(), -EBUSY);
        fd_close(LISTENFD_FIRST);
        assert_r(listenfd_take(), -EBUSY);
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
}

TEST(take_gives_the_first_once) {
        unix_listener l;
        int low = fcntl(LISTENFD_FIRST, F_GETFD) < 0 ? -1 : LISTENFD_FIRST;

        /* Where 3 is free, the listening socket must not lie there itself. */
        if (low < 0)
                low = (int)assert_ok(fcntl(0, F_DUPFD_CLOEXEC, LISTENFD_FIRST));
        else
                low = -1;
        assert_ok(unix_listen(test_path("s"), false, 8, &l));
        assert_ne(l.fd, LISTENFD_FIRST);
        assert_eq(test_wait(test_fork(take_in_child, &l)), 0);
        unix_listener_deinit(&l);
        fd_close(low);
}
