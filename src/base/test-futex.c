/* SPDX-License-Identifier: Apache-2.0 */
#include "futex.h"

#include "clock.h"
#include "test.h"

#include <pthread.h>

TEST(another_value_does_not_wait) {
        _Atomic uint32_t word = 1;

        futex_wait(&word, 0, CLOCK_NEVER);
}

TEST(deadline) {
        _Atomic uint32_t word = 0;
        int64_t deadline = clock_add(clock_now(), CLOCK_SECOND / 100);

        while (clock_now() < deadline)
                futex_wait(&word, 0, deadline);
        futex_wait(&word, 0, 0); /* long past */
}

/* A point on a clock that was moved is waited for as if it had not been. */
TEST(moved_clock) {
        _Atomic uint32_t word = 0;
        int64_t deadline;

        clock_advance(3600 * CLOCK_SECOND);
        deadline = clock_add(clock_now(), CLOCK_SECOND / 100);
        while (clock_now() < deadline)
                futex_wait(&word, 0, deadline);
}

static _Atomic uint32_t word;

static void *wait_for_two(void *arg) {
        uint32_t seen;

        while ((seen = atomic_load(&word)) < 2)
                futex_wait(&word, seen, CLOCK_NEVER);
        return arg;
}

TEST(wake) {
        pthread_t threads[3];

        for (size_t i = 0; i < n_of(threads); i++)
                assert_eq(pthread_create(&threads[i], NULL, wait_for_two, NULL), 0);
        for (int i = 0; i < 2; i++) {
                atomic_fetch_add(&word, 1);
                futex_wake(&word, (int)n_of(threads));
        }
        for (size_t i = 0; i < n_of(threads); i++)
                pthread_join(threads[i], NULL);
}
