/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fds.h"
#include "help.h"
#include "test-child.h"
#include "test.h"

enum { NOBODY = 64999 }; /* that nobody is, so that its processes are ours */

/* parts */

static int play_fds(const char *arg) {
        DIR *dir = opendir("/proc/self/fd");
        char text[1024] = "";

        (void)arg;
        for (struct dirent *d; (d = readdir(dir));)
                if (d->d_name[0] != '.' && atoi(d->d_name) != dirfd(dir))
                        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
                                 d->d_name);
        dprintf(1, "%s", text);
        return 0;
}

static int play_digits(const char *arg) {
        for (const char *p = arg; *p; p++)
                dprintf(*p - '0', "%c", *p);
        return 0;
}

static int play_spin(const char *arg) {
        size_t n = (size_t)atoi(arg) << 20;
        char *p = malloc(n);

        memset(p, 1, n);
        __asm__ volatile("" : : "r"(p) : "memory");
        while (test_cpu() < 30 * 1000000)
                continue;
        return 0;
}

static volatile sig_atomic_t n_resized;

static void on_resize(int sig) {
        (void)sig;
        n_resized++;
}

static int play_terminal(const char *arg) {
        struct sigaction action = { .sa_handler = on_resize };
        struct winsize size;
        sigset_t set, old;

        (void)arg;
        sigemptyset(&set);
        sigaddset(&set, SIGWINCH);
        sigprocmask(SIG_BLOCK, &set, &old);
        sigaction(SIGWINCH, &action, NULL);
        if (!isatty(0) || !isatty(1) || !isatty(2) || open("/dev/tty", O_RDWR) < 0)
                return 1;
        ioctl(0, TIOCGWINSZ, &size);
        dprintf(1, "%d %d %d\n", size.ws_row, size.ws_col, getsid(0) == getpid());
        while (!n_resized)
                sigsuspend(&old);
        ioctl(0, TIOCGWINSZ, &size);
        dprintf(1, "%d %d\n", size.ws_row, size.ws_col);
        return 0;
}

const test_part test_parts[] = {
        { "fds", play_fds },
        { "digits", play_digits },
        { "spin", play_spin },
        { "terminal", play_terminal },
        { 0 },
};

/* how it ends */

static const struct {
        const char *text;
        process_kind kind;
        int status;
} ends[] = {
        { "exit 0", PROCESS_EXITED, 0 },
        { "exit 3", PROCESS_EXITED, 3 },
        { "exit 255", PROCESS_EXITED, 255 },
        { "kill -TERM $$", PROCESS_SIGNALLED, SIGTERM },
        { "kill -KILL $$", PROCESS_SIGNALLED, SIGKILL },
        { "kill -SEGV $$", PROCESS_SIGNALLED, SIGSEGV },
};

TEST(ends_as_it_says) {
        for (size_t i = 0; i < n_of(ends); i++) {
                process_limit no_core = { "core", 0, 0 };
                test_child c;

                assert_ok(test_start(&c, (process_options){
                                                 .argv = SHELL(ends[i].text),
                                                 .limits = &no_core,
                                                 .n_limits = 1,
                                         }));
                assert_gt(process_pid(c.p), 1);
                assert_null(process_ended(c.p));
                test_end(&c);
                assert_eq(c.end.kind, ends[i].kind);
                assert_eq(c.end.status, ends[i].status);
                assert_false(c.end.has_dumped);
                assert_false(c.end.has_left);
                assert_r(process_signal(c.p, SIGTERM), -ESRCH);
                assert_r(process_cancel(c.p, 0), -ESRCH);
                assert_null(process_free(c.p));
        }
        assert_null(process_free(NULL));
}

TEST(many_at_once) {
        enum { N = 40 };
        test_child c[N];

        for (int i = 0; i < N; i++) {
                char text[32];

                snprintf(text, sizeof(text), "exit %d", i);
                assert_ok(test_start(&c[i], (process_options){ .argv = SHELL(text) }));
        }
        for (int i = 0; i < N; i++) {
                test_end(&c[i]);
                assert_eq(c[i].end.status, i);
                process_free(c[i].p);
        }
}

