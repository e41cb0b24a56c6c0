/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes and descriptors through an fd
 *
 * Whether a call may wait is said by the call, never by the fd: O_NONBLOCK belongs
 * to the open file, which other processes may share, and a socket without it can
 * be waited on in recvmsg() itself, one system call instead of two. So sockets
 * made by unix.h and tcp.h come without O_NONBLOCK, and each call here adds
 * MSG_DONTWAIT unless it is told to wait. (A loop that sets O_NONBLOCK on what it
 * polls spoils only the waiting: it gives -EAGAIN then.) Two things know no
 * MSG_DONTWAIT and are O_NONBLOCK: listening sockets, and what is not a socket.
 *
 * Short counts are normal both ways, and no call raises SIGPIPE.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { SOCK_FDS_MAX = 253 }; /* SCM_MAX_FD: what the kernel takes in one sendmsg() */

typedef enum sock_kind {
        SOCK_IS_UNIX = 1, /* a stream socket that passes descriptors */
        SOCK_IS_PLAIN,    /* any other stream socket */
        SOCK_IS_FILE,     /* not a socket: read() and write() */
} sock_kind;

/* Make an open fd ready for the calls below, wherever it came from: CLOEXEC; on
 * TCP no delay and keepalive; O_NONBLOCK on what is not a socket. Returns its
 * sock_kind. -EBADF; -EPROTOTYPE: a socket that keeps no byte stream. The fd stays
 * the caller's. */
int sock_adopt(int fd);

/* Send what of @iov the kernel takes now. @fds stay the caller's; when the result
 * is above 0 all of them have gone, with the first byte. Returns the bytes sent;
 * -EAGAIN; -EPIPE or -ECONNRESET: the peer is gone; -EBADF: one of @fds is not
 * open; -ETOOMANYREFS: more of them are under way than this user may have open.
 * -EINVAL: more than SOCK_FDS_MAX, or fds without a byte to go with, or on
 * something that cannot pass them. */
ssize_t sock_send(sock_kind kind, int fd, const struct iovec *iov, size_t n_iov, const int *fds,
                  size_t n_fds);

/* Receive into @iov, which has room for a byte at least. Descriptors that came
 * along are put into @ret_fds, CLOEXEC, and are the caller's; *@ret_n_fds is
 * always written then. A result never spans two senders' batches of descriptors, so
 * SOCK_FDS_MAX hold all. @ret_fds may be NULL where none can come; on a unix
 * socket that makes one that comes an error.
 * Returns the bytes, 0 at the end; -EAGAIN; with @wait also -EINTR, for only the
 * caller knows until when. Two failures have swallowed bytes and closed every
 * descriptor, so the session cannot go on: -EMFILE: this process has no room for
 * them; -EPROTO: the kernel cut them off for any other reason. */
ssize_t sock_recv(sock_kind kind, int fd, const struct iovec *iov, size_t n_iov,
                  int ret_fds[SOCK_FDS_MAX], size_t *ret_n_fds, bool wait);

/* Take a peer from a listening socket, CLOEXEC; give it to sock_adopt() next.
 * Peers that left before they were taken are passed over. -EAGAIN: none is there.
 * -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM: it stays in the queue and the listening
 * socket stays readable, so pause before asking again. */
int sock_accept(int fd);
