/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * File descriptors
 *
 * The small calls that each owner of a descriptor needs. -1 is no descriptor.
 */

#include <stdbool.h>
#include <stddef.h>

/* Close @fd; -1 is fine and -1 comes back. Keeps errno. Never tried again: on Linux
 * the number is free even when close says EINTR. */
int fd_close(int fd);

/* Close @n of them, and leave -1 in each place. */
void fd_close_all(int *fds, size_t n);

/* for the cleanup attribute */
void fd_closep(int *fd);

int fd_set_nonblock(int fd, bool on);
int fd_set_cloexec(int fd, bool on);

/* A copy of @fd under the lowest free number, CLOEXEC; -errno. */
int fd_dup(int fd);

/* How many the process has open; -errno when /proc is not there. */
int fd_count(void);
