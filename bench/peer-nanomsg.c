/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nanomsg: PAIR sockets, messages made by nn_allocmsg() and taken by NN_MSG, which
 * spares the copies on both sides. Its buffers are counted in bytes: as many as the
 * depth holds, and at least the default.
 */

#include "bench.h"

#include <nanomsg/nn.h>
#include <nanomsg/pair.h>
#include <nanomsg/tcp.h>
#include <stdio.h>
#include <string.h>

enum { BUFFER_DEFAULT = 128 * 1024 };

static int check(bench *b, const char *what, int r) {
        if (r < 0)
                bench_fail(b, what, nn_strerror(nn_errno()));
        return r;
}

static const char *url(const bench *b) {
        static __thread char s[128];

        if (!b->c->link)
                return "inproc://bench";
        if (!strcmp(b->c->link, "unix"))
                snprintf(s, sizeof(s), "ipc://%s", b->url_path);
        else
                snprintf(s, sizeof(s), "tcp://127.0.0.1:%d", b->url_port);
        return s;
}

typedef struct end {
        int fd;
} end;

static int end_open(bench *b) {
        static end ends[2];
        int size = (int)(b->c->depth * b->c->size), off = -1, one = 1;
        end *e = &ends[b->side];

        e->fd = check(b, "socket", nn_socket(AF_SP, NN_PAIR));
        if (b->c->link && size < BUFFER_DEFAULT)
                size = BUFFER_DEFAULT;
        check(b, "sndbuf", nn_setsockopt(e->fd, NN_SOL_SOCKET, NN_SNDBUF, &size, sizeof(size)));
        check(b, "rcvbuf", nn_setsockopt(e->fd, NN_SOL_SOCKET, NN_RCVBUF, &size, sizeof(size)));
        check(b, "max", nn_setsockopt(e->fd, NN_SOL_SOCKET, NN_RCVMAXSIZE, &off, sizeof(off)));
        if (b->c->link && !strcmp(b->c->link, "tcp"))
                nn_setsockopt(e->fd, NN_TCP, NN_TCP_NODELAY, &one, sizeof(one));
        b->own = e;
        return e->fd;
}

static void open_b(bench *b) {
        check(b, "bind", nn_bind(end_open(b), url(b)));
}

static void open_a(bench *b) {
        check(b, "connect", nn_connect(end_open(b), url(b)));
}

static void put(bench *b) {
        end *e = b->own;
        void *m = nn_allocmsg(b->c->size, 0);

        if (!m)
                bench_fail(b, "allocmsg", nn_strerror(nn_errno()));
        if (b->c->size > 64)
                bench_touch(b, m);
        else
                memcpy(m, bench_next(b), b->c->size);
        check(b, "send", nn_send(e->fd, &m, NN_MSG, 0));
}

static void take(bench *b) {
        end *e = b->own;
        void *m;

        check(b, "recv", nn_recv(e->fd, &m, NN_MSG, 0));
        bench_sum(b, m);
        nn_freemsg(m);
}

static void one_way_a(bench *b, uint64_t n) {
        while (n--)
                put(b);
}

static void one_way_b(bench *b, uint64_t n) {
        while (n--)
                take(b);
}

static void ping_a(bench *b, uint64_t n) {
        while (n--) {
                put(b);
                take(b);
        }
}

static void ping_b(bench *b, uint64_t n) {
        while (n--) {
                take(b);
                put(b);
        }
}

#define IN_MEMORY(name_, depth_, a_, b_)                                                        \
        {                                                                                       \
                .name = name_, .size = 64, .depth = depth_, .a = { .open = open_a, .run = a_ }, \
                .b = {.listen = open_b,                                                         \
                      .run = b_ }                                                               \
        }

#define ON(link_, name_, size_, depth_, a_, b_)                                                  \
        {                                                                                        \
                .name = link_ "-" name_, .shape = BENCH_PROCESSES, .link = link_, .size = size_, \
                .depth = depth_, .a = { .open = open_a, .run = a_ },                             \
                .b = {.listen = open_b,                                                          \
                      .run = b_ }                                                                \
        }

static const bench_case cases[] = {
        IN_MEMORY("mem-1024", 1024, one_way_a, one_way_b),
        IN_MEMORY("mem-128", 128, one_way_a, one_way_b),
        IN_MEMORY("mem-ping", 128, ping_a, ping_b),
        ON("unix", "ping", 64, 1024, ping_a, ping_b),
        ON("tcp", "ping", 64, 1024, ping_a, ping_b),
        ON("unix", "one-way", 64, 1024, one_way_a, one_way_b),
        ON("tcp", "one-way", 64, 1024, one_way_a, one_way_b),
        ON("unix", "64k", 65536, 64, one_way_a, one_way_b),
        ON("tcp", "64k", 65536, 64, one_way_a, one_way_b),
};

int main(int argc, char **argv) {
        return bench_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
