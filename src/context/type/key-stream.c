/* SPDX-License-Identifier: Apache-2.0 */
#include "key-stream.h"

#include <errno.h>

#include "../../base/mem.h"
#include "../store.h"
#include "value.h"

static stream *stream_new(void) {
        stream *s = mem_zero(sizeof(*s));

        if (s)
                idmap_init(&s->pages, sizeof(page *));
        return s;
}

static stream *stream_end(stream *s) {
        idmap_iter i;

        if (!s)
                return NULL;
        for (bool there = idmap_iter_from(&i, &s->pages, STREAM_ID_MIN); there;
             there = idmap_iter_next(&i))
                page_free(*(page **)i.value);
        idmap_deinit(&s->pages);
        for (size_t g = 0; g < s->groups.n; g++)
                stream_group_free(s->groups.things[g]);
        roster_deinit(&s->groups);
        return mem_free(s);
}

static void put_into(key *k, stream *s) {
        k->encoding = KEY_STREAM_LOG;
        k->value = s;
}

key *stream_add(db *d, bytes name) {
        stream *s = stream_new();
        key *k = s ? db_add(d, name, KEY_STREAM) : NULL;

        if (!k) {
                stream_end(s);
                return NULL;
        }
        put_into(k, s);
        return k;
}

/* adding */

static size_t sum_of(const bytes *fields, size_t n_fields) {
        size_t n = 0;

        for (size_t i = 0; i < 2 * n_fields; i++)
                n += fields[i].n;
        return n;
}

/* Whether an entry of @n bytes more begins another page, as it would begin another node. */
static bool is_full(const page *p, const config *cfg, size_t n) {
        size_t max = cfg->stream_node_max_bytes;

        if (max == 0 || max > PAGE_ENTRY_MAX)
                max = PAGE_ENTRY_MAX;
        return page_node_bytes(p) + n >= max ||
               (cfg->stream_node_max_entries > 0 &&
                (size_t)p->n + p->n_gone >= cfg->stream_node_max_entries);
}

static int append_page(stream *s, stream_id id, const bytes *fields, size_t n_fields) {
        page *p = page_new(id, fields, n_fields), **slot;

        slot = p ? idmap_add(&s->pages, id) : NULL;
        if (!slot) {
                page_free(p);
                return -ENOMEM;
        }
        *slot = p;
        return 0;
}

int stream_append(stream *s, const config *cfg, stream_id id, const bytes *fields,
                  size_t n_fields) {
        size_t n = sum_of(fields, n_fields);
        idmap_iter i;
        page **p;
        int r;

        /* the second bound is ours: lengths take bytes too */
        if (n > PAGE_ENTRY_MAX || n_fields > PAGE_ENTRY_MAX / 16)
                return -EMSGSIZE;
        p = idmap_iter_to(&i, &s->pages, STREAM_ID_MAX) ? i.value : NULL;
        if (p && is_full(*p, cfg, n)) {
                page_seal(p);
                p = NULL;
        }
        r = p ? page_append(p, id, fields, n_fields) : append_page(s, id, fields, n_fields);
        if (r < 0)
                return r;
        s->n++;
        s->n_ever++;
        s->last = id;
        if (s->n == 1)
                s->first = id;
        return 0;
}

/* walking */

/* A page that the walk has come to. */
static void enter(stream_iter *i, bool there) {
        for (; there; there = i->way == STREAM_FORTH ? idmap_iter_next(&i->pages)
                                                     : idmap_iter_prev(&i->pages)) {
                i->page = *(page **)i->pages.value;
                i->at = i->way == STREAM_BACK ? page_last(i->page) : page_first(i->page);
                bool before = stream_id_compare(i->page->last, i->from) < 0;
                if (i->at && !before)
                        return;
                if (before && i->way == STREAM_BACK)
                        break;
        }
        i->page = NULL;
}

void stream_iter_begin(stream_iter *i, const stream *s, stream_id from, stream_id to,
                       stream_way way) {
        bool there;

        i->from = from;
        i->to = to;
        i->way = way;
        there = idmap_iter_to(&i->pages, &s->pages, way == STREAM_FORTH ? from : to);
        if (!there && way == STREAM_FORTH)
                there = idmap_iter_from(&i->pages, &s->pages, from);
        enter(i, there);
}

bool stream_iter_next(stream_iter *i) {
        bool forth = i->way == STREAM_FORTH;

        while (i->page) {
                page_get(i->page, i->at, &i->entry);
                i->at = forth ? page_next(i->page, i->at) : page_prev(i->page, i->at);
                if (i->at == 0)
                        enter(i, forth ? idmap_iter_next(&i->pages) : idmap_iter_prev(&i->pages));
                bool behind = stream_id_compare(i->entry.id, i->to) > 0;
                bool before = stream_id_compare(i->entry.id, i->from) < 0;
                if (!behind && !before)
                        return true;
                if (forth ? behind : before)
                        i->page = NULL;
        }
        return false;
}

