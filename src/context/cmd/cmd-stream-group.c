/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group stream: groups, and what is pending in them. */
#include "context/commands.h"

#include "../block.h"
#include "../store.h"
#include "stream-call.h"

/* XGROUP */

typedef struct group_options {
        bool makes_stream;
        int64_t n_read;
} group_options;

/* From argument 5 on. */
static bool read_options(call *c, bool may_make, group_options *ret) {
        *ret = (group_options){ .n_read = STREAM_READ_UNKNOWN };
        for (int i = 5; i < c->argc; i++) {
                if (may_make && call_is(c, i, "MKSTREAM")) {
                        ret->makes_stream = true;
                } else if (call_is(c, i, "ENTRIESREAD") && i + 1 < c->argc) {
                        if (!call_integer(c, ++i, &ret->n_read, NULL))
                                return false;
                        if (ret->n_read < 0 && ret->n_read != STREAM_READ_UNKNOWN) {
                                call_fail(c, "ERR value for ENTRIESREAD must be positive or -1");
                                return false;
                        }
                } else {
                        call_fail_usage(c, "XGROUP");
                        return false;
                }
        }
        return true;
}

/* The stream of argument 2 and the group of argument 3, which may be NULL. */
static bool open_group(call *c, bool may_make, stream **ret_s, stream_group **ret_g) {
        key *k;

        if (!call_write(c, 2, KEY_STREAM, &k))
                return false;
        if (!k && !may_make) {
                call_fail(c, "ERR The XGROUP subcommand requires the key to exist. Note that for "
                             "CREATE you may want to use the MKSTREAM option to create an empty "
                             "stream automatically.");
                return false;
        }
        *ret_s = k ? stream_of(k) : NULL;
        *ret_g = k ? roster_find(&stream_of(k)->groups, c->argv[3]) : NULL;
        return true;
}

static bool open_known_group(call *c, stream **ret_s, stream_group **ret_g) {
        if (!open_group(c, false, ret_s, ret_g))
                return false;
        if (!*ret_g)
                call_fail_group_of_sub(c);
        return *ret_g;
}

static void note(call *c, const char *event) {
        call_count_changes(c, 1);
        notify_event(c->db, c->argv[2], NOTIFY_STREAM, event);
}

void cmd_xgroup_create(call *c) {
        stream_id last = STREAM_ID_MIN;
        group_options o;
        bool is_new;
        key *k = NULL;
        stream *s;
        stream_group *g;

        if (!read_options(c, true, &o) || !open_group(c, o.makes_stream, &s, &g))
                return;
        if (c->argc > 8) {
                call_fail_usage(c, "XGROUP");
                return;
        }
        is_new = !s;
        if (!bytes_equal(c->argv[4], BYTES("$"))) {
                if (!call_stream_id(c, 4, 0, &last))
                        return;
        } else if (s) {
                last = s->last;
        }
        if (g) {
                call_fail(c, "BUSYGROUP Consumer Group name already exists");
                return;
        }
        if (is_new) {
                k = stream_add(c->db, c->argv[2]);
                s = k ? stream_of(k) : NULL;
        }
        g = s ? stream_group_new(c->argv[3], last, o.n_read) : NULL;
        if (!g || roster_add(&s->groups, g) < 0) {
                stream_group_free(g);
                if (k)
                        db_remove(c->db, k);
                call_fail_memory(c);
                return;
        }
        resp_out_ok(c->out);
        if (is_new)
                db_changed(c->db, c->argv[2], NOTIFY_STREAM, "xgroup-create");
        else
                note(c, "xgroup-create");
}

void cmd_xgroup_setid(call *c) {
        group_options o;
        stream_id last;
        stream *s;
        stream_group *g;

        if (!read_options(c, false, &o) || !open_known_group(c, &s, &g))
                return;
        if (c->argc != 5 && c->argc != 7) {
                call_fail_usage(c, "XGROUP");
                return;
        }
        last = s->last;
        if (!bytes_equal(c->argv[4], BYTES("$")) && !call_stream_id_or_end(c, 4, 0, &last))
                return;
        g->last = last;
        g->n_read = o.n_read;
        resp_out_ok(c->out);
        note(c, "xgroup-setid");
}

void cmd_xgroup_destroy(call *c) {
        stream *s;
        stream_group *g;
        key *rest;

        if (!open_group(c, false, &s, &g))
                return;
        resp_out_integer(c->out, g ? 1 : 0);
        if (!g)
                return;
        roster_take(&s->groups, g);
        rest = stream_of_group(g);
        if (rest)
                lazy_key(c->store, rest);
        else
                stream_group_free(g);
        note(c, "xgroup-destroy");
        /* who waits for something new in it waits in vain */
        block_signal(c->db, c->argv[2]);
}

void cmd_xgroup_createconsumer(call *c) {
        stream *s;
        stream_group *g;

        if (!open_known_group(c, &s, &g))
                return;
        if (stream_group_consumer(g, c->argv[4])) {
                resp_out_integer(c->out, 0);
        } else if (stream_group_add_consumer(g, c->argv[4], c->store->now)) {
                resp_out_integer(c->out, 1);
                note(c, "xgroup-createconsumer");
        } else {
                call_fail_memory(c);
        }
}

