/* SPDX-License-Identifier: Apache-2.0 */
#include "defer.h"

#include "../../base/mem.h"
#include "../../loop/loop.h"
#include "../block.h"
#include "../store.h"
#include "context/commands.h"
#include "snapshot.h"

enum { N_PLACES = 16 }; /* of keys, for which no memory is needed */

struct defer {
        list line;
        dirty dirty;
};

static void on_dirty(dirty *due) {
        defer *d = container_of(due, defer, dirty);
        list line = LIST_INIT(line);

        list_move(&line, &d->line);
        block_release(&line);
}

defer *defer_new(void) {
        defer *d = mem_zero(sizeof(*d));

        if (d) {
                list_init(&d->line);
                dirty_init(&d->dirty, on_dirty);
        }
        return d;
}

defer *defer_free(defer *d) {
        if (d)
                dirty_cancel(&d->dirty);
        return mem_free(d);
}

void defer_release(defer *d) {
        if (!list_is_empty(&d->line))
                dirty_put(loop_get(), &d->dirty);
}

/* What removes keys leaves them to the snapshot. */
static bool may_wait(const call *c) {
        const client *who = c->client;

        return who->address && !(who->flags & CLIENT_MASTER) && c->cmd->flags & CMD_WRITE &&
               c->cmd->run != cmd_del && c->cmd->run != cmd_unlink;
}

static bool is_asked_for(const call *c, bytes name) {
        db *d = c->client->db;
        void **slot = table_find(&d->keys, table_hash(name.p, name.n), name.p, name.n);

        return slot && snapshot_ask(d, *slot);
}

bool defer_takes(call *c) {
        int few[N_PLACES], *places = few, n;
        bool waits = false;

        if (!may_wait(c))
                return false;
        if (c->argc > N_PLACES)
                places = mem_array((size_t)c->argc, sizeof(*places));
        n = places ? command_keys(c->cmd, c->argv, c->argc, places) : 0;
        for (int i = 0; i < n && !waits; i++)
                waits = is_asked_for(c, c->argv[places[i]]);
        if (places != few)
                mem_free(places);
        if (waits)
                call_hold(c, &c->store->defer->line);
        return waits;
}
