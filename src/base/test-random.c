/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include "test.h"

#include <pthread.h>

TEST(seeded_is_the_same_again) {
        uint64_t row[16];

        random_seed(7);
        for (size_t i = 0; i < n_of(row); i++)
                row[i] = random_next();
        for (size_t i = 1; i < n_of(row); i++)
                assert_ne(row[i], row[i - 1]);
        random_seed(7);
        for (size_t i = 0; i < n_of(row); i++)
                assert_eq(random_next(), row[i]);
}

static void *draw(void *ret) {
        *(uint64_t *)ret = random_next();
        return NULL;
}

TEST(threads_have_their_own) {
        uint64_t here, there;
        pthread_t thread;

        assert_eq(pthread_create(&thread, NULL, draw, &there), 0);
        pthread_join(thread, NULL);
        draw(&here);
        assert_ne(here, there);
}

/* 64 values a slot are expected; a slot with 8 or 160 would come once in 10^13 or less. */
TEST(below_is_even) {
        static const uint64_t bounds[] = { 1, 2, 3, 10, 1000, UINT64_MAX / 3 * 2, UINT64_MAX };

        random_seed(1);
        for (size_t i = 0; i < n_of(bounds); i++) {
                size_t n_slots = bounds[i] < 1000 ? (size_t)bounds[i] : 1000;
                unsigned counts[1000] = { 0 };

                for (size_t j = 0; j < n_slots * 64; j++) {
                        uint64_t x = random_below(bounds[i]);

                        assert_lt(x, bounds[i]);
                        counts[(unsigned __int128)x * n_slots / bounds[i]]++;
                }
                for (size_t j = 0; j < n_slots; j++) {
                        assert_gt(counts[j], 8);
                        assert_lt(counts[j], 160);
                }
        }
}
