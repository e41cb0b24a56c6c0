/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A redis-server of the test's own: what our answers are compared with
 *
 *     test_redis redis = test_redis_start("peer", (const char *const[]){ "--requirepass", "x", NULL
 * }); int fd = test_redis_connect(&redis);
 *     ...
 *     test_redis_stop(&redis);
 *
 * It listens on a unix socket in the test's directory, saves nothing, and knows no TCP
 * port unless the options give one. A test skips where none is installed.
 */

#include <sys/types.h>

typedef struct test_redis {
        pid_t pid;
        const char *path; /* of the socket */
        const char *log;  /* of the file */
} test_redis;

/* Returns once it takes connections. @options are as on its command line, up to NULL, or
 * NULL; a later one wins. @name tells those of one test apart. */
test_redis test_redis_start(const char *name, const char *const options[]);
void test_redis_stop(test_redis *redis);

/* A new connection, which blocks. */
int test_redis_connect(const test_redis *redis);

/* Whether redis-server is there at all. */
int test_has_redis(void);
