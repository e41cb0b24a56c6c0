/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bare limits in memory: a ring of one writer and one reader, and a hand-off
 *
 * 64-byte slots, copied in and out. Each side keeps a copy of the other's index and
 * reads the real one only when the copy says full or empty. A side that has nothing
 * to do sleeps on a futex at once (RING_FUTEX), spins for a while and then sleeps
 * (RING_SHORT), or spins for ever and yields (RING_SPIN). The reader is woken by the
 * first message, the writer when half of the ring is free; nobody is woken who does
 * not sleep. The index and the sleeper's flag are each written before the other one
 * is read, in one total order, so no wake-up is lost.
 */

#include "bare.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
        SLOT = 64,
        DEPTH_MAX = 1024,
        SHORT_SPINS = 2000, /* some 10 us of pauses: picked; not tuned */
};

enum { RING_FUTEX, RING_SHORT, RING_SPIN };

typedef struct ring {
        alignas(64) atomic_size_t head; /* the writer's */
        size_t tail_seen;
        alignas(64) atomic_size_t tail; /* the reader's */
        size_t head_seen;
        alignas(64) atomic_int writer_sleeps;
        alignas(64) atomic_int reader_sleeps;
        alignas(64) size_t depth;
        int mode;
        alignas(64) uint8_t slots[DEPTH_MAX][SLOT];
} ring;