TEST(what_it_used) {
        const char *argv[5];
        process_options o = { 0 };
        test_child c;

        test_play(&o, argv, "spin", "32");
        assert_ok(test_start(&c, o));
        test_end(&c);
        process_free(c.p);
        assert_eq(c.end.kind, PROCESS_EXITED);
        assert_ge(c.end.user_ns + c.end.system_ns, 25 * 1000000);
        assert_ge(c.end.max_resident, 32 << 20);
}

static void free_it(process *p, void *data) {
        (*(int *)data)++;
        process_free(p);
}

TEST(freed_as_it_is_told) {
        process_step step;
        int n = 0;
        process *p;
        process_options o = { .argv = SHELL("exit 0"), .ended = free_it, .data = &n };

        assert_ok(process_start(&o, loop_get(), &step, &p));
        while (!n)
                loop_turn(loop_get(), test_deadline());
}

/* what it is given */

TEST(words_and_environment) {
        process_options o = {
                .program = "/bin/sh",
                .argv = ARGV("it", "-c", "printf '[%s]' \"$0\" \"$@\"; env", "a b", "", "*", "$X"),
                .env = ARGV("X=1", "PATH=/bin:/usr/bin", "PWD=/"),
                .mark = "MARK=of its own",
                .cwd = "/",
        };
        const char *out = test_output(o, 1, NULL);

        assert_eq(strncmp(out, "[a b][][*][$X]", 14), 0);
        assert_not_null(strstr(out, "X=1\n"));
        assert_not_null(strstr(out, "MARK=of its own\n"));
        assert_null(strstr(out, "HOME="));
}

TEST(no_environment_unless_given) {
        const char *out = test_output((process_options){ .argv = ARGV("env") }, 1, NULL);

        assert_str(out, "");
}

