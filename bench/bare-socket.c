/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bare limits on sockets: blocking read(), write(), sendmsg(), recvmsg()
 *
 * Messages have a fixed size and no head. The sender writes one, or copies as many
 * into a block as were asked for and writes that; the receiver reads up to 64 KiB at
 * a time and looks at each message in place. Descriptors are duplicates, made and
 * closed again by the sender, closed by the receiver, as who hands over a descriptor
 * of his own does it.
 */

#include "bare.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        BLOCK = 64 * 1024,
        FDS_MAX = 253, /* SCM_MAX_FD */
};

static void check(bench *b, const char *what, ssize_t r) {
        if (r < 0)
                bench_fail(b, what, strerror(errno));
        if (r == 0)
                bench_fail(b, what, "the other side has gone");
}

/* prepare: a connected pair */
static void make(bench *b) {
        struct sockaddr_in sa = { .sin_family = AF_INET };
        socklen_t n = sizeof(sa);
        int *fds = malloc(2 * sizeof(int)), listener, one = 1;

        if (!fds)
                abort();
        b->common = fds;

        if (!strcmp(b->c->link, "unix")) {
                if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                        abort();
                return;
        }

        sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (listener < 0 || fds[0] < 0 || bind(listener, (struct sockaddr *)&sa, n) < 0 ||
            listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&sa, &n) < 0 ||
            connect(fds[0], (struct sockaddr *)&sa, n) < 0)
                abort();
        fds[1] = accept(listener, NULL, NULL);
        if (fds[1] < 0)
                abort();
        close(listener);
        setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* open: a side keeps its own end, and a block */
typedef struct end {
        int fd, null;
        size_t n;
        uint8_t block[BLOCK];
} end;

static void open_end(bench *b) {
        const int *fds = b->common;
        end *e = calloc(1, sizeof(*e));

        if (!e)
                abort();
        e->fd = fds[b->side];
        e->null = dup(0);
        close(fds[!b->side]);
        b->own = e;
}

static void put(bench *b, const void *p, size_t n) {
        end *e = b->own;
        ssize_t r;

        for (; n; n -= (size_t)r, p = (const uint8_t *)p + r) {
                r = write(e->fd, p, n);
                check(b, "write", r);
        }
}

static void take(bench *b, void *p, size_t n) {
        end *e = b->own;
        ssize_t r;

        for (; n; n -= (size_t)r, p = (uint8_t *)p + r) {
                r = read(e->fd, p, n);
                check(b, "read", r);
        }
}

static void ping_a(bench *b, uint64_t n) {
        end *e = b->own;

        while (n--) {
                bench_touch(b, e->block);
                put(b, e->block, b->c->size);
                take(b, e->block, b->c->size);
                bench_sum(b, e->block);
        }
}

static void ping_b(bench *b, uint64_t n) {
        end *e = b->own;

        while (n--) {
                take(b, e->block, b->c->size);
                bench_sum(b, e->block);
                bench_touch(b, e->block);
                put(b, e->block, b->c->size);
        }
}

static void one_way_a(bench *b, uint64_t n) {
        size_t i, k, size = b->c->size;
        end *e = b->own;

        for (; n; n -= k) {
                k = n < b->c->batch ? n : b->c->batch;
                if (size > 64) {
                        bench_touch(b, e->block);
                } else {
                        for (i = 0; i < k; i++)
                                memcpy(e->block + i * 64, bench_next(b), 64);
                }
                put(b, e->block, k * size);
        }
}

static void one_way_b(bench *b, uint64_t n) {
        size_t i, size = b->c->size, have = 0;
        end *e = b->own;
        ssize_t r;

        while (n) {
                r = read(e->fd, e->block + have, BLOCK - have);
                check(b, "read", r);
                have += (size_t)r;
                for (i = 0; have - i >= size; i += size, n--)
                        bench_sum(b, e->block + i);
                have -= i;
                if (have && i)
                        memmove(e->block, e->block + i, have);
        }
}

static void bytes_a(bench *b, uint64_t n) {
        end *e = b->own;

        while (n--)
                put(b, e->block, b->c->size);
}

static void bytes_b(bench *b, uint64_t n) {
        uint64_t left = n * b->c->size;
        end *e = b->own;
        ssize_t r;

        for (; left; left -= (uint64_t)r) {
                r = read(e->fd, e->block, left < BLOCK ? left : BLOCK);
                check(b, "read", r);
        }
}

typedef union control {
        char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr align;
} control;

static void fds_a(bench *b, uint64_t n) {
        end *e = b->own;
        struct iovec iov = { e->block, b->c->size };
        control c;
        struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
        struct cmsghdr *cm;
        int fds[FDS_MAX];
        size_t i, k;

        for (; n; n -= k) {
                k = n < b->c->batch ? n : b->c->batch;
                for (i = 0; i < k; i++) {
                        fds[i] = dup(e->null);
                        check(b, "dup", fds[i]);
                }
                h.msg_control = c.buf;
                h.msg_controllen = CMSG_SPACE(k * sizeof(int));
                cm = CMSG_FIRSTHDR(&h);
                cm->cmsg_level = SOL_SOCKET;
                cm->cmsg_type = SCM_RIGHTS;
                cm->cmsg_len = CMSG_LEN(k * sizeof(int));
                memcpy(CMSG_DATA(cm), fds, k * sizeof(int));
                check(b, "sendmsg", sendmsg(e->fd, &h, 0));
                for (i = 0; i < k; i++)
                        close(fds[i]);
        }
}

static void fds_b(bench *b, uint64_t n) {
        end *e = b->own;
        struct iovec iov = { e->block, BLOCK };
        control c;
        struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
        struct cmsghdr *cm;
        size_t i, k;
        int fd;

        while (n) {
                h.msg_control = c.buf;
                h.msg_controllen = sizeof(c.buf);
                check(b, "recvmsg", recvmsg(e->fd, &h, MSG_CMSG_CLOEXEC));
                if (h.msg_flags & MSG_CTRUNC)
                        bench_fail(b, "recvmsg", "descriptors were cut off");
                for (cm = CMSG_FIRSTHDR(&h); cm; cm = CMSG_NXTHDR(&h, cm)) {
                        k = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                        for (i = 0; i < k; i++, n--) {
                                memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
                                close(fd);
                        }
                }
        }
}

#define ON(link_, name_, size_, batch_, a_, b_)                                                  \
        {                                                                                        \
                .name = link_ "-" name_, .shape = BENCH_PROCESSES, .link = link_, .size = size_, \
                .batch = batch_, .prepare = make, .a = { .open = open_end, .run = a_ },          \
                .b = {.open = open_end,                                                          \
                      .run = b_ }                                                                \
        }

#define ON_BOTH(name_, size_, batch_, a_, b_) \
        ON("unix", name_, size_, batch_, a_, b_), ON("tcp", name_, size_, batch_, a_, b_)

const bench_case bare_socket_cases[] = {
        ON_BOTH("ping", 64, 1, ping_a, ping_b),
        ON_BOTH("each", 64, 1, one_way_a, one_way_b),
        ON_BOTH("batch", 64, BLOCK / 64, one_way_a, one_way_b),
        ON_BOTH("64k", BLOCK, 1, one_way_a, one_way_b),
        ON_BOTH("bytes", BLOCK, 1, bytes_a, bytes_b),
        ON("unix", "fd", 64, 1, fds_a, fds_b),
        ON("unix", "fds", 64, 64, fds_a, fds_b),
};
const size_t n_bare_socket_cases = sizeof(bare_socket_cases) / sizeof(*bare_socket_cases);
