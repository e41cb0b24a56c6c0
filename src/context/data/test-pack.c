/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"

#include "base/mem.h"
#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* the model: texts in an array, in plain memory */

enum { MODEL_MAX = 300 };

typedef struct model {
        size_t n;
        struct text {
                char *data;
                size_t n;
        } texts[MODEL_MAX];
} model;

static void model_replace(model *m, size_t i, const char *data, size_t n) {
        free(m->texts[i].data);
        m->texts[i].data = malloc(n + 1);
        m->texts[i].n = n;
        if (n)
                memcpy(m->texts[i].data, data, n);
}

static void model_insert(model *m, size_t i, const char *data, size_t n) {
        memmove(m->texts + i + 1, m->texts + i, (m->n - i) * sizeof(m->texts[0]));
        m->n++;
        m->texts[i].data = NULL;
        model_replace(m, i, data, n);
}

static void model_remove(model *m, size_t i, size_t n) {
        if (n > m->n - i)
                n = m->n - i;
        for (size_t j = i; j < i + n; j++)
                free(m->texts[j].data);
        memmove(m->texts + i, m->texts + i + n, (m->n - i - n) * sizeof(m->texts[0]));
        m->n -= n;
}

static void assert_value(const pack *p, size_t at, const char *data, size_t n) {
        char buf[DECIMAL_MAX];
        pack_value v;
        const char *got;
        size_t n_got;

        pack_get(p, at, &v);
        got = pack_text(&v, buf, &n_got);
        assert_mem(got, n_got, data, n);
        assert_true(pack_is(p, at, data, n));
}

/* What the owner of its block has there. */
static size_t n_before(const pack *p) {
        return pack_is_inner(p) ? PACK_FRONT + p->begin - sizeof(*p) : 0;
}

/* Forwards, backwards and by each index. */
static void check(const pack *p, const model *m) {
        size_t n_bytes = 0, at;

        assert_eq(pack_count(p), m->n);
        at = pack_first(p);
        for (size_t i = 0; i < m->n; i++, at = pack_next(p, at)) {
                assert_ne(at, 0);
                assert_eq(pack_seek(p, (long)i), at);
                assert_eq(pack_seek(p, (long)i - (long)m->n), at);
                assert_value(p, at, m->texts[i].data, m->texts[i].n);
                n_bytes += pack_cost(m->texts[i].n);
        }
        assert_eq(at, 0);
        assert_le(pack_bytes(p), n_bytes);
        at = pack_last(p);
        for (size_t i = m->n; i > 0; i--, at = pack_prev(p, at)) {
                assert_ne(at, 0);
                assert_eq(pack_seek(p, (long)i - 1), at);
        }
        assert_eq(at, 0);
        assert_eq(pack_seek(p, (long)m->n), 0);
        assert_eq(pack_seek(p, -(long)m->n - 1), 0);
        assert_le(pack_bytes(p), pack_size(p));
        assert_le(pack_size(p), (n_before(p) + pack_bytes(p) + 8) * 9 / 8 + 24);
}

/* A text of about any kind, in memory that is good until the next one. */
static const char *any_text(size_t *ret_n) {
        static char text[20000];
        static const size_t lengths[] = { 0,   1,    61,   62,   63,   64,  65,
                                          100, 4094, 4095, 4096, 8190, 9000 };
        uint64_t number = (uint64_t)test_random() << 32 | test_random();
        int64_t shifted = (int64_t)(number >> test_random() % 64);

        switch (test_random() % 8) {
        case 0:
        case 1:
        case 2:
                *ret_n = (size_t)sprintf(text, "%" PRId64, test_random() % 2 ? shifted : -shifted);
                return text;
        case 3:
                *ret_n = (size_t)sprintf(text, "0%" PRId64, shifted); /* no number */
                return text;
        case 4:
                *ret_n = lengths[test_random() % n_of(lengths)];
                break;
        default:
                *ret_n = test_random() % 30;
        }
        memset(text, 'a' + (int)(test_random() % 26), *ret_n);
        return text;
}

TEST(nothing_in_it) {
        pack *p = pack_new();

        assert_eq(pack_count(p), 0);
        assert_eq(pack_bytes(p), 0);
        assert_eq(pack_first(p), 0);
        assert_eq(pack_last(p), 0);
        assert_eq(pack_seek(p, 0), 0);
        assert_eq(pack_seek(p, -1), 0);
        assert_eq(pack_find(p, pack_first(p), "a", 1, 1), 0);
        assert_null(pack_free(p));
        assert_null(pack_free(NULL));
}

