/* SPDX-License-Identifier: Apache-2.0 */
#include "idmap.h"

#include "base/mem.h"
#include "test.h"

#include <stdlib.h>

enum { MODEL_MAX = 4000 };

/* IDs in order, with a number for each. */
typedef struct model {
        size_t n;
        struct {
                stream_id id;
                uint64_t value;
        } items[MODEL_MAX];
} model;

static size_t model_place(const model *m, stream_id id) {
        size_t i = 0;

        while (i < m->n && stream_id_compare(m->items[i].id, id) < 0)
                i++;
        return i;
}

static bool model_has(const model *m, stream_id id) {
        size_t i = model_place(m, id);

        return i < m->n && stream_id_compare(m->items[i].id, id) == 0;
}

static void add(idmap *map, model *m, stream_id id) {
        size_t i = model_place(m, id);
        uint64_t *value;

        if (model_has(m, id))
                return;
        value = idmap_add(map, id);
        assert_true(value);
        memmove(&m->items[i + 1], &m->items[i], (m->n++ - i) * sizeof(m->items[0]));
        m->items[i].id = id;
        *value = m->items[i].value = (uint64_t)rand();
}

static void take(idmap *map, model *m, stream_id id) {
        bool there = model_has(m, id);
        size_t i = model_place(m, id);

        assert_eq(idmap_take(map, id), there);
        if (there)
                memmove(&m->items[i], &m->items[i + 1], (--m->n - i) * sizeof(m->items[0]));
}

static void check(const idmap *map, const model *m) {
        idmap_iter i;
        bool there = idmap_iter_from(&i, map, STREAM_ID_MIN);

        assert_eq(idmap_count(map), m->n);
        for (size_t k = 0; k < m->n; k++, there = idmap_iter_next(&i)) {
                assert_true(there);
                assert_eq(stream_id_compare(i.id, m->items[k].id), 0);
                assert_eq(*(uint64_t *)i.value, m->items[k].value);
                assert_eq(*(uint64_t *)idmap_find(map, i.id), m->items[k].value);
        }
        assert_false(there);
        there = idmap_iter_to(&i, map, STREAM_ID_MAX);
        for (size_t k = m->n; k > 0; k--, there = idmap_iter_prev(&i))
                assert_eq(stream_id_compare(i.id, m->items[k - 1].id), 0);
        assert_false(there);
}

/* From and to an ID that may not be there. */
static void check_ends(const idmap *map, const model *m, stream_id id) {
        size_t k = model_place(m, id);
        idmap_iter i;

        assert_eq(idmap_iter_from(&i, map, id), k < m->n);
        if (k < m->n)
                assert_eq(stream_id_compare(i.id, m->items[k].id), 0);
        k += model_has(m, id);
        assert_eq(idmap_iter_to(&i, map, id), k > 0);
        if (k > 0)
                assert_eq(stream_id_compare(i.id, m->items[k - 1].id), 0);
        assert_eq(idmap_find(map, id) != NULL, model_has(m, id));
}

static stream_id some_id(uint64_t max) {
        return (stream_id){ (uint64_t)rand() % max, (uint64_t)rand() % 3 };
}

TEST(like_a_model) {
        static model m;
        idmap map;

        srand(1);
        idmap_init(&map, sizeof(uint64_t));
        /* mostly growing, then mostly shrinking, over ranges so that IDs meet */
        for (int round = 0; round < 6; round++) {
                for (int i = 0; i < 3000; i++) {
                        stream_id id = some_id(round < 3 ? 900 : 3000);

                        if (m.n < MODEL_MAX && rand() % 10 < (round % 2 ? 3 : 7))
                                add(&map, &m, id);
                        else
                                take(&map, &m, id);
                        check_ends(&map, &m, some_id(3000));
                }
                check(&map, &m);
        }
        while (m.n > 0)
                take(&map, &m, m.items[(size_t)rand() % m.n].id);
        check(&map, &m);
        assert_eq(idmap_bytes(&map), 0u);
}

TEST(what_is_added_at_the_end_leaves_no_gaps) {
        idmap map;

        idmap_init(&map, sizeof(uint64_t));
        for (uint64_t i = 0; i < 100000; i++)
                *(uint64_t *)idmap_add(&map, (stream_id){ i, 0 }) = i;
        assert_le(idmap_bytes(&map), 100000 * 24 * 102 / 100);
        for (uint64_t i = 0; i < 100000; i++)
                assert_true(idmap_take(&map, (stream_id){ i, 0 }));
        assert_eq(idmap_bytes(&map), 0u);
}

TEST(without_values) {
        idmap map, copy;

        idmap_init(&map, 0);
        for (uint64_t i = 0; i < 1000; i += 2)
                assert_true(idmap_add(&map, (stream_id){ i, i }));
        assert_r(idmap_copy(&copy, &map), 0);
        for (uint64_t i = 0; i < 1000; i++) {
                assert_eq(idmap_find(&map, (stream_id){ i, i }) != NULL, i % 2 == 0);
                assert_eq(idmap_take(&copy, (stream_id){ i, i }), i % 2 == 0);
        }
        assert_eq(idmap_count(&map), 500u);
        idmap_deinit(&map);
}

TEST(without_memory) {
        static model m;
        idmap map, copy;

        srand(2);
        idmap_init(&map, sizeof(uint64_t));
        while (m.n < 1000) {
                stream_id id = some_id(100000);
                bool has_failed;

                if (model_has(&m, id))
                        continue;
                mem_fail_at(1);
                has_failed = !idmap_add(&map, id);
                mem_fail_at(0);
                if (has_failed)
                        check_ends(&map, &m, id);
                else
                        assert_true(idmap_take(&map, id));
                add(&map, &m, id);
        }
        check(&map, &m);
        for (uint64_t nth = 1;; nth++) {
                bool is_good;

                mem_fail_at(nth);
                is_good = idmap_copy(&copy, &map) == 0;
                mem_fail_at(0);
                if (is_good)
                        break;
        }
        check(&copy, &m);
        idmap_deinit(&copy);
        idmap_deinit(&map);
}
