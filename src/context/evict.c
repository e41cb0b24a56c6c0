/* SPDX-License-Identifier: Apache-2.0 */
#include "evict.h"

#include "../base/clock.h"
#include "../base/mem.h"
#include "../base/random.h"
#include "store.h"

#define SLICE (CLOCK_SECOND / 1000)

enum {
        CLOCK_MASK = 0xffffff, /* of seconds: it goes round in half a year */
        MINUTE_MASK = 0xffff,
        COUNT_MAX = 255,
        COUNT_FRESH = 5, /* so that a new key is not the first to go; Redis's */
        SAMPLES_MAX = 64,
        PLACES = 3, /* where maxmemory-samples keys are looked at: see above */
};

static uint32_t second(const store *s) {
        return (uint32_t)(s->now / 1000) & CLOCK_MASK;
}

static uint32_t minute(const store *s) {
        return (uint32_t)(s->now / 60000) & MINUTE_MASK;
}

bool evict_is_by_use(const store *s) {
        return s->config.maxmemory_policy == CONFIG_ALLKEYS_LFU ||
               s->config.maxmemory_policy == CONFIG_VOLATILE_LFU;
}

static uint32_t of_count(const store *s, int count) {
        return minute(s) << 8 | ((uint32_t)count & COUNT_MAX);
}

uint32_t evict_fresh(const store *s) {
        return evict_is_by_use(s) ? of_count(s, COUNT_FRESH) : second(s);
}

int64_t evict_idle(const store *s, const key *k) {
        return (second(s) - k->lru) & CLOCK_MASK;
}

int evict_count(const store *s, const key *k) {
        int minutes = (int)((minute(s) - (k->lru >> 8)) & MINUTE_MASK);
        int count = k->lru & COUNT_MAX, decay = s->config.lfu_decay_time;
        int less = decay ? minutes / decay : 0;

        return count > less ? count - less : 0;
}

void evict_set_idle(const store *s, key *k, int64_t seconds) {
        k->lru = (second(s) - (uint32_t)seconds) & CLOCK_MASK;
}

void evict_set_count(const store *s, key *k, int count) {
        k->lru = of_count(s, count) & CLOCK_MASK;
}

/* The chance is 1 in as many as the count is above that of a new key, times the factor. */
static int grown(const store *s, int count) {
        int above = count > COUNT_FRESH ? count - COUNT_FRESH : 0;
        uint64_t one_in = (uint64_t)above * (uint64_t)s->config.lfu_log_factor + 1;

        return count < COUNT_MAX && random_below(one_in) == 0 ? count + 1 : count;
}

void evict_use(const store *s, key *k) {
        if (evict_is_by_use(s))
                evict_set_count(s, k, grown(s, evict_count(s, k)));
        else
                k->lru = second(s) & CLOCK_MASK;
}

bool evict_is_over(const store *s) {
        return s->config.maxmemory > 0 && (uint64_t)mem_used() > s->config.maxmemory;
}

/* The higher the sooner it goes. */
static int64_t rating(const store *s, const key *k) {
        switch ((config_policy)s->config.maxmemory_policy) {
        case CONFIG_ALLKEYS_LRU:
        case CONFIG_VOLATILE_LRU:
                return evict_idle(s, k);
        case CONFIG_ALLKEYS_LFU:
        case CONFIG_VOLATILE_LFU:
                return COUNT_MAX - evict_count(s, k);
        case CONFIG_VOLATILE_TTL:
                return INT64_MAX - key_expiry(k);
        default:
                return 0; /* any */
        }
}

static bool is_volatile(const store *s) {
        return s->config.maxmemory_policy <= CONFIG_VOLATILE_TTL;
}

/* The best of @n that are neighbours in @t, and of *best. */
static void look(store *s, table *t, size_t n, db *d, key **best, db **ret_db) {
        void *seen[SAMPLES_MAX];

        n = table_sample(t, seen, n);
        for (size_t i = 0; i < n; i++) {
                if (*best && rating(s, seen[i]) <= rating(s, *best))
                        continue;
                *best = seen[i];
                *ret_db = d;
        }
}

/* One of all databases, or NULL. Where any will do it is of each database in turn. */
static key *choose(store *s, db **ret_db) {
        int n_samples = s->config.maxmemory_samples, policy = s->config.maxmemory_policy;
        bool any = policy == CONFIG_ALLKEYS_RANDOM || policy == CONFIG_VOLATILE_RANDOM;
        key *best = NULL;

        if (n_samples > SAMPLES_MAX)
                n_samples = SAMPLES_MAX;
        for (int i = 0; i < s->n_dbs && !(any && best); i++) {
                db *d = &s->dbs[(s->evict_db + i) % s->n_dbs];
                table *t = is_volatile(s) ? &d->expiring : &d->keys;

                if (any)
                        look(s, t, 1, d, &best, ret_db);
                for (int places = 0; !any && places < PLACES; places++)
                        look(s, t, (size_t)n_samples, d, &best, ret_db);
        }
        if (any)
                s->evict_db = (s->evict_db + 1) % s->n_dbs;
        return best;
}

bool evict_make_room(store *s) {
        int64_t began;

        if (!evict_is_over(s) || s->follows || s->hold)
                return true;
        began = clock_now();
        while (evict_is_over(s)) {
                db *d;
                key *k;

                /* what has been removed takes its memory until it is freed */
                if (lazy_has(&s->lazy)) {
                        lazy_run(s, began + SLICE);
                        if (clock_now() - began < SLICE)
                                continue;
                        upkeep_wake(s);
                        break;
                }
                k = s->config.maxmemory_policy == CONFIG_NO_EVICTION ? NULL : choose(s, &d);

                if (!k)
                        return false;
                db_evict(d, k);
                if (clock_now() - began >= SLICE) {
                        upkeep_wake(s);
                        break;
                }
        }
        store_note_latency(s, LATENCY_EVICTION_CYCLE, clock_now() - began);
        return true;
}
