/* SPDX-License-Identifier: Apache-2.0 */
#include "sock.h"

#include "base/cleanup.h"
#include "base/fds.h"
#include "tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Control messages that nobody here has asked for: an inherited socket may have had
 * credentials, a security label or time stamps switched on. They must not push out
 * descriptors. Picked to hold all of them at once. */
#define EXTRA_CONTROL 512

/* A descriptor of the sender's process itself, of Linux 6.5. */
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

int sock_adopt(int fd) {
        int domain, type, r;
        socklen_t n = sizeof(domain);

        r = fd_set_cloexec(fd, true);
        if (r < 0)
                return r;

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0) {
                if (errno != ENOTSOCK)
                        return -errno;
                r = fd_set_nonblock(fd, true);
                return r < 0 ? r : SOCK_IS_FILE;
        }

        n = sizeof(type);
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0)
                return -errno;
        if (type != SOCK_STREAM)
                return -EPROTOTYPE;

        if (domain == AF_UNIX)
                return SOCK_IS_UNIX;
        if (domain == AF_INET || domain == AF_INET6) {
                r = tcp_tune(fd);
                if (r < 0)
                        return r;
        }
        return SOCK_IS_PLAIN;
}

static int n_clipped(size_t n_iov) {
        return n_iov < IOV_MAX ? (int)n_iov : IOV_MAX;
}

/* write() knows no MSG_NOSIGNAL, and a signal handler is the program's affair. So
 * SIGPIPE is held back on this thread, and taken away if it is ours: an earlier one
 * that is still pending belongs to somebody else and swallows ours anyway. */
static ssize_t file_write(int fd, const struct iovec *iov, size_t n_iov) {
        sigset_t sigpipe, before, pending;
        bool pending_before;
        ssize_t r;

        sigemptyset(&sigpipe);
        sigaddset(&sigpipe, SIGPIPE);
        sigpending(&pending);
        pending_before = sigismember(&pending, SIGPIPE) == 1;
        r = pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
        if (r)
                return -r;

        do
                r = writev(fd, iov, n_clipped(n_iov));
        while (r < 0 && errno == EINTR);
        if (r < 0)
                r = -errno;

        if (r == -EPIPE && !pending_before)
                while (sigtimedwait(&sigpipe, NULL, &(struct timespec){ 0 }) < 0 && errno == EINTR)
                        continue;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

static ssize_t file_read(int fd, const struct iovec *iov, size_t n_iov, bool wait) {
        ssize_t r;

        for (;;) {
                r = readv(fd, iov, n_clipped(n_iov));
                if (r >= 0)
                        return r;
                if (errno == EINTR && !wait)
                        continue;
                if (errno != EAGAIN || !wait)
                        return -errno;
                if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1) < 0)
                        return -errno;
        }
}

ssize_t sock_send(sock_kind kind, int fd, const struct iovec *iov, size_t n_iov, const int *fds,
                  size_t n_fds) {
        union {
                struct cmsghdr head;
                char bytes[CMSG_SPACE(SOCK_FDS_MAX * sizeof(int))];
        } control;
        struct msghdr msg;
        ssize_t r;

        if (n_fds > 0 && (kind != SOCK_IS_UNIX || n_fds > SOCK_FDS_MAX))
                return -EINVAL;
        if (kind == SOCK_IS_FILE)
                return file_write(fd, iov, n_iov);

        if (n_iov == 1 && n_fds == 0) {
                do
                        r = send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
                while (r < 0 && errno == EINTR);
                return r < 0 ? -errno : r;
        }

        msg = (struct msghdr){
                .msg_iov = (struct iovec *)iov,
                .msg_iovlen = (size_t)n_clipped(n_iov),
        };
        if (n_fds > 0) {
                size_t n_bytes = 0;

                /* The kernel drops descriptors that have no byte to hang on. */
                for (size_t i = 0; i < msg.msg_iovlen && n_bytes == 0; i++)
                        n_bytes = iov[i].iov_len;
                if (n_bytes == 0)
                        return -EINVAL;

                msg.msg_control = &control;
                msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                control.head = (struct cmsghdr){
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                        .cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
                };
                memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
        }

        do
                r = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : r;
}

/* Why descriptors were cut off: the room for them was enough, so it is either that
 * the process may not have more, or a security module that took one out. */
static int why_cut(void) {
        int fd = open("/", O_PATH | O_CLOEXEC);

        if (fd < 0)
                return errno == EMFILE || errno == ENFILE ? -errno : -EPROTO;
        fd_close(fd);
        return -EPROTO;
}

ssize_t sock_recv(sock_kind kind, int fd, const struct iovec *iov, size_t n_iov,
                  int ret_fds[SOCK_FDS_MAX], size_t *ret_n_fds, bool wait) {
        union {
                struct cmsghdr head;
                char bytes[CMSG_SPACE(SOCK_FDS_MAX * sizeof(int)) + EXTRA_CONTROL];
        } control;
        int flags = (kind == SOCK_IS_UNIX ? MSG_CMSG_CLOEXEC : 0) | (wait ? 0 : MSG_DONTWAIT);
        struct msghdr msg;
        size_t n_fds = 0;
        ssize_t r;

        if (ret_fds)
                *ret_n_fds = 0;
        if (n_iov == 0)
                return -EINVAL; /* 0 would look like the end */
        if (kind == SOCK_IS_FILE)
                return file_read(fd, iov, n_iov, wait);

        if (kind == SOCK_IS_PLAIN && n_iov == 1) {
                do
                        r = recv(fd, iov->iov_base, iov->iov_len, flags);
                while (r < 0 && errno == EINTR && !wait);
                return r < 0 ? -errno : r;
        }

        msg = (struct msghdr){
                .msg_iov = (struct iovec *)iov,
                .msg_iovlen = (size_t)n_clipped(n_iov),
        };
        if (kind == SOCK_IS_UNIX && ret_fds) {
                msg.msg_control = &control;
                msg.msg_controllen = sizeof(control);
        }

        do
                r = recvmsg(fd, &msg, flags);
        while (r < 0 && errno == EINTR && !wait);
        if (r < 0)
                return -errno;

        if (msg.msg_controllen > 0)
                for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
                        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                        if (c->cmsg_level != SOL_SOCKET)
                                continue;
                        if (c->cmsg_type == SCM_RIGHTS && n_fds + n <= SOCK_FDS_MAX) {
                                memcpy(ret_fds + n_fds, CMSG_DATA(c), n * sizeof(int));
                                n_fds += n;
                        } else if (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_PIDFD) {
                                int *surplus = (int *)(void *)CMSG_DATA(c);

                                fd_close_all(surplus, n);
                                if (c->cmsg_type == SCM_RIGHTS)
                                        msg.msg_flags |= MSG_CTRUNC;
                        }
                }

        if (msg.msg_flags & MSG_CTRUNC) {
                int why = ret_fds ? why_cut() : -EPROTO;

                fd_close_all(ret_fds, n_fds);
                return why;
        }

        if (ret_fds)
                *ret_n_fds = n_fds;
        return r;
}

int sock_accept(int fd) {
        for (;;) {
                int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                if (peer >= 0)
                        return peer;

                switch (errno) {
                case EINTR:
                /* Linux hands out what has already befallen the connection. */
                case ECONNABORTED:
                case ENETDOWN:
                case EPROTO:
                case ENOPROTOOPT:
                case EHOSTDOWN:
                case ENONET:
                case EHOSTUNREACH:
                case ENETUNREACH:
                case ETIMEDOUT:
                        continue;
                default:
                        return -errno;
                }
        }
}
