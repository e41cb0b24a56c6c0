/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "base/mem.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct thing {
        uint32_t number;
        bool in;        /* the model: whether it is in the table */
        uint32_t marks; /* how often it was seen */
        uint8_t n;
        char text[15];
} thing;

static const void *thing_key(const void *entry, size_t *ret_n) {
        const thing *a = entry;

        *ret_n = a->n;
        return a->text;
}

/* keys of 1 to 15 bytes, none the beginning of another */
static thing *things_new(size_t n) {
        static const hash_key same = { { 1, 2 } };
        thing *things = mem_array(n, sizeof(*things));

        hash_set_key(&same);
        for (size_t i = 0; i < n; i++) {
                char text[32];
                int n_text = snprintf(text, sizeof(text), "%zu%.*s", i, (int)(i % 8), "abcdefgh");

                assert_lt(n_text, (int)sizeof(things->text));
                things[i].number = (uint32_t)i;
                things[i].n = (uint8_t)n_text;
                memcpy(things[i].text, text, (size_t)n_text);
        }
        return things;
}

static uint64_t hash_of(const thing *a) {
        return table_hash(a->text, a->n);
}

static thing *find(const table *t, const thing *a) {
        void **slot = table_find(t, hash_of(a), a->text, a->n);

        if (slot)
                assert_true(table_find_entry(t, hash_of(a), *slot) == slot);
        return slot ? *slot : NULL;
}

static void add(table *t, thing *a) {
        assert_ok(table_add(t, hash_of(a), a));
        a->in = true;
}

static void take(table *t, thing *a) {
        assert_eq(table_take(t, hash_of(a), a->text, a->n), a);
        a->in = false;
}

/* Everything that is in the model is in the table, and nothing else, by finding and by
 * walking. */
static void check(table *t, thing *things, size_t n) {
        size_t n_in = 0, n_seen = 0;
        table_iter i;
        thing *a;

        for (size_t j = 0; j < n; j++) {
                assert_eq(find(t, &things[j]), things[j].in ? &things[j] : NULL);
                n_in += things[j].in;
                things[j].marks = 0;
        }
        assert_eq(table_count(t), n_in);
        table_iter_begin(&i, t);
        while ((a = table_iter_next(&i))) {
                assert_true(a->in);
                assert_eq(a->marks++, 0);
                n_seen++;
        }
        table_iter_end(&i);
        assert_eq(n_seen, n_in);
}

static void empty(table *t, thing *things, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (things[i].in)
                        take(t, &things[i]);
        assert_eq(table_count(t), 0);
        assert_eq(table_bytes(t), 0);
        table_deinit(t);
        mem_free(things);
}

TEST(nothing_in_it) {
        table t;
        table_iter i;
        void *got[1];

        table_init(&t, thing_key);
        assert_eq(table_count(&t), 0);
        assert_eq(table_bytes(&t), 0);
        assert_null(table_find(&t, table_hash("a", 1), "a", 1));
        assert_null(table_take(&t, table_hash("a", 1), "a", 1));
        assert_eq(table_scan(&t, 0, NULL, NULL), 0);
        assert_eq(table_scan(&t, 12345, NULL, NULL), 0);
        assert_null(table_random(&t));
        assert_eq(table_sample(&t, got, 1), 0);
        table_prefetch(&t, 1);
        table_prefetch_entry(&t, 1);
        table_iter_begin(&i, &t);
        assert_null(table_iter_next(&i));
        table_iter_end(&i);
        assert_false(table_step(&t, 10));
        assert_false(table_drain(&t, 10, NULL, NULL));
        table_deinit(&t);
        table_deinit(&t);
}

TEST(one) {
        thing *things = things_new(2);
        table t, elsewhere;

        table_init(&t, thing_key);
        add(&t, &things[0]);
        check(&t, things, 2);
        assert_eq(table_random(&t), &things[0]);
        elsewhere = t; /* the struct may be copied */
        check(&elsewhere, things, 2);
        empty(&elsewhere, things, 2);
}

TEST(key_of_no_bytes) {
        thing *things = things_new(1);
        table t;

        things[0].n = 0;
        table_init(&t, thing_key);
        add(&t, &things[0]);
        assert_eq(find(&t, &things[0]), &things[0]);
        empty(&t, things, 1);
}

