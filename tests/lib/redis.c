/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include "help.h"
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_OPTIONS = 64 };

int test_has_redis(void) {
        static const char *const argv[] = { "redis-server", "--version", NULL };
        const char *out;

        return test_run(argv, "", &out, NULL) == 0;
}

static int try_connect(const test_redis *redis) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                test_fail("socket: %s", strerror(errno));
        snprintf(a.sun_path, sizeof(a.sun_path), "%s", redis->path);
        if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
                return fd;
        close(fd);
        return -1;
}

static int is_up(void *arg) {
        test_redis *redis = arg;
        siginfo_t info = { 0 };
        int fd;

        if (waitid(P_PID, (id_t)redis->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
                test_fail("redis-server ended with %d", test_wait(redis->pid));
        fd = try_connect(redis);
        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

test_redis test_redis_start(const char *name, const char *const options[]) {
        const char *argv[N_OPTIONS] = { "redis-server" };
        char file[64];
        test_redis redis;
        int n = 1;

        if (!test_has_redis())
                test_skip("no redis-server is installed");

        snprintf(file, sizeof(file), "%s.log", name);
        redis.log = test_file(file, "", 0);
        snprintf(file, sizeof(file), "%s.sock", name);
        redis.path = test_path(file);

        const char *const own[] = { "--port",    "0",        "--save",       "",
                                    "--dir",     test_dir(), "--unixsocket", redis.path,
                                    "--logfile", redis.log };
        for (size_t i = 0; i < n_of(own); i++)
                argv[n++] = own[i];
        for (size_t i = 0; options && options[i]; i++) {
                assert_lt(n, N_OPTIONS - 1);
                argv[n++] = options[i];
        }
        redis.pid = test_spawn(argv, -1, -1, -1);
        test_until(is_up, &redis);
        return redis;
}

void test_redis_stop(test_redis *redis) {
        assert_eq(test_kill(redis->pid, SIGTERM), 0);
        unlink(redis->path);
}

int test_redis_connect(const test_redis *redis) {
        int fd = try_connect(redis);

        if (fd < 0)
                test_fail("no connection to redis-server: %s", strerror(errno));
        return fd;
}
