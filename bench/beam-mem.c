/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Channels in memory: between two threads, and within one
 *
 * Each message is made by beam_msg_new(), which copies 64 bytes in, looked at where
 * it lies, and freed by the side that received it.
 */

#include <stdlib.h>

#include "beam-side.h"

typedef struct both {
        beam_sender *tx[2];
        beam_receiver *rx[2];
} both;

/* prepare: a channel there and one back */
static void make(bench *b) {
        both *c = calloc(1, sizeof(*c));
        int i;

        if (!c)
                abort();
        for (i = 0; i < 2; i++)
                bench_check(b, "pipe", beam_pipe(b->c->depth, &c->tx[i], &c->rx[i]));
        b->common = c;
}

static void one_way_a(bench *b, uint64_t n) {
        both *c = b->common;

        while (n--)
                end_put(b, c->tx[0]);
}

static void one_way_b(bench *b, uint64_t n) {
        both *c = b->common;

        while (n--)
                end_take(b, c->rx[0]);
}

static void ping_a(bench *b, uint64_t n) {
        both *c = b->common;

        while (n--) {
                end_put(b, c->tx[0]);
                end_take(b, c->rx[1]);
        }
}

static void ping_b(bench *b, uint64_t n) {
        both *c = b->common;

        while (n--) {
                end_take(b, c->rx[0]);
                end_put(b, c->tx[1]);
        }
}

/* A question with a fresh channel for the answer. */
static void call_a(bench *b, uint64_t n) {
        beam_msg *m, *answer;
        both *c = b->common;
        size_t size;

        while (n--) {
                bench_check(b, "msg", beam_msg_new(bench_next(b), 64, &m));
                bench_check(b, "call", beam_call(c->tx[0], m, &answer, NULL, BEAM_FOREVER));
                bench_sum(b, beam_msg_data(answer, &size));
                beam_msg_free(answer);
        }
}

static void answer_one(bench *b, beam_receiver *rx) {
        beam_msg *question, *m;
        size_t size;

        if (bench_check(b, "recv", beam_recv(rx, &question, BEAM_FOREVER)) == 0)
                bench_fail(b, "recv", "the end came early");
        bench_sum(b, beam_msg_data(question, &size));
        bench_check(b, "msg", beam_msg_new(bench_next(b), 64, &m));
        bench_check(b, "reply", beam_reply(question, m, BEAM_FOREVER));
        beam_msg_free(question);
}

static void call_b(bench *b, uint64_t n) {
        both *c = b->common;

        while (n--)
                answer_one(b, c->rx[0]);
}

/* As many as fit in, then the same out again. */
static void alone(bench *b, uint64_t n) {
        both *c = b->common;
        size_t i, k;

        for (; n; n -= k) {
                k = n < b->c->batch ? n : b->c->batch;
                for (i = 0; i < k; i++)
                        end_put(b, c->tx[0]);
                for (i = 0; i < k; i++)
                        end_take(b, c->rx[0]);
        }
}

static void alone_ping(bench *b, uint64_t n) {
        both *c = b->common;

        while (n--) {
                end_put(b, c->tx[0]);
                end_take(b, c->rx[0]);
                end_put(b, c->tx[1]);
                end_take(b, c->rx[1]);
        }
}

/* alone_ping() with a channel for each way back. */
static void alone_reply(bench *b, uint64_t n) {
        both *c = b->common;
        beam_receiver *back;
        beam_sender *reply;
        beam_msg *m;
        size_t size;

        while (n--) {
                bench_check(b, "pipe", beam_pipe(1, &reply, &back));
                bench_check(b, "msg", beam_msg_new(bench_next(b), 64, &m));
                bench_check(b, "put", beam_msg_put_sender(m, reply));
                bench_check(b, "send", beam_send(c->tx[0], m, BEAM_FOREVER));

                bench_check(b, "recv", beam_recv(c->rx[0], &m, BEAM_FOREVER));
                bench_sum(b, beam_msg_data(m, &size));
                reply = beam_msg_take_sender(m, 0);
                beam_msg_free(m);
                end_put(b, reply);
                beam_sender_close(reply);

                end_take(b, back);
                beam_receiver_close(back);
        }
}

const bench_case beam_mem_cases[] = {
        { .name = "mem-1024",
          .size = 64,
          .depth = 1024,
          .prepare = make,
          .a.run = one_way_a,
          .b.run = one_way_b },
        { .name = "mem-128",
          .size = 64,
          .depth = 128,
          .prepare = make,
          .a.run = one_way_a,
          .b.run = one_way_b },
        { .name = "mem-0",
          .size = 64,
          .depth = 0,
          .prepare = make,
          .a.run = one_way_a,
          .b.run = one_way_b },
        { .name = "mem-ping",
          .size = 64,
          .depth = 1,
          .prepare = make,
          .a.run = ping_a,
          .b.run = ping_b },
        { .name = "mem-call",
          .size = 64,
          .depth = 1,
          .prepare = make,
          .a.run = call_a,
          .b.run = call_b },
        { .name = "alone",
          .shape = BENCH_ALONE,
          .size = 64,
          .depth = 128,
          .batch = 128,
          .prepare = make,
          .a.run = alone },
        { .name = "alone-ping",
          .shape = BENCH_ALONE,
          .size = 64,
          .depth = 1,
          .prepare = make,
          .a.run = alone_ping },
        { .name = "alone-reply",
          .shape = BENCH_ALONE,
          .size = 64,
          .depth = 1,
          .prepare = make,
          .a.run = alone_reply },
};
const size_t n_beam_mem_cases = sizeof(beam_mem_cases) / sizeof(*beam_mem_cases);