/* All numbers of entries that there can be while the buckets are few: every size of a
 * round, every way of being split. */
TEST(each_size) {
        enum { N = 400 };
        thing *things = things_new(N);
        table t;

        table_init(&t, thing_key);
        for (size_t i = 0; i < N; i++) {
                add(&t, &things[i]);
                check(&t, things, N);
        }
        for (size_t i = 0; i < N; i++) {
                take(&t, &things[i]);
                check(&t, things, N);
        }
        empty(&t, things, N);
}

/* A walk between few and many, by which segments come and go. */
TEST(random_changes) {
        enum { N = 30000 };
        thing *things = things_new(N);
        int n_rounds = 40 / test_slowness() + 4;
        table t;

        table_init(&t, thing_key);
        for (int round = 0; round < n_rounds; round++) {
                unsigned wanted = test_random() % 4; /* of four things */

                for (int i = 0; i < N; i++) {
                        thing *a = &things[test_random() % N];

                        if (!a->in && test_random() % 4 < wanted)
                                add(&t, a);
                        else if (a->in && test_random() % 4 >= wanted)
                                take(&t, a);
                }
                check(&t, things, N);
        }
        empty(&t, things, N);
}

/* From one segment to several and back to a part of one, again and again. */
TEST(up_and_down) {
        enum { N = 12000 };
        thing *things = things_new(N);
        table t;

        table_init(&t, thing_key);
        for (size_t round = 1; round <= 4; round++) {
                size_t n_left = N / 100 * round;

                for (size_t i = 0; i < N; i++)
                        if (!things[i].in)
                                add(&t, &things[i]);
                check(&t, things, N);
                for (size_t i = N; i > n_left; i--)
                        take(&t, &things[i - 1]);
                assert_le(table_bytes(&t), 64 * (n_left * 2 + 8));
                check(&t, things, N);
        }
        empty(&t, things, N);
}

TEST(replaces_in_place) {
        thing *things = things_new(100), other;
        void **slot;
        table t;

        table_init(&t, thing_key);
        for (size_t i = 0; i < 100; i++)
                add(&t, &things[i]);
        other = things[50];
        slot = table_find(&t, hash_of(&other), other.text, other.n);
        assert_eq(*slot, &things[50]);
        *slot = &other;
        assert_eq(find(&t, &things[50]), &other);
        assert_eq(table_take_at(&t, hash_of(&other), slot), &other);
        things[50].in = false;
        check(&t, things, 100);
        empty(&t, things, 100);
}

TEST(memory_follows) {
        enum { N = 100000 };
        thing *things = things_new(N);
        int64_t before = mem_get_stats().n_bytes;
        size_t largest = 0;
        table t;

        /* no step takes more than a segment and the list of them, nor copies more */
        table_init(&t, thing_key);
        for (size_t i = 0; i < N; i++) {
                int64_t n_bytes = mem_get_stats().n_bytes - before;
                size_t n = table_bytes(&t);

                add(&t, &things[i]);
                if (table_bytes(&t) > n + largest)
                        largest = table_bytes(&t) - n;
                assert_le(n, (size_t)n_bytes);
                if (i > 1000)
                        assert_le((size_t)n_bytes, 17 * i + (128 << 10));
        }
        assert_le(largest, (size_t)68 << 10);
        for (size_t i = N; i > 0; i--) {
                take(&t, &things[i - 1]);
                assert_le(table_bytes(&t), 34 * i + (128 << 10));
        }
        empty(&t, things, N);
}

TEST(takes_while_it_walks) {
        enum { N = 5000 };
        thing *things = things_new(N);
        table_iter i;
        thing *a;
        table t;

        for (int part = 1; part <= 3; part++) {
                size_t n = 0;

                table_init(&t, thing_key);
                for (size_t j = 0; j < N; j++) {
                        add(&t, &things[j]);
                        things[j].marks = 0;
                }
                table_iter_begin(&i, &t);
                while ((a = table_iter_next(&i))) {
                        assert_eq(a->marks++, 0);
                        n++;
                        if (a->number % (uint32_t)part)
                                continue;
                        assert_eq(table_iter_take(&i), a);
                        a->in = false;
                }
                table_iter_end(&i);
                assert_eq(n, N);
                while (table_step(&t, 10))
                        ;
                check(&t, things, N);
                for (size_t j = 0; j < N; j++)
                        if (things[j].in)
                                take(&t, &things[j]);
                table_deinit(&t);
        }
        mem_free(things);
}

