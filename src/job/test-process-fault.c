/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fds.h"
#include "base/mem.h"
#include "help.h"
#include "test-child.h"
#include "test.h"

enum { PIPE = 3 };

/* Two of us, of which one is in a group of its own; neither minds SIGTERM. */
static int play_two(const char *arg) {
        (void)arg;
        signal(SIGTERM, SIG_IGN);
        if (fork() == 0)
                setpgid(0, 0);
        if (write(PIPE, "+", 1) != 1)
                return 1;
        for (;;)
                pause();
}

const test_part test_parts[] = {
        { "two", play_two },
        { 0 },
};

/* Start two with all there is, into the pipe whose ends are @fds; the writing one is closed. */
static int start_two(test_child *c, int fds[2]) {
        const char *argv[5];
        process_options o = {
                .env = ARGV("PATH=/bin:/usr/bin", "A=B"),
                .mark = "MARK=two",
                .cwd = "/",
                .user = "root",
                .groups = (const char *const[]){ NULL },
                .limits = &(process_limit){ "core", 0, 0 },
                .n_limits = 1,
                .terminal = &(process_size){ 24, 80 },
        };
        int r;

        if (getuid() != 0) {
                o.user = NULL;
                o.groups = NULL;
        }
        o.streams = &(process_stream){ PIPE, fds[1] };
        o.n_streams = 1;
        test_play(&o, argv, "two", "");
        r = test_start(c, o);
        fds[1] = fd_close(fds[1]);
        return r;
}

static void two_have_begun(int fd) {
        char said[2];

        assert_eq(test_read(fd, said, 2), 2);
}

/* What could not be started has not run. */
static void none_has_begun(int fd) {
        char byte;

        assert_eq(test_read(fd, &byte, 1), 0);
}

TEST(each_allocation_fails, .timeout = 120) {
        int n_errors = 0;
        uint64_t nth = 0;

        for (bool failed = true; failed;) {
                test_child c;
                int fds[2], r;

                loop_trim();
                test_pipe(fds);
                mem_fail_at(++nth);
                r = loop_get() ? start_two(&c, fds) : -ENOMEM;
                fds[1] = fd_close(fds[1]);
                if (r < 0) {
                        assert_r(r, -ENOMEM);
                        none_has_begun(fds[0]);
                } else {
                        two_have_begun(fds[0]);
                        r = process_cancel(c.p, clock_now());
                        if (r == 0) {
                                test_end(&c);
                                assert_false(c.end.has_left);
                        }
                        process_free(c.p);
                        test_hung_up(fds[0]);
                }
                n_errors += r < 0;
                failed = mem_has_failed();
                mem_fail_at(0);
                close(fds[0]);
        }
        test_say("%d of %d are told", n_errors, (int)nth - 1);
        assert_gt(n_errors, 8);
}

static void with_few_fds(void *arg) {
        struct rlimit limit;
        int n_errors = 0, r = -EMFILE;

        (void)arg;
        assert_ok(getrlimit(RLIMIT_NOFILE, &limit));
        assert_not_null(loop_get());
        for (int n = 0; r < 0; n++) {
                test_child c;
                int fds[2];

                test_pipe(fds);
                limit.rlim_cur = (rlim_t)(fds[1] + 1 + n);
                assert_ok(setrlimit(RLIMIT_NOFILE, &limit));
                r = start_two(&c, fds);
                if (r < 0) {
                        assert_r(r, -EMFILE);
                        none_has_begun(fds[0]);
                        n_errors++;
                } else {
                        two_have_begun(fds[0]);
                        limit.rlim_cur = limit.rlim_max;
                        assert_ok(setrlimit(RLIMIT_NOFILE, &limit));
                        process_free(c.p);
                        test_hung_up(fds[0]);
                }
                close(fds[0]);
                assert_lt(n, 100);
        }
        assert_gt(n_errors, 3);
}

TEST(without_descriptors, .timeout = 60) {
        assert_eq(test_wait(test_fork(with_few_fds, NULL)), 0);
}

/* A look at /proc cannot be had, but the group needs none. */
static void no_fds_to_look(void *arg) {
        struct rlimit limit, old;
        test_child c;
        int fds[2];

        (void)arg;
        test_pipe(fds);
        assert_ok(start_two(&c, fds));
        two_have_begun(fds[0]);
        assert_ok(getrlimit(RLIMIT_NOFILE, &old));
        limit = old;
        limit.rlim_cur = 1;
        assert_ok(setrlimit(RLIMIT_NOFILE, &limit));
        assert_ok(process_cancel(c.p, 0));
        test_end(&c);
        assert_eq(c.end.status, SIGKILL);
        assert_true(c.end.has_left);
        assert_ok(setrlimit(RLIMIT_NOFILE, &old));
        assert_eq(test_poll_now(fds[0], POLLIN | POLLHUP) & POLLHUP, 0);
        /* which looks again */
        process_free(c.p);
        test_hung_up(fds[0]);
        close(fds[0]);
}

TEST(without_descriptors_to_look) {
        assert_eq(test_wait(test_fork(no_fds_to_look, NULL)), 0);
}

static void with_no_process(void *arg) {
        test_child c;

        (void)arg;
        if (getuid() == 0) {
                assert_ok(setgroups(0, NULL));
                assert_ok(setresgid(64996, 64996, 64996));
                assert_ok(setresuid(64996, 64996, 64996));
        }
        assert_ok(setrlimit(RLIMIT_NPROC, &(struct rlimit){ 1, 1 }));
        assert_r(test_start(&c, (process_options){ .argv = SHELL("exit 0") }), -EAGAIN);
        assert_eq(c.failed, PROCESS_CLONE);
}

TEST(no_more_processes) {
        assert_eq(test_wait(test_fork(with_no_process, NULL)), 0);
}

/* signals from all sides */

static pid_t ours;
static volatile sig_atomic_t n_here, n_elsewhere;

static void on_alarm(int sig) {
        (void)sig;
        if (getpid() == ours)
                n_here++;
        else
                n_elsewhere++; /* in memory that is ours, too */
}

TEST(a_storm_of_signals, .timeout = 60) {
        struct itimerval often = { { 0, 300 }, { 0, 300 } }, never = { 0 };
        struct sigaction action = { .sa_handler = on_alarm };
        int n = 60 / test_slowness();

        ours = getpid();
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
        for (int i = 0; i < n; i++) {
                test_child c;

                assert_eq(test_whole((process_options){ .argv = SHELL("exit 2") }), 2);
                assert_r(test_start(&c, (process_options){ .argv = ARGV("/no/such") }), -ENOENT);
                assert_ok(test_start(&c, (process_options){ .argv = SHELL("read x") }));
                process_free(c.p);
        }
        setitimer(ITIMER_REAL, &never, NULL);
        signal(SIGALRM, SIG_DFL);
        assert_gt(n_here, 0);
        assert_eq(n_elsewhere, 0);
}

/* at any moment */

TEST(freed_and_cancelled_at_any_moment, .timeout = 60) {
        int n = 60 / test_slowness();

        for (int i = 0; i < n; i++) {
                int64_t until = clock_add(clock_now(), test_random() % 3000000);
                process_options o = { .argv = SHELL("/bin/sh -c 'exit 0' & /bin/true"),
                                      .rest = (process_rest)(test_random() % 2),
                                      .session = test_random() % 2 };
                test_child c;

                assert_ok(test_start(&c, o));
                while (clock_now() < until && !c.n_ended)
                        loop_turn(loop_get(), until);
                if (test_random() % 2 && process_cancel(c.p, clock_now()) == 0)
                        test_end(&c);
                process_free(c.p);
        }
}
