/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <assert.h>
#include <errno.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "sync/replica.h"

static const void *id_of(const void *entry, size_t *ret_n) {
        const client *c = entry;

        *ret_n = sizeof(c->id);
        return &c->id;
}

int store_new(const config *cfg, store **ret) {
        store *s = mem_zero(sizeof(*s));

        if (!s)
                return -ENOMEM;
        if (cfg)
                s->config = *cfg;
        else
                config_init(&s->config);
        list_init(&s->clients);
        list_init(&s->ready);
        list_init(&s->acks);
        feed_init(&s->feed);
        mounting_init(&s->mounting);
        pubsub_init(&s->pubsub);
        list_init(&s->monitors);
        tracking_init(&s->tracking);
        table_init(&s->by_id, id_of);
        resp_out_init(&s->unsaid, 2);
        s->next_id = 1;
        s->since = clock_wall_ms();
        master_make_id(s->run_id);
        s->due = INT64_MAX;
        s->dbs = mem_array((size_t)s->config.databases, sizeof(db));
        slowlog_init(&s->slowlog);
        lazy_init(&s->lazy);
        s->memory_before = store_memory(s);
        s->upkeep = upkeep_new(s);
        s->master = master_new(s);
        s->defer = defer_new();
        if (!s->dbs || !s->upkeep || !s->master || !s->defer || stats_init(&s->stats) < 0 ||
            save_init(s) < 0 || shutdown_init(s) < 0 || failover_init(s) < 0) {
                store_free(s);
                return -ENOMEM;
        }
        for (; s->n_dbs < s->config.databases; s->n_dbs++)
                db_init(&s->dbs[s->n_dbs], s, s->n_dbs);
        *ret = s;
        return 0;
}

store *store_free(store *s) {
        if (!s)
                return NULL;
        shutdown_deinit(s);
        failover_deinit(s);
        replica_free(s->replica);
        assert(list_is_empty(&s->clients));
        master_free(s->master);
        save_deinit(s);
        snapshot_clear(s);
        while (s->n_dbs > 0)
                db_deinit(&s->dbs[--s->n_dbs]);
        lazy_run(s, CLOCK_NEVER);
        upkeep_free(s->upkeep);
        mem_free(s->dbs);
        feed_deinit(&s->feed);
        slowlog_deinit(&s->slowlog);
        latency_deinit(&s->latency);
        stats_deinit(&s->stats);
        pubsub_deinit(&s->pubsub);
        hold_free(s->hold);
        defer_free(s->defer);
        tracking_deinit(&s->tracking);
        table_deinit(&s->by_id);
        resp_out_deinit(&s->unsaid);
        return mem_free(s);
}

int64_t store_memory(store *s) {
        int64_t used = mem_used();

        if (used > s->memory_peak)
                s->memory_peak = used;
        return used;
}

bool store_is_full(store *s) {
        if (s->n_clients <= (uint64_t)s->config.maxclients)
                return false;
        s->stats.n_turned_away++;
        return true;
}

void store_note_latency(store *s, latency_kind kind, int64_t ns) {
        int64_t ms = ns / (CLOCK_SECOND / 1000),
                least = (int64_t)s->config.latency_monitor_threshold;

        if (least > 0 && ms >= least)
                latency_put(&s->latency, kind, s->now / 1000, ms);
}
