/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Descriptors that the process was started with
 *
 * systemd's way to hand over sockets: they are numbered from 3 up, LISTEN_FDS
 * counts them, and LISTEN_PID says for whom they are, since the variables are
 * inherited by children that do not have the descriptors.
 */

#include <sys/types.h>

enum { LISTENFD_FIRST = 3 };

typedef enum listenfd_kind {
        LISTENFD_LISTENING = 1, /* a stream socket that listens */
        LISTENFD_CONNECTED,     /* a stream socket with a peer, or one half of a pair */
        LISTENFD_PIPE,          /* one way only */
        LISTENFD_OTHER,         /* a file, a terminal, a datagram socket, one without a peer */
} listenfd_kind;

/* What the variables say: how many descriptors there are for @self. Either text may
 * be NULL. -ENOENT: none were passed; -ESRCH: they are for another process;
 * -EINVAL: not numbers. */
int listenfd_count(const char *listen_pid, const char *listen_fds, pid_t self);

/* The first descriptor that systemd passed, made ready as by listenfd_adopt(). It
 * is the caller's from now on, so it is given once: -EBUSY after that. Otherwise
 * as listenfd_count() and listenfd_adopt(), and nothing was given. */
int listenfd_take(void);

/* Make an inherited fd ready: CLOEXEC, and O_NONBLOCK if it listens. Returns its
 * listenfd_kind, or -EBADF. It stays the caller's. */
int listenfd_adopt(int fd);
