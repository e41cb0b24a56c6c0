/* SPDX-License-Identifier: Apache-2.0 */
/* OBJECT: how a key is kept, and how it is used. */
#include "../evict.h"
#include "../store.h"
#include "context/commands.h"

/* Redis shares the numbers from 0 to this, and says so as a count of references. */
enum { SHARED_NUMBERS = 10000 };

/* The key of the sub-command; without one that has been answered. */
static const key *find(call *c) {
        const key *k = db_peek(c->db, c->argv[2]);

        if (!k)
                resp_out_null(c->out);
        return k;
}

void cmd_object_encoding(call *c) {
        const key *k = find(c);

        if (k)
                resp_out_bulk_text(c->out, key_encoding_name(k));
}

void cmd_object_refcount(call *c) {
        const key *k = find(c);

        if (!k)
                return;
        if (k->type == KEY_STRING && k->encoding == KEY_INT && k->integer >= 0 &&
            k->integer < SHARED_NUMBERS)
                resp_out_integer(c->out, INT32_MAX);
        else
                resp_out_integer(c->out, 1);
}

void cmd_object_idletime(call *c) {
        const key *k = find(c);

        if (!k)
                return;
        if (evict_is_by_use(c->store))
                call_fail(c, "ERR An LFU maxmemory policy is selected, idle time not tracked. "
                             "Please note that when switching between policies at runtime LRU and "
                             "LFU data will take some time to adjust.");
        else
                resp_out_integer(c->out, evict_idle(c->store, k));
}

void cmd_object_freq(call *c) {
        const key *k = find(c);

        if (!k)
                return;
        if (evict_is_by_use(c->store))
                resp_out_integer(c->out, evict_count(c->store, k));
        else
                call_fail(c, "ERR An LFU maxmemory policy is not selected, access frequency not "
                             "tracked. Please note that when switching between policies at runtime "
                             "LRU and LFU data will take some time to adjust.");
}
