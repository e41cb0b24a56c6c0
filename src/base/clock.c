/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <limits.h>
#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t advanced;

int64_t clock_now(void) {
        struct timespec t;

        /* cannot fail: the clock exists since Linux 2.6 and the pointer is good */
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * CLOCK_SECOND + t.tv_nsec +
               atomic_load_explicit(&advanced, memory_order_relaxed);
}

int64_t clock_wall(void) {
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return t.tv_sec * CLOCK_SECOND + t.tv_nsec +
               atomic_load_explicit(&advanced, memory_order_relaxed);
}

int64_t clock_wall_ms(void) {
        return clock_wall() / 1000000;
}

int64_t clock_add(int64_t from, int64_t ns) {
        int64_t sum;

        if (__builtin_add_overflow(from, ns, &sum))
                return ns > 0 ? CLOCK_NEVER : 0;
        return sum > 0 ? sum : 0;
}

int clock_poll_ms(int64_t deadline) {
        int64_t now, ms;

        if (deadline == CLOCK_NEVER)
                return -1;
        if (deadline <= 0)
                return 0;
        now = clock_now();
        if (deadline <= now)
                return 0;
        ms = (deadline - now - 1) / 1000000 + 1;
        return ms < INT_MAX ? (int)ms : INT_MAX;
}

int64_t clock_real(int64_t t) {
        return clock_add(t, -atomic_load_explicit(&advanced, memory_order_relaxed));
}

void clock_advance(int64_t ns) {
        atomic_fetch_add_explicit(&advanced, ns, memory_order_relaxed);
}
