/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of processes share: a program that plays parts, and waiting for its end
 *
 * The program is the test itself, run again with the name of a part as its second argument.
 * It lists its parts in test_parts.
 */

#include "process.h"

typedef struct test_part {
        const char *name;
        int (*play)(const char *arg);
} test_part;

/* Up to one without a name. */
extern const test_part test_parts[];

/* A process of the test: what it was started with, and how it ended. */
typedef struct test_child {
        process *p;
        process_step failed;
        process_end end;
        int n_ended;
} test_child;

/* Fill in @argv, room for five, so that @o plays @part with @arg. */
void test_play(process_options *o, const char *argv[5], const char *part, const char *arg);

/* As process_start(), on the loop of this thread. */
int test_start(test_child *c, process_options o);

/* Turn the loop until it has ended. It is not freed. */
void test_end(test_child *c);
/* Start @o, wait, free; returns the exit status, or 128 and the signal. */
int test_whole(process_options o);
/* What the program wrote to @to, up to its end; a text of the test's. */
const char *test_output(process_options o, int to, int *ret_status);

/* Both ends of a pipe that closes at exec. */
void test_pipe(int fds[2]);
/* Whether the other end of @fd is closed by all; waits for that. */
void test_hung_up(int fd);

#define ARGV(...)                 \
        (const char *const[]) {   \
                __VA_ARGS__, NULL \
        }
#define SHELL(text) ARGV("/bin/sh", "-c", text)