TEST(found_along_its_path) {
        const char *dir = test_dir(), *tool = test_path("tool");
        char path[512];
        int fd = open(tool, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        test_write(fd, "#!/bin/sh\nexit 7\n", 17);
        close(fd);
        snprintf(path, sizeof(path), "PATH=::/nowhere:/etc/passwd:%s:", dir);

        process_options o = { .argv = ARGV("tool"), .env = ARGV(path) };
        test_child c;

        /* there, and not to be run: that is told rather than that it is nowhere else */
        assert_r(test_start(&c, o), -EACCES);
        assert_eq(c.failed, PROCESS_EXEC);
        assert_ok(chmod(tool, 0755));
        assert_eq(test_whole(o), 7);
        o.argv = ARGV("./tool");
        assert_r(test_start(&c, o), -ENOENT);
        o.cwd = dir;
        assert_eq(test_whole(o), 7);
        unlink(tool);
}

TEST(only_its_streams) {
        int pipes[6][2];
        const char *argv[5];
        process_options o = { 0 };
        process_stream streams[6];

        test_play(&o, argv, "fds", "");
        assert_str(test_output(o, 1, NULL), "1 ");

        /* numbers that are each other's, and one of ours twice */
        for (int i = 0; i < 6; i++)
                test_pipe(pipes[i]);
        for (int i = 0; i < 6; i++)
                streams[i] = (process_stream){ pipes[5 - i][1], pipes[i][1] };
        o.streams = streams;
        o.n_streams = 6;
        char want[64] = "1 ";
        for (int i = 0; i < 6; i++)
                snprintf(want + strlen(want), sizeof(want) - strlen(want), "%d ", pipes[i][1]);
        assert_str(test_output(o, 1, NULL), want);

        streams[0] = (process_stream){ 900, pipes[0][1] };
        streams[1] = (process_stream){ 0, pipes[0][1] };
        o.n_streams = 2;
        assert_str(test_output(o, 1, NULL), "0 1 900 ");
        for (int i = 0; i < 6; i++)
                fd_close_all(pipes[i], 2);
}

TEST(each_stream_where_it_belongs) {
        enum { N = 10 };
        process_stream streams[N];
        int fds[N][2];
        const char *argv[5];
        process_options o = { .streams = streams, .n_streams = N };

        for (int i = 0; i < N; i++)
                test_pipe(fds[i]);
        for (int i = 0; i < N; i++)
                streams[i] = (process_stream){ i, fds[N - 1 - i][1] };
        test_play(&o, argv, "digits", "0123456789");
        assert_eq(test_whole(o), 0);
        for (int i = 0; i < N; i++) {
                char c = 0;

                fds[i][1] = fd_close(fds[i][1]);
                assert_eq(test_read(fds[i][0], &c, 1), 1);
                assert_eq(c, '0' + N - 1 - i);
                fd_close(fds[i][0]);
        }
}

TEST(place_mask_and_priority) {
        process_options o = {
                .argv = SHELL("pwd; umask; ulimit -n; nice"),
                .env = ARGV("PATH=/bin:/usr/bin"),
                .cwd = "/usr",
                .has_umask = true,
                .umask = 027,
                .limits = &(process_limit){ "nofile", 77, 77 },
                .n_limits = 1,
                .nice = 5,
        };
        int nice = getpriority(PRIO_PROCESS, 0) + 5;
        char want[64];

        snprintf(want, sizeof(want), "/usr\n0027\n77\n%d\n", nice < 19 ? nice : 19);
        assert_str(test_output(o, 1, NULL), want);
}

TEST(session_or_group) {
        test_child c;
        process_options o = { .argv = SHELL("read x"), .streams = (process_stream[1]){ { 0 } } };
        int fds[2];

        test_pipe(fds);
        o.streams = &(process_stream){ 0, fds[0] };
        o.n_streams = 1;
        assert_ok(test_start(&c, o));
        assert_eq(getpgid(process_pid(c.p)), process_pid(c.p));
        assert_eq(getsid(process_pid(c.p)), getsid(0));
        process_free(c.p);

        o.session = true;
        assert_ok(test_start(&c, o));
        assert_eq(getsid(process_pid(c.p)), process_pid(c.p));
        process_free(c.p);
        fd_close_all(fds, 2);
}

static void nothing(int sig) {
        (void)sig;
}

TEST(signals_as_they_are_by_nature) {
        process_options o = { .argv = ARGV("grep", "^Sig[BI]", "/proc/self/status") };
        sigset_t set, old;

        signal(SIGPIPE, SIG_IGN);
        signal(SIGUSR1, nothing);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, &old);

        assert_str(test_output(o, 1, NULL), "SigBlk:\t0000000000000000\n"
                                            "SigIgn:\t0000000000000000\n");
        /* and ours as they were */
        sigprocmask(SIG_SETMASK, &old, &set);
        assert_true(sigismember(&set, SIGTERM));
        assert_eq(signal(SIGPIPE, SIG_DFL) == SIG_IGN, 1);
        assert_eq(signal(SIGUSR1, SIG_DFL) == nothing, 1);
}

static void on_nobody(const char *user, const char *group, const char *const *groups,
                      const char *want) {
        process_options o = {
                .argv = SHELL("id -u; id -g; id -G"),
                .env = ARGV("PATH=/bin:/usr/bin"),
                .user = user,
                .group = group,
                .groups = groups,
        };

        assert_str(test_output(o, 1, NULL), want);
}

static void as_others(void *arg) {
        (void)arg;
        on_nobody("64999", "64998", NULL, "64999\n64998\n64998\n");
        on_nobody("64999", "64998", ARGV("64001", "64002"), "64999\n64998\n64998 64001 64002\n");
        on_nobody("root", NULL, ARGV("64001"), "0\n0\n0 64001\n");
        on_nobody(NULL, "64998", (const char *const[]){ NULL }, "0\n64998\n64998\n");
        on_nobody("nobody", NULL, NULL,
                  test_output((process_options){ .argv = SHELL("id -u nobody; id -g nobody; "
                                                               "id -G nobody") },
                              1, NULL));
}

TEST(as_another_user) {
        if (getuid() != 0)
                test_skip("only root may run programs as others");
        assert_eq(test_wait(test_fork(as_others, NULL)), 0);
}

