/* SPDX-License-Identifier: Apache-2.0 */
#include "key-stream.h"

#include "../store.h"
#include "base/decimal.h"
#include "base/mem.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>

enum { MODEL_MAX = 3000 };

/* The IDs that are there. An entry's only value says which it is. */
typedef struct model {
        size_t n;
        stream_id ids[MODEL_MAX];
} model;

static store *s;
static key *k;

static void begin(size_t max_entries) {
        assert_r(store_new(NULL, &s), 0);
        s->config.stream_node_max_entries = max_entries;
        k = stream_add(&s->dbs[0], BYTES("s"));
        assert_true(k);
}

static int append(stream_id id) {
        char text[DECIMAL_MAX];
        bytes value = { text, decimal_print((int64_t)id.ms, text) };

        return stream_append(stream_of(k), &s->config, id, (bytes[]){ BYTES("f"), value }, 1);
}

static size_t place(const model *m, stream_id id) {
        size_t i = 0;

        while (i < m->n && stream_id_compare(m->ids[i], id) < 0)
                i++;
        return i;
}

static void check_range(const model *m, stream_id from, stream_id to) {
        size_t first = place(m, from), last = place(m, to);
        stream_iter i;

        last += last < m->n && stream_id_compare(m->ids[last], to) == 0;
        stream_iter_begin(&i, stream_of(k), from, to, STREAM_FORTH);
        for (size_t at = first; at < last; at++) {
                char text[DECIMAL_MAX];
                bytes name, value;

                assert_true(stream_iter_next(&i));
                assert_eq(stream_id_compare(i.entry.id, m->ids[at]), 0);
                page_entry_next(&i.entry, &name, &value);
                assert_mem(value.p, value.n, text, decimal_print((int64_t)m->ids[at].ms, text));
        }
        assert_false(stream_iter_next(&i));
        stream_iter_begin(&i, stream_of(k), from, to, STREAM_BACK);
        for (size_t at = last; at > first; at--) {
                assert_true(stream_iter_next(&i));
                assert_eq(stream_id_compare(i.entry.id, m->ids[at - 1]), 0);
        }
        assert_false(stream_iter_next(&i));
}

static void check(const model *m) {
        const stream *st = stream_of(k);

        assert_eq(st->n, m->n);
        check_range(m, STREAM_ID_MIN, STREAM_ID_MAX);
        assert_eq(stream_id_compare(st->first, m->n ? m->ids[0] : STREAM_ID_MIN), 0);
        assert_eq(stream_id_compare(stream_top(st), m->n ? m->ids[m->n - 1] : STREAM_ID_MIN), 0);
}

static void forget(model *m, size_t at, size_t n) {
        m->n -= n;
        memmove(&m->ids[at], &m->ids[at + n], (m->n - at) * sizeof(m->ids[0]));
}

static stream_id some_id(const model *m) {
        return (stream_id){ (uint64_t)rand() % (stream_of(k)->last.ms + 2), m->n ? 0 : 1 };
}

static void trim(model *m) {
        stream_rest rest = { .by = rand() % 2 ? REST_COUNT : REST_FROM,
                             .count = m->n - m->n / 20,
                             .from = m->ids[m->n / 20],
                             .by_pages = rand() % 2 };
        size_t n_left = rest.by == REST_COUNT ? rest.count : m->n - place(m, rest.from);
        size_t n = stream_trim(stream_of(k), &rest);

        if (rest.by_pages)
                assert_le(n, m->n - n_left);
        else
                assert_eq(n, m->n - n_left);
        forget(m, 0, n);
}

static void run_like_a_model(size_t max_entries) {
        static model m;

        m.n = 0;
        begin(max_entries);
        for (int round = 0; round < 4000; round++) {
                stream_id id = stream_of(k)->last;

                if (m.n < MODEL_MAX && rand() % 10 < (round / 1000 % 2 ? 3 : 7)) {
                        id.ms += (uint64_t)(rand() % 3) + 1;
                        assert_r(append(id), 0);
                        m.ids[m.n++] = id;
                } else if (m.n > 0 && rand() % 40 == 0) {
                        trim(&m);
                } else if (m.n > 0) {
                        size_t at = (size_t)rand() % m.n;

                        assert_true(stream_delete(stream_of(k), m.ids[at]));
                        assert_false(stream_has(stream_of(k), m.ids[at]));
                        forget(&m, at, 1);
                }
                if (round % 50 == 0)
                        check(&m);
                check_range(&m, some_id(&m), some_id(&m));
        }
        store_free(s);
}

TEST(like_a_model) {
        srand(1);
        run_like_a_model(1);
        run_like_a_model(7);
        run_like_a_model(100);
}

TEST(limits_of_trimming) {
        stream_rest rest = { .by = REST_COUNT, .by_pages = true, .max = 25 };

        begin(10);
        for (uint64_t i = 1; i <= 95; i++)
                assert_r(append((stream_id){ i, 0 }), 0);
        assert_eq(stream_trim(stream_of(k), &rest), 20u);
        rest.max = 0;
        rest.count = 31;
        assert_eq(stream_trim(stream_of(k), &rest), 40u);
        rest.by_pages = false;
        assert_eq(stream_trim(stream_of(k), &rest), 4u);
        assert_eq(stream_trim(stream_of(k), &rest), 0u);
        assert_eq(stream_of(k)->n, 31u);
        store_free(s);
}

