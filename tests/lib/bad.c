/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tests that fail, each in its way, and some that do not: what test-lib.c runs to
 * see that the runner sees. Its names say what must be said of them.
 */

#include "help.h"
#include "test.h"

#include "base/fds.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void hang(void *arg) {
        (void)arg;
        for (;;)
                pause();
}

TEST(good) {
        printf("seen only when asked for\n");
}

TEST(good_leaves_a_file) {
        test_file("kept", "x", 1);
}

TEST(good_skip) {
        test_skip("because of %d", 17);
}

static void nothing(void *arg) {
        (void)arg;
}

TEST(good_child) {
        assert_eq(test_wait(test_fork(nothing, NULL)), 0);
}

static int descriptor;

static void *late_close(void *arg) {
        int *gate = arg;

        test_gate_wait(*gate);
        close(*gate);
        close(descriptor);
        return NULL;
}

/* What another thread is about to close as the test returns is no leak. */
TEST(good_late_close) {
        static int gate;
        pthread_t thread;

        gate = test_gate();
        descriptor = open("/dev/null", O_RDONLY);
        assert_eq(pthread_create(&thread, NULL, late_close, &gate), 0);
        pthread_detach(thread);
        test_gate_open(gate);
}

TEST(bad_eq) {
        assert_eq(-1, UINT64_MAX);
}

TEST(bad_str) {
        assert_str("a\nb", "a\tb");
}

TEST(bad_mem) {
        assert_mem("abc", 3, "abcd", 4);
}

TEST(bad_ok) {
        assert_ok(-EPIPE);
}

TEST(bad_exit) {
        exit(3);
}

TEST(bad_signal) {
        raise(SIGKILL);
}

TEST(bad_timeout, .timeout = 1) {
        hang(NULL);
}

TEST(bad_fd) {
        descriptor = open("/dev/null", O_RDONLY);
}

TEST(bad_close) {
        close(0);
}

static void *block;

TEST(bad_memory) {
        block = mem_new(100);
}

TEST(bad_child) {
        test_fork(hang, NULL);
}

TEST(bad_zombie) {
        static const char *const argv[] = { "true", NULL };
        siginfo_t info;

        waitid(P_PID, (id_t)test_spawn(argv, -1, -1, -1), &info, WEXITED | WNOWAIT);
}

/* A grandchild in a session of its own: in no process group of the test's. */
TEST(bad_daemon) {
        int ready = test_gate();
        pid_t pid = fork();

        if (pid == 0) {
                if (fork() == 0) {
                        setsid();
                        test_gate_open(ready);
                        hang(NULL);
                }
                _exit(0);
        }
        assert_eq(test_wait(pid), 0);
        test_gate_wait(ready);
        close(ready);
}

TEST(bad_socket_file) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        strcpy(a.sun_path, test_path("left"));
        assert_ok(bind(fd, (struct sockaddr *)&a, sizeof(a)));
        close(fd);
}

static void assert_in_child(void *arg) {
        (void)arg;
        test_fail("in the child");
}

TEST(bad_assertion_in_child) {
        test_wait(test_fork(assert_in_child, NULL)); /* and forgets to look */
}

static void leak_in_child(void *arg) {
        (void)arg;
        block = mem_new(1);
}

TEST(bad_leak_in_child) {
        test_wait(test_fork(leak_in_child, NULL));
}

static void *assert_in_thread(void *arg) {
        assert_not_null(arg);
        return NULL;
}

TEST(bad_assertion_in_thread) {
        pthread_t thread;

        pthread_create(&thread, NULL, assert_in_thread, NULL);
        pthread_join(thread, NULL);
}

static const char *const params[] = { "one", "two", NULL };

TEST_EACH(good_each, param, params) {
        assert_true(param == params[0] || param == params[1]);
}

TEST_EACH(bad_second, param, params) {
        assert_str(param, "one");
}

/* Until somebody ends it. */
TEST(endless, .timeout = 1000) {
        hang(NULL);
}

/* For the sanitizers; without one these are good. */

TEST(sick_leak) {
        void *volatile p = malloc(100);

        p = NULL;
        (void)p;
}

TEST(sick_overflow) {
        char *volatile p = malloc(10);
        volatile char c = p[10];

        (void)c;
        free(p);
}

TEST(sick_shift) {
        volatile int n = 40;

        n = 1 << n;
}

static int raced;

static void *race(void *arg) {
        for (int i = 0; i < 1000; i++)
                raced++;
        return arg;
}

TEST(sick_race) {
        pthread_t a, b;

        pthread_create(&a, NULL, race, NULL);
        pthread_create(&b, NULL, race, NULL);
        pthread_join(a, NULL);
        pthread_join(b, NULL);
}
