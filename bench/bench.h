/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A contender: one program that runs the cases of one library, one at a time
 *
 * A case has two sides. They are two threads, two processes (forked before the
 * library under test is touched), or one after the other in one thread. Side a
 * dials, sends and keeps the time; side b listens and receives:
 *
 *      prepare (once, before the sides part)
 *      b.listen | barrier | a.open, b.open | barrier | run both, n messages ...
 *
 * run() is called several times with a growing n, until a pass lasts long enough;
 * then once more, measured. Both sides touch what they send and receive: the
 * sender writes a number into each message, the receiver adds one byte of each up,
 * and the sums have to agree.
 *
 * The result is one line of name=value pairs on stdout, read by beam-bench.
 */

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_MESSAGES = 16, BENCH_MARK = 7 };

typedef struct bench bench;

typedef enum bench_shape {
        BENCH_THREADS,
        BENCH_PROCESSES,
        BENCH_ALONE, /* only side a, which does both */
        BENCH_ONCE,  /* two processes; one pass of n = amount, which sets its value */
        BENCH_ONCE_ALONE,
} bench_shape;

typedef struct bench_side {
        void (*listen)(bench *b);
        void (*open)(bench *b);
        void (*run)(bench *b, uint64_t n);
} bench_side;

typedef struct bench_case {
        const char *name;
        bench_shape shape;
        const char *link; /* NULL, "unix" or "tcp": makes b->url out of it */
        size_t size;      /* bytes of a message */
        size_t depth;
        size_t batch;  /* messages, or fds, that go together */
        size_t amount; /* n of a case that runs once, or of the first pass; 0: 64 */
        int mode;      /* the case's own */
        void (*prepare)(bench *b);
        bench_side a, b;
} bench_case;

/* What both sides see, in memory that they share. */
typedef struct bench_shared {
        pthread_barrier_t barrier;
        uint64_t n;
        int64_t begin[2], end[2];
        uint64_t cpu[2], allocs[2], switches[2];
        uint64_t sum_out[2], sum_in[2];
        double value[2];
} bench_shared;

/* What one side sees. @own is the side's, @common was made by prepare. */
struct bench {
        const bench_case *c;
        bench_shared *shared;
        int side;
        const char *url_path; /* of a unix socket, in a directory of its own */
        int url_port;         /* free a moment ago */
        void *common;
        void *own;
        uint64_t seq, sum_out, sum_in;
        uint8_t messages[BENCH_MESSAGES][64];
} __attribute__((aligned(128))); /* the sides count in lines of their own */

/* The program's main(): NAME [MILLISECONDS [apart]]; without a name it lists the cases.
 * With "apart" each side's own thread gets a core for itself once it is open; threads
 * that a library started by then may run anywhere. */
int bench_main(const bench_case *cases, size_t n_cases, int argc, char **argv);

/* Say what failed and end both sides. */
_Noreturn void bench_fail(bench *b, const char *what, const char *why);

/* Fails with a word for @r when it is below zero; else gives it back. */
_Noreturn void bench_fail_with(bench *b, const char *what, int r);
static inline int bench_check(bench *b, const char *what, int r) {
        if (__builtin_expect(r < 0, 0))
                bench_fail_with(b, what, r);
        return r;
}

/* Both sides meet here, within listen, open and run of cases that run once. */
void bench_meet(bench *b);

int64_t bench_now(void);

/* For the sender: the next message of up to 64 bytes. There are a few, numbered and
 * used in turn: to number a message just before it is copied would measure how badly
 * a core forwards a narrow store to a wide load. */
static inline const void *bench_next(bench *b) {
        uint64_t i = b->seq++ % BENCH_MESSAGES;

        b->sum_out += i;
        return b->messages[i];
}

/* The same for a larger one: mark it at @p, where it lies. Always the same mark: what
 * was handed over without a copy may still be waiting when the next one is sent. */
static inline void bench_touch(bench *b, void *p) {
        *(uint8_t *)p = BENCH_MARK;
        b->sum_out += BENCH_MARK;
}

/* For the receiver: add up a byte of the message at @p. */
static inline void bench_sum(bench *b, const void *p) {
        b->sum_in += *(const uint8_t *)p;
}

/* Allocations of this process so far, by whatever library (count.c). */
uint64_t bench_allocs(void);

/* Bytes of heap in use in this process. */
size_t bench_heap(void);
