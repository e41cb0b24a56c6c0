/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include "test.h"

#include <limits.h>

TEST(never_back) {
        int64_t before = clock_now();

        assert_gt(before, 0);
        for (int i = 0; i < 1000; i++) {
                int64_t now = clock_now();

                assert_ge(now, before);
                before = now;
        }
}

TEST(advance) {
        int64_t before = clock_now();

        clock_advance(3600 * CLOCK_SECOND);
        assert_ge(clock_now(), before + 3600 * CLOCK_SECOND);
        assert_lt(clock_now(), before + 7200 * CLOCK_SECOND);
        assert_ge(clock_real(clock_now()), before);
        assert_lt(clock_real(clock_now()), before + 3600 * CLOCK_SECOND);
        assert_eq(clock_real(0), 0);
}

TEST(add_stays_on_the_clock) {
        static const struct {
                int64_t from, ns, want;
        } cases[] = {
                { 1, 2, 3 },
                { 0, 0, 0 },
                { 10, -4, 6 },
                { 10, -10, 0 },
                { 10, -11, 0 },
                { 1, INT64_MAX, CLOCK_NEVER },
                { 1, INT64_MAX - 1, CLOCK_NEVER },
                { INT64_MAX, 1, CLOCK_NEVER },
                { INT64_MAX, INT64_MAX, CLOCK_NEVER },
                { 1, INT64_MIN, 0 },
                { INT64_MIN, INT64_MIN, 0 },
        };

        for (size_t i = 0; i < n_of(cases); i++)
                assert_eq(clock_add(cases[i].from, cases[i].ns), cases[i].want);
}

TEST(poll_ms) {
        int64_t now = clock_now();

        assert_eq(clock_poll_ms(CLOCK_NEVER), -1);
        assert_eq(clock_poll_ms(0), 0);
        assert_eq(clock_poll_ms(INT64_MIN), 0);
        assert_eq(clock_poll_ms(now), 0);
        assert_eq(clock_poll_ms(CLOCK_NEVER - 1), INT_MAX);

        /* rounded up: what is not yet over is never 0 */
        assert_gt(clock_poll_ms(clock_now() + 3600 * CLOCK_SECOND), 3500 * 1000);
        assert_le(clock_poll_ms(clock_now() + 3600 * CLOCK_SECOND), 3600 * 1000);
        now = clock_now() + CLOCK_SECOND;
        while (clock_poll_ms(now) > 1)
                clock_advance(1000);
        assert_eq(clock_poll_ms(now), clock_now() < now);
}
