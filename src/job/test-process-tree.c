/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fds.h"
#include "help.h"
#include "test-child.h"
#include "test.h"

/* Every one of a tree has descriptor 3, a pipe's end, and has written a byte to it when it is
 * where it wants to be. So the pipe says how many there are, and when all are gone. */
enum { PIPE = 3 };

/* parts */

static _Noreturn void stay(void) {
        if (write(PIPE, "+", 1) != 1)
                _exit(1);
        for (;;)
                pause();
}

static int play_stay(const char *arg) {
        (void)arg;
        signal(SIGTERM, SIG_IGN);
        stay();
}

/* A child whose parent has ended, in a session of its own. */
static void become_daemon(void) {
        if (fork())
                _exit(0);
        setsid();
        if (fork())
                _exit(0);
}

static _Noreturn void play_one(char what) {
        const char *const argv[] = { "test", "/play", "stay", NULL };

        switch (what) {
        case 'm': /* mild */
                signal(SIGTERM, SIG_DFL);
                break;
        case 'g':
                setpgid(0, 0);
                break;
        case 's':
                setsid();
                break;
        case 'o': /* an orphan of the group */
                if (fork())
                        _exit(0);
                break;
        case 'd':
                become_daemon();
                break;
        case 'c': /* and without the mark */
                become_daemon();
                execve("/proc/self/exe", (char *const *)(uintptr_t)argv, (char *[]){ NULL });
                _exit(1);
        case 't': /* stopped */
                if (write(PIPE, "+", 1) != 1)
                        _exit(1);
                raise(SIGSTOP);
                break;
        }
        stay();
}

/* A child for each letter but the first, as which it goes on itself: i ignores SIGTERM, m does
 * not, e ends. */
static int play_family(const char *arg) {
        signal(SIGTERM, SIG_IGN);
        for (const char *p = arg + 1; *p; p++)
                if (fork() == 0)
                        play_one(*p);
        if (*arg == 'e') {
                /* when all others are where they want to be */
                while (strlen(arg) > 1 && wait(NULL) > 0)
                        continue;
                return 5;
        }
        play_one(*arg);
}

/* As many as may be, each in a session of its own. */
static int play_bomb(const char *arg) {
        (void)arg;
        signal(SIGTERM, SIG_IGN);
        signal(SIGCHLD, SIG_IGN);
        if (write(PIPE, "+", 1) != 1)
                _exit(1);
        for (;;)
                if (fork() == 0)
                        setsid();
}

const test_part test_parts[] = {
        { "stay", play_stay },
        { "family", play_family },
        { "bomb", play_bomb },
        { 0 },
};

/* trees */

typedef struct family {
        test_child c;
        int fd;
} family;

static void family_start(family *f, process_options o, const char *part, const char *arg,
                         size_t n_bytes) {
        const char *argv[5];
        char mark[64], said[64];
        int fds[2];

        snprintf(mark, sizeof(mark), "MARK=%d/%p", (int)getpid(), (void *)f);
        test_pipe(fds);
        o.streams = &(process_stream){ PIPE, fds[1] };
        o.n_streams = 1;
        o.mark = mark;
        test_play(&o, argv, part, arg);
        assert_ok(test_start(&f->c, o));
        close(fds[1]);
        f->fd = fds[0];
        assert_eq(test_read(f->fd, said, n_bytes), n_bytes);
}

static void family_end(family *f) {
        test_end(&f->c);
        assert_false(f->c.end.has_left);
        assert_eq(test_poll_now(f->fd, POLLIN | POLLHUP) & POLLHUP, POLLHUP);
        process_free(f->c.p);
        close(f->fd);
}

static const char *const families[] = { "i",  "m",  "ii", "ig", "is",     "io",          "id", "it",
                                        "mi", "mg", "ms", "mo", "mgsodi", "iiggssooddt", NULL };

