/* SPDX-License-Identifier: Apache-2.0 */
/* XCLAIM and XAUTOCLAIM: what is pending at one consumer becomes another's. */
#include "context/commands.h"

#include "../../base/mem.h"
#include "../store.h"
#include "stream-call.h"

typedef struct claim {
        stream *s;
        stream_group *g;
        consumer *who;                 /* NULL until there is something for it */
        int64_t min_idle, time, count; /* count -1: one more than it was */
        bool force, only_ids;
        bool is_short; /* of memory: it stopped before its end */
        size_t n;      /* that have been answered */
} claim;

static bool open_group(call *c, const key *k, claim *cl) {
        if (!call_open_group(c, k, &cl->s, &cl->g))
                return false;
        if (!cl->g)
                call_fail_group(c);
        return cl->g;
}

/* What is pending but gone from the stream is not pending any more. */
static void forget(call *c, const claim *cl, stream_id id, const pending *p) {
        call_send_pending(c, c->argv[1], cl->g, id, p);
        call_count_changes(c, 1);
        stream_group_forget(cl->g, id);
}

/* An entry that is there becomes pending at the claimer, and is answered. False without
 * memory: it stays as it was, and is not. */
static bool give(call *c, claim *cl, page_entry *e) {
        bool is_new;
        pending *p;

        if (!cl->who)
                cl->who = call_consumer(c, c->argv[1], cl->g, c->argv[3], &is_new);
        p = cl->who ? stream_group_give(cl->g, e->id, cl->who) : NULL;
        if (!p)
                return false;
        p->time = cl->time;
        if (cl->count >= 0)
                p->count = (uint64_t)cl->count;
        else if (!cl->only_ids)
                p->count++;
        if (cl->only_ids)
                call_answer_id(c, e->id);
        else
                call_answer_entry(c, e);
        cl->n++;
        call_send_pending(c, c->argv[1], cl->g, e->id, p);
        call_count_changes(c, 1);
        return true;
}

static bool is_too_new(const call *c, const claim *cl, const pending *p) {
        return cl->min_idle > 0 && c->store->now - p->time < cl->min_idle;
}

/* XCLAIM */

/* How many IDs stand from argument 5 on; what is none is an option. */
static int count_ids(const call *c) {
        stream_id unused;
        int n = 0;

        while (5 + n < c->argc && stream_id_read(c->argv[5 + n], 0, &unused))
                n++;
        return n;
}

static bool read_claim(call *c, int i, claim *cl, stream_id *ret_last) {
        int64_t now = c->store->now, idle;

        cl->time = -1;
        cl->count = -1;
        for (; i < c->argc; i++) {
                bool more = i + 1 < c->argc;

                if (call_is(c, i, "FORCE")) {
                        cl->force = true;
                } else if (call_is(c, i, "JUSTID")) {
                        cl->only_ids = true;
                } else if (call_is(c, i, "IDLE") && more) {
                        if (!call_integer(c, ++i, &idle,
                                          "ERR Invalid IDLE option argument for XCLAIM"))
                                return false;
                        if (__builtin_sub_overflow(now, idle, &cl->time))
                                cl->time = now;
                } else if (call_is(c, i, "TIME") && more) {
                        if (!call_integer(c, ++i, &cl->time,
                                          "ERR Invalid TIME option argument for XCLAIM"))
                                return false;
                } else if (call_is(c, i, "RETRYCOUNT") && more) {
                        if (!call_integer(c, ++i, &cl->count,
                                          "ERR Invalid RETRYCOUNT option argument for XCLAIM"))
                                return false;
                } else if (call_is(c, i, "LASTID") && more) {
                        if (!call_stream_id(c, ++i, 0, ret_last))
                                return false;
                } else {
                        call_failf(c, "ERR Unrecognized XCLAIM option '%.*s'", (int)c->argv[i].n,
                                   c->argv[i].p);
                        return false;
                }
        }
        /* clients reckon with clocks of their own, and a point that cannot be means now */
        if (cl->time < 0 || cl->time > now)
                cl->time = now;
        return true;
}

/* Returns false without memory. */
static bool claim_one(call *c, claim *cl, stream_id id) {
        const pending *p = stream_group_pending(cl->g, id);
        stream_iter at;

        stream_iter_begin(&at, cl->s, id, id, STREAM_FORTH);
        if (!stream_iter_next(&at)) {
                if (p)
                        forget(c, cl, id, p);
                return true;
        }
        if (p ? is_too_new(c, cl, p) : !cl->force)
                return true;
        return give(c, cl, &at.entry);
}