static void as_nobody(void *arg) {
        char self[16];
        test_child c;

        (void)arg;
        if (getuid() == 0) {
                assert_ok(setgroups(0, NULL));
                assert_ok(setresgid(NOBODY, NOBODY, NOBODY));
                assert_ok(setresuid(NOBODY, NOBODY, NOBODY));
        }
        process_options o = { .argv = SHELL("exit 0"), .user = "0" };

        assert_r(test_start(&c, o), -EPERM);
        assert_eq(c.failed, PROCESS_GROUPS);
        o.groups = ARGV("0");
        assert_r(test_start(&c, o), -EPERM);
        assert_eq(c.failed, PROCESS_GROUPS);

        /* who we are already */
        snprintf(self, sizeof(self), "%d", (int)getuid());
        o.user = o.group = self;
        o.groups = NULL;
        if (getgid() == getuid())
                assert_eq(test_whole(o), 0);

        o = (process_options){ .argv = SHELL("exit 0"), .nice = -3 };
        assert_r(test_start(&c, o), -EACCES);
        assert_eq(c.failed, PROCESS_NICE);
        process_limit up = { "nofile", 20, 20 }, down = { "nofile", 10, 10 };
        struct rlimit low = { 64, 64 };
        assert_ok(setrlimit(RLIMIT_NOFILE, &low));
        o = (process_options){ .argv = SHELL("exit 0"), .limits = &up, .n_limits = 1 };
        assert_eq(test_whole(o), 0);
        o.limits = &down;
        assert_eq(test_whole(o), 0);
        o.limits = &(process_limit){ "nofile", 65, 65 };
        assert_r(test_start(&c, o), -EPERM);
        assert_eq(c.failed, PROCESS_LIMITS);
}

TEST(what_others_may_not) {
        assert_eq(test_wait(test_fork(as_nobody, NULL)), 0);
}

/* what fails before it begins */

enum { N_MANY = 40, LONG = 128 * 1024 - 1 }; /* more than 4 MiB in all, and each may be */

static char many_text[LONG + 1];
static const char *many[N_MANY + 1];