TEST_EACH(cancelled_whole, who, families) {
        int64_t kill_at;
        family f;

        family_start(&f, (process_options){ 0 }, "family", who, strlen(who));
        kill_at = clock_add(clock_now(), CLOCK_SECOND / 50);
        assert_ok(process_cancel(f.c.p, kill_at));
        family_end(&f);
        test_say("over %.1f ms after the kill was due", (double)(clock_now() - kill_at) / 1e6);
        assert_eq(f.c.end.kind, PROCESS_SIGNALLED);
        assert_eq(f.c.end.status, *who == 'm' ? SIGTERM : SIGKILL);
}

TEST_EACH(freed_whole, who, families) {
        family f;

        family_start(&f, (process_options){ .session = true }, "family", who, strlen(who));
        assert_null(process_free(f.c.p));
        assert_eq(test_poll_now(f.fd, POLLIN | POLLHUP) & POLLHUP, POLLHUP);
        close(f.fd);
}

TEST(cancelled_in_peace) {
        family f;

        /* nobody is killed, so nobody waits for the time of it */
        family_start(&f, (process_options){ 0 }, "family", "mmm", 3);
        assert_ok(process_cancel(f.c.p, CLOCK_NEVER));
        family_end(&f);
        assert_eq(f.c.end.status, SIGTERM);
}

TEST(cancelled_again_and_sooner) {
        family f;

        family_start(&f, (process_options){ 0 }, "family", "i", 1);
        assert_ok(process_cancel(f.c.p, CLOCK_NEVER));
        loop_turn(loop_get(), 0);
        assert_ok(process_cancel(f.c.p, clock_add(clock_now(), 1000 * CLOCK_SECOND)));
        assert_ok(process_cancel(f.c.p, 0));
        assert_ok(process_cancel(f.c.p, CLOCK_NEVER));
        family_end(&f);
        assert_eq(f.c.end.status, SIGKILL);
}

TEST(a_signal_to_the_group) {
        family f;

        family_start(&f, (process_options){ 0 }, "family", "iio", 3);
        assert_ok(process_signal(f.c.p, SIGUSR1));
        test_end(&f.c);
        assert_eq(f.c.end.status, SIGUSR1);
        test_hung_up(f.fd);
        process_free(f.c.p);
        close(f.fd);
}

/* what is left when the program ends by itself */

TEST(its_group_goes_with_it) {
        family f;

        family_start(&f, (process_options){ 0 }, "family", "eo", 1);
        test_end(&f.c);
        assert_eq(f.c.end.status, 5);
        test_hung_up(f.fd);
        process_free(f.c.p);
        close(f.fd);
}

TEST(its_tree_goes_with_it) {
        family f;

        family_start(&f, (process_options){ .rest = PROCESS_REST_TREE }, "family", "eoodd", 4);
        family_end(&f);
        assert_eq(f.c.end.kind, PROCESS_EXITED);
        assert_eq(f.c.end.status, 5);
}

TEST(the_rest_may_stay) {
        family f;
        pid_t group;

        family_start(&f, (process_options){ .rest = PROCESS_REST_STAYS }, "family", "eo", 1);
        group = process_pid(f.c.p);
        test_end(&f.c);
        process_free(f.c.p);
        assert_eq(test_poll_now(f.fd, POLLIN | POLLHUP) & POLLHUP, 0);
        assert_ok(kill(-group, SIGKILL));
        test_hung_up(f.fd);
        close(f.fd);
}

/* Another process of the same program, its environment without the mark or with another. */
TEST(nobody_else_is_killed) {
        family f, other;

        family_start(&other, (process_options){ 0 }, "family", "iigsod", 6);
        family_start(&f, (process_options){ 0 }, "family", "igsod", 5);
        assert_ok(process_cancel(f.c.p, 0));
        family_end(&f);
        assert_eq(test_poll_now(other.fd, POLLIN | POLLHUP) & POLLHUP, 0);
        assert_null(process_ended(other.c.p));
        assert_ok(process_cancel(other.c.p, 0));
        family_end(&other);
}

/* bombs */

/* Others of ours count, too, unless the user is nobody else. */
static rlim_t count_ours(void) {
        char text[64] = "";
        FILE *f = popen("ps -e -L -o uid= | awk -v me=$(id -u) '$1 == me' | wc -l", "r");

        assert_not_null(f);
        assert_not_null(fgets(text, sizeof(text), f));
        pclose(f);
        return (rlim_t)atoi(text);
}