bool stream_has(const stream *s, stream_id id) {
        stream_iter i;

        stream_iter_begin(&i, s, id, id, STREAM_FORTH);
        return stream_iter_next(&i);
}

stream_id stream_top(const stream *s) {
        stream_iter i;

        stream_iter_begin(&i, s, STREAM_ID_MIN, STREAM_ID_MAX, STREAM_BACK);
        return stream_iter_next(&i) ? i.entry.id : STREAM_ID_MIN;
}

/* deleting */

static void find_first(stream *s) {
        stream_iter i;

        stream_iter_begin(&i, s, STREAM_ID_MIN, STREAM_ID_MAX, STREAM_FORTH);
        s->first = stream_iter_next(&i) ? i.entry.id : STREAM_ID_MIN;
}

static void drop_page(stream *s, stream_id id, page *p) {
        s->n -= p->n;
        idmap_take(&s->pages, id);
        page_free(p);
}

static size_t place_in(const page *p, stream_id id) {
        for (size_t at = page_first(p); at; at = page_next(p, at)) {
                page_entry e;

                page_get(p, at, &e);
                if (stream_id_compare(e.id, id) >= 0)
                        return stream_id_compare(e.id, id) == 0 ? at : 0;
        }
        return 0;
}

bool stream_delete(stream *s, stream_id id) {
        idmap_iter i;
        size_t at = 0;
        page **p;

        if (idmap_iter_to(&i, &s->pages, id))
                at = place_in(*(page **)i.value, id);
        if (!at)
                return false;
        p = i.value;
        if ((*p)->n == 1) {
                drop_page(s, i.id, *p);
        } else {
                page_remove(p, at, 1);
                s->n--;
        }
        if (stream_id_compare(id, s->max_deleted) > 0)
                s->max_deleted = id;
        if (stream_id_compare(id, s->first) == 0)
                find_first(s);
        return true;
}

/* How many of a page's entries come before what is to be left. */
static size_t count_before(const page *p, stream_id from) {
        size_t n = 0;

        for (size_t at = page_first(p); at; at = page_next(p, at), n++) {
                page_entry e;

                page_get(p, at, &e);
                if (stream_id_compare(e.id, from) >= 0)
                        break;
        }
        return n;
}

static size_t too_many(const stream *s, const stream_rest *rest, const page *p) {
        if (rest->by == REST_FROM)
                return count_before(p, rest->from);
        return s->n > rest->count ? s->n - rest->count : 0;
}

static bool goes_whole(const stream *s, const stream_rest *rest, const page *p) {
        if (rest->by == REST_FROM)
                return stream_id_compare(p->last, rest->from) < 0;
        return s->n - p->n >= rest->count;
}

size_t stream_trim(stream *s, const stream_rest *rest) {
        size_t before = s->n;
        idmap_iter i;

        if (rest->by == REST_ALL)
                return 0;
        while (idmap_iter_from(&i, &s->pages, STREAM_ID_MIN)) {
                page **p = i.value;
                size_t n;

                if (rest->by == REST_COUNT && s->n <= rest->count)
                        break;
                if (rest->max > 0 && before - s->n + (*p)->n > rest->max)
                        break;
                if (goes_whole(s, rest, *p)) {
                        drop_page(s, i.id, *p);
                        continue;
                }
                n = rest->by_pages ? 0 : too_many(s, rest, *p);
                if (n > 0)
                        page_remove(p, page_first(*p), n);
                s->n -= n;
                break;
        }
        if (s->n < before)
                find_first(s);
        return before - s->n;
}

/* how many there were */

static bool has_deleted(const stream *s) {
        return stream_id_compare(s->max_deleted, STREAM_ID_MIN) > 0;
}

bool stream_has_holes(const stream *s, stream_id from) {
        return s->n > 0 && has_deleted(s) && stream_id_compare(s->first, s->max_deleted) <= 0 &&
               stream_id_compare(from, s->max_deleted) <= 0;
}

int64_t stream_rank(const stream *s, stream_id id) {
        int to_last = stream_id_compare(id, s->last);
        int to_first = stream_id_compare(id, s->first);

        if (s->n_ever == 0)
                return 0;
        if (to_last == 0 || (to_last < 0 && s->n == 0))
                return (int64_t)s->n_ever;
        /* all that was deleted lies before what is there */
        if (to_last < 0 && to_first <= 0 &&
            (!has_deleted(s) || stream_id_compare(s->max_deleted, s->first) < 0))
                return (int64_t)(s->n_ever - s->n) + (to_first == 0);
        return STREAM_READ_UNKNOWN;
}

bool stream_lag(const stream *s, const stream_group *g, int64_t *ret) {
        int64_t n_read = g->n_read;

        *ret = 0;
        if (s->n_ever == 0)
                return true;
        if (n_read == STREAM_READ_UNKNOWN || stream_has_holes(s, g->last))
                n_read = stream_rank(s, g->last);
        *ret = (int64_t)s->n_ever - n_read;
        return n_read != STREAM_READ_UNKNOWN;
}

/* the tree of nodes */

enum { ID_BYTES = 16 };

