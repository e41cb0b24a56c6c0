/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include "test.h"

#include <pthread.h>
#include <sched.h>

enum { N_THREADS = 4 };

static lock guard;
static long counter; /* plain: the thread sanitizer sees whether the lock orders it */
static long n_rounds;

static void *count(void *arg) {
        for (long i = 0; i < n_rounds; i++) {
                lock_take(&guard);
                counter++;
                /* now and then hold it for so long that others go to sleep */
                if (i % 1000 == 0)
                        sched_yield();
                lock_give(&guard);
        }
        return arg;
}

TEST(one_at_a_time) {
        pthread_t threads[N_THREADS];

        n_rounds = 100000 / test_slowness();
        for (int i = 0; i < N_THREADS; i++)
                assert_eq(pthread_create(&threads[i], NULL, count, NULL), 0);
        for (int i = 0; i < N_THREADS; i++)
                pthread_join(threads[i], NULL);
        assert_eq(counter, N_THREADS * n_rounds);
        assert_eq(guard.state, 0);
}

static void *take(void *arg) {
        lock_take(&guard);
        counter = 1;
        lock_give(&guard);
        return arg;
}

/* Held until the other one sleeps on it, which is what state 2 says. */
TEST(the_one_who_sleeps_is_woken) {
        pthread_t thread;

        counter = 0;
        lock_take(&guard);
        assert_eq(pthread_create(&thread, NULL, take, NULL), 0);
        while (atomic_load(&guard.state) != 2)
                sched_yield();
        assert_eq(counter, 0);
        lock_give(&guard);
        pthread_join(thread, NULL);
        assert_eq(counter, 1);
        assert_eq(guard.state, 0);
}