TEST(what_fails) {
        const char *text = test_file("text", "no program\n", 11);
        const struct {
                process_options o;
                int r;
                process_step step;
        } cases[] = {
                { { .argv = NULL }, -EINVAL, PROCESS_PREPARE },
                { { .argv = (const char *const[]){ NULL } }, -EINVAL, PROCESS_PREPARE },
                { { .argv = ARGV("/no/such") }, -ENOENT, PROCESS_EXEC },
                { { .argv = ARGV("no-such-program") }, -ENOENT, PROCESS_EXEC },
                { { .argv = ARGV("") }, -ENOENT, PROCESS_EXEC },
                { { .argv = ARGV("/etc/passwd") }, -EACCES, PROCESS_EXEC },
                { { .argv = ARGV("/") }, -EACCES, PROCESS_EXEC },
                { { .argv = ARGV("/etc/passwd/x") }, -ENOENT, PROCESS_EXEC },
                { { .argv = ARGV(text) }, -ENOEXEC, PROCESS_EXEC },
                { { .program = "/bin/true", .argv = many }, -E2BIG, PROCESS_EXEC },
                { { .argv = ARGV("/bin/true"), .env = many }, -E2BIG, PROCESS_EXEC },
                { { .argv = ARGV("/bin/true"), .cwd = "/no/such" }, -ENOENT, PROCESS_DIRECTORY },
                { { .argv = ARGV("/bin/true"), .cwd = "/etc/passwd" },
                  -ENOTDIR,
                  PROCESS_DIRECTORY },
                { { .argv = ARGV("/bin/true"), .user = "no-such" }, -ENOENT, PROCESS_USER },
                { { .argv = ARGV("/bin/true"), .user = "" }, -ENOENT, PROCESS_USER },
                { { .argv = ARGV("/bin/true"), .user = "-1" }, -ENOENT, PROCESS_USER },
                { { .argv = ARGV("/bin/true"), .user = "4294967295" }, -ENOENT, PROCESS_USER },
                { { .argv = ARGV("/bin/true"), .user = "64999" }, -EINVAL, PROCESS_GROUPS },
                { { .argv = ARGV("/bin/true"), .group = "no-such" }, -ENOENT, PROCESS_GROUPS },
                { { .argv = ARGV("/bin/true"), .groups = ARGV("0", "no-such") },
                  -ENOENT,
                  PROCESS_GROUPS },
                { { .argv = ARGV("/bin/true"),
                    .limits = &(process_limit){ "no-such", 1, 1 },
                    .n_limits = 1 },
                  -EINVAL,
                  PROCESS_LIMITS },
                { { .argv = ARGV("/bin/true"),
                    .limits = &(process_limit){ "nofile", 2, 1 },
                    .n_limits = 1 },
                  -EINVAL,
                  PROCESS_LIMITS },
                { { .argv = ARGV("/bin/true"),
                    .streams = &(process_stream){ 1, 4000 },
                    .n_streams = 1 },
                  -EBADF,
                  PROCESS_STREAMS },
                { { .argv = ARGV("/bin/true"),
                    .streams = &(process_stream){ 1, -1 },
                    .n_streams = 1 },
                  -EBADF,
                  PROCESS_STREAMS },
                { { .argv = ARGV("/bin/true"),
                    .streams = &(process_stream){ 1 << 30, 1 },
                    .n_streams = 1 },
                  -EINVAL,
                  PROCESS_STREAMS },
                { { .argv = ARGV("/bin/true"),
                    .streams = (process_stream[]){ { 3, 1 }, { 4, 1 }, { 3, 2 } },
                    .n_streams = 3 },
                  -EINVAL,
                  PROCESS_STREAMS },
                { { .argv = ARGV("/bin/true"), .cgroup = "/no/such" }, -ENOENT, PROCESS_CGROUP },
                { { .argv = ARGV("/bin/true"), .pids_max = 3 }, -EINVAL, PROCESS_CGROUP },
                { { .argv = ARGV("/bin/true"), .cgroup = test_dir() }, -ENOTSUP, PROCESS_CGROUP },
        };

        memset(many_text, 'x', LONG);
        for (int i = 0; i < N_MANY; i++)
                many[i] = many_text;
        for (size_t i = 0; i < n_of(cases); i++) {
                test_child c;
                int r = test_start(&c, cases[i].o);

                if (r != cases[i].r || c.failed != cases[i].step)
                        test_fail("case %zu: %s of %s", i, strerrorname_np(-r),
                                  process_step_name(c.failed));
                assert_r(waitpid(-1, NULL, WNOHANG | __WALL), -1);
        }
}

/* who else waits for children */

static volatile sig_atomic_t n_signals;

static void count_signals(int sig) {
        (void)sig;
        n_signals++;
}

TEST(the_handler_of_the_program_stays) {
        int status;
        pid_t own;

        signal(SIGCHLD, count_signals);
        own = fork();
        if (own == 0)
                _exit(9);
        assert_eq(test_whole((process_options){ .argv = SHELL("exit 4") }), 4);
        assert_eq(waitpid(own, &status, 0), own);
        assert_eq(WEXITSTATUS(status), 9);
        assert_gt(n_signals, 0);
        assert_eq(signal(SIGCHLD, SIG_DFL) == count_signals, 1);
}

static void ends_lost(int status) {
        test_child c;

        assert_ok(test_start(&c, (process_options){ .argv = SHELL("exit 4") }));
        if (status)
                assert_eq(waitpid(-1, &status, 0), process_pid(c.p));
        test_end(&c);
        process_free(c.p);
        /* newer kernels tell whoever holds it */
        if (c.end.kind != PROCESS_LOST) {
                assert_eq(c.end.kind, PROCESS_EXITED);
                assert_eq(c.end.status, 4);
        }
}

TEST(taken_by_somebody_else) {
        ends_lost(1);
        signal(SIGCHLD, SIG_IGN);
        ends_lost(0);
        signal(SIGCHLD, SIG_DFL);
}

/* terminals */

