/* SPDX-License-Identifier: Apache-2.0 */
#include "futex.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cpu.h"
#include "lock.h"

void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline) {
        int64_t real = clock_real(deadline);
        struct timespec at = { .tv_sec = real / CLOCK_SECOND, .tv_nsec = real % CLOCK_SECOND };

        /* WAIT_BITSET takes a point in time, WAIT a span that would have to be computed anew
         * after each signal. */
        syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
                deadline == CLOCK_NEVER ? NULL : &at, NULL, FUTEX_BITSET_MATCH_ANY);
}

void futex_wake(_Atomic uint32_t *word, int n) {
        syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL, 0);
}

void lock_wait(lock *l) {
        uint32_t seen;

        /* Picked, not tuned: about as long as the guarded sections take. */
        for (int i = 0; i < 100; i++) {
                uint32_t free = 0;

                if (atomic_load_explicit(&l->state, memory_order_relaxed) == 0 &&
                    atomic_compare_exchange_strong_explicit(
                            &l->state, &free, 1, memory_order_acquire, memory_order_relaxed))
                        return;
                cpu_relax();
        }

        while ((seen = atomic_exchange_explicit(&l->state, 2, memory_order_acquire)) != 0)
                futex_wait(&l->state, 2, CLOCK_NEVER);
}

void lock_wake(lock *l) {
        futex_wake(&l->state, 1);
}