/* How many bytes each takes, as the header says. */
TEST(sizes) {
        static const struct {
                const char *text;
                size_t n;
        } cases[] = {
                { "0", 1 },
                { "127", 1 },
                { "128", 4 },
                { "-1", 3 },
                { "-128", 3 },
                { "-129", 4 },
                { "32767", 4 },
                { "32768", 5 },
                { "-32768", 4 },
                { "8388607", 5 },
                { "8388608", 6 },
                { "2147483647", 6 },
                { "-2147483649", 7 },
                { "9223372036854775807", 10 },
                { "-9223372036854775808", 10 },
                { "", 2 },
                { "a", 3 },
                { "01", 4 },
                { "9223372036854775808", 21 },
        };

        for (size_t i = 0; i < n_of(cases); i++) {
                size_t n = strlen(cases[i].text);
                pack *p = pack_new();

                assert_ok(pack_append(&p, cases[i].text, n));
                assert_eq(pack_bytes(p), cases[i].n);
                assert_value(p, pack_first(p), cases[i].text, n);
                assert_le(cases[i].n, pack_cost(n));
                pack_free(p);
        }
}

/* Each length up to some, and around each power of two: with a neighbour on both sides
 * it is walked over both ways. */
TEST(lengths) {
        size_t n_max = (1 << 20) + 10, n_step = 1;
        char *text = malloc(n_max);

        memset(text, 'x', n_max);
        for (size_t n = 0; n < n_max; n += n_step) {
                pack *p = pack_new();
                size_t at;

                if (n > 300)
                        n_step = (n & (n + 10)) < 20 || (n & (n - 1)) < 20 ? 1 : 797;
                assert_ok(pack_append(&p, "a", 1));
                assert_ok(pack_append(&p, text, n));
                assert_ok(pack_append(&p, "5", 1));
                assert_eq(pack_bytes(p), 3 + pack_cost(n) + 1);
                at = pack_next(p, pack_first(p));
                assert_value(p, at, text, n);
                assert_eq(pack_prev(p, pack_last(p)), at);
                assert_eq(pack_next(p, at), pack_last(p));
                assert_eq(pack_prev(p, at), pack_first(p));
                pack_free(p);
        }
        free(text);
}

TEST(numbers) {
        for (int i = 0; i < 64; i++)
                for (int64_t d = -2; d <= 2; d++)
                        for (int sign = -1; sign <= 1; sign += 2) {
                                uint64_t power = (UINT64_C(1) << i) + (uint64_t)d;
                                int64_t number = (int64_t)(sign < 0 ? -power : power);
                                pack *p = pack_new();
                                pack_value v;

                                assert_ok(pack_append_number(&p, number));
                                pack_get(p, pack_first(p), &v);
                                assert_null(v.data);
                                assert_eq(v.number, number);
                                assert_eq(pack_last(p), pack_first(p));
                                pack_free(p);
                        }
}

/* Returns where the pack is then. */
static pack *change(pack *p, int n_rounds) {
        model m = { 0 };

        for (int round = 0; round < n_rounds; round++) {
                size_t i = test_random() % (m.n + 1), at = pack_seek(p, (long)i), n;
                const char *text = any_text(&n);
                unsigned what = test_random() % 100;

                if (what < 45 && m.n < MODEL_MAX) {
                        assert_ok(pack_insert(&p, at, text, n));
                        model_insert(&m, i, text, n);
                        if (at)
                                assert_value(p, at, text, n);
                } else if (what < 60 && at) {
                        assert_ok(pack_replace(&p, at, text, n));
                        model_replace(&m, i, text, n);
                        assert_value(p, at, text, n);
                } else if (what < 98 && at) {
                        assert_eq(pack_remove(&p, at, 1), i + 1 < m.n ? at : 0);
                        model_remove(&m, i, 1);
                } else if (at) {
                        size_t n_remove = test_random() % 40;
                        bool is_end = i + n_remove >= m.n;

                        assert_eq(pack_remove(&p, at, n_remove), is_end ? 0 : at);
                        model_remove(&m, i, n_remove);
                }
                if (round % 64 == 0)
                        check(p, &m);
        }
        check(p, &m);
        model_remove(&m, 0, m.n);
        return p;
}

TEST(random_changes) {
        pack_free(change(pack_new(), 60000 / test_slowness()));
}

/* The same at the end of another's block, of which nothing else is touched. */
TEST(random_changes_within_a_block) {
        static const size_t sizes[] = { 1, 7, 8, 10, 63, 64, 200, PACK_BETWEEN_MAX };

        for (size_t i = 0; i < n_of(sizes); i++) {
                size_t n = sizes[i], n_front = PACK_FRONT;
                char *block = mem_new(pack_inner_size(n, 0)), same[PACK_BETWEEN_MAX];
                pack *p = (pack *)(block + n_front), *copy;

                memset(block, 'f', n_front);
                memset(p + 1, 'b', n);
                pack_inner_init(p, n);
                assert_eq(pack_size(p), pack_inner_size(n, 0));
                p = change(p, 10000 / test_slowness());

                copy = pack_copy(p);
                assert_false(pack_is_inner(copy));
                assert_eq(pack_count(copy), pack_count(p));
                assert_mem((char *)copy + copy->begin, pack_bytes(copy), (char *)p + p->begin,
                           pack_bytes(p));
                pack_free(copy);

                block = (char *)p - n_front;
                memset(same, 'f', sizeof(same));
                assert_mem(block, n_front, same, n_front);
                memset(same, 'b', sizeof(same));
                assert_mem(p + 1, n, same, n);
                mem_free(block);
        }
}

