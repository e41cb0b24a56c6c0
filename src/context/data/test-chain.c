/* SPDX-License-Identifier: Apache-2.0 */
#include "chain.h"

#include "base/mem.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The model: each value is a number and a length, of which its bytes follow. */
enum { MODEL_MAX = 4000 };

typedef struct text {
        uint32_t number;
        uint32_t n; /* of bytes behind the number; 0: a plain number */
} text;

typedef struct model {
        size_t n;
        text texts[MODEL_MAX];
} model;

enum { TEXT_MAX = 30000 };

static const char *bytes_of(text x, size_t *ret_n) {
        static char buf[TEXT_MAX + 20];
        int n = sprintf(buf, "%u", x.number);

        memset(buf + n, 'x', x.n);
        *ret_n = (size_t)n + x.n;
        return buf;
}

/* Mostly short; now and then larger than a chunk. */
static text any_text(void) {
        unsigned kind = test_random() % 100;

        return (text){
                .number = test_random() % 1000,
                .n = kind < 40   ? 0
                     : kind < 90 ? test_random() % 100
                     : kind < 98 ? test_random() % 3000
                                 : test_random() % TEXT_MAX,
        };
}

static void model_insert(model *m, size_t i, text x) {
        memmove(m->texts + i + 1, m->texts + i, (m->n - i) * sizeof(x));
        m->texts[i] = x;
        m->n++;
}

static void model_cut(model *m, size_t i, size_t n) {
        if (i >= m->n)
                return;
        if (n > m->n - i)
                n = m->n - i;
        memmove(m->texts + i, m->texts + i + n, (m->n - i - n) * sizeof(m->texts[0]));
        m->n -= n;
}

static void assert_value(const pack_value *v, text x) {
        char buf[DECIMAL_MAX];
        size_t n, n_want;
        const char *got = pack_text(v, buf, &n), *want = bytes_of(x, &n_want);

        assert_mem(got, n, want, n_want);
}

static void assert_at(const chain_place *place, text x) {
        pack_value v;

        chain_get(place, &v);
        assert_value(&v, x);
}

static bool same(const chain_place *a, const chain_place *b) {
        return a->chunk == b->chunk && a->at == b->at;
}

/* Both ways, from both ends, and by a few indices. */
static void check(const chain *c, const model *m) {
        chain_place place, other;
        pack_value v;
        bool is_place;

        assert_eq(chain_count(c), m->n);
        is_place = chain_begin(c, CHAIN_HEAD, &place);
        for (size_t i = 0; i < m->n; i++) {
                assert_true(is_place);
                assert_at(&place, m->texts[i]);
                is_place = chain_move_on(c, &place, CHAIN_TAIL);
        }
        assert_false(is_place);
        is_place = chain_begin(c, CHAIN_TAIL, &place);
        for (size_t i = m->n; i > 0; i--) {
                assert_true(is_place);
                if (i % 16 == 1) {
                        assert_true(chain_seek(c, (long)i - 1, &other));
                        assert_true(same(&place, &other));
                        assert_true(chain_seek(c, (long)i - 1 - (long)m->n, &other));
                        assert_true(same(&place, &other));
                }
                is_place = chain_move_on(c, &place, CHAIN_HEAD);
        }
        assert_false(is_place);
        assert_false(chain_seek(c, (long)m->n, &place));
        assert_false(chain_seek(c, -(long)m->n - 1, &place));
        if (m->n) {
                assert_true(chain_peek(c, CHAIN_HEAD, &v));
                assert_value(&v, m->texts[0]);
                assert_true(chain_peek(c, CHAIN_TAIL, &v));
                assert_value(&v, m->texts[m->n - 1]);
        } else
                assert_false(chain_peek(c, CHAIN_HEAD, &v));
}

/* Few chunks for what is in there: joining works. */
static void check_shape(const chain *c, const model *m) {
        size_t n_bytes = 0, n_large = 0, n;

        for (size_t i = 0; i < m->n; i++) {
                bytes_of(m->texts[i], &n);
                n_bytes += pack_cost(n);
                n_large += n > CHAIN_BYTES / 4;
        }
        assert_le(chain_n_chunks(c), n_bytes / (CHAIN_BYTES * 3 / 8) + 2 * n_large + 2);
        assert_le(chain_bytes(c), n_bytes * 5 / 4 + 100 * chain_n_chunks(c));
}

static int push(chain *c, model *m, chain_end end, text x) {
        size_t n;
        const char *data = bytes_of(x, &n);
        int r = chain_push(c, end, data, n);

        if (r == 0)
                model_insert(m, end == CHAIN_HEAD ? 0 : m->n, x);
        return r;
}

