/* SPDX-License-Identifier: Apache-2.0 */
#include "intset.h"

#include "base/mem.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_MAX = 1000 };

typedef struct model {
        size_t n;
        int64_t numbers[MODEL_MAX]; /* sorted */
} model;

static size_t model_rank(const model *m, int64_t number) {
        size_t i = 0;

        while (i < m->n && m->numbers[i] < number)
                i++;
        return i;
}

static bool model_has(const model *m, int64_t number) {
        size_t i = model_rank(m, number);

        return i < m->n && m->numbers[i] == number;
}

static void model_add(model *m, int64_t number) {
        size_t i = model_rank(m, number);

        memmove(m->numbers + i + 1, m->numbers + i, (m->n - i) * sizeof(m->numbers[0]));
        m->numbers[i] = number;
        m->n++;
}

static void model_remove(model *m, int64_t number) {
        size_t i = model_rank(m, number);

        memmove(m->numbers + i, m->numbers + i + 1, (m->n - i - 1) * sizeof(m->numbers[0]));
        m->n--;
}

static void check(const intset *s, const model *m) {
        assert_eq(intset_count(s), m->n);
        for (size_t i = 0; i < m->n; i++) {
                assert_eq(intset_at(s, i), m->numbers[i]);
                assert_true(intset_has(s, m->numbers[i]));
                if (m->numbers[i] < INT64_MAX)
                        assert_eq(intset_has(s, m->numbers[i] + 1),
                                  model_has(m, m->numbers[i] + 1));
        }
        assert_le(intset_size(s), m->n * intset_width(s) * 9 / 8 + 24);
}

TEST(nothing_in_it) {
        intset *s = intset_new();

        assert_eq(intset_count(s), 0);
        assert_false(intset_has(s, 0));
        assert_false(intset_remove(&s, 0));
        assert_null(intset_free(s));
        assert_null(intset_free(NULL));
}

TEST(widths) {
        static const struct {
                int64_t number;
                size_t width;
        } cases[] = {
                { 0, 2 },
                { INT16_MAX, 2 },
                { INT16_MIN, 2 },
                { INT16_MAX + 1, 4 },
                { INT16_MIN - 1, 4 },
                { INT32_MAX, 4 },
                { INT32_MIN, 4 },
                { INT64_C(1) + INT32_MAX, 8 },
                { INT64_C(-1) + INT32_MIN, 8 },
                { INT64_MAX, 8 },
                { INT64_MIN, 8 },
        };

        for (size_t i = 0; i < n_of(cases); i++)
                for (size_t j = 0; j < n_of(cases); j++) {
                        size_t width =
                                cases[i].width > cases[j].width ? cases[i].width : cases[j].width;
                        intset *s = intset_new();
                        model m = { 0 };

                        assert_eq(intset_add(&s, cases[i].number), 1);
                        model_add(&m, cases[i].number);
                        assert_eq(intset_width(s), cases[i].width);
                        assert_eq(intset_has(s, cases[j].number), i == j);
                        assert_eq(intset_add(&s, cases[j].number), i != j);
                        if (i != j)
                                model_add(&m, cases[j].number);
                        assert_eq(intset_width(s), width);
                        check(s, &m);
                        assert_true(intset_remove(&s, cases[i].number));
                        assert_false(intset_remove(&s, cases[i].number));
                        model_remove(&m, cases[i].number);
                        check(s, &m);
                        intset_free(s);
                }
}

/* Few bits at first, more later; and every allocation may fail. */
TEST(random_changes) {
        static model m;
        intset *s = intset_new(), *copy;
        size_t n_refused = 0;

        for (int i = 0; i < 20000; i++) {
                int n_bits = i < 5000 ? 9 : i < 10000 ? 17 : i < 15000 ? 33 : 64;
                uint64_t bits = (uint64_t)test_random() << 32 | test_random();
                int64_t number = (int64_t)bits >> (64 - n_bits + (int)(test_random() % 8));

                if (test_random() % 5 == 0)
                        mem_fail_at(1);
                if (m.n && test_random() % 3 == 0) {
                        number = m.numbers[test_random() % m.n];
                        assert_true(intset_remove(&s, number));
                        model_remove(&m, number);
                } else if (m.n == MODEL_MAX) {
                        while (m.n > 3) {
                                assert_true(intset_remove(&s, m.numbers[0]));
                                model_remove(&m, m.numbers[0]);
                        }
                } else {
                        int r = intset_add(&s, number);

                        n_refused += r < 0;
                        assert_true(r == !model_has(&m, number) ||
                                    (r == -ENOMEM && mem_has_failed()));
                        if (r == 1)
                                model_add(&m, number);
                }
                mem_fail_at(0);
                if (i % 50 == 0)
                        check(s, &m);
        }
        assert_gt(n_refused, 0);
        check(s, &m);
        copy = intset_copy(s);
        intset_free(s);
        check(copy, &m);
        intset_free(copy);
        mem_fail_at(1);
        assert_null(intset_new());
}