void cmd_xclaim(call *c) {
        claim cl = { 0 };
        stream_id last = STREAM_ID_MIN;
        uint64_t n_changes;
        bool has_moved, good = true;
        size_t begin, later;
        int n_ids;

        if (!open_group(c, db_read(c->db, c->argv[1]), &cl) ||
            !call_stream_count(c, 4, &cl.min_idle, "ERR Invalid min-idle-time argument for XCLAIM"))
                return;
        n_ids = count_ids(c);
        if (!read_claim(c, 5 + n_ids, &cl, &last))
                return;
        call_send_nothing(c);
        has_moved = stream_id_compare(last, cl.g->last) > 0;
        if (has_moved)
                cl.g->last = last;
        n_changes = c->store->n_changes;
        begin = c->out->n;
        later = resp_out_later(c->out);
        for (int i = 0; i < n_ids && good; i++) {
                stream_id id;

                stream_id_read(c->argv[5 + i], 0, &id);
                good = claim_one(c, &cl, id);
        }
        /* what is sent of each entry says it too */
        if (has_moved && c->store->n_changes == n_changes) {
                call_send_group(c, c->argv[1], cl.g);
                call_count_changes(c, 1);
        }
        if (good || cl.n > 0) {
                resp_out_head(c->out, later, RESP_ARRAY, cl.n);
                return;
        }
        resp_out_cut(c->out, begin);
        call_fail_memory(c);
}

/* XAUTOCLAIM */

/* As many entries are looked at for each that is wanted; Redis's. */
enum { ATTEMPTS = 10 };

static bool read_autoclaim(call *c, claim *cl, stream_id *ret_from, int64_t *ret_max) {
        if (!call_stream_count(c, 4, &cl->min_idle,
                               "ERR Invalid min-idle-time argument for XAUTOCLAIM") ||
            !call_stream_from(c, 5, ret_from))
                return false;
        for (int i = 6; i < c->argc; i++) {
                if (call_is(c, i, "COUNT") && i + 1 < c->argc) {
                        if (!call_integer_in(c, ++i, 1, INT64_MAX / (int)sizeof(stream_id), ret_max,
                                             "ERR COUNT must be > 0"))
                                return false;
                } else if (call_is(c, i, "JUSTID")) {
                        cl->only_ids = true;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        return true;
}

/* IDs that were pending and are gone. */
typedef struct gone_ids {
        stream_id *ids;
        size_t n, n_room;
} gone_ids;

static bool make_room(gone_ids *g) {
        stream_id *ids;

        if (g->n < g->n_room)
                return true;
        ids = mem_resize(g->ids, (2 * g->n_room + 4) * sizeof(*ids));
        if (!ids)
                return false;
        g->ids = ids;
        g->n_room = 2 * g->n_room + 4;
        return true;
}

/* One that is pending. Returns false without memory. */
static bool claim_next(call *c, claim *cl, stream_id id, gone_ids *gone) {
        const pending *p = stream_group_pending(cl->g, id);
        stream_iter at;

        stream_iter_begin(&at, cl->s, id, id, STREAM_FORTH);
        if (stream_iter_next(&at))
                return is_too_new(c, cl, p) || give(c, cl, &at.entry);
        if (!make_room(gone))
                return false;
        gone->ids[gone->n++] = id;
        forget(c, cl, id, p);
        return true;
}

/* Up to @max from @from on, into the answer; returns the first that has not been looked at,
 * 0-0 if there is none. What memory has run out for has not. */
static stream_id claim_some(call *c, claim *cl, stream_id from, int64_t max, gone_ids *gone) {
        int64_t n_left = max * ATTEMPTS;
        idmap_iter i;

        while (idmap_iter_from(&i, &cl->g->pending, from)) {
                if (n_left-- == 0 || (int64_t)(cl->n + gone->n) == max)
                        return i.id;
                cl->is_short = !claim_next(c, cl, i.id, gone);
                if (cl->is_short)
                        return i.id;
                from = i.id;
                if (!stream_id_next(&from))
                        break;
        }
        return STREAM_ID_MIN;
}

static void answer_gone(call *c, const gone_ids *gone) {
        resp_out_array(c->out, gone->n);
        for (size_t i = 0; i < gone->n; i++)
                call_answer_id(c, gone->ids[i]);
}

void cmd_xautoclaim(call *c) {
        claim cl = { .count = -1, .time = c->store->now };
        stream_id from, next;
        int64_t max = 100;
        gone_ids gone = { 0 };
        resp_out claimed;
        call aside = *c;
        size_t later;
        key *k;

        k = db_read(c->db, c->argv[1]);
        if (!read_autoclaim(c, &cl, &from, &max) || !open_group(c, k, &cl))
                return;
        call_send_nothing(c);
        /* where to go on is answered first, and known last */
        resp_out_init(&claimed, c->out->version);
        aside.out = &claimed;
        later = resp_out_later(&claimed);
        next = claim_some(&aside, &cl, from, max, &gone);
        resp_out_head(&claimed, later, RESP_ARRAY, cl.n);
        if (cl.is_short && cl.n + gone.n == 0) {
                call_fail_memory(c);
        } else {
                resp_out_array(c->out, 3);
                call_answer_id(c, next);
                resp_out_raw(c->out, claimed.p, claimed.n);
                answer_gone(c, &gone);
                c->out->failed |= claimed.failed;
        }
        resp_out_deinit(&claimed);
        mem_free(gone.ids);
}
