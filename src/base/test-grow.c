/* SPDX-License-Identifier: Apache-2.0 */
#include "grow.h"

#include "test.h"

#include <stdint.h>
#include <string.h>

#include "mem.h"

TEST(it_doubles_and_keeps_what_is_there) {
        size_t cap = 0, n = 0, n_moves = 0;
        char *p = NULL;

        for (; n < 100000; n++) {
                size_t before = cap;

                p = grow(p, &cap, n, 1);
                assert_not_null(p);
                n_moves += cap != before;
                p[n] = (char)n;
        }
        assert_eq(cap, 131072u);
        assert_eq(n_moves, 10u);
        for (size_t i = 0; i < n; i++)
                assert_eq(p[i], (char)i);
        p = grow(p, &cap, n, 1000000);
        assert_not_null(p);
        assert_eq(cap, 2097152u);
        mem_free(p);
}

TEST(what_is_too_much_changes_nothing) {
        size_t cap = 0;
        char *p;

        assert_null(grow(NULL, &cap, 0, SIZE_MAX));
        assert_null(grow(NULL, &cap, 0, SIZE_MAX / 2 + 2));
        assert_eq(cap, 0u);
        p = grow(NULL, &cap, 0, 0);
        assert_eq(cap, 256u);
        memset(p, 'x', cap);
        mem_fail_at(1);
        assert_null(grow(p, &cap, cap, 1));
        mem_fail_at(0);
        assert_null(grow(p, &cap, cap, SIZE_MAX));
        assert_eq(cap, 256u);
        assert_eq(p[255], 'x');
        mem_free(p);
}
