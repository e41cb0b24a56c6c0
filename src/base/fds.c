/* SPDX-License-Identifier: Apache-2.0 */
#include "fds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int fd_close(int fd) {
        int error = errno;

        if (fd >= 0)
                close(fd);
        errno = error;
        return -1;
}

void fd_close_all(int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                fds[i] = fd_close(fds[i]);
}

void fd_closep(int *fd) {
        *fd = fd_close(*fd);
}

static int set_flag(int fd, int get, int set, int flag, bool on) {
        int flags = fcntl(fd, get), want;

        if (flags < 0)
                return -errno;
        want = on ? flags | flag : flags & ~flag;
        if (want != flags && fcntl(fd, set, want) < 0)
                return -errno;
        return 0;
}

int fd_set_nonblock(int fd, bool on) {
        return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int fd_set_cloexec(int fd, bool on) {
        return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

int fd_dup(int fd) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

        return copy < 0 ? -errno : copy;
}

int fd_count(void) {
        DIR *dir = opendir("/proc/self/fd");
        int n = 0;

        if (!dir)
                return -errno;
        for (struct dirent *e; (e = readdir(dir));)
                n += e->d_name[0] != '.';
        closedir(dir);
        return n - 1; /* but for the directory itself */
}