/* How many bytes two IDs have in common, as they are written with the highest byte first. */
static int common_bytes(stream_id a, stream_id b) {
        uint64_t ms = a.ms ^ b.ms, seq = a.seq ^ b.seq;

        return ms ? __builtin_clzll(ms) / 8 : 8 + __builtin_clzll(seq) / 8;
}

/* A node at @depth below a fork at @above, -1 if there is none; what lies between is a
 * node of its own. */
static size_t nodes_to(int depth, int above) {
        return depth - above > 1 ? 2 : 1;
}

size_t stream_tree_nodes(const stream *s) {
        int forks[ID_BYTES + 1] = { -1 }, n_forks = 1, before = -1;
        size_t n = 0;
        idmap_iter i;

        if (!idmap_iter_from(&i, &s->pages, STREAM_ID_MIN))
                return 1;
        for (bool there = true; there;) {
                stream_id id = i.id;
                int common;

                there = idmap_iter_next(&i);
                common = there ? common_bytes(id, i.id) : -1;
                n += nodes_to(ID_BYTES, common > before ? common : before);
                /* forks that nothing more is below */
                while (forks[n_forks - 1] > common) {
                        int fork = forks[--n_forks];

                        n += nodes_to(fork,
                                      forks[n_forks - 1] > common ? forks[n_forks - 1] : common);
                }
                if (forks[n_forks - 1] < common)
                        forks[n_forks++] = common;
                before = common;
        }
        return n;
}

/* all of it */

static int copy_pages(stream *to, const stream *from) {
        idmap_iter i;

        if (idmap_copy(&to->pages, &from->pages) < 0)
                return -ENOMEM;
        for (bool there = idmap_iter_from(&i, &to->pages, STREAM_ID_MIN); there;
             there = idmap_iter_next(&i)) {
                page **p = i.value, *copy = page_copy(*p);

                if (copy) {
                        *p = copy;
                        continue;
                }
                /* the rest are those of @from */
                for (; there; there = idmap_iter_next(&i))
                        *(page **)i.value = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int copy_groups(stream *to, const stream *from) {
        for (size_t i = 0; i < from->groups.n; i++) {
                stream_group *g = stream_group_copy(from->groups.things[i]);

                if (!g || roster_add(&to->groups, g) < 0) {
                        stream_group_free(g);
                        return -ENOMEM;
                }
        }
        return 0;
}

int stream_copy(const key *k, key *copy) {
        const stream *s = stream_of(k);
        stream *value = stream_new();

        if (!value || copy_pages(value, s) < 0 || copy_groups(value, s) < 0) {
                stream_end(value);
                return -ENOMEM;
        }
        value->n = s->n;
        value->n_ever = s->n_ever;
        value->first = s->first;
        value->last = s->last;
        value->max_deleted = s->max_deleted;
        put_into(copy, value);
        return 0;
}

key *stream_of_group(stream_group *g) {
        key *k = mem_zero(sizeof(*k));
        stream *s = k ? stream_new() : NULL;

        if (!s || roster_add(&s->groups, g) < 0) {
                stream_end(s);
                return mem_free(k);
        }
        k->type = KEY_STREAM;
        put_into(k, s);
        return k;
}

void stream_free(key *k) {
        stream_end(k->value);
}

/* From the end, where taking moves nothing; pages, then groups. */
bool stream_drain(key *k, size_t n) {
        stream *s = stream_of(k);
        stream_group *last;
        idmap_iter i;

        for (size_t n_gone = 0; n_gone < n && idmap_iter_to(&i, &s->pages, STREAM_ID_MAX);) {
                page *p = *(page **)i.value;

                n_gone += p->n + 1;
                drop_page(s, i.id, p);
        }
        if (idmap_count(&s->pages) > 0)
                return true;
        if (s->groups.n == 0)
                return false;
        last = s->groups.things[s->groups.n - 1];
        if (!stream_group_drain(last, n)) {
                roster_take(&s->groups, last);
                stream_group_free(last);
        }
        return true;
}

size_t stream_effort(const key *k) {
        const stream *s = stream_of(k);
        size_t n = s->n;

        for (size_t i = 0; i < s->groups.n; i++) {
                const stream_group *g = s->groups.things[i];

                n += 1 + idmap_count(&g->pending) + g->consumers.n;
        }
        return n;
}

size_t stream_memory(const key *k, size_t n_looked) {
        const stream *s = stream_of(k);
        size_t n = 0, n_seen = 0;
        idmap_iter i;

        for (bool there = idmap_iter_from(&i, &s->pages, STREAM_ID_MIN); there && n_seen < n_looked;
             there = idmap_iter_next(&i), n_seen++)
                n += page_size(*(page **)i.value);
        n = value_extrapolate(n, n_seen, idmap_count(&s->pages));
        for (size_t g = 0; g < s->groups.n; g++)
                n += stream_group_bytes(s->groups.things[g]);
        return sizeof(*s) + idmap_bytes(&s->pages) + roster_bytes(&s->groups) + n;
}
