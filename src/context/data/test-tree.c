/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include "base/mem.h"
#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* the model: pointers in order, in an array */

enum { MODEL_MAX = 6000 };

typedef struct model {
        size_t n;
        scored *members[MODEL_MAX];
} model;

static int order(double a_score, const char *a, size_t n_a, double b_score, const char *b,
                 size_t n_b) {
        size_t n = n_a < n_b ? n_a : n_b;
        int r;

        if (a_score != b_score)
                return a_score < b_score ? -1 : 1;
        r = n ? memcmp(a, b, n) : 0;
        return r ? r : (n_a > n_b) - (n_a < n_b);
}

static size_t model_rank(const model *m, double score, const char *member, size_t n) {
        size_t low = 0, high = m->n;

        while (low < high) {
                size_t middle = (low + high) / 2;
                const scored *x = m->members[middle];

                if (order(x->score, x->member, x->n, score, member, n) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static size_t model_add(model *m, scored *x) {
        size_t i = model_rank(m, x->score, x->member, x->n);

        memmove(m->members + i + 1, m->members + i, (m->n - i) * sizeof(x));
        m->members[i] = x;
        m->n++;
        return i;
}

static void model_cut(model *m, size_t i, size_t n) {
        memmove(m->members + i, m->members + i + n, (m->n - i - n) * sizeof(m->members[0]));
        m->n -= n;
}

static scored *member_new(double score, uint32_t number) {
        char text[32];
        int n = sprintf(text, "%u", number);

        return scored_new(score, text, (size_t)n);
}

/* By walking both ways, by rank and by member. */
static void check(const tree *t, const model *m) {
        tree_iter i;
        scored *x;

        assert_eq(tree_count(t), m->n);
        x = tree_iter_at(&i, t, 0);
        for (size_t j = 0; j < m->n; j++, x = tree_iter_next(&i)) {
                assert_eq(x, m->members[j]);
                assert_eq(tree_rank(t, x), j);
                assert_eq(tree_nth(t, j), x);
        }
        assert_null(x);
        assert_null(tree_iter_next(&i));
        assert_null(tree_nth(t, m->n));
        x = m->n ? tree_iter_at(&i, t, m->n - 1) : NULL;
        for (size_t j = m->n; j > 0; j--, x = tree_iter_prev(&i))
                assert_eq(x, m->members[j - 1]);
        assert_null(x);
}

static void free_all(tree *t, model *m) {
        tree_deinit(t);
        for (size_t i = 0; i < m->n; i++)
                scored_free(m->members[i]);
        m->n = 0;
}

TEST(nothing_in_it) {
        tree t;
        tree_iter i;

        tree_init(&t);
        assert_eq(tree_count(&t), 0);
        assert_eq(tree_bytes(&t), 0);
        assert_null(tree_nth(&t, 0));
        assert_null(tree_iter_at(&i, &t, 0));
        assert_null(tree_iter_next(&i));
        assert_null(tree_iter_prev(&i));
        assert_eq(tree_rank_of_score(&t, 1, TREE_BEHIND), 0);
        assert_eq(tree_rank_of_member(&t, "a", 1, TREE_BEHIND), 0);
        assert_eq(tree_cut(&t, 0, 10, NULL, NULL), 0);
        tree_deinit(&t);
        tree_deinit(&t);
        assert_null(scored_free(NULL));
}

TEST(key_of_a_member) {
        scored *m = scored_new(1.5, "abc", 3);
        const void *key;
        size_t n;

        key = scored_key(m, &n);
        assert_mem(key, n, "abc", 3);
        scored_free(m);
        m = scored_new(0, NULL, 0);
        scored_key(m, &n);
        assert_eq(n, 0);
        scored_free(m);
}

/* In order, against it, from the middle on, all of one score; and away again likewise. */
TEST(orders) {
        enum { N = MODEL_MAX / 2 };
        static model m;

        for (int in = 0; in < 4; in++)
                for (int out = 0; out < 4; out++) {
                        tree t;

                        tree_init(&t);
                        for (uint32_t i = 0; i < N; i++) {
                                uint32_t k = in == 0   ? i
                                             : in == 1 ? N - i
                                             : in == 3 ? i * 7919 % N
                                             : i % 2   ? N / 2 + 1 + i / 2
                                                       : N / 2 - i / 2;
                                scored *x = member_new(in == 3 ? 1 : k, k);

                                assert_ok(tree_add(&t, x));
                                model_add(&m, x);
                                if (i < 300 || i % 199 == 0)
                                        check(&t, &m);
                        }
                        if (in < 2) /* filled to the brim */
                                assert_le(tree_bytes(&t), (size_t)N * 18 + 3000);
                        while (m.n) {
                                size_t i = out == 0   ? 0
                                           : out == 1 ? m.n - 1
                                           : out == 2 ? m.n / 2
                                                      : test_random() % m.n;
                                scored *x = m.members[i];

                                tree_take(&t, x);
                                scored_free(x);
                                model_cut(&m, i, 1);
                                if (m.n < 300 || m.n % 199 == 0)
                                        check(&t, &m);
                                assert_le(tree_bytes(&t), 70 * m.n + 8000);
                        }
                        assert_eq(tree_bytes(&t), 0);
                        tree_deinit(&t);
                }
}

static void cut(void *arg, scored *m) {
        scored ***next = arg;

        assert_eq(*(*next)++, m);
        scored_free(m);
}

/* One random change to both; returns what the tree said. */
static int change(tree *t, model *m, uint32_t *number) {
        size_t i = m->n ? test_random() % m->n : 0, n;
        double score = test_random() % 100;
        unsigned what = test_random() % 100;
        scored *x, **next;
        int r;

        if (what < 50 && m->n < MODEL_MAX) {
                x = member_new(score, (*number)++);
                if (!x)
                        return -ENOMEM;
                r = tree_add(t, x);
                if (r < 0)
                        scored_free(x);
                else
                        model_add(m, x);
                return r;
        }
        if (!m->n)
                return 0;
        x = m->members[i];
        if (what < 75) {
                if (test_random() % 3 == 0)
                        score = x->score + (double)(test_random() % 3) - 1;
                r = tree_move(t, x, score);
                if (r == 0) {
                        /* the model takes it out by its place, and in by its score */
                        model_cut(m, i, 1);
                        model_add(m, x);
                        assert_true(x->score == score);
                }
                return r;
        }
        if (what < 99) {
                tree_take(t, x);
                model_cut(m, i, 1);
                scored_free(x);
                return 0;
        }
        n = test_random() % (m->n / 4 + 1);
        next = m->members + i;
        assert_eq(tree_cut(t, i, n, cut, &next), n < m->n - i ? n : m->n - i);
        model_cut(m, i, n < m->n - i ? n : m->n - i);
        return 0;
}

TEST(random_changes) {
        static model m;
        uint32_t number = 0;
        tree t;

        tree_init(&t);
        for (int i = 0; i < 60000 / test_slowness(); i++) {
                assert_ok(change(&t, &m, &number));
                if (i % 200 == 0)
                        check(&t, &m);
        }
        check(&t, &m);
        free_all(&t, &m);
}

/* Scores that are moved: to each place from each place. */
TEST(moves) {
        enum { N = 200 };
        static model m;
        tree t;

        tree_init(&t);
        for (uint32_t i = 0; i < N; i++) {
                scored *x = member_new(i, i);

                assert_ok(tree_add(&t, x));
                model_add(&m, x);
        }
        for (size_t from = 0; from < N; from += 7)
                for (int to = -1; to <= N; to++) {
                        scored *x = m.members[from];
                        size_t there;

                        assert_ok(tree_move(&t, x, to + 0.5));
                        model_cut(&m, from, 1);
                        there = model_add(&m, x);
                        assert_eq(tree_rank(&t, x), there);
                        assert_eq(tree_nth(&t, there), x);
                        if (to % 16 == 0)
                                check(&t, &m);
                        assert_ok(tree_move(&t, x, (double)from));
                        model_cut(&m, there, 1);
                        assert_eq(model_add(&m, x), from);
                }
        check(&t, &m);
        free_all(&t, &m);
}

TEST(ranks_of_scores) {
        static const double scores[] = {
                -INFINITY, -1e300, -1, -0.0, 0, 5e-324, 1, 1e300, INFINITY
        };
        static model m;
        tree t;

        tree_init(&t);
        for (uint32_t i = 0; i < 500; i++) {
                scored *x = member_new(scores[test_random() % n_of(scores)], i);

                assert_ok(tree_add(&t, x));
                model_add(&m, x);
        }
        check(&t, &m);
        for (size_t i = 0; i < n_of(scores); i++) {
                size_t n_before = 0, n_equal = 0;

                for (size_t j = 0; j < m.n; j++) {
                        n_before += m.members[j]->score < scores[i];
                        n_equal += m.members[j]->score == scores[i];
                }
                assert_eq(tree_rank_of_score(&t, scores[i], TREE_BEFORE), n_before);
                assert_eq(tree_rank_of_score(&t, scores[i], TREE_BEHIND), n_before + n_equal);
        }
        assert_eq(tree_rank_of_score(&t, 0.5, TREE_BEFORE),
                  tree_rank_of_score(&t, 0.5, TREE_BEHIND));
        free_all(&t, &m);
}

TEST(ranks_of_members) {
        static const char *const bounds[] = {
                "", "0", "1", "10", "100", "1000", "5", "55", "9", "a"
        };
        static model m;
        scored *x;
        tree t;

        tree_init(&t);
        for (uint32_t i = 0; i < 1500; i++) {
                x = i ? member_new(0, i) : scored_new(0, "", 0);
                assert_ok(tree_add(&t, x));
                model_add(&m, x);
        }
        check(&t, &m);
        for (size_t i = 0; i < n_of(bounds); i++) {
                size_t n = strlen(bounds[i]), want = model_rank(&m, 0, bounds[i], n);
                bool is_there = want < m.n && m.members[want]->n == n &&
                                memcmp(m.members[want]->member, bounds[i], n) == 0;

                assert_eq(tree_rank_of_member(&t, bounds[i], n, TREE_BEFORE), want);
                assert_eq(tree_rank_of_member(&t, bounds[i], n, TREE_BEHIND), want + is_there);
        }
        assert_eq(tree_rank_of_member(&t, NULL, 0, TREE_BEHIND), 1);
        free_all(&t, &m);
}

/* Every piece out of trees of some sizes. */
TEST(cuts) {
        static const size_t sizes[] = { 1, 63, 64, 65, 129, 700, 2500 };
        static model m;

        for (size_t i = 0; i < n_of(sizes); i++)
                for (int round = 0; round < 60; round++) {
                        size_t from, n, n_real;
                        scored **next;
                        tree t;

                        tree_init(&t);
                        for (uint32_t j = 0; j < sizes[i]; j++) {
                                scored *x = member_new(test_random() % 100, j);

                                assert_ok(tree_add(&t, x));
                                model_add(&m, x);
                        }
                        from = round == 0 ? 0 : test_random() % (m.n + 1);
                        n = round == 0 ? m.n : test_random() % (m.n + 10);
                        n_real = n < m.n - from ? n : m.n - from;
                        next = m.members + from;
                        assert_eq(tree_cut(&t, from, n, cut, &next), n_real);
                        model_cut(&m, from, n_real);
                        check(&t, &m);
                        assert_le(tree_bytes(&t), 70 * m.n + 8000);
                        free_all(&t, &m);
                }
}

/* By chance it is 25 bytes a member or so, and stays below 36. */
TEST(memory) {
        static model m;
        tree t;

        tree_init(&t);
        for (uint32_t i = 0; i < MODEL_MAX; i++) {
                scored *x = member_new(test_random(), i);

                assert_ok(tree_add(&t, x));
                m.members[m.n++] = x;
                if (i > 500)
                        assert_le(tree_bytes(&t), 36 * m.n);
        }
        free_all(&t, &m);
}

TEST(without_memory) {
        static model m;
        size_t n_refused = 0;
        uint32_t number = 0;
        tree t;

        tree_init(&t);
        for (int i = 0; i < 40000 / test_slowness(); i++) {
                int r;

                mem_fail_at(1 + test_random() % 4);
                r = change(&t, &m, &number);
                assert_true(r == 0 || (r == -ENOMEM && mem_has_failed()));
                n_refused += r < 0;
                mem_fail_at(0);
                if (i % 200 == 0)
                        check(&t, &m);
        }
        assert_gt(n_refused, 0);
        check(&t, &m);
        free_all(&t, &m);
}