TEST(nothing_in_it) {
        chain c;
        chain_place place;
        pack_value v;

        chain_init(&c);
        assert_eq(chain_count(&c), 0);
        assert_eq(chain_n_chunks(&c), 0);
        assert_eq(chain_bytes(&c), 0);
        assert_false(chain_begin(&c, CHAIN_HEAD, &place));
        assert_false(chain_begin(&c, CHAIN_TAIL, &place));
        assert_false(chain_seek(&c, 0, &place));
        assert_false(chain_seek(&c, -1, &place));
        assert_false(chain_peek(&c, CHAIN_TAIL, &v));
        chain_drop(&c, CHAIN_HEAD, 3);
        chain_cut(&c, 0, 3);
        assert_false(chain_drain(&c, 3));
        chain_deinit(&c);
        chain_deinit(&c);
}

TEST(queue_both_ways) {
        static model m;
        chain c;

        chain_init(&c);
        for (int way = 0; way < 2; way++) {
                chain_end in = way ? CHAIN_HEAD : CHAIN_TAIL, out = way ? CHAIN_TAIL : CHAIN_HEAD;

                for (int i = 0; i < 3000; i++) {
                        assert_ok(push(&c, &m, in, any_text()));
                        if (i % 3 == 0) {
                                chain_drop(&c, out, 1);
                                model_cut(&m, out == CHAIN_HEAD ? 0 : m.n - 1, 1);
                        }
                }
                check(&c, &m);
                while (m.n) {
                        size_t n = 1 + test_random() % 100;

                        if (n > m.n)
                                n = m.n;
                        chain_drop(&c, out, n);
                        model_cut(&m, out == CHAIN_HEAD ? 0 : m.n - n, n);
                        if (m.n % 5 == 0)
                                check(&c, &m);
                }
                assert_eq(chain_n_chunks(&c), 0);
        }
        chain_deinit(&c);
}

/* Full chunks hold what they should, and a large value is alone. */
TEST(chunks) {
        static model m;
        chain c;
        pack *p = pack_new();

        chain_init(&c);
        for (int i = 0; i < 4000; i++)
                assert_ok(push(&c, &m, CHAIN_TAIL, (text){ .number = 100, .n = 17 }));
        assert_eq(chain_n_chunks(&c), (4000 + 371) / 372); /* of 22 bytes each */
        assert_le(chain_bytes(&c), 11 * (8192 + 64));
        chain_deinit(&c);

        /* in front they gather in a short one first, which then is joined to the next */
        m.n = 0;
        chain_init(&c);
        for (int i = 0; i < 4000; i++)
                assert_ok(push(&c, &m, CHAIN_HEAD, (text){ .number = 100, .n = 17 }));
        assert_le(chain_n_chunks(&c), 4000 * 22 / (CHAIN_BYTES - 1024) + 2);
        check(&c, &m);
        chain_deinit(&c);

        m.n = 0;
        chain_init(&c);
        assert_ok(push(&c, &m, CHAIN_TAIL, (text){ .number = 1 }));
        assert_ok(push(&c, &m, CHAIN_TAIL, (text){ .number = 1, .n = 10000 }));
        assert_ok(push(&c, &m, CHAIN_TAIL, (text){ .number = 1 }));
        assert_eq(chain_n_chunks(&c), 3);
        check(&c, &m);
        assert_ok(chain_push_pack(&c, p)); /* empty */
        p = pack_new();
        assert_ok(pack_append(&p, "2", 1));
        assert_ok(pack_append(&p, "3", 1));
        mem_fail_at(1);
        assert_r(chain_push_pack(&c, p), -ENOMEM);
        mem_fail_at(0);
        assert_ok(chain_push_pack(&c, p));
        model_insert(&m, m.n, (text){ .number = 2 });
        model_insert(&m, m.n, (text){ .number = 3 });
        assert_eq(chain_n_chunks(&c), 4);
        check(&c, &m);
        chain_deinit(&c);

        m.n = 0;
        chain_init(&c);
        chain_set_bounds(&c, 0, 3);
        for (int i = 0; i < 10; i++)
                assert_ok(push(&c, &m, i % 2 ? CHAIN_HEAD : CHAIN_TAIL, any_text()));
        assert_ge(chain_n_chunks(&c), 4);
        check(&c, &m);
        chain_deinit(&c);
}