static long futex(atomic_int *word, int op, int value) {
        return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void rest(atomic_int *flag) {
        if (atomic_load_explicit(flag, memory_order_relaxed))
                futex(flag, FUTEX_WAIT, 1);
}

static void rouse(atomic_int *flag) {
        if (atomic_load_explicit(flag, memory_order_relaxed)) {
                atomic_store_explicit(flag, 0, memory_order_relaxed);
                futex(flag, FUTEX_WAKE, INT_MAX);
        }
}

/* Wait until @index is no more @old. */
static size_t ring_wait(ring *r, atomic_size_t *index, size_t old, atomic_int *sleeps) {
        size_t now;
        int i;

        for (i = 0; r->mode == RING_SPIN || (r->mode == RING_SHORT && i < SHORT_SPINS); i++) {
                now = atomic_load_explicit(index, memory_order_acquire);
                if (now != old)
                        return now;
                if (r->mode == RING_SPIN && i % 1024 == 1023)
                        sched_yield();
                else
                        __builtin_ia32_pause();
        }

        for (;;) {
                atomic_store(sleeps, 1);
                now = atomic_load(index);
                if (now != old)
                        break;
                rest(sleeps);
        }
        atomic_store_explicit(sleeps, 0, memory_order_relaxed);
        return now;
}

static void ring_put(ring *r, const void *p) {
        size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

        if (head - r->tail_seen == r->depth) {
                r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
                if (head - r->tail_seen == r->depth)
                        r->tail_seen = ring_wait(r, &r->tail, head - r->depth, &r->writer_sleeps);
        }
        memcpy(r->slots[head & (r->depth - 1)], p, SLOT);
        if (r->mode == RING_SPIN) {
                atomic_store_explicit(&r->head, head + 1, memory_order_release);
        } else {
                atomic_store(&r->head, head + 1);
                rouse(&r->reader_sleeps);
        }
}

static void ring_take(ring *r, void *p) {
        size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

        if (tail == r->head_seen) {
                r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
                if (tail == r->head_seen)
                        r->head_seen = ring_wait(r, &r->head, tail, &r->reader_sleeps);
        }
        memcpy(p, r->slots[tail & (r->depth - 1)], SLOT);
        if (r->mode == RING_SPIN) {
                atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
        } else {
                atomic_store(&r->tail, tail + 1);
                if (r->head_seen - tail - 1 <= r->depth / 2)
                        rouse(&r->writer_sleeps);
        }
}

/* prepare: two rings, there and back */
static void make(bench *b) {
        ring *r = aligned_alloc(64, 2 * sizeof(*r));

        if (!r)
                abort();
        memset(r, 0, 2 * sizeof(*r));
        r[0].depth = r[1].depth = b->c->depth;
        r[0].mode = r[1].mode = b->c->mode;
        b->common = r;
}

static void one_way_a(bench *b, uint64_t n) {
        while (n--)
                ring_put(b->common, bench_next(b));
}

static void one_way_b(bench *b, uint64_t n) {
        uint8_t m[SLOT];

        while (n--) {
                ring_take(b->common, m);
                bench_sum(b, m);
        }
}

static void ping_a(bench *b, uint64_t n) {
        ring *r = b->common;
        uint8_t m[SLOT];

        while (n--) {
                ring_put(&r[0], bench_next(b));
                ring_take(&r[1], m);
                bench_sum(b, m);
        }
}

static void ping_b(bench *b, uint64_t n) {
        ring *r = b->common;
        uint8_t m[SLOT];

        while (n--) {
                ring_take(&r[0], m);
                bench_sum(b, m);
                ring_put(&r[1], bench_next(b));
        }
}

/* As many as fit in, then the same out again. */
static void alone(bench *b, uint64_t n) {
        uint8_t m[SLOT];
        size_t i, k;

        for (; n; n -= k) {
                k = n < b->c->batch ? n : b->c->batch;
                for (i = 0; i < k; i++)
                        ring_put(b->common, bench_next(b));
                for (i = 0; i < k; i++) {
                        ring_take(b->common, m);
                        bench_sum(b, m);
                }
        }
}

/* A slot for one message that is full or empty, each change of which wakes the
 * other side and is waited for on the futex without spinning. */
typedef struct slot {
        alignas(64) atomic_int full;
        uint8_t m[SLOT];
} slot;

static void slot_await(slot *s, int full) {
        while (atomic_load_explicit(&s->full, memory_order_acquire) != full)
                futex(&s->full, FUTEX_WAIT, !full);
}

static void slot_set(slot *s, int full) {
        atomic_store_explicit(&s->full, full, memory_order_release);
        futex(&s->full, FUTEX_WAKE, 1);
}

static void make_slots(bench *b) {
        slot *s = aligned_alloc(64, 2 * sizeof(*s));

        if (!s)
                abort();
        memset(s, 0, 2 * sizeof(*s));
        b->common = s;
}

/* Each put waits until the message was taken: a channel of depth 0. */
static void meet_a(bench *b, uint64_t n) {
        slot *s = b->common;

        while (n--) {
                memcpy(s->m, bench_next(b), SLOT);
                slot_set(s, 1);
                slot_await(s, 0);
        }
}

static void meet_b(bench *b, uint64_t n) {
        slot *s = b->common;
        uint8_t m[SLOT];

        while (n--) {
                slot_await(s, 1);
                memcpy(m, s->m, SLOT);
                slot_set(s, 0);
                bench_sum(b, m);
        }
}

/* There and back: the pinger's word and the ponger's, two wakes a round trip. */
static void futex_ping_a(bench *b, uint64_t n) {
        slot *s = b->common;
        uint8_t m[SLOT];

        while (n--) {
                memcpy(s[0].m, bench_next(b), SLOT);
                slot_set(&s[0], 1);
                slot_await(&s[1], 1);
                memcpy(m, s[1].m, SLOT);
                atomic_store_explicit(&s[1].full, 0, memory_order_release);
                bench_sum(b, m);
        }
}

static void futex_ping_b(bench *b, uint64_t n) {
        slot *s = b->common;
        uint8_t m[SLOT];

        while (n--) {
                slot_await(&s[0], 1);
                memcpy(m, s[0].m, SLOT);
                atomic_store_explicit(&s[0].full, 0, memory_order_release);
                bench_sum(b, m);
                memcpy(s[1].m, bench_next(b), SLOT);
                slot_set(&s[1], 1);
        }
}

#define ONE_WAY(name_, depth_, mode_)                                           \
        {                                                                       \
                .name = name_, .depth = depth_, .mode = mode_, .prepare = make, \
                .a.run = one_way_a, .b.run = one_way_b                          \
        }

const bench_case bare_ring_cases[] = {
        ONE_WAY("mem-1024", 1024, RING_FUTEX),
        ONE_WAY("mem-1024-spin", 1024, RING_SPIN),
        ONE_WAY("mem-128", 128, RING_FUTEX),
        ONE_WAY("mem-128-short", 128, RING_SHORT),
        ONE_WAY("mem-128-spin", 128, RING_SPIN),
        { .name = "mem-0", .prepare = make_slots, .a.run = meet_a, .b.run = meet_b },
        { .name = "mem-ping", .prepare = make_slots, .a.run = futex_ping_a, .b.run = futex_ping_b },
        { .name = "mem-ping-short",
          .depth = 1,
          .mode = RING_SHORT,
          .prepare = make,
          .a.run = ping_a,
          .b.run = ping_b },
        { .name = "alone",
          .shape = BENCH_ALONE,
          .depth = 128,
          .batch = 128,
          .mode = RING_SPIN,
          .prepare = make,
          .a.run = alone },
        { .name = "alone-ping",
          .shape = BENCH_ALONE,
          .depth = 1,
          .batch = 1,
          .mode = RING_SPIN,
          .prepare = make,
          .a.run = alone },
};
const size_t n_bare_ring_cases = sizeof(bare_ring_cases) / sizeof(*bare_ring_cases);