void cmd_xgroup_delconsumer(call *c) {
        consumer *who;
        stream *s;
        stream_group *g;

        if (!open_known_group(c, &s, &g))
                return;
        who = stream_group_consumer(g, c->argv[4]);
        resp_out_integer(c->out, who ? (int64_t)idmap_count(&who->pending) : 0);
        if (who) {
                stream_group_remove_consumer(g, who);
                note(c, "xgroup-delconsumer");
        }
}

/* pending */

void cmd_xack(call *c) {
        stream_group *g;
        stream *s;
        int n = 0;

        if (!call_open_group(c, db_read(c->db, c->argv[1]), &s, &g))
                return;
        for (int i = 3; g && i < c->argc; i++) {
                stream_id unused;

                if (!call_stream_id(c, i, 0, &unused))
                        return;
        }
        for (int i = 3; g && i < c->argc; i++) {
                stream_id id;

                stream_id_read(c->argv[i], 0, &id);
                n += stream_group_forget(g, id);
        }
        resp_out_integer(c->out, n);
        call_count_changes(c, n);
}

typedef struct pending_range {
        bool is_asked; /* or else only the sums are */
        int64_t min_idle, count;
        stream_id from, to;
        int consumer_at; /* 0: of all */
} pending_range;

static bool read_range(call *c, pending_range *r) {
        int at = 3;

        *r = (pending_range){ .is_asked = c->argc > 3 };
        if (!r->is_asked)
                return true;
        if (c->argc < 6 || c->argc > 9) {
                call_fail_syntax(c);
                return false;
        }
        if (call_is(c, 3, "IDLE")) {
                if (!call_integer(c, 4, &r->min_idle, NULL))
                        return false;
                if (c->argc < 8) {
                        call_fail_syntax(c);
                        return false;
                }
                at = 5;
        }
        if (at + 3 < c->argc)
                r->consumer_at = at + 3;
        return call_stream_count(c, at + 2, &r->count, NULL) && call_stream_from(c, at, &r->from) &&
               call_stream_to(c, at + 1, &r->to);
}

static void answer_sums(call *c, const stream_group *g) {
        size_t later, n = 0;
        idmap_iter i;

        resp_out_array(c->out, 4);
        resp_out_integer(c->out, (int64_t)idmap_count(&g->pending));
        if (!idmap_iter_from(&i, &g->pending, STREAM_ID_MIN)) {
                resp_out_null(c->out);
                resp_out_null(c->out);
                resp_out_null_array(c->out);
                return;
        }
        call_answer_id(c, i.id);
        idmap_iter_to(&i, &g->pending, STREAM_ID_MAX);
        call_answer_id(c, i.id);
        later = resp_out_later(c->out);
        for (size_t k = 0; k < g->consumers.n; k++) {
                const consumer *who = g->consumers.things[k];

                if (idmap_count(&who->pending) == 0)
                        continue;
                resp_out_array(c->out, 2);
                resp_out_bulk(c->out, who->name.p, who->name.n);
                resp_out_bulk_integer(c->out, (int64_t)idmap_count(&who->pending));
                n++;
        }
        resp_out_head(c->out, later, RESP_ARRAY, n);
}

static void answer_pending(call *c, const stream_group *g, const pending_range *r) {
        const idmap *map = &g->pending;
        size_t later;
        int64_t n = 0;
        idmap_iter i;

        if (r->consumer_at) {
                const consumer *who = stream_group_consumer(g, c->argv[r->consumer_at]);

                if (!who) {
                        resp_out_array(c->out, 0);
                        return;
                }
                map = &who->pending;
        }
        later = resp_out_later(c->out);
        for (bool there = idmap_iter_from(&i, map, r->from);
             there && n < r->count && stream_id_compare(i.id, r->to) <= 0;
             there = idmap_iter_next(&i)) {
                const pending *p = r->consumer_at ? stream_group_pending(g, i.id) : i.value;
                int64_t idle = c->store->now - p->time;

                if (r->min_idle && idle < r->min_idle)
                        continue;
                resp_out_array(c->out, 4);
                call_answer_id(c, i.id);
                resp_out_bulk(c->out, p->consumer->name.p, p->consumer->name.n);
                resp_out_integer(c->out, idle < 0 ? 0 : idle);
                resp_out_integer(c->out, (int64_t)p->count);
                n++;
        }
        resp_out_head(c->out, later, RESP_ARRAY, (size_t)n);
}

void cmd_xpending(call *c) {
        pending_range r;
        stream_group *g;
        key *k;

        if (!read_range(c, &r) || !call_read(c, 1, KEY_STREAM, &k))
                return;
        g = k ? roster_find(&stream_of(k)->groups, c->argv[2]) : NULL;
        if (!g)
                call_fail_group(c);
        else if (r.is_asked)
                answer_pending(c, g, &r);
        else
                answer_sums(c, g);
}