TEST(a_million_entries_are_small) {
        enum { N = 100000 };
        size_t n;

        begin(100);
        for (uint64_t i = 0; i < N; i++)
                assert_r(stream_append(stream_of(k), &s->config,
                                       (stream_id){ 1700000000000 + 7 * i, 0 },
                                       (bytes[]){ BYTES("f"), BYTES("0123456789") }, 1),
                         0);
        n = stream_memory(k, SIZE_MAX);
        assert_le(n, N * 16);
        assert_ge(n, N * 14);
        store_free(s);
}

/* What a radix tree of these IDs would have. */
TEST(nodes) {
        begin(1);
        assert_eq(stream_tree_nodes(stream_of(k)), 1u);
        append((stream_id){ 1, 0 });
        assert_eq(stream_tree_nodes(stream_of(k)), 2u);
        append((stream_id){ 2, 0 });
        assert_eq(stream_tree_nodes(stream_of(k)), 6u);
        append((stream_id){ 2, 1 });
        assert_eq(stream_tree_nodes(stream_of(k)), 8u);
        append((stream_id){ UINT64_C(1) << 56, 1 });
        assert_eq(stream_tree_nodes(stream_of(k)), 11u);
        store_free(s);
}

/* groups */

static stream_group *with_pending(size_t n) {
        stream_group *g = stream_group_new(BYTES("g"), STREAM_ID_MIN, 0);
        consumer *a = stream_group_add_consumer(g, BYTES("a"), 1);
        consumer *b = stream_group_add_consumer(g, BYTES("b"), 2);

        for (uint64_t i = 1; i <= n; i++)
                stream_group_give(g, (stream_id){ i, 0 }, i % 3 ? a : b)->time = (int64_t)i;
        return g;
}

TEST(what_is_pending) {
        stream_group *g = with_pending(300);
        consumer *a = stream_group_consumer(g, BYTES("a")),
                 *b = stream_group_consumer(g, BYTES("b"));

        assert_eq(idmap_count(&a->pending), 200u);
        assert_eq(idmap_count(&b->pending), 100u);
        assert_eq(stream_group_pending(g, (stream_id){ 3, 0 })->consumer, b);
        stream_group_give(g, (stream_id){ 3, 0 }, a);
        assert_eq(stream_group_pending(g, (stream_id){ 3, 0 })->time, 3);
        assert_eq(idmap_count(&a->pending), 201u);
        assert_true(stream_group_forget(g, (stream_id){ 4, 0 }));
        assert_false(stream_group_forget(g, (stream_id){ 4, 0 }));
        assert_eq(idmap_count(&g->pending), 299u);
        stream_group_remove_consumer(g, a);
        assert_eq(idmap_count(&g->pending), 99u);
        assert_null(stream_group_consumer(g, BYTES("a")));
        assert_null(stream_group_pending(g, (stream_id){ 3, 0 }));
        stream_group_free(g);
}

TEST(copies) {
        db *d;
        key *other;

        begin(10);
        d = &s->dbs[0];
        for (uint64_t i = 1; i <= 100; i++)
                assert_r(append((stream_id){ i, 0 }), 0);
        assert_r(roster_add(&stream_of(k)->groups, with_pending(100)), 0);
        other = db_add(d, BYTES("t"), KEY_STREAM);
        for (uint64_t nth = 1;; nth++) {
                int r;

                mem_fail_at(nth);
                r = stream_copy(k, other);
                mem_fail_at(0);
                if (r == 0)
                        break;
                assert_eq(r, -ENOMEM);
        }
        assert_eq(stream_of(other)->n, 100u);
        db_remove(d, db_peek(d, BYTES("s")));

        const stream_group *g = roster_find(&stream_of(other)->groups, BYTES("g"));
        const pending *p = stream_group_pending(g, (stream_id){ 9, 0 });
        assert_eq(p->consumer, stream_group_consumer(g, BYTES("b")));
        assert_eq(p->time, 9);
        store_free(s);
}

TEST(freed_in_parts) {
        size_t n = 0;

        begin(10);
        for (uint64_t i = 1; i <= 1000; i++)
                assert_r(append((stream_id){ i, 0 }), 0);
        assert_r(roster_add(&stream_of(k)->groups, with_pending(1000)), 0);
        while (stream_drain(k, 100))
                n++;
        assert_ge(n, 20u);
        assert_le(n, 40u);
        assert_eq(stream_of(k)->n, 0u);
        store_free(s);
}

TEST(without_memory) {
        begin(3);
        for (uint64_t i = 1; i <= 100; i++) {
                uint64_t nth = 1;

                for (int r = -ENOMEM; r < 0; nth++) {
                        mem_fail_at(nth);
                        r = append((stream_id){ i, 0 });
                        mem_fail_at(0);
                        assert_eq(stream_of(k)->n, r < 0 ? i - 1 : i);
                }
        }
        store_free(s);
}
