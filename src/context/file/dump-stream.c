/* SPDX-License-Identifier: Apache-2.0 */
#include "dump-stream.h"

#include <endian.h>

#include "../../wire/rdb/listpack.h"

enum { IS_SAME = 2 }; /* its fields have the names of the first entry's */

static void put_id(rdb_out *out, stream_id id) {
        uint64_t be[2] = { htobe64(id.ms), htobe64(id.seq) };

        rdb_out_raw(out, be, sizeof(be));
}

static void put_id_lengths(rdb_out *out, stream_id id) {
        rdb_out_length(out, id.ms);
        rdb_out_length(out, id.seq);
}

/* pages */

static bool has_names_of(page_entry first, page_entry e) {
        bytes name, other, value;

        if (first.n_fields != e.n_fields)
                return false;
        for (size_t n = e.n_fields; n > 0; n--) {
                page_entry_next(&first, &name, &value);
                page_entry_next(&e, &other, &value);
                if (!bytes_equal(name, other))
                        return false;
        }
        return true;
}

/* Returns how many items it is. */
static uint64_t put_first(rdb_out *listpack, uint32_t n_entries, page_entry first) {
        bytes name, value;

        rdb_listpack_integer(listpack, n_entries);
        rdb_listpack_integer(listpack, 0); /* that were deleted: here they are gone */
        rdb_listpack_integer(listpack, (int64_t)first.n_fields);
        for (size_t n = first.n_fields; n > 0; n--) {
                page_entry_next(&first, &name, &value);
                rdb_listpack_string(listpack, name);
        }
        rdb_listpack_integer(listpack, 0);
        return first.n_fields + 4;
}

static uint64_t put_entry(rdb_out *listpack, stream_id base, bool is_same, page_entry e) {
        uint64_t n_items = 3 + (is_same ? e.n_fields : 2 * e.n_fields + 1);
        bytes name, value;

        rdb_listpack_integer(listpack, is_same ? IS_SAME : 0);
        rdb_listpack_integer(listpack, (int64_t)(e.id.ms - base.ms));
        rdb_listpack_integer(listpack, (int64_t)(e.id.seq - base.seq));
        if (!is_same)
                rdb_listpack_integer(listpack, (int64_t)e.n_fields);
        for (size_t n = e.n_fields; n > 0; n--) {
                page_entry_next(&e, &name, &value);
                if (!is_same)
                        rdb_listpack_string(listpack, name);
                rdb_listpack_string(listpack, value);
        }
        rdb_listpack_integer(listpack, (int64_t)n_items);
        return n_items + 1;
}

void dump_page(rdb_out *out, const page *p) {
        page_entry first, e;
        rdb_out listpack = { 0 };
        uint64_t n_items;

        page_get(p, page_first(p), &first);
        rdb_listpack_begin(&listpack);
        n_items = put_first(&listpack, p->n, first);
        for (size_t at = page_first(p); at; at = page_next(p, at)) {
                page_get(p, at, &e);
                n_items += put_entry(&listpack, p->id, has_names_of(first, e), e);
        }
        rdb_listpack_end(&listpack, n_items);
        rdb_out_length(out, 16);
        put_id(out, p->id);
        rdb_out_string(out, (bytes){ (const char *)listpack.p, listpack.n });
        out->failed |= listpack.failed;
        rdb_out_deinit(&listpack);
}

/* groups */

static void put_pending(rdb_out *out, const idmap *ids, bool is_of_group) {
        idmap_iter i;

        rdb_out_length(out, idmap_count(ids));
        for (bool there = idmap_iter_from(&i, ids, STREAM_ID_MIN); there;
             there = idmap_iter_next(&i)) {
                put_id(out, i.id);
                if (is_of_group) {
                        const pending *p = i.value;

                        rdb_out_le64(out, (uint64_t)p->time);
                        rdb_out_length(out, p->count);
                }
        }
}

static void put_group(rdb_out *out, const stream_group *g) {
        rdb_out_string(out, g->name);
        put_id_lengths(out, g->last);
        rdb_out_length(out, (uint64_t)g->n_read);
        put_pending(out, &g->pending, true);
        rdb_out_length(out, g->consumers.n);
        for (size_t i = 0; i < g->consumers.n; i++) {
                const consumer *who = g->consumers.things[i];

                rdb_out_string(out, who->name);
                rdb_out_le64(out, (uint64_t)who->seen);
                put_pending(out, &who->pending, false);
        }
}

void dump_groups(rdb_out *out, const stream *s) {
        rdb_out_length(out, s->n);
        put_id_lengths(out, s->last);
        put_id_lengths(out, s->first);
        put_id_lengths(out, s->max_deleted);
        rdb_out_length(out, s->n_ever);
        rdb_out_length(out, s->groups.n);
        for (size_t i = 0; i < s->groups.n; i++)
                put_group(out, s->groups.things[i]);
}
