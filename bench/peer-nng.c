/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nng: pair0 sockets whose send and receive buffers add up to the depth (a depth of 0
 * is its default), messages made by nng_msg_alloc() and taken by nng_recvmsg().
 */

#include "bench.h"

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(bench *b, const char *what, int r) {
        if (r != 0)
                bench_fail(b, what, nng_strerror(r));
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

static nng_socket end_open(bench *b) {
        static nng_socket ends[2];
        nng_socket *s = &ends[b->side];
        int half = (int)b->c->depth / 2;

        check(b, "socket", nng_pair0_open(s));
        check(b, "buffer", nng_socket_set_int(*s, NNG_OPT_SENDBUF, half));
        check(b, "buffer", nng_socket_set_int(*s, NNG_OPT_RECVBUF, half));
        b->own = s;
        return *s;
}

static void open_b(bench *b) {
        check(b, "listen", nng_listen(end_open(b), url(b), NULL, 0));
}

static void open_a(bench *b) {
        check(b, "dial", nng_dial(end_open(b), url(b), NULL, 0));
}

static void put(bench *b) {
        nng_socket *s = b->own;
        nng_msg *m;

        check(b, "alloc", nng_msg_alloc(&m, b->c->size));
        if (b->c->size > 64)
                bench_touch(b, nng_msg_body(m));
        else
                memcpy(nng_msg_body(m), bench_next(b), b->c->size);
        check(b, "send", nng_sendmsg(*s, m, 0));
}

static void take(bench *b) {
        nng_socket *s = b->own;
        nng_msg *m;

        check(b, "recv", nng_recvmsg(*s, &m, 0));
        bench_sum(b, nng_msg_body(m));
        nng_msg_free(m);
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
        IN_MEMORY("mem-0", 0, one_way_a, one_way_b),
        IN_MEMORY("mem-ping", 2, ping_a, ping_b),
        ON("unix", "ping", 64, 2, ping_a, ping_b),
        ON("tcp", "ping", 64, 2, ping_a, ping_b),
        ON("unix", "one-way", 64, 1024, one_way_a, one_way_b),
        ON("tcp", "one-way", 64, 1024, one_way_a, one_way_b),
        ON("unix", "64k", 65536, 64, one_way_a, one_way_b),
        ON("tcp", "64k", 65536, 64, one_way_a, one_way_b),
};

int main(int argc, char **argv) {
        return bench_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
