/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The harness, tested by itself: bad.c is run, and what the runner says of each of
 * its tests is compared with what it is to say.
 */

#include "help.h"
#include "test.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *bad(void) {
        const char *path = getenv("BEAM_TEST_BAD");

        if (!path)
                test_skip("BEAM_TEST_BAD is not set");
        return path;
}

/* Run one of bad.c, and compare: status, the verdict line, a part of what is said. */
static void expect(const char *name, int status, const char *verdict, const char *said) {
        const char *argv[] = { bad(), name, NULL }, *out;
        int r = test_run(argv, "", &out, NULL);

        if (r != status || !strstr(out, verdict) || !strstr(out, said))
                test_fail("%s: status %d, said:\n%s\nnot %d, \"%s\" and \"%s\"", name, r, out,
                          status, verdict, said);
}

TEST(sees_what_is_good) {
        expect("good", 0, "ok 1 - good\n", "1..7\n");
        expect("good_skip", 0, "ok 1 - good_skip # SKIP because of 17\n", "1..1\n");
        expect("good_each", 0, "ok 1 - good_each one\nok 2 - good_each two\n", "1..2\n");
}

static const struct bad_case {
        const char *name, *said;
} bad_cases[] = {
        { "bad_eq", "-1 == (18446744073709551615UL): left is -1, right is 18446744073709551615" },
        { "bad_str", "\"a\\012b\", not \"a\\011b\"" },
        { "bad_mem", "3 bytes, not 4; they part at 3" },
        { "bad_ok", "-EPIPE" },
        { "bad_exit", "exit status 3" },
        { "bad_signal", "killed by SIGKILL" },
        { "bad_timeout", "not over after" },
        { "bad_timeout", " is in\n" },
        { "bad_fd", "/dev/null" },
        { "bad_close", "closed: descriptor 0" },
        { "bad_memory", "leak: 1 blocks of memory" },
        { "bad_child", "leak: children still running" },
        { "bad_zombie", "nobody waited for it" },
        { "bad_daemon", "left processes running" },
        { "bad_socket_file", "left is still there" },
        { "bad_assertion_in_child", "in the child" },
        { "bad_leak_in_child", "leak: 1 blocks of memory" },
        { "bad_assertion_in_thread", "bad.c:" },
};

static void expect_bad(void *arg) {
        const struct bad_case *c = arg;
        char verdict[64];

        snprintf(verdict, sizeof(verdict), "not ok 1 - %s\n", c->name);
        expect(c->name, 1, verdict, c->said);
}

TEST(sees_what_is_bad, .timeout = 60) {
        pid_t pids[n_of(bad_cases)];

        bad(); /* skips here and not there */
        /* all at once, since some take a second to be sure */
        for (size_t i = 0; i < n_of(bad_cases); i++)
                pids[i] = test_fork(expect_bad, (void *)(uintptr_t)&bad_cases[i]);
        for (size_t i = 0; i < n_of(bad_cases); i++)
                assert_eq(test_wait(pids[i]), 0);
}

TEST(goes_on_after_a_bad_one) {
        expect("bad_second", 1, "ok 1 - bad_second one\nnot ok 2 - bad_second two\n", "1..2");
}

TEST(hears_the_sanitizers) {
#if defined(__has_feature)
#define HAS(what) __has_feature(what)
#else
#define HAS(what) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS(address_sanitizer)
        expect("sick_leak", 1, "not ok 1", "LeakSanitizer");
        expect("sick_overflow", 1, "not ok 1", "heap-buffer-overflow");
        expect("sick_shift", 1, "not ok 1", "runtime error: shift");
#elif defined(__SANITIZE_THREAD__) || HAS(thread_sanitizer)
        expect("sick_race", 1, "not ok 1", "data race");
#else
        test_skip("built without any");
#endif
}

TEST(output_only_when_asked_for) {
        const char *quiet[] = { bad(), "good_leaves", "good", NULL };
        const char *loud[] = { bad(), "-v", "good", NULL };
        const char *out;

        assert_eq(test_run(quiet, "", &out, NULL), 0);
        assert_null(strstr(out, "seen only"));
        assert_eq(test_run(loud, "", &out, NULL), 0);
        assert_not_null(strstr(out, "# seen only"));
}

TEST(directory_is_removed) {
        const char *argv[] = { bad(), "bad_socket_file", NULL }, *out, *path;

        assert_eq(test_run(argv, "", &out, NULL), 1);
        path = strstr(out, "leak: ");
        assert_not_null(path);
        path += strlen("leak: ");
        assert_ne(access(test_text(path, strcspn(path, " ")), F_OK), 0);
}