TEST(a_bomb, .timeout = 60) {
        process_limit limit = { "nproc", 40, 40 };
        process_options o = { .limits = &limit, .n_limits = 1 };
        family f;

        if (getuid() == 0)
                o.user = o.group = "64997";
        else
                limit.soft = limit.hard = count_ours() + 40;
        family_start(&f, o, "bomb", "", 1);
        assert_ok(process_cancel(f.c.p, 0));
        test_end(&f.c);
        assert_false(f.c.end.has_left);
        test_hung_up(f.fd);
        process_free(f.c.p);
        close(f.fd);
}

/* cgroups */

/* Where one may be made: the machine's, if it is ours. */
static const char *cgroup_place(void) {
        char line[1024], path[256], type[64];
        FILE *f = fopen("/proc/self/mounts", "re");
        const char *found = NULL;

        while (f && !found && fgets(line, sizeof(line), f))
                if (sscanf(line, "%*s %255s %63s", path, type) == 2 && !strcmp(type, "cgroup2") &&
                    access(path, W_OK) == 0)
                        found = test_text(path, strlen(path));
        if (f)
                fclose(f);
        if (!found)
                test_skip("no cgroup of version 2 to make another one in");
        return found;
}

static void cgroup_family(family *f, process_options o, const char *who) {
        o.cgroup = cgroup_place();
        family_start(f, o, "family", who, strlen(who) - (*who == 'e'));
}

TEST(a_cgroup_holds_all) {
        family f;

        cgroup_family(&f, (process_options){ 0 }, "iigsodc");
        assert_ok(process_cancel(f.c.p, 0));
        family_end(&f);
        assert_eq(f.c.end.status, SIGKILL);

        cgroup_family(&f, (process_options){ 0 }, "mmm");
        assert_ok(process_cancel(f.c.p, CLOCK_NEVER));
        family_end(&f);
        assert_eq(f.c.end.status, SIGTERM);
}

TEST(a_cgroup_goes_with_its_process) {
        family f;

        cgroup_family(&f, (process_options){ .rest = PROCESS_REST_TREE }, "ecc");
        family_end(&f);
        assert_eq(f.c.end.status, 5);

        cgroup_family(&f, (process_options){ 0 }, "ecoo");
        family_end(&f);
        assert_eq(f.c.end.status, 5);

        cgroup_family(&f, (process_options){ 0 }, "icc");
        process_free(f.c.p);
        assert_eq(test_poll_now(f.fd, POLLIN | POLLHUP) & POLLHUP, POLLHUP);
        close(f.fd);
}

static int count_cgroups(const char *place) {
        DIR *dir = opendir(place);
        char ours[32];
        int n = 0;

        assert_not_null(dir);
        snprintf(ours, sizeof(ours), "beam-%d-", (int)getpid());
        for (struct dirent *d; (d = readdir(dir));)
                n += !strncmp(d->d_name, ours, strlen(ours));
        closedir(dir);
        return n;
}

TEST(a_cgroup_is_removed) {
        const char *place = cgroup_place();
        process_options o = { .argv = SHELL("exit 0"), .cgroup = place };
        test_child c;

        assert_ok(test_start(&c, o));
        assert_eq(count_cgroups(place), 1);
        test_end(&c);
        process_free(c.p);
        assert_eq(count_cgroups(place), 0);

        o.argv = ARGV("/no/such");
        assert_r(test_start(&c, o), -ENOENT);
        assert_eq(count_cgroups(place), 0);
}

TEST(a_cgroup_holds_a_bomb, .timeout = 60) {
        process_options o = { .cgroup = cgroup_place(), .pids_max = 40 };
        test_child c;
        family f;

        o.argv = SHELL("exit 0");
        if (test_start(&c, o) == -ENOTSUP)
                test_skip("the system's cgroup does not count processes");
        process_free(c.p);
        family_start(&f, o, "bomb", "", 1);
        assert_ok(process_cancel(f.c.p, 0));
        family_end(&f);
}
