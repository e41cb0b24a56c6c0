/* SPDX-License-Identifier: Apache-2.0 */
/* XINFO: what can be told about streams, their groups and consumers. */
#include "context/commands.h"

#include "../store.h"
#include "stream-call.h"

/* Entries and IDs of a FULL answer that says no number; Redis's. */
enum { FULL_COUNT = 10 };

static bool open_stream(call *c, stream **ret) {
        key *k;

        if (!call_read(c, 2, KEY_STREAM, &k))
                return false;
        if (!k)
                call_fail(c, "ERR no such key");
        *ret = k ? stream_of(k) : NULL;
        return k;
}

static void tell(call *c, const char *name, int64_t n) {
        resp_out_bulk_text(c->out, name);
        resp_out_integer(c->out, n);
}

static void tell_bytes(call *c, const char *name, bytes text) {
        resp_out_bulk_text(c->out, name);
        resp_out_bulk(c->out, text.p, text.n);
}

static void tell_id(call *c, const char *name, stream_id id) {
        resp_out_bulk_text(c->out, name);
        call_answer_id(c, id);
}

static void tell_if(call *c, const char *name, bool is_known, int64_t n) {
        resp_out_bulk_text(c->out, name);
        if (is_known)
                resp_out_integer(c->out, n);
        else
                resp_out_null(c->out);
}

/* How far a group is. */
static void tell_progress(call *c, const stream *s, const stream_group *g) {
        int64_t lag;
        bool is_known = stream_lag(s, g, &lag);

        tell_id(c, "last-delivered-id", g->last);
        tell_if(c, "entries-read", g->n_read != STREAM_READ_UNKNOWN, g->n_read);
        tell_if(c, "lag", is_known, lag);
}

/* XINFO STREAM */

enum { COMMON_PAIRS = 7 };

static void tell_common(call *c, const stream *s) {
        tell(c, "length", (int64_t)s->n);
        tell(c, "radix-tree-keys", (int64_t)idmap_count(&s->pages));
        tell(c, "radix-tree-nodes", (int64_t)stream_tree_nodes(s));
        tell_id(c, "last-generated-id", s->last);
        tell_id(c, "max-deleted-entry-id", s->max_deleted);
        tell(c, "entries-added", (int64_t)s->n_ever);
        tell_id(c, "recorded-first-entry-id", s->first);
}

static void tell_edge(call *c, const char *name, const stream *s, stream_way way) {
        stream_iter i;

        resp_out_bulk_text(c->out, name);
        stream_iter_begin(&i, s, STREAM_ID_MIN, STREAM_ID_MAX, way);
        if (stream_iter_next(&i))
                call_answer_entry(c, &i.entry);
        else
                resp_out_null(c->out);
}

static size_t up_to(size_t n, int64_t max) {
        return max > 0 && n > (size_t)max ? (size_t)max : n;
}

static void tell_pending(call *c, const stream_group *g, int64_t max) {
        size_t n = up_to(idmap_count(&g->pending), max);
        idmap_iter i;

        tell(c, "pel-count", (int64_t)idmap_count(&g->pending));
        resp_out_bulk_text(c->out, "pending");
        resp_out_array(c->out, n);
        for (bool there = idmap_iter_from(&i, &g->pending, STREAM_ID_MIN); there && n > 0;
             there = idmap_iter_next(&i), n--) {
                const pending *p = i.value;

                resp_out_array(c->out, 4);
                call_answer_id(c, i.id);
                resp_out_bulk(c->out, p->consumer->name.p, p->consumer->name.n);
                resp_out_integer(c->out, p->time);
                resp_out_integer(c->out, (int64_t)p->count);
        }
}

