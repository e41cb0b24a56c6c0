/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "base/mem.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIELDS_MAX = 5, ENTRIES_MAX = 60, TEXT_MAX = 300 };

/* What was put in. */
typedef struct written {
        stream_id id;
        size_t n_fields;
        bytes fields[2 * FIELDS_MAX];
        char text[2 * FIELDS_MAX][TEXT_MAX];
} written;

static void check_entry(page_entry *e, const written *w) {
        assert_eq(stream_id_compare(e->id, w->id), 0);
        assert_eq(e->n_fields, w->n_fields);
        for (size_t i = 0; i < w->n_fields; i++) {
                bytes name, value;

                page_entry_next(e, &name, &value);
                assert_true(bytes_equal(name, w->fields[2 * i]));
                assert_true(bytes_equal(value, w->fields[2 * i + 1]));
        }
}

/* Forth and back, those of @all that @order names. */
static void check(const page *p, const written *all, const size_t *order, size_t n) {
        size_t at = page_first(p), before = 0;
        page_entry e;

        assert_eq(p->n, n);
        for (size_t i = 0; i < n; i++) {
                assert_true(at);
                page_get(p, at, &e);
                check_entry(&e, &all[order[i]]);
                assert_eq(page_prev(p, at), before);
                before = at;
                at = page_next(p, at);
        }
        assert_eq(at, 0u);
        assert_eq(page_last(p), before);
}

static const char *const texts[] = {
        "",
        "0",
        "1",
        "-1",
        "127",
        "128",
        "-128",
        "-129",
        "255",
        "32767",
        "32768",
        "-32769",
        "8388608",
        "2147483648",
        "-2147483649",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "007",
        "-0",
        "+1",
        " 1",
        "1.5",
        "text",
        "another text of some length",
};

static void draw_text(written *w, size_t i) {
        size_t n;

        if (rand() % 2) {
                n = (size_t)snprintf(w->text[i], TEXT_MAX, "%s",
                                     texts[(size_t)rand() % (sizeof(texts) / sizeof(*texts))]);
        } else {
                n = (size_t)rand() % TEXT_MAX;
                memset(w->text[i], 'a' + rand() % 26, n);
        }
        w->fields[i] = (bytes){ w->text[i], n };
}

/* With the names of @usual, or NULL for names of its own. */
static void draw(written *w, stream_id id, const written *usual) {
        w->id = id;
        w->n_fields = usual ? usual->n_fields : (size_t)(rand() % FIELDS_MAX) + 1;
        for (size_t i = 0; i < 2 * w->n_fields; i++)
                draw_text(w, i);
        for (size_t i = 0; usual && i < usual->n_fields; i++)
                w->fields[2 * i] = usual->fields[2 * i];
}

static stream_id id_behind(stream_id id) {
        static const uint64_t steps[] = { 0, 1, 31, 32, 4095, 4096, 100000, UINT64_C(1) << 40 };
        uint64_t ms = steps[(size_t)rand() % (sizeof(steps) / sizeof(*steps))];

        return ms ? (stream_id){ id.ms + ms, (uint64_t)(rand() % 3 * 1000) }
                  : (stream_id){ id.ms, id.seq + 1 + (uint64_t)(rand() % 200) };
}

/* Remove some from anywhere, until nothing is left. */
static void empty(page **p, const written *all) {
        size_t order[ENTRIES_MAX], n = ENTRIES_MAX;

        for (size_t i = 0; i < n; i++)
                order[i] = i;
        while (n > 0) {
                size_t from = (size_t)rand() % n, some = (size_t)rand() % 3 + 1;
                size_t at = page_first(*p);

                if (some > n - from)
                        some = n - from;
                for (size_t i = 0; i < from; i++)
                        at = page_next(*p, at);
                page_remove(p, at, some);
                n -= some;
                memmove(&order[from], &order[from + some], (n - from) * sizeof(*order));
                check(*p, all, order, n);
        }
        assert_eq((*p)->n_gone, (uint32_t)ENTRIES_MAX);
}

TEST(what_was_put_in) {
        static written all[ENTRIES_MAX];

        srand(1);
        for (int round = 0; round < 50; round++) {
                page *p;

                draw(&all[0], (stream_id){ (uint64_t)rand(), (uint64_t)(rand() % 3) }, NULL);
                p = page_new(all[0].id, all[0].fields, all[0].n_fields);
                for (size_t i = 1; i < ENTRIES_MAX; i++) {
                        draw(&all[i], id_behind(all[i - 1].id), rand() % 4 ? &all[0] : NULL);
                        assert_r(page_append(&p, all[i].id, all[i].fields, all[i].n_fields), 0);
                }
                page_seal(&p);
                empty(&p, all);
                page_free(p);
        }
}

TEST(far_ids) {
        written all[2] = { { .id = { 0, 1 } }, { .id = STREAM_ID_MAX } };
        page *p = page_new(all[0].id, NULL, 0);

        assert_r(page_append(&p, all[1].id, NULL, 0), 0);
        check(p, all, (size_t[]){ 0, 1 }, 2);
        page_free(p);
}

TEST(small) {
        page *p = page_new((stream_id){ 1700000000000, 0 },
                           (bytes[]){ BYTES("f"), BYTES("0123456789") }, 1);

        for (uint64_t i = 1; i < 100; i++)
                assert_r(page_append(&p, (stream_id){ 1700000000000 + 7 * i, 0 },
                                     (bytes[]){ BYTES("f"), BYTES("0123456789") }, 1),
                         0);
        page_seal(&p);
        assert_le(page_size(p), 100 * 15u);
        page_free(p);
}

TEST(as_large_as_a_node) {
        /* head; how many there are, and gone; one field, its name, an end; flags, time, number,
         * value, count; end */
        page *p = page_new((stream_id){ 1, 1 }, (bytes[]){ BYTES("a"), BYTES("1") }, 1);

        assert_eq(page_node_bytes(p), 6u + 2 + 2 + 2 + 3 + 2 + 2 + 2 + 2 + 2 + 2 + 1);
        page_free(p);
}

TEST(without_memory) {
        bytes fields[] = { BYTES("name"), BYTES("value") };
        page *p = page_new((stream_id){ 1, 1 }, fields, 1), *none;

        for (uint64_t i = 2; i < 200; i++) {
                int r;

                mem_fail_at(1);
                r = page_append(&p, (stream_id){ i, 0 }, fields, 1);
                mem_fail_at(0);
                if (r < 0) {
                        assert_eq(r, -ENOMEM);
                        assert_r(page_append(&p, (stream_id){ i, 0 }, fields, 1), 0);
                }
        }
        assert_eq(p->n, 199u);
        mem_fail_at(1);
        none = page_copy(p);
        mem_fail_at(0);
        assert_false(none);
        page_free(p);
}
