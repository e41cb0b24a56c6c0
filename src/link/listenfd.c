/* SPDX-License-Identifier: Apache-2.0 */
#include "listenfd.h"

#include "base/fds.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int parse_count(const char *text, long max, long *ret) {
        long value = 0;

        if (!*text)
                return -EINVAL;
        for (const char *p = text; *p; p++) {
                if (*p < '0' || *p > '9' || value > (max - (*p - '0')) / 10)
                        return -EINVAL;
                value = value * 10 + (*p - '0');
        }

        *ret = value;
        return 0;
}

int listenfd_count(const char *listen_pid, const char *listen_fds, pid_t self) {
        long pid, n;
        int r;

        if (!listen_pid || !listen_fds)
                return -ENOENT;

        r = parse_count(listen_pid, INT_MAX, &pid);
        if (r < 0)
                return r;
        if (pid != self)
                return -ESRCH;

        r = parse_count(listen_fds, INT_MAX - LISTENFD_FIRST, &n);
        if (r < 0)
                return r;
        return n == 0 ? -ENOENT : (int)n;
}

int listenfd_take(void) {
        static atomic_flag taken = ATOMIC_FLAG_INIT;
        int r;

        /* Not the environment of whoever started a set-uid program. */
        r = listenfd_count(secure_getenv("LISTEN_PID"), secure_getenv("LISTEN_FDS"), getpid());
        if (r < 0)
                return r;

        /* Once closed, the number may be anything's; so it is not read twice. */
        if (atomic_flag_test_and_set(&taken))
                return -EBUSY;

        r = listenfd_adopt(LISTENFD_FIRST);
        if (r < 0) {
                atomic_flag_clear(&taken);
                return r;
        }
        return LISTENFD_FIRST;
}

static int get_option(int fd, int name, int *ret) {
        socklen_t n = sizeof(*ret);

        return getsockopt(fd, SOL_SOCKET, name, ret, &n) < 0 ? -errno : 0;
}

int listenfd_adopt(int fd) {
        struct sockaddr_storage peer;
        socklen_t n = sizeof(peer);
        int type, listening, r;
        struct stat st;

        r = fd_set_cloexec(fd, true);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISFIFO(st.st_mode))
                return LISTENFD_PIPE;
        if (!S_ISSOCK(st.st_mode))
                return LISTENFD_OTHER;

        /* An fd of O_PATH to a socket's file is one of these by its mode, and not a
         * socket at all. */
        r = get_option(fd, SO_TYPE, &type);
        if (r < 0 || type != SOCK_STREAM)
                return LISTENFD_OTHER;
        r = get_option(fd, SO_ACCEPTCONN, &listening);
        if (r < 0)
                return LISTENFD_OTHER;

        if (listening) {
                r = fd_set_nonblock(fd, true);
                return r < 0 ? r : LISTENFD_LISTENING;
        }
        return getpeername(fd, (struct sockaddr *)&peer, &n) < 0 ? LISTENFD_OTHER
                                                                 : LISTENFD_CONNECTED;
}