TEST(adds_while_it_walks) {
        enum { N = 4000 };
        thing *things = things_new(N);
        size_t next = N / 2;
        table_iter i;
        thing *a;
        table t;

        table_init(&t, thing_key);
        for (size_t j = 0; j < N / 2; j++)
                add(&t, &things[j]);
        table_iter_begin(&i, &t);
        while ((a = table_iter_next(&i))) {
                assert_eq(a->marks++, 0);
                for (int j = 0; j < 2 && next < N; j++)
                        add(&t, &things[next++]);
        }
        table_iter_end(&i);
        for (size_t j = 0; j < N / 2; j++)
                assert_eq(things[j].marks, 1);
        while (table_step(&t, 1))
                ;
        assert_le(table_bytes(&t), (size_t)N * 20);
        check(&t, things, N);
        empty(&t, things, N);
}

/* A table that has been kept from growing comes back to a good shape by itself. */
TEST(catches_up) {
        enum { N = 20000 };
        thing *things = things_new(N);
        size_t n_bytes;
        table t;

        table_init(&t, thing_key);
        table_pause(&t);
        table_pause(&t);
        for (size_t i = 0; i < N / 4; i++)
                add(&t, &things[i]);
        check(&t, things, N);
        table_resume(&t);
        assert_false(table_step(&t, 1));
        n_bytes = table_bytes(&t);
        table_resume(&t);
        for (size_t i = N / 4; i < N / 2; i++)
                add(&t, &things[i]);
        assert_gt(table_bytes(&t), n_bytes);
        assert_false(table_step(&t, 1));
        check(&t, things, N);

        table_pause(&t);
        for (size_t i = 0; i < N / 2; i++)
                take(&t, &things[i]);
        n_bytes = table_bytes(&t);
        assert_gt(n_bytes, 1000);
        table_resume(&t);
        assert_eq(table_bytes(&t), 0);
        empty(&t, things, N);
}

/* scan */

static void mark(void *arg, void *entry) {
        (void)arg;
        ((thing *)entry)->marks++;
}

/* What stays is seen, while other things come and go between the calls, so many that
 * the table grows or shrinks by a factor. */
static void scan_under_change(size_t n_first, size_t n_then, size_t n_a_call) {
        size_t n = n_first > n_then ? n_first : n_then, n_now = n_first;
        thing *things = things_new(n);
        uint64_t cursor = 0;
        table t;

        table_init(&t, thing_key);
        for (size_t i = 0; i < n_first; i++)
                add(&t, &things[i]);
        do {
                cursor = table_scan(&t, cursor, mark, NULL);
                for (size_t i = 0; i < n_a_call; i++) {
                        if (n_now < n_then)
                                add(&t, &things[n_now++]);
                        else if (n_now > n_then)
                                take(&t, &things[--n_now]);
                }
        } while (cursor);
        for (size_t i = 0; i < n_first && i < n_then; i++)
                if (!things[i].marks)
                        test_fail("%zu of %zu, then %zu, was missed", i, n_first, n_then);
        empty(&t, things, n);
}

TEST(scan_at_rest_sees_each_once) {
        for (size_t n = 1; n < 300; n += 7) {
                thing *things = things_new(n);
                uint64_t cursor = 0;
                table t;

                table_init(&t, thing_key);
                for (size_t i = 0; i < n; i++)
                        add(&t, &things[i]);
                do
                        cursor = table_scan(&t, cursor, mark, NULL);
                while (cursor);
                for (size_t i = 0; i < n; i++)
                        assert_eq(things[i].marks, 1);
                empty(&t, things, n);
        }
}

TEST(scan_misses_nothing) {
        static const size_t sizes[] = { 1, 10, 39, 41, 100, 170, 333, 1000, 5000 };
        static const size_t speeds[] = { 1, 3, 20, 100, 1000 };

        for (size_t i = 0; i < n_of(sizes); i++)
                for (size_t j = 0; j < n_of(sizes); j++)
                        for (size_t k = 0; k < n_of(speeds); k++)
                                scan_under_change(sizes[i], sizes[j], speeds[k]);
}

