/* SPDX-License-Identifier: Apache-2.0 */
/* MEMORY: what takes how much. */
#include <malloc.h>
#include <stdio.h>

#include "../../base/mem.h"
#include "../store.h"
#include "../text.h"
#include "../type/value.h"
#include "context/commands.h"

enum { LOOKED = 5 }; /* elements of a collection, if nobody says how many; Redis's */

/* An entry of a table takes this, as full as tables are: see table.c. */
enum { IN_TABLE = 15 };

void cmd_memory_usage(call *c) {
        int64_t n = LOOKED;
        const key *k;

        for (int i = 3; i < c->argc; i += 2) {
                if (!call_is(c, i, "SAMPLES") || i + 1 == c->argc) {
                        call_fail_syntax(c);
                        return;
                }
                if (!call_integer(c, i + 1, &n, NULL))
                        return;
                if (n < 0) {
                        call_fail_syntax(c);
                        return;
                }
        }
        k = db_peek(c->db, c->argv[2]);
        if (!k) {
                resp_out_null(c->out);
                return;
        }
        n = (int64_t)value_memory(k, n ? (size_t)n : SIZE_MAX);
        n += (int64_t)malloc_usable_size((void *)k) + IN_TABLE + (k->has_expiry ? IN_TABLE : 0);
        resp_out_integer(c->out, n);
}

static void reply_number(resp_out *o, const char *name, int64_t n) {
        resp_out_bulk_text(o, name);
        resp_out_integer(o, n);
}

static void reply_share(resp_out *o, const char *name, int64_t part, int64_t all) {
        resp_out_bulk_text(o, name);
        resp_out_double(o, all ? 100. * (double)part / (double)all : 0);
}

/* Redis's names of what there is here. */
void cmd_memory_stats(call *c) {
        store *s = c->store;
        int64_t n_keys = 0, overhead = 0, used = store_memory(s), answers = 0;
        resp_out *o = c->out;
        size_t later, n = 10;

        list_each(node, &s->clients) {
                const client *who = container_of(node, client, node);

                answers += (int64_t)who->out.cap;
        }
        later = resp_out_later(o);
        reply_number(o, "peak.allocated", s->memory_peak);
        reply_number(o, "total.allocated", used);
        reply_number(o, "startup.allocated", s->memory_before);
        reply_number(o, "clients.normal", answers);
        for (int i = 0; i < s->n_dbs; i++) {
                const db *d = &s->dbs[i];
                int64_t keys = (int64_t)table_bytes(&d->keys);
                int64_t expiring = (int64_t)table_bytes(&d->expiring);
                char name[16];

                if (db_size(d) == 0)
                        continue;
                snprintf(name, sizeof(name), "db.%d", i);
                resp_out_bulk_text(o, name);
                resp_out_map(o, 2);
                reply_number(o, "overhead.hashtable.main", keys);
                reply_number(o, "overhead.hashtable.expires", expiring);
                n_keys += (int64_t)db_size(d);
                overhead += keys + expiring;
                n++;
        }
        overhead += s->memory_before + answers;
        reply_number(o, "overhead.total", overhead);
        reply_number(o, "keys.count", n_keys);
        reply_number(o, "keys.bytes-per-key",
                     n_keys && used > s->memory_before ? (used - s->memory_before) / n_keys : 0);
        reply_number(o, "dataset.bytes", used > overhead ? used - overhead : 0);
        reply_share(o, "dataset.percentage", used > overhead ? used - overhead : 0,
                    used > s->memory_before ? used - s->memory_before : 0);
        reply_share(o, "peak.percentage", used, s->memory_peak);
        resp_out_head(o, later, RESP_MAP, n);
}

void cmd_memory_doctor(call *c) {
        int64_t used = store_memory(c->store), peak = c->store->memory_peak;
        text t = { 0 };

        text_add(&t, "%zu bytes are used", (size_t)used);
        if (peak > used + used / 2)
                text_add(&t,
                         ", and %zu were at most. What is not used any more may still be "
                         "kept by malloc(): MEMORY PURGE gives back what it can",
                         (size_t)peak);
        text_add(&t, ".\n");
        text_reply(&t, c);
}

void cmd_memory_purge(call *c) {
        malloc_trim(0);
        resp_out_ok(c->out);
}
