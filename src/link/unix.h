/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unix sockets by path and by abstract name
 *
 * A socket's file outlives its process, so a path in use may be a dead one. It is
 * taken over if nobody answers there. Asking, removing and binding are several
 * steps, and between bind() and listen() a socket looks dead; so whoever listens
 * holds a lock on PATH.lock from before the first step until after the last. It
 * is there for that moment only. (Binding to a name beside it and renaming would
 * need no lock, but the kernel would tell everybody, ss(8) for one, the other name.)
 *
 * Who may connect is who may write the file. It is made with mode 0660 less the
 * umask: with the usual 022 that is its owner; a umask of 002 or 007 lets the
 * group in, as whoever sets one means to; others get in by chmod() only, so that a
 * daemon with a umask of 0 does not open to the world unasked. An abstract name
 * has no mode: everybody in the network namespace may connect, as with TCP on
 * loopback; look at the peer's uid.
 */

#include <stdbool.h>
#include <sys/types.h>

enum { UNIX_NAME_MAX = 107 }; /* bytes of a path or an abstract name */

typedef struct unix_listener {
        int fd; /* -1 once deinit has run */

        /* private */
        pid_t pid; /* who made it: a child of fork() does not remove the file */
        dev_t dev;
        ino_t ino;
        char path[UNIX_NAME_MAX + 1]; /* "" for an abstract name */
} unix_listener;

/* Connect, and never wait. Returns the fd, CLOEXEC and without O_NONBLOCK.
 * -EAGAIN: the listener's backlog is full; the kernel has no event for when it no
 * longer is, so ask again by a timer. -ENOENT, -ECONNREFUSED: nobody there.
 * -EPROTOTYPE: it is not a stream socket. -EINVAL: empty or too long. */
int unix_connect(const char *name, bool abstract);

/* Listen with a queue of up to @backlog peers. *@ret gets the fd, CLOEXEC and
 * O_NONBLOCK. -EADDRINUSE: somebody answers there, or is just about to; -EEXIST:
 * something is there that is not a socket; -EACCES, -ENOENT (no such directory),
 * -EROFS and the like: as of bind(2). */
int unix_listen(const char *name, bool abstract, int backlog, unix_listener *ret);

/* Remove the file if it is still ours, and close. Twice is fine, and so is a
 * listener of zeroes with its fd set to -1. */
void unix_listener_deinit(unix_listener *l);
