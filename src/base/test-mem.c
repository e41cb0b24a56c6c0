/* SPDX-License-Identifier: Apache-2.0 */
#include "mem.h"

#include "cleanup.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

TEST(counts_what_lives) {
        mem_stats stats = mem_get_stats();
        void *a, *b;

        assert_eq(stats.n_live, 0); /* the runner has switched it on */
        a = mem_new(100);
        b = mem_zero(50);
        assert_true(a && b);
        stats = mem_get_stats();
        assert_eq(stats.n_live, 2);
        assert_ge(stats.n_bytes, 150);
        assert_eq(stats.n_new, 2);

        assert_null(mem_free(a));
        assert_null(mem_free(b));
        assert_null(mem_free(NULL));
        stats = mem_get_stats();
        assert_eq(stats.n_live, 0);
        assert_eq(stats.n_bytes, 0);
        assert_eq(stats.n_new, 2);
}

TEST(resize_is_one_block) {
        char *p = mem_resize(NULL, 10), *q;

        assert_not_null(p);
        memcpy(p, "0123456789", 10);
        q = mem_resize(p, 100000);
        assert_not_null(q);
        assert_mem(q, 10, "0123456789", 10);
        assert_eq(mem_get_stats().n_live, 1);
        assert_ge(mem_get_stats().n_bytes, 100000);
        mem_free(q);
        assert_eq(mem_get_stats().n_bytes, 0);
}

TEST(zero_is_zero) {
        static const char zeros[4096];
        char *p = mem_zero(sizeof(zeros)), *q = mem_array(16, 256);

        assert_mem(p, sizeof(zeros), zeros, sizeof(zeros));
        assert_mem(q, sizeof(zeros), zeros, sizeof(zeros));
        mem_free(p);
        mem_free(q);
}

TEST(no_bytes_is_a_block) {
        void *p = mem_new(0), *q = mem_zero(0), *copy = mem_copy(NULL, 0);

        assert_true(p && q && copy);
        q = mem_resize(q, 0);
        assert_not_null(q);
        assert_eq(mem_get_stats().n_live, 3);
        mem_free(p);
        mem_free(q);
        mem_free(copy);
}

TEST(too_much) {
        size_t volatile half = SIZE_MAX / 2; /* so that no compiler knows better */

        assert_null(mem_array(half, 3));
        assert_eq(mem_get_stats().n_live, 0);
}

TEST(aligned) {
        for (size_t align = 1; align <= 4096; align *= 2) {
                void *p = mem_aligned(align, 100);

                assert_not_null(p);
                assert_eq((uintptr_t)p % align, 0);
                mem_free(p);
        }
}

TEST(copies) {
        _cleanup_(mem_freep) char *text = mem_text("Strahl");
        _cleanup_(mem_freep) void *bytes = mem_copy("a\0b", 3);

        assert_str(text, "Strahl");
        assert_mem(bytes, 3, "a\0b", 3);
}

TEST(cleanup_frees) {
        {
                _cleanup_(mem_freep) void *p = mem_new(1);
                _cleanup_(mem_freep) char *none = NULL;

                assert_not_null(p);
                assert_null(none);
                assert_eq(mem_get_stats().n_live, 1);
        }
        assert_eq(mem_get_stats().n_live, 0);
}

TEST(taking_leaves_null) {
        void *kept;
        {
                _cleanup_(mem_freep) void *p = mem_new(1);

                kept = take_ptr(&p);
                assert_null(p);
        }
        assert_eq(mem_get_stats().n_live, 1);
        mem_free(kept);
}

TEST(nth_fails_once) {
        void *p, *same;

        mem_fail_at(2);
        p = mem_new(1);
        assert_not_null(p);
        assert_false(mem_has_failed());
        assert_null(mem_zero(1));
        assert_true(mem_has_failed());
        mem_free(p);
        p = mem_new(1);
        assert_not_null(p);

        /* each of the ways to ask; what failed has changed nothing */
        mem_fail_at(1);
        same = mem_resize(p, 5000);
        assert_null(same);
        mem_fail_at(1);
        assert_null(mem_aligned(64, 64));
        mem_fail_at(1);
        assert_null(mem_text("x"));
        mem_fail_at(1);
        assert_null(mem_array(1, 1));
        assert_true(mem_has_failed());
        assert_eq(mem_get_stats().n_live, 1);

        mem_fail_at(1);
        mem_fail_at(0);
        mem_free(p);
        p = mem_new(1);
        assert_not_null(p);
        mem_free(p);
        assert_false(mem_has_failed());
}

TEST(off_counts_nothing) {
        void *p;

        mem_watch(false);
        p = mem_resize(mem_new(1), 100);
        assert_eq(mem_get_stats().n_new, 0);
        mem_free(p);
        assert_eq(mem_get_stats().n_live, 0);
        mem_watch(true);
}

TEST(free_keeps_errno) {
        void *p = mem_new(1 << 20); /* large: munmap(2) */

        errno = EDOM;
        mem_free(p);
        assert_eq(errno, EDOM);
}
