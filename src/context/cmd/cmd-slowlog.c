/* SPDX-License-Identifier: Apache-2.0 */
/* SLOWLOG: the commands that took long. */
#include "../store.h"
#include "context/commands.h"

enum { SHOWN = 10 }; /* if nobody says how many; Redis's */

static void reply_entry(resp_out *o, const slow *entry) {
        resp_out_array(o, 6);
        resp_out_integer(o, entry->id);
        resp_out_integer(o, entry->when);
        resp_out_integer(o, entry->us);
        resp_out_array(o, (size_t)entry->argc);
        for (int i = 0; i < entry->argc; i++)
                resp_out_bulk(o, entry->argv[i].p, entry->argv[i].n);
        resp_out_bulk_text(o, entry->address);
        resp_out_bulk_text(o, entry->name);
}

void cmd_slowlog_get(call *c) {
        const slowlog *l = &c->store->slowlog;
        int64_t n = SHOWN;

        if (c->argc > 3) {
                call_fail_subcommand(c);
                return;
        }
        if (c->argc == 3 && !call_integer_in(c, 2, -1, INT64_MAX, &n,
                                             "ERR count should be greater than or equal to -1"))
                return;
        if (n < 0 || (size_t)n > l->n)
                n = (int64_t)l->n;
        resp_out_array(c->out, (size_t)n);
        list_each(node, &l->entries) {
                if (n-- == 0)
                        break;
                reply_entry(c->out, container_of(node, slow, node));
        }
}

void cmd_slowlog_len(call *c) {
        resp_out_integer(c->out, (int64_t)c->store->slowlog.n);
}

void cmd_slowlog_reset(call *c) {
        slowlog_cut(&c->store->slowlog, 0);
        resp_out_ok(c->out);
}