/* One random change, the same to both. Returns what the chain said. */
static int change(chain *c, model *m) {
        size_t i = m->n ? test_random() % m->n : 0, n, n_steps;
        chain_end to = test_random() % 2 ? CHAIN_HEAD : CHAIN_TAIL;
        unsigned what = test_random() % 100;
        chain_place place;
        text x = any_text();
        const char *data = bytes_of(x, &n);
        int r = 0;

        if (m->n < MODEL_MAX - 1 && (what < 20 || !m->n))
                return push(c, m, to, x);
        assert_true(chain_seek(c, (long)i, &place));
        if (what < 50 && m->n < MODEL_MAX - 1) {
                r = chain_insert(c, &place, to == CHAIN_TAIL, data, n);
                i += to == CHAIN_TAIL;
                if (r == 0) {
                        model_insert(m, i, x);
                        assert_at(&place, x);
                }
        } else if (what < 70) {
                r = chain_replace(c, &place, data, n);
                if (r == 0) {
                        m->texts[i] = x;
                        assert_at(&place, x);
                }
        } else if (what < 94) {
                /* some in a row, as one who looks for a value does */
                for (n_steps = test_random() % 6; n_steps > 0; n_steps--) {
                        chain_remove(c, &place, to);
                        model_cut(m, i, 1);
                        if (to == CHAIN_HEAD ? i == 0 : i == m->n) {
                                assert_null(place.chunk);
                                return 0;
                        }
                        i -= to == CHAIN_HEAD;
                        assert_at(&place, m->texts[i]);
                }
        } else {
                n = test_random() % 4 ? test_random() % 30 : test_random() % 500;
                chain_cut(c, i, n);
                model_cut(m, i, n);
        }
        return r;
}

TEST(random_changes) {
        static model m;
        int n_rounds = 40000 / test_slowness();
        chain c, elsewhere;

        chain_init(&c);
        for (int i = 0; i < n_rounds; i++) {
                assert_ok(change(&c, &m));
                if (i % 100 == 0)
                        check(&c, &m);
        }
        check(&c, &m);
        chain_move(&elsewhere, &c);
        check(&elsewhere, &m);
        m.n = 0;
        check(&c, &m);
        chain_deinit(&c);
        chain_deinit(&elsewhere);
}

TEST(random_changes_of_small_chunks) {
        static model m;
        chain c;

        chain_init(&c);
        chain_set_bounds(&c, 100, 4);
        for (int i = 0; i < 20000 / test_slowness(); i++) {
                assert_ok(change(&c, &m));
                if (i % 100 == 0)
                        check(&c, &m);
        }
        check(&c, &m);
        chain_deinit(&c);
}

/* However it is done, a list that was built or torn in the middle has few chunks. */
TEST(stays_in_shape) {
        static model m;
        chain_place place;
        chain c;

        chain_init(&c);
        assert_ok(push(&c, &m, CHAIN_TAIL, (text){ .number = 1, .n = 30 }));
        for (int i = 1; i < MODEL_MAX - 1; i++) {
                text x = { .number = (uint32_t)i, .n = 30 };
                size_t at = m.n / 2, n;
                const char *data = bytes_of(x, &n);

                assert_true(chain_seek(&c, (long)at, &place));
                assert_ok(chain_insert(&c, &place, i % 2, data, n));
                model_insert(&m, at + (size_t)(i % 2), x);
                check_shape(&c, &m);
        }
        check(&c, &m);
        while (m.n > 10) {
                size_t at = test_random() % (m.n - 5);

                if (m.n % 2) {
                        assert_true(chain_seek(&c, (long)at, &place));
                        chain_remove(&c, &place, CHAIN_TAIL);
                        model_cut(&m, at, 1);
                } else {
                        chain_cut(&c, at, 5);
                        model_cut(&m, at, 5);
                }
                check_shape(&c, &m);
        }
        check(&c, &m);
        chain_deinit(&c);
}

TEST(drains_in_parts) {
        static model m;
        chain c;

        chain_init(&c);
        for (int i = 0; i < 3000; i++)
                assert_ok(push(&c, &m, CHAIN_TAIL, (text){ .number = 1, .n = 100 }));
        while (chain_drain(&c, 200)) {
                assert_lt(chain_count(&c), m.n);
                m.n = chain_count(&c);
        }
        assert_eq(chain_count(&c), 0);
        chain_deinit(&c);
}

/* Whatever fails for want of memory has changed nothing, and what only cannot be split
 * or joined for it has changed all the same. */
TEST(without_memory) {
        static model m;
        size_t n_failed = 0, n_refused = 0;
        chain c;

        chain_init(&c);
        for (int i = 0; i < 30000 / test_slowness(); i++) {
                int r;

                mem_fail_at(1 + test_random() % 3);
                r = change(&c, &m);
                assert_true(r == 0 || r == -ENOMEM);
                n_refused += r < 0;
                n_failed += mem_has_failed();
                mem_fail_at(0);
                if (i % 100 == 0)
                        check(&c, &m);
        }
        assert_gt(n_refused, 0);
        assert_gt(n_failed, n_refused);
        check(&c, &m);
        chain_deinit(&c);
}
