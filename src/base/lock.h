/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lock: a mutex in four bytes
 *
 * One compare-and-swap to take and one exchange to give back while nobody waits,
 * a futex when somebody does: the three states of Drepper's "Futexes are Tricky".
 * It is a quarter of a pthread_mutex_t, which counts where each channel has one,
 * and it spins first, since what it guards is a few dozen instructions.
 */

#include <stdatomic.h>
#include <stdint.h>

typedef struct lock {
        _Atomic uint32_t state; /* 0 free, 1 taken, 2 taken and somebody sleeps */
} lock;

void lock_wait(lock *l);
void lock_wake(lock *l);

static inline void lock_take(lock *l) {
        uint32_t free = 0;

        if (!atomic_compare_exchange_strong_explicit(&l->state, &free, 1, memory_order_acquire,
                                                     memory_order_relaxed))
                lock_wait(l);
}

static inline void lock_give(lock *l) {
        if (atomic_exchange_explicit(&l->state, 0, memory_order_release) == 2)
                lock_wake(l);
}
