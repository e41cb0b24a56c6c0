/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include "base/mem.h"
#include "help.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

long long real_deadline(double seconds) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000000LL + t.tv_nsec + (long long)(seconds * 1e9 * test_slowness());
}

bool real_is_over(long long deadline) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000000LL + t.tv_nsec > deadline;
}

void real_pause(void) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void list_fds(unsigned char open[static SNAPSHOT_MAX]) {
        DIR *dir = opendir("/proc/self/fd");

        memset(open, 0, SNAPSHOT_MAX);
        if (!dir)
                test_fail("/proc/self/fd: %s", strerror(errno));
        for (struct dirent *e; (e = readdir(dir));) {
                int fd = atoi(e->d_name);

                if (e->d_name[0] != '.' && fd != dirfd(dir) && fd < SNAPSHOT_MAX)
                        open[fd] = 1;
        }
        closedir(dir);
}

/* The first loop of a process makes a pipe that libuv keeps to its end. It is no
 * test's, so it is there before the first look. */
static void make_what_stays(void) {
        uv_loop_t loop;

        if (uv_loop_init(&loop) == 0)
                uv_loop_close(&loop);
}

void snapshot_take(snapshot *s) {
        make_what_stays();
        list_fds(s->open);
        s->n_live = mem_get_stats().n_live;
}

static void say_fd(int fd) {
        char path[64], target[256];
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        n = readlink(path, target, sizeof(target));
        test_say("leak: descriptor %d, %.*s", fd, n > 0 ? (int)n : 0, target);
}

static bool compare(const snapshot *before, bool strict, bool say) {
        unsigned char open[SNAPSHOT_MAX];
        mem_stats mem = mem_get_stats();
        bool leaks = false;

        list_fds(open);
        for (int fd = 0; fd < SNAPSHOT_MAX; fd++) {
                if (open[fd] && !before->open[fd]) {
                        leaks = true;
                        if (say)
                                say_fd(fd);
                } else if (strict && !open[fd] && before->open[fd]) {
                        leaks = true;
                        if (say)
                                test_say("closed: descriptor %d, which is not the test's", fd);
                }
        }

        /* a test of base/mem itself may have switched it off */
        if (mem_watched() &&
            (mem.n_live > before->n_live || (strict && mem.n_live != before->n_live))) {
                leaks = true;
                if (say)
                        test_say("leak: %lld blocks of memory more than before, %lld bytes in all",
                                 (long long)mem.n_live - before->n_live, (long long)mem.n_bytes);
        }
        return leaks;
}

bool snapshot_leaks(const snapshot *before, bool strict) {
        long long deadline = real_deadline(1);

        while (compare(before, strict, false)) {
                if (real_is_over(deadline))
                        return compare(before, strict, true);
                real_pause();
        }
        return false;
}

bool leaks_children(void) {
        char path[64], list[4096] = "";
        siginfo_t info = { 0 };
        FILE *f;

        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
                return false; /* ECHILD: there is none */

        if (info.si_pid) {
                test_say("leak: child %d has ended and nobody waited for it", (int)info.si_pid);
                return true;
        }
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        f = fopen(path, "re");
        if (f) {
                if (!fgets(list, sizeof(list), f))
                        list[0] = '\0';
                fclose(f);
        }
        test_say("leak: children still running: %s", list);
        return true;
}