TEST(finds) {
        static const char *const texts[] = { "f", "1", "g", "f", "12345", "-7", "", "x", "x", "" };
        pack *p = pack_new();

        for (size_t i = 0; i < n_of(texts); i++)
                assert_ok(pack_append(&p, texts[i], strlen(texts[i])));
        for (size_t step = 1; step <= 3; step++)
                for (size_t from = 0; from < n_of(texts); from++)
                        for (size_t i = 0; i < n_of(texts); i++) {
                                size_t want = 0, at = pack_seek(p, (long)from);

                                for (size_t j = from; j < n_of(texts) && !want; j += step)
                                        if (strcmp(texts[j], texts[i]) == 0)
                                                want = pack_seek(p, (long)j);
                                assert_eq(pack_find(p, at, texts[i], strlen(texts[i]), step), want);
                        }
        assert_eq(pack_find(p, pack_first(p), "ff", 2, 1), 0);
        assert_eq(pack_find(p, pack_first(p), "01", 2, 1), 0);
        assert_eq(pack_find(p, pack_first(p), "12346", 5, 1), 0);
        pack_free(p);
}

TEST(splits_and_joins) {
        for (size_t n = 1; n < 40; n++)
                for (size_t i = 0; i < n; i++) {
                        pack *p = pack_new(), *q, *copy;
                        model m = { 0 };

                        for (size_t j = 0; j < n; j++) {
                                size_t n_text;
                                const char *text = any_text(&n_text);

                                assert_ok(pack_append(&p, text, n_text));
                                model_insert(&m, j, text, n_text);
                        }
                        copy = pack_copy(p);
                        check(copy, &m);
                        assert_ok(pack_split(&p, pack_seek(p, (long)i), &q));
                        assert_eq(pack_count(p), i);
                        assert_eq(pack_count(q), n - i);
                        assert_ok(pack_join(&p, q));
                        check(p, &m);
                        model_remove(&m, 0, i);
                        check(q, &m);
                        model_remove(&m, 0, m.n);
                        pack_free(p);
                        pack_free(q);
                        pack_free(copy);
                }
}

/* Refused by the length alone: there are no such bytes here. */
TEST(too_much) {
        static const char text[] = "text";
        pack *p = pack_new();

        assert_ok(pack_append(&p, "a", 1));
        assert_r(pack_append(&p, text, SIZE_MAX), -EMSGSIZE);
        assert_r(pack_append(&p, text, PACK_MAX + 1), -EMSGSIZE);
        assert_r(pack_append(&p, text, PACK_MAX - 10), -EMSGSIZE);
        assert_r(pack_replace(&p, pack_first(p), text, SIZE_MAX), -EMSGSIZE);
        assert_r(pack_replace(&p, pack_first(p), text, PACK_MAX - 10), -EMSGSIZE);
        assert_eq(pack_count(p), 1);
        assert_value(p, pack_first(p), "a", 1);
        pack_free(p);
}

/* Whatever fails for want of memory has changed nothing; what shrinks does not fail. */
TEST(without_memory) {
        model m = { 0 };
        size_t n_refused = 0;
        pack *p = pack_new(), *q;

        for (int round = 0; round < 10000 / test_slowness(); round++) {
                size_t i = test_random() % (m.n + 1), at = pack_seek(p, (long)i), n;
                const char *text = any_text(&n);
                unsigned what = test_random() % 6;
                int r = 0;

                mem_fail_at(1);
                if (what < 3 && m.n < MODEL_MAX) {
                        r = pack_insert(&p, at, text, n);
                        mem_fail_at(0);
                        if (r == 0)
                                model_insert(&m, i, text, n);
                        else if (test_random() % 2) {
                                assert_ok(pack_insert(&p, at, text, n));
                                model_insert(&m, i, text, n);
                        }
                } else if (what < 4 && at) {
                        r = pack_replace(&p, at, text, n);
                        if (r == 0)
                                model_replace(&m, i, text, n);
                } else if (at) {
                        pack_remove(&p, at, 2);
                        model_remove(&m, i, 2);
                }
                assert_true(r == 0 || r == -ENOMEM);
                n_refused += r < 0;
                if (at && round % 100 == 0 && pack_count(p)) {
                        mem_fail_at(1);
                        assert_r(pack_split(&p, pack_first(p), &q), -ENOMEM);
                        mem_fail_at(1);
                        assert_null(pack_copy(p));
                        mem_fail_at(1);
                        assert_null(pack_new());
                }
                mem_fail_at(0);
                if (round % 64 == 0)
                        check(p, &m);
        }
        check(p, &m);
        assert_gt(n_refused, 0);
        model_remove(&m, 0, m.n);
        pack_free(p);
}
