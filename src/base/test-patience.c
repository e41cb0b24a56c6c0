/* SPDX-License-Identifier: Apache-2.0 */
#include "patience.h"

#include "test.h"

enum { SOON = 5000, LATE = 1000 * 1000 }; /* ns */

/* Waits until the next one that gives way, which is the last of so many, and finds. */
static int waits(patience *p, size_t found, int64_t spent) {
        int n = 1;

        while (patience_has(p, false) < 0)
                n++;
        patience_learn(p, found, spent);
        return n;
}

TEST(while_it_pays) {
        patience p = { 0 };

        for (int i = 0; i < 100; i++)
                assert_eq(waits(&p, 1, SOON), 1);
}

TEST(in_vain) {
        static const int want[] = { 1, 3, 5, 9, 17, 33, 65, 65, 65 };
        patience p = { 0 };

        for (size_t i = 0; i < n_of(want); i++)
                assert_eq(waits(&p, 0, SOON), want[i]);
        assert_eq(waits(&p, 1, SOON), 65);
        assert_eq(waits(&p, 0, SOON), 1);
        assert_eq(waits(&p, 0, SOON), 3);
}

TEST(somebody_else_has_the_core) {
        patience p = { 0 };

        assert_eq(waits(&p, 0, LATE), 1);
        /* what is found late has not been worth it either */
        assert_eq(waits(&p, 1, LATE), 1025);
        assert_eq(waits(&p, 1, SOON), 1025);
        assert_eq(waits(&p, 1, SOON), 1);
}

TEST(late_and_much) {
        patience p = { 0 };

        assert_eq(waits(&p, 64 * 1024, LATE), 1);
        assert_eq(waits(&p, 1024, LATE), 1);
        assert_eq(waits(&p, 64 * 1024, LATE), 1025);
}

static size_t look(void *arg) {
        int *n = arg;

        return (size_t)-- * n == 0;
}

/* Once more than once, since the other may have given way at the same time. */
TEST(looks_twice) {
        patience p = { 0 };
        int n = 2;

        assert_true(patience_pays(&p, false, look, &n));
        p = (patience){ 0 };
        n = 3;
        assert_false(patience_pays(&p, false, look, &n));
        assert_eq(n, 1);
        assert_gt(p.skip, 0);
        assert_false(patience_pays(&p, false, look, &n));
        assert_eq(n, 1);
}

TEST(looks_on_after_short_sleeps) {
        patience p = { 0 };

        for (int i = 0; i < 3; i++) {
                assert_le(patience_has(&p, true), 0);
                patience_slept(&p, 100 * 1000);
        }
        assert_le(patience_has(&p, false), 0);
        assert_gt(patience_has(&p, true), 0);
        /* as often as it finds anything */
        patience_learn(&p, 1, SOON);
        assert_gt(patience_has(&p, true), 0);
}

TEST(sleeps_when_looking_is_in_vain) {
        patience p = { .n_short = 3 };

        patience_learn(&p, 0, SOON);
        assert_lt(patience_has(&p, true), 0);
        for (int i = 0; i < 3; i++)
                patience_slept(&p, SOON);
        assert_gt(patience_has(&p, true), 0);
}

TEST(long_sleeps) {
        patience p = { 0 };

        for (int i = 0; i < 10; i++) {
                patience_slept(&p, SOON);
                patience_slept(&p, SOON);
                patience_slept(&p, LATE);
        }
        assert_eq(patience_has(&p, true), 0);
}

TEST(does_not_look_on_beside_a_third_program) {
        patience p = { .n_short = 3 };

        patience_learn(&p, 1, LATE);
        for (int i = 0; i < 10; i++)
                patience_slept(&p, SOON);
        assert_lt(patience_has(&p, true), 0);
}