TEST(scan_misses_nothing_to_and_fro) {
        enum { N = 3000, N_STAY = 200 };

        for (int round = 0; round < 20; round++) {
                thing *things = things_new(N);
                uint64_t cursor = 0;
                table t;

                table_init(&t, thing_key);
                for (size_t i = 0; i < N; i++)
                        if (i < N_STAY || test_random() % 2)
                                add(&t, &things[i]);
                do {
                        /* now nearly all, now few */
                        unsigned wanted = test_random() % 2 ? 95 : 5;

                        cursor = table_scan(&t, cursor, mark, NULL);
                        for (int i = 0; i < 4000; i++) {
                                thing *a = &things[N_STAY + test_random() % (N - N_STAY)];

                                if (!a->in && test_random() % 100 < wanted)
                                        add(&t, a);
                                else if (a->in && test_random() % 100 >= wanted)
                                        take(&t, a);
                        }
                } while (cursor);
                for (size_t i = 0; i < N_STAY; i++)
                        assert_gt(things[i].marks, 0);
                empty(&t, things, N);
        }
}

/* Any number is a cursor: a client may send what it likes. */
TEST(scan_from_anywhere_ends) {
        enum { N = 1000 };
        thing *things = things_new(N);
        table t;

        table_init(&t, thing_key);
        for (size_t i = 0; i < N; i++)
                add(&t, &things[i]);
        for (int i = 0; i < 200; i++) {
                uint64_t cursor = (uint64_t)test_random() << 32 | test_random();
                size_t n_calls = 0;

                cursor >>= test_random() % 64;
                do {
                        cursor = table_scan(&t, cursor, mark, NULL);
                        n_calls++;
                } while (cursor);
                assert_le(n_calls, N);
        }
        empty(&t, things, N);
}

static void mark_and_take(void *arg, void *entry) {
        thing *a = entry;

        a->marks++;
        if (a->number % 3)
                take(arg, a);
}

TEST(scan_may_take_what_it_shows) {
        enum { N = 3000 };
        thing *things = things_new(N);
        uint64_t cursor = 0;
        table t;

        table_init(&t, thing_key);
        for (size_t i = 0; i < N; i++)
                add(&t, &things[i]);
        do
                cursor = table_scan(&t, cursor, mark_and_take, &t);
        while (cursor);
        for (size_t i = 0; i < N; i++) {
                assert_gt(things[i].marks, 0);
                assert_eq(things[i].in, i % 3 == 0);
        }
        check(&t, things, N);
        empty(&t, things, N);
}

/* chance */

/* Each thing is expected so often that half or twice as often would never come. */
TEST(random_is_fair) {
        static const size_t sizes[] = { 1, 2, 7, 40, 41, 60, 79, 160, 230 };

        for (size_t i = 0; i < n_of(sizes); i++) {
                thing *things = things_new(sizes[i]);
                table t;

                table_init(&t, thing_key);
                for (size_t j = 0; j < sizes[i]; j++)
                        add(&t, &things[j]);
                for (size_t j = 0; j < 200 * sizes[i]; j++)
                        ((thing *)table_random(&t))->marks++;
                for (size_t j = 0; j < sizes[i]; j++) {
                        assert_gt(things[j].marks, 100);
                        assert_lt(things[j].marks, 400);
                }
                empty(&t, things, sizes[i]);
        }
}

TEST(sample_is_of_different_ones) {
        enum { N = 500 };
        thing *things = things_new(N);
        void *got[N + 10];
        table t;

        table_init(&t, thing_key);
        for (size_t i = 0; i < N; i++) {
                add(&t, &things[i]);
                for (size_t n = 1; n <= i + 10; n = n * 2 + 1) {
                        size_t n_got = table_sample(&t, got, n);

                        assert_eq(n_got, n < i + 1 ? n : i + 1);
                        for (size_t j = 0; j < n_got; j++)
                                assert_eq(((thing *)got[j])->marks++, 0);
                        for (size_t j = 0; j < n_got; j++)
                                ((thing *)got[j])->marks = 0;
                }
        }
        empty(&t, things, N);
}