TEST(ends_when_told_to) {
        const char *argv[] = { bad(), "endless", NULL };
        char out[256], *end;
        int fds[2];
        pid_t pid;

        assert_ok(pipe2(fds, O_CLOEXEC));
        pid = test_spawn(argv, -1, fds[1], -1);
        /* its plan; TERM may come before its test begins or after */
        for (end = out; !memchr(out, '\n', (size_t)(end - out)); end++)
                assert_eq(test_read(fds[0], end, 1), 1);
        assert_eq(test_kill(pid, SIGTERM), 1);
        assert_eq(test_read(fds[0], out, sizeof(out)), strlen("Bail out! SIGTERM\n"));
        close(fds[0]);
}

TEST(urls) {
        const char *a = test_url("unix:@{id}"), *b = test_url("unix:@{id}");

        assert_true(strcmp(a, b));
        assert_eq(strncmp(test_url("{dir}/s"), test_dir(), strlen(test_dir())), 0);
        assert_str(test_url("tcp://127.0.0.1:0"), "tcp://127.0.0.1:0");
        assert_eq(access(test_dir(), W_OK), 0);
        assert_str(getenv("TMPDIR"), test_dir());
}

TEST(runs_programs) {
        const char *cat[] = { "cat", NULL },
                   *sh[] = { "sh", "-c", "echo out; echo err >&2; exit 7", NULL };
        const char *self_kill[] = { "sh", "-c", "kill -TERM $$", NULL };
        const char *none[] = { "/nonexistent", NULL }, *unread[] = { "true", NULL };
        const char *out, *err, *text;
        size_t n = 300000; /* more than pipes hold */
        char *big = malloc(n + 1);

        memset(big, 'x', n);
        big[n] = '\0';
        text = test_text(big, n);
        free(big);

        assert_eq(test_run(cat, text, &out, &err), 0);
        assert_str(out, text);
        assert_str(err, "");
        assert_eq(test_run(sh, "", &out, &err), 7);
        assert_str(out, "out\n");
        assert_str(err, "err\n");
        assert_eq(test_run(self_kill, "", NULL, NULL), 128 + SIGTERM);
        assert_eq(test_run(none, "", NULL, &err), 127);
        assert_not_null(strstr(err, "No such file"));
        assert_eq(test_run(unread, text, NULL, NULL), 0);
}

static void wait_for_ever(void *arg) {
        test_gate_open(*(int *)arg);
        for (;;)
                pause();
}

TEST(gates_and_kills) {
        int gate = test_gate();
        pid_t pid = test_fork(wait_for_ever, &gate);

        test_gate_wait(gate);
        assert_eq(test_poll_now(gate, POLLIN), 0);
        assert_eq(test_kill(pid, SIGKILL), 128 + SIGKILL);
        close(gate);
}

static int is_ten(void *arg) {
        return ++*(int *)arg == 10;
}

TEST(waits) {
        char buf[8];
        int fds[2], n = 0;

        assert_ok(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
        assert_eq(test_poll_now(fds[0], POLLIN), 0);
        test_write(fds[1], "hello", 5);
        assert_eq(test_poll(fds[0], POLLIN), POLLIN);
        close(fds[1]);
        assert_eq(test_read(fds[0], buf, sizeof(buf)), 5);
        assert_mem(buf, 5, "hello", 5);
        close(fds[0]);

        test_until(is_ten, &n);
        assert_eq(n, 10);
        assert_gt(test_deadline(), clock_now());
}

TEST(numbers_of_all_types) {
        bool yes = true;
        char c = 'c';
        unsigned char u = 200;
        short s = -3;
        const char *p = "p";

        assert_eq(yes, 1);
        assert_eq(c, 'c');
        assert_eq(u, 200L);
        assert_lt(s, u);
        assert_lt(-1, 0u); /* as numbers, not as C compares them */
        assert_gt(SIZE_MAX, -1);
        assert_le(INT64_MIN, INT64_MIN);
        assert_ge(UINT64_MAX, INT64_MAX);
        assert_ne(p, NULL);
        assert_eq(assert_ok(5), 5);
        assert_r(-EAGAIN, -EAGAIN);
}

TEST(random_is_the_same_each_time) {
        uint32_t a = test_random(), b = test_random();

        assert_ne(a, b);
        assert_gt(test_resident(0), 4096);
        assert_gt(test_cpu(), 0);
}