static void tell_consumer(call *c, const stream_group *g, const consumer *who, int64_t max) {
        size_t n = up_to(idmap_count(&who->pending), max);
        idmap_iter i;

        resp_out_map(c->out, 4);
        tell_bytes(c, "name", who->name);
        tell(c, "seen-time", who->seen);
        tell(c, "pel-count", (int64_t)idmap_count(&who->pending));
        resp_out_bulk_text(c->out, "pending");
        resp_out_array(c->out, n);
        for (bool there = idmap_iter_from(&i, &who->pending, STREAM_ID_MIN); there && n > 0;
             there = idmap_iter_next(&i), n--) {
                const pending *p = stream_group_pending(g, i.id);

                resp_out_array(c->out, 3);
                call_answer_id(c, i.id);
                resp_out_integer(c->out, p->time);
                resp_out_integer(c->out, (int64_t)p->count);
        }
}

static void tell_group(call *c, const stream *s, const stream_group *g, int64_t max) {
        resp_out_map(c->out, 7);
        tell_bytes(c, "name", g->name);
        tell_progress(c, s, g);
        tell_pending(c, g, max);
        resp_out_bulk_text(c->out, "consumers");
        resp_out_array(c->out, g->consumers.n);
        for (size_t i = 0; i < g->consumers.n; i++)
                tell_consumer(c, g, g->consumers.things[i], max);
}

static void tell_all(call *c, const stream *s, int64_t max) {
        resp_out_map(c->out, COMMON_PAIRS + 2);
        tell_common(c, s);
        resp_out_bulk_text(c->out, "entries");
        call_answer_range(c, s, STREAM_ID_MIN, STREAM_ID_MAX, (uint64_t)max, STREAM_FORTH);
        resp_out_bulk_text(c->out, "groups");
        resp_out_array(c->out, s->groups.n);
        for (size_t i = 0; i < s->groups.n; i++)
                tell_group(c, s, s->groups.things[i], max);
}

/* FULL [COUNT n] from argument 3 on. */
static bool read_full(call *c, int64_t *ret_max) {
        *ret_max = FULL_COUNT;
        if (!call_is(c, 3, "FULL") || (c->argc > 4 && (c->argc != 6 || !call_is(c, 4, "COUNT")))) {
                call_fail_usage(c, "XINFO");
                return false;
        }
        if (c->argc > 4 && !call_integer(c, 5, ret_max, NULL))
                return false;
        if (*ret_max < 0)
                *ret_max = FULL_COUNT;
        return true;
}

void cmd_xinfo_stream(call *c) {
        int64_t max;
        stream *s;

        if (!open_stream(c, &s))
                return;
        if (c->argc > 3) {
                if (read_full(c, &max))
                        tell_all(c, s, max);
                return;
        }
        resp_out_map(c->out, COMMON_PAIRS + 3);
        tell_common(c, s);
        tell(c, "groups", (int64_t)s->groups.n);
        tell_edge(c, "first-entry", s, STREAM_FORTH);
        tell_edge(c, "last-entry", s, STREAM_BACK);
}

void cmd_xinfo_groups(call *c) {
        stream *s;

        if (!open_stream(c, &s))
                return;
        resp_out_array(c->out, s->groups.n);
        for (size_t i = 0; i < s->groups.n; i++) {
                const stream_group *g = s->groups.things[i];

                resp_out_map(c->out, 6);
                tell_bytes(c, "name", g->name);
                tell(c, "consumers", (int64_t)g->consumers.n);
                tell(c, "pending", (int64_t)idmap_count(&g->pending));
                tell_progress(c, s, g);
        }
}

void cmd_xinfo_consumers(call *c) {
        const stream_group *g;
        stream *s;

        if (!open_stream(c, &s))
                return;
        g = roster_find(&s->groups, c->argv[3]);
        if (!g) {
                call_fail_group_of_sub(c);
                return;
        }
        resp_out_array(c->out, g->consumers.n);
        for (size_t i = 0; i < g->consumers.n; i++) {
                const consumer *who = g->consumers.things[i];
                int64_t idle = c->store->now - who->seen;

                resp_out_map(c->out, 3);
                tell_bytes(c, "name", who->name);
                tell(c, "pending", (int64_t)idmap_count(&who->pending));
                tell(c, "idle", idle < 0 ? 0 : idle);
        }
}
