/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fds.h"

static int write_file(int dir, const char *name, const char *text) {
        _cleanup_(fd_closep) int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int cgroup_make(const char *path, uint64_t pids_max, cgroup *ret) {
        static _Atomic uint64_t n_made;
        cgroup c = CGROUP_NONE;
        char text[32];
        int r;

        c.parent = open(path, O_DIRECTORY | O_PATH | O_CLOEXEC);
        if (c.parent < 0)
                return -errno;
        snprintf(c.name, sizeof(c.name), "beam-%d-%llu", (int)getpid(),
                 (unsigned long long)atomic_fetch_add(&n_made, 1));
        if (mkdirat(c.parent, c.name, 0755) < 0) {
                r = -errno;
                cgroup_forget(&c);
                return r;
        }
        c.dir = openat(c.parent, c.name, O_DIRECTORY | O_CLOEXEC);
        r = c.dir < 0 ? -errno : 0;
        if (r == 0 && faccessat(c.dir, "cgroup.events", F_OK, 0) < 0)
                r = -ENOTSUP;
        if (r == 0 && pids_max) {
                snprintf(text, sizeof(text), "%llu", (unsigned long long)pids_max);
                r = write_file(c.dir, "pids.max", text);
                if (r == -ENOENT)
                        r = -ENOTSUP;
        }
        if (r < 0) {
                unlinkat(c.parent, c.name, AT_REMOVEDIR);
                cgroup_forget(&c);
                return r;
        }
        *ret = c;
        return 0;
}

/* Of its children, too. */
static bool is_populated(int events) {
        char text[256];
        ssize_t n = pread(events, text, sizeof(text) - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        return strstr(text, "populated 1");
}

int cgroup_remove(cgroup *c, int64_t deadline) {
        _cleanup_(fd_closep) int events = -1;
        int r;

        if (!cgroup_is(c))
                return 0;
        events = openat(c->dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
        while (events >= 0 && is_populated(events) && clock_now() < deadline)
                poll(&(struct pollfd){ .fd = events, .events = POLLPRI }, 1,
                     clock_poll_ms(deadline));
        r = unlinkat(c->parent, c->name, AT_REMOVEDIR) < 0 ? -errno : 0;
        cgroup_forget(c);
        return r;
}

void cgroup_forget(cgroup *c) {
        c->dir = fd_close(c->dir);
        c->parent = fd_close(c->parent);
}

int cgroup_open_procs(const cgroup *c) {
        int fd = openat(c->dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* Those that were in there a moment ago: a number that has been used again since would be
 * one of the next forks of the system, all in between. */
static int signal_each(const cgroup *c, int signal) {
        int fd = openat(c->dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
        int pid;

        if (!f) {
                int r = -errno;

                fd_close(fd);
                return r;
        }
        while (fscanf(f, "%d", &pid) == 1)
                if (pid > 0)
                        (void)kill(pid, signal);
        fclose(f);
        return 0;
}

int cgroup_signal(cgroup *c, int signal) {
        _cleanup_(fd_closep) int events = openat(c->dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
        int r = 0;

        if (events < 0)
                return -errno;
        if (!is_populated(events))
                return 0;
        if (signal == SIGKILL)
                r = write_file(c->dir, "cgroup.kill", "1");
        /* before Linux 5.14 there is no such file */
        if (signal && (signal != SIGKILL || r == -ENOENT))
                r = signal_each(c, signal);
        return r < 0 ? r : 1;
}
