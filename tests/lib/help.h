/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What tests need beside assertions: places, waiting, other processes. Whatever
 * goes wrong in here fails the test, so there is nothing to check.
 */

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* places */

/* The test's own directory, also its $TMPDIR and gone after it. Short enough for the
 * path of a socket. */
const char *test_dir(void);

/* A file in there with these bytes, which may stay. Returns its path; the memory is
 * the test's until it ends, as all texts from here. */
const char *test_file(const char *name, const void *data, size_t n);
const char *test_path(const char *name); /* only the path: what is made there must go */

/* @n bytes kept as such a text. */
const char *test_text(const char *s, size_t n);

/* @pattern with {dir} the test's directory and {id} something that no other test on
 * this machine has now. */
const char *test_url(const char *pattern);

/* The links that any machine has, as patterns up to NULL; without and with [::1]. */
extern const char *const test_urls[];
int test_has_ipv6(void);

/* waiting */

/* A point on the library's clock by which anything of a test has happened. */
int64_t test_deadline(void);

/* Wait until poll(2) says one of @events of @fd. Returns what it says. */
short test_poll(int fd, short events);
short test_poll_now(int fd, short events); /* 0 if none; waits for nothing */

/* Exactly @n bytes, or up to the end. Returns how many. */
size_t test_read(int fd, void *buf, size_t n);
void test_write(int fd, const void *data, size_t n);

/* A gate, closed at first, between threads or processes (make it before the fork).
 * Opening it lets one waiter through. An eventfd, and closed as one. */
int test_gate(void);
void test_gate_open(int gate);
void test_gate_wait(int gate);

/* Wait until @is_so(@arg) says 1, for what has no event to wait for: what the kernel
 * does in its own time, such as the state of another thread. */
void test_until(int (*is_so)(void *arg), void *arg);

/* processes: children of the test, which it has to wait for */

/* Run @fn there; its end is exit status 0. */
pid_t test_fork(void (*fn)(void *arg), void *arg);

/* Run a program; -1 leaves a descriptor as it is, and else is closed here. */
pid_t test_spawn(const char *const argv[], int in, int out, int err);

/* Exit status, or 128 and the signal. */
int test_wait(pid_t pid);
int test_kill(pid_t pid, int sig); /* kill and wait */

/* Run a program on @in to its end; "" is no input. Outputs may be NULL. */
int test_run(const char *const argv[], const char *in, const char **ret_out, const char **ret_err);

/* The tool that was built, from $BEAM_TOOL; a test skips without one. */
const char *test_tool(void);

/* numbers */

size_t test_resident(pid_t pid); /* bytes of memory in use; 0 is this process */
int64_t test_cpu(void);          /* ns of CPU that this process has used */
