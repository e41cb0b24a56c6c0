/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Child processes
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Start @argv with @fd_in and @fd_out as its stdin and stdout, both still the caller's,
 * and our stderr. It leads a process group of its own, so that a Ctrl-C meant for us
 * lets it finish. Returns 0 or -errno, -ENOENT if there is no such program. */
int child_start(char **argv, int fd_in, int fd_out, pid_t *ret);

/* Send @signal to it and to what it started. */
void child_kill(pid_t pid, int signal);

/* Whether something that it started is still there after its own end, and the end of that.
 * The kernel gives nobody else the number meanwhile. */
bool child_left_others(pid_t pid);
void child_kill_others(pid_t pid);

/* Ask whether it has ended. Returns 1 with its status in words, as "exited 3" or "killed
 * by signal 9 (Killed)", and the code to close with: 0 if all was well. 0 if it has not. */
int child_ended(pid_t pid, char *text, size_t size, uint32_t *ret_code);

/* A file without a name that holds these bytes, to be somebody's stdin. */
int child_file(const void *data, size_t n);

/* Whether @name can be found and run. 0 or -errno. */
int child_find(const char *name);
