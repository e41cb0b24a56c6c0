/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct {
        fault_kind kind;
        unsigned nth, every;
        _Atomic unsigned n;
        atomic_bool happened;
} plan;

void fault_at(fault_kind kind, unsigned nth, unsigned every) {
        plan.kind = FAULT_NONE;
        atomic_store(&plan.n, 0);
        atomic_store(&plan.happened, false);
        plan.nth = nth;
        plan.every = every;
        plan.kind = kind;
}

bool fault_has_happened(void) {
        return atomic_load(&plan.happened);
}

static bool due(fault_kind kind) {
        if (plan.kind != kind)
                return false;

        unsigned n = atomic_fetch_add(&plan.n, 1) + 1;

        if (n != plan.nth && !(plan.every && n > plan.nth && (n - plan.nth) % plan.every == 0))
                return false;
        atomic_store(&plan.happened, true);
        return true;
}

static bool is_socket(int fd) {
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool fails(fault_kind kind, int error) {
        if (!due(kind))
                return false;
        errno = error;
        return true;
}

/* What can happen to bytes on their way. Of what is no socket only what is true of it. */
static bool transfer_fails(int fd) {
        if (fails(FAULT_EINTR, EINTR))
                return true;
        if (plan.kind < FAULT_EAGAIN || !is_socket(fd))
                return false;
        if (due(FAULT_RESET)) {
                /* It is over then for whoever looks, from either side. */
                syscall(SYS_shutdown, fd, SHUT_RDWR);
                errno = ECONNRESET;
                return true;
        }
        return fails(FAULT_EAGAIN, EAGAIN) || fails(FAULT_NO_MEM, ENOBUFS);
}

static size_t shorter(size_t n, int fd) {
        return n > 1 && plan.kind == FAULT_SHORT && is_socket(fd) && due(FAULT_SHORT) ? 1 : n;
}

/* The first byte of a message: one vector of one byte. */
static struct msghdr shorter_msg(const struct msghdr *msg, struct iovec *one, int fd) {
        struct msghdr m = *msg;
        size_t n = 0;

        for (size_t i = 0; i < msg->msg_iovlen; i++)
                n += msg->msg_iov[i].iov_len;
        if (shorter(n, fd) != n) {
                size_t i = 0;

                while (!msg->msg_iov[i].iov_len)
                        i++;
                *one = (struct iovec){ msg->msg_iov[i].iov_base, 1 };
                m.msg_iov = one;
                m.msg_iovlen = 1;
        }
        return m;
}

ssize_t read(int fd, void *buf, size_t n) {
        return transfer_fails(fd) ? -1 : syscall(SYS_read, fd, buf, shorter(n, fd));
}

ssize_t write(int fd, const void *buf, size_t n) {
        return transfer_fails(fd) ? -1 : syscall(SYS_write, fd, buf, shorter(n, fd));
}

ssize_t readv(int fd, const struct iovec *v, int n) {
        struct msghdr m = { .msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)n };
        struct iovec one;

        if (transfer_fails(fd))
                return -1;
        m = shorter_msg(&m, &one, fd);
        return syscall(SYS_readv, fd, m.msg_iov, m.msg_iovlen);
}

ssize_t writev(int fd, const struct iovec *v, int n) {
        struct msghdr m = { .msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)n };
        struct iovec one;

        if (transfer_fails(fd))
                return -1;
        m = shorter_msg(&m, &one, fd);
        return syscall(SYS_writev, fd, m.msg_iov, m.msg_iovlen);
}

ssize_t recv(int fd, void *buf, size_t n, int flags) {
        return transfer_fails(fd)
                       ? -1
                       : syscall(SYS_recvfrom, fd, buf, shorter(n, fd), flags, NULL, NULL);
}

ssize_t send(int fd, const void *buf, size_t n, int flags) {
        return transfer_fails(fd) ? -1
                                  : syscall(SYS_sendto, fd, buf, shorter(n, fd), flags, NULL, 0);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags) {
        struct iovec one;
        struct msghdr m;

        if (transfer_fails(fd))
                return -1;
        m = shorter_msg(msg, &one, fd);
        ssize_t r = syscall(SYS_recvmsg, fd, &m, flags);
        msg->msg_flags = m.msg_flags;
        msg->msg_controllen = m.msg_controllen;
        msg->msg_namelen = m.msg_namelen;
        return r;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags) {
        struct iovec one;
        struct msghdr m;

        if (transfer_fails(fd))
                return -1;
        m = shorter_msg(msg, &one, fd);
        return syscall(SYS_sendmsg, fd, &m, flags);
}

/* descriptors */

static bool making_fails(void) {
        return fails(FAULT_NO_FDS, EMFILE);
}

int socket(int domain, int type, int protocol) {
        if (making_fails() || fails(FAULT_NO_MEM, ENOBUFS))
                return -1;
        return (int)syscall(SYS_socket, domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int p[2]) {
        if (making_fails() || fails(FAULT_NO_MEM, ENOBUFS))
                return -1;
        return (int)syscall(SYS_socketpair, domain, type, protocol, p);
}

int accept4(int fd, struct sockaddr *a, socklen_t *n, int flags) {
        /* ECONNABORTED is what accept has for a peer that has gone already. */
        if (making_fails() || fails(FAULT_EINTR, EINTR) || fails(FAULT_EAGAIN, EAGAIN) ||
            fails(FAULT_RESET, ECONNABORTED) || fails(FAULT_NO_MEM, ENOBUFS))
                return -1;
        return (int)syscall(SYS_accept4, fd, a, n, flags);
}

int pipe2(int p[2], int flags) {
        return making_fails() ? -1 : (int)syscall(SYS_pipe2, p, flags);
}

int eventfd(unsigned n, int flags) {
        return making_fails() ? -1 : (int)syscall(SYS_eventfd2, n, flags);
}

int epoll_create1(int flags) {
        return making_fails() ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

int connect(int fd, const struct sockaddr *a, socklen_t n) {
        if (fails(FAULT_RESET, ECONNREFUSED) || fails(FAULT_NO_MEM, ENOBUFS))
                return -1;
        return (int)syscall(SYS_connect, fd, a, n);
}

/* waiting */

int epoll_pwait(int fd, struct epoll_event *ev, int n, int ms, const sigset_t *mask) {
        if (fails(FAULT_EINTR, EINTR))
                return -1;
        return (int)syscall(SYS_epoll_pwait, fd, ev, n, ms, mask, sizeof(uint64_t));
}

int epoll_wait(int fd, struct epoll_event *ev, int n, int ms) {
        return epoll_pwait(fd, ev, n, ms, NULL);
}

/* threads */

typedef int thread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);

/* A sanitizer that is in the program itself has to know of its threads, and stands before
 * the C library under this name. */
__attribute__((weak)) thread_create __interceptor_pthread_create;

int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg) {
        thread_create *real = __interceptor_pthread_create;

        if (due(FAULT_NO_MEM))
                return EAGAIN;
        if (!real)
                real = (thread_create *)dlsym(RTLD_NEXT, "pthread_create");
        return real(t, a, fn, arg);
}
