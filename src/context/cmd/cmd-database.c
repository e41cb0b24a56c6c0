/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group server that are about whole databases. */
#include "context/commands.h"

#include "../block.h"
#include "../multi.h"
#include "../store.h"

void cmd_dbsize(call *c) {
        resp_out_integer(c->out, (int64_t)db_size(c->db));
}

static bool read_flush(call *c) {
        if (c->argc == 1 || (c->argc == 2 && (call_is(c, 1, "SYNC") || call_is(c, 1, "ASYNC"))))
                return true;
        call_fail_syntax(c);
        return false;
}

/* Also sent when there was nothing: a replica may have something. */
void cmd_flushdb(call *c) {
        if (!read_flush(c))
                return;
        db_flush(c->db);
        tracking_changed_all(c->store);
        call_count_changes(c, 1);
        resp_out_ok(c->out);
}

void cmd_flushall(call *c) {
        if (!read_flush(c))
                return;
        for (int i = 0; i < c->store->n_dbs; i++)
                db_flush(&c->store->dbs[i]);
        tracking_changed_all(c->store);
        call_count_changes(c, 1);
        resp_out_ok(c->out);
}

void cmd_swapdb(call *c) {
        db *a, *b;
        table keys;
        int number;

        if (!call_db(c, 1, "ERR invalid first DB index", &a) ||
            !call_db(c, 2, "ERR invalid second DB index", &b))
                return;
        if (a->mounts || b->mounts) {
                call_fail(c, "ERR a database with computed keys stays where it is");
                return;
        }
        if (a != b) {
                multi_touch_all(a, b);
                multi_touch_all(b, a);
                keys = a->keys, a->keys = b->keys, b->keys = keys;
                number = a->saved_as, a->saved_as = b->saved_as, b->saved_as = number;
                keys = a->expiring, a->expiring = b->expiring, b->expiring = keys;
                block_signal_all(a);
                block_signal_all(b);
        }
        call_count_changes(c, 1);
        resp_out_ok(c->out);
}