/* in parts */

static void drained(void *arg, void *entry) {
        thing *a = entry;

        (void)arg;
        assert_true(a->in);
        a->in = false;
}

TEST(drains_in_parts) {
        enum { N = 20000 };
        thing *things = things_new(N);
        size_t n_calls = 1;
        table t;

        table_init(&t, thing_key);
        for (size_t i = 0; i < N; i++)
                add(&t, &things[i]);
        for (size_t before = N; table_drain(&t, 100, drained, NULL); before = table_count(&t)) {
                assert_le(table_count(&t) + 100, before);
                assert_ge(table_count(&t) + 160, before);
                assert_le(table_bytes(&t), 40 * table_count(&t) + (128 << 10));
                n_calls++;
        }
        assert_le(n_calls, N / 100);
        assert_eq(table_bytes(&t), 0);
        for (size_t i = 0; i < N; i++)
                assert_false(things[i].in);
        add(&t, &things[0]);
        empty(&t, things, N);
}

TEST(drain_may_be_given_up) {
        enum { N = 5000 };
        thing *things = things_new(N);
        table t;

        table_init(&t, thing_key);
        for (size_t i = 0; i < N; i++)
                add(&t, &things[i]);
        assert_true(table_drain(&t, N / 2, drained, NULL));
        table_deinit(&t);
        mem_free(things);
}

/* Whichever allocation fails, the table holds what it held, and goes on. */
TEST(without_memory) {
        enum { N = 8000 };
        thing *things = things_new(N);
        size_t n_failed = 0, n_refused = 0;
        table t;

        table_init(&t, thing_key);
        for (size_t i = 0; i < 4 * N; i++) {
                thing *a = &things[test_random() % N];

                mem_fail_at(1 + test_random() % 2);
                if (a->in)
                        take(&t, a);
                else {
                        int r = table_add(&t, hash_of(a), a);

                        assert_true(r == 0 || r == -ENOMEM);
                        a->in = r == 0;
                        n_refused += r < 0;
                }
                n_failed += mem_has_failed();
                mem_fail_at(0);
                if (i % 1000 == 0)
                        check(&t, things, N);
        }
        assert_gt(n_refused, 0);
        assert_gt(n_failed, n_refused); /* growing is put off, and the caller hears nothing */
        check(&t, things, N);
        empty(&t, things, N);
}

/* Where the second segment comes, with memory for it and none for the list of them. */
TEST(without_memory_for_segments) {
        enum { N = 6000 };

        for (uint64_t nth = 1; nth <= 3; nth++) {
                thing *things = things_new(N);
                size_t n_failed = 0;
                table t;

                table_init(&t, thing_key);
                for (size_t i = 0; i < N; i++) {
                        int r;

                        if (i >= 5000 && i < 5500)
                                mem_fail_at(nth);
                        r = table_add(&t, hash_of(&things[i]), &things[i]);
                        n_failed += mem_has_failed();
                        mem_fail_at(0);
                        things[i].in = r == 0;
                        assert_true(r == 0 || (nth == 1 && r == -ENOMEM));
                }
                if (nth < 3)
                        assert_gt(n_failed, 0);
                check(&t, things, N);
                empty(&t, things, N);
        }
}

/* Never any memory again, from each size on. */
TEST(without_memory_from_here_on) {
        enum { N = 300 };

        for (size_t n = 0; n < N; n += 13) {
                thing *things = things_new(N);
                table t;

                table_init(&t, thing_key);
                for (size_t i = 0; i < N; i++) {
                        int r;

                        if (i >= n)
                                mem_fail_at(1);
                        r = table_add(&t, hash_of(&things[i]), &things[i]);
                        things[i].in = r == 0;
                        assert_true(r == 0 || (i >= n && r == -ENOMEM));
                        mem_fail_at(0);
                        check(&t, things, N);
                }
                for (size_t i = 0; i < N; i++) {
                        mem_fail_at(1);
                        if (things[i].in)
                                take(&t, &things[i]);
                        mem_fail_at(0);
                        check(&t, things, N);
                }
                empty(&t, things, N);
        }
}
