/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ZeroMQ: PAIR sockets, one I/O thread in each context, high-water marks that add up
 * to the depth. Messages up to 64 bytes are copied in and looked at in place; large
 * ones are handed over by zmq_msg_init_data() without a copy.
 */

#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

typedef struct end {
        void *context, *socket;
        zmq_msg_t in;
        uint8_t *large;
} end;

static void check(bench *b, const char *what, int r) {
        if (r < 0)
                bench_fail(b, what, zmq_strerror(zmq_errno()));
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

static end *end_new(bench *b, void *context) {
        int hwm = (int)b->c->depth / 2;
        end *e = calloc(1, sizeof(*e));

        if (!e)
                abort();
        e->context = context ? context : zmq_ctx_new();
        e->socket = zmq_socket(e->context, ZMQ_PAIR);
        e->large = calloc(1, b->c->size);
        zmq_msg_init(&e->in);
        check(b, "sndhwm", zmq_setsockopt(e->socket, ZMQ_SNDHWM, &hwm, sizeof(hwm)));
        check(b, "rcvhwm", zmq_setsockopt(e->socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)));
        b->own = e;
        return e;
}

/* prepare, in memory: both sides share a context */
static void make(bench *b) {
        b->common = zmq_ctx_new();
}

static void open_b(bench *b) {
        end *e = end_new(b, b->common);

        check(b, "bind", zmq_bind(e->socket, url(b)));
}

static void open_a(bench *b) {
        end *e = end_new(b, b->common);

        check(b, "connect", zmq_connect(e->socket, url(b)));
}

static void nothing(void *data, void *hint) {
        (void)data;
        (void)hint;
}

static void put(bench *b, end *e) {
        zmq_msg_t m;

        if (b->c->size > 64) {
                bench_touch(b, e->large);
                check(b, "msg", zmq_msg_init_data(&m, e->large, b->c->size, nothing, NULL));
        } else {
                check(b, "msg", zmq_msg_init_size(&m, b->c->size));
                memcpy(zmq_msg_data(&m), bench_next(b), b->c->size);
        }
        check(b, "send", zmq_msg_send(&m, e->socket, 0));
}

static void take(bench *b, end *e) {
        check(b, "recv", zmq_msg_recv(&e->in, e->socket, 0));
        bench_sum(b, zmq_msg_data(&e->in));
}

static void one_way_a(bench *b, uint64_t n) {
        while (n--)
                put(b, b->own);
}

static void one_way_b(bench *b, uint64_t n) {
        while (n--)
                take(b, b->own);
}

static void ping_a(bench *b, uint64_t n) {
        while (n--) {
                put(b, b->own);
                take(b, b->own);
        }
}

static void ping_b(bench *b, uint64_t n) {
        while (n--) {
                take(b, b->own);
                put(b, b->own);
        }
}

/* 1,000 connections, each of which has carried a message, so that it is known to be
 * there; then they lie idle. */
static void sessions_a(bench *b, uint64_t n) {
        void *s = zmq_socket(zmq_ctx_new(), ZMQ_PUSH);
        size_t before = bench_heap();
        uint64_t i;

        for (i = 0; i < n; i++)
                check(b, "connect", zmq_connect(s, url(b)));
        for (i = 0; i < n; i++)
                check(b, "send", zmq_send(s, bench_next(b), b->c->size, 0));
        bench_meet(b);
        b->shared->value[0] = ((double)bench_heap() - (double)before) / (double)n;
}

static void pull_listen(bench *b) {
        b->own = zmq_socket(zmq_ctx_new(), ZMQ_PULL);
        check(b, "bind", zmq_bind(b->own, url(b)));
}

static void sessions_b(bench *b, uint64_t n) {
        size_t before = bench_heap();
        zmq_msg_t m;
        uint64_t i;

        zmq_msg_init(&m);
        for (i = 0; i < n; i++) {
                check(b, "recv", zmq_msg_recv(&m, b->own, 0));
                bench_sum(b, zmq_msg_data(&m));
        }
        bench_meet(b);
        b->shared->value[1] = ((double)bench_heap() - (double)before) / (double)n;
}

#define IN_MEMORY(name_, depth_, a_, b_)                                     \
        {                                                                    \
                .name = name_, .size = 64, .depth = depth_, .prepare = make, \
                .a = { .open = open_a, .run = a_ },                          \
                .b = {.listen = open_b,                                      \
                      .run = b_ }                                            \
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
        IN_MEMORY("mem-ping", 2, ping_a, ping_b),
        ON("unix", "ping", 64, 1024, ping_a, ping_b),
        ON("tcp", "ping", 64, 1024, ping_a, ping_b),
        ON("unix", "one-way", 64, 1024, one_way_a, one_way_b),
        ON("tcp", "one-way", 64, 1024, one_way_a, one_way_b),
        ON("unix", "64k", 65536, 64, one_way_a, one_way_b),
        ON("tcp", "64k", 65536, 64, one_way_a, one_way_b),
        { .name = "unix-sessions",
          .shape = BENCH_ONCE,
          .link = "unix",
          .size = 64,
          .amount = 1000,
          .a = { .run = sessions_a },
          .b = { .listen = pull_listen, .run = sessions_b } },
};

int main(int argc, char **argv) {
        return bench_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