TEST(a_terminal) {
        const char *argv[5];
        process_size size = { 33, 101 };
        process_options o = { .terminal = &size };
        test_child c;
        char line[64];

        test_play(&o, argv, "terminal", "");
        assert_ok(test_start(&c, o));
        assert_eq(test_read(process_terminal(c.p), line, 10), 10);
        assert_mem(line, 10, "33 101 1\r\n", 10);
        assert_ok(process_resize(c.p, (process_size){ 44, 55 }));
        assert_eq(test_read(process_terminal(c.p), line, 7), 7);
        assert_mem(line, 7, "44 55\r\n", 7);
        test_end(&c);
        assert_eq(c.end.status, 0);
        assert_ok(process_resize(c.p, size));
        process_free(c.p);
}

TEST(a_terminal_and_a_stream) {
        const char *argv[5];
        process_options o = { .terminal = &(process_size){ 24, 80 } };

        test_play(&o, argv, "fds", "");
        assert_str(test_output(o, 1, NULL), "0 1 2 ");
}

TEST(no_terminal_to_resize) {
        test_child c;

        assert_ok(test_start(&c, (process_options){ .argv = SHELL("exit 0") }));
        assert_eq(process_terminal(c.p), -1);
        assert_r(process_resize(c.p, (process_size){ 1, 1 }), -ENOTTY);
        process_free(c.p);
}

/* threads and forks */

static void *starts_many(void *arg) {
        int n = 20 / test_slowness() + 1;

        for (int i = 0; i < n; i++)
                assert_eq(test_whole((process_options){ .argv = SHELL("exit 5") }), 5);
        /* ThreadSanitizer knows nothing of how libuv closes a descriptor, nor of how the kernel
         * makes one for a process: so no number is both here. */
        pthread_barrier_wait(arg);
        loop_trim();
        return NULL;
}

TEST(threads) {
        pthread_barrier_t all;
        pthread_t t[3];

        pthread_barrier_init(&all, NULL, n_of(t));
        for (size_t i = 0; i < n_of(t); i++)
                pthread_create(&t[i], NULL, starts_many, &all);
        for (size_t i = 0; i < n_of(t); i++)
                pthread_join(t[i], NULL);
        pthread_barrier_destroy(&all);
}

static void in_child(void *arg) {
        process *p = arg;

        assert_r(process_signal(p, SIGKILL), -ECHILD);
        assert_r(process_cancel(p, 0), -ECHILD);
        assert_r(process_resize(p, (process_size){ 1, 1 }), -ECHILD);
        assert_null(process_free(p));
        assert_eq(test_whole((process_options){ .argv = SHELL("exit 6") }), 6);
}

TEST(a_fork_of_the_caller) {
        process_size size = { 24, 80 };
        test_child c;
        int fds[2];

        test_pipe(fds);
        process_stream in = { 0, fds[0] };
        assert_ok(test_start(&c, (process_options){
                                         .argv = SHELL("read x; exit 8"),
                                         .streams = &in,
                                         .n_streams = 1,
                                         .terminal = &size,
                                 }));
        assert_eq(test_wait(test_fork(in_child, c.p)), 0);
        test_write(fds[1], "\n", 1);
        test_end(&c);
        assert_eq(c.end.status, 8);
        process_free(c.p);
        fd_close_all(fds, 2);
}

static void start_and_wait(void *arg) {
        test_child c;

        process_stream out = { 1, *(int *)arg };
        assert_ok(test_start(&c, (process_options){
                                         .argv = SHELL("echo; exec sleep 1000"),
                                         .env = ARGV("PATH=/bin:/usr/bin"),
                                         .streams = &out,
                                         .n_streams = 1,
                                         .dies_with_us = true,
                                 }));
        test_end(&c);
}

TEST(killed_with_who_started_it) {
        char byte;
        int fds[2];
        pid_t pid;

        test_pipe(fds);
        pid = test_fork(start_and_wait, &fds[1]);
        close(fds[1]);
        assert_eq(test_read(fds[0], &byte, 1), 1);
        assert_eq(test_kill(pid, SIGKILL), 128 + SIGKILL);
        test_hung_up(fds[0]);
        close(fds[0]);
}
