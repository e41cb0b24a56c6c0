/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include "../../base/mem.h"
#include "test.h"

#include <errno.h>

/* The stream of these tests: its byte at @offset. */
static char byte_at(int64_t offset) {
        return (char)(offset * 7 + offset / 251);
}

static int put(backlog *b, size_t n) {
        char some[70000];

        assert_le(n, sizeof(some));
        for (size_t i = 0; i < n; i++)
                some[i] = byte_at(b->end + (int64_t)i);
        return backlog_put(b, some, n);
}

/* Whether all from @offset on is there, and right. */
static void check_from(const backlog *b, int64_t offset) {
        while (offset < b->end) {
                bytes some = backlog_peek(b, offset);

                assert_gt(some.n, 0u);
                for (size_t i = 0; i < some.n; i++)
                        assert_eq(some.p[i], byte_at(offset + (int64_t)i));
                offset += (int64_t)some.n;
        }
        assert_eq(offset, b->end);
        assert_eq(backlog_peek(b, offset).n, 0u);
}

TEST(an_empty_one) {
        backlog b;

        backlog_init(&b, 100);
        assert_true(backlog_has(&b, 100));
        assert_false(backlog_has(&b, 99));
        assert_false(backlog_has(&b, 101));
        check_from(&b, 100);
        backlog_trim(&b, 100);
        assert_eq(b.start, 100);
        assert_eq(backlog_memory(&b), 0u);
        backlog_deinit(&b);
        backlog_deinit(&b);
}

TEST(what_was_put_is_there) {
        static const size_t sizes[] = { 1, 16383, 1, 16384, 0, 70000, 5, 32768 };
        backlog b;

        backlog_init(&b, 1);
        for (size_t i = 0; i < n_of(sizes); i++) {
                assert_r(put(&b, sizes[i]), 0);
                check_from(&b, 1);
        }
        for (int64_t from = 1; from < b.end; from += 997)
                check_from(&b, from);
        backlog_deinit(&b);
}

/* It may keep a chunk too much, and never one too little; nor does it grow. */
TEST(what_is_trimmed_is_gone) {
        enum { KEEP = 50000 };
        size_t most = 0;
        backlog b;

        backlog_init(&b, 7);
        for (int i = 0; i < 3000; i++) {
                assert_r(put(&b, test_random() % 1000), 0);
                backlog_trim(&b, b.end - KEEP);
                assert_true(b.end - b.start <= KEEP + 16384);
                assert_true(b.start == 7 || b.end - b.start >= KEEP);
                if (i % 100 == 0)
                        check_from(&b, b.start);
                if (backlog_memory(&b) > most)
                        most = backlog_memory(&b);
        }
        assert_le(most, (size_t)KEEP + 4 * 16384);
        check_from(&b, b.start);
        backlog_trim(&b, b.end);
        check_from(&b, b.start);
        assert_r(put(&b, 10), 0);
        check_from(&b, b.start);
        backlog_deinit(&b);
}

TEST(without_memory) {
        for (uint64_t nth = 1; nth < 6; nth++) {
                backlog b;

                backlog_init(&b, 0);
                mem_fail_at(nth);
                assert_r(put(&b, 70000), -ENOMEM);
                mem_fail_at(0);
                backlog_deinit(&b);
        }
}
