/* SPDX-License-Identifier: Apache-2.0 */
#include "upkeep.h"

#include "../base/clock.h"
#include "../base/mem.h"
#include "../loop/loop.h"
#include "block.h"
#include "evict.h"
#include "store.h"

struct upkeep {
        store *store;
        timer timer;
        bool is_timed;
        int64_t timed_for; /* as store->due */
        int64_t looked;    /* ms of Unix time: for connections that say nothing */
        int next_db;
};

/* A slice is short beside the 5 ms that nobody may hold the loop for. While there is much
 * to do slices take a quarter of a thread, as Redis's do, which are of 25 ms. Picked; one
 * looks at some ten thousand keys. */
#define SLICE (CLOCK_SECOND / 1000)

enum {
        BUSY_MS = 3, /* from slice to slice while there is much to do */
        ROUND = 20,  /* keys looked at before it is asked whether to go on */
        STALE = 4,   /* one in so many has expired: then there are more to be found */
};

typedef struct round {
        db *db;
        int64_t sum; /* of what those that live have left */
        unsigned n_seen, n_expired;
} round;

static void look_at(void *arg, void *entry) {
        round *r = arg;
        key *k = entry;
        int64_t left = key_expiry(k) - r->db->store->now;

        r->n_seen++;
        if (left > 0) {
                r->sum += left;
                return;
        }
        r->n_expired++;
        db_remove_expired(r->db, k);
}

/* What keys have left on average, as seen over the last rounds. */
static void note_average(db *d, const round *r) {
        unsigned n = r->n_seen - r->n_expired;
        int64_t mean = n ? r->sum / n : 0;

        if (n)
                d->mean_ttl = d->mean_ttl ? d->mean_ttl + (mean - d->mean_ttl) / 50 : mean;
}

/* Returns whether there is probably more to be found. */
static bool expire_some(db *d) {
        round r = { .db = d };

        do {
                d->walked = table_scan(&d->expiring, d->walked, look_at, &r);
        } while (d->walked && r.n_seen < ROUND);
        note_average(d, &r);
        return r.n_expired * STALE > r.n_seen;
}

/* Returns whether the time was up before all had been looked at. */
static bool expire(store *s, int64_t until) {
        if (s->leaves_expired || s->follows || s->hold)
                return false;
        for (int n = 0; n < s->n_dbs; n++) {
                db *d = &s->dbs[s->upkeep->next_db];

                while (table_count(&d->expiring) > 0 && expire_some(d))
                        if (clock_now() >= until)
                                return true;
                s->upkeep->next_db = (s->upkeep->next_db + 1) % s->n_dbs;
        }
        return false;
}

static bool has_work(const store *s) {
        for (int i = 0; i < s->n_dbs; i++)
                if (table_count(&s->dbs[i].expiring) > 0)
                        return true;
        if (lazy_has(&s->lazy))
                return true;
        if (s->config.timeout > 0 && s->n_clients > 0)
                return true;
        return evict_is_over(s) && s->config.maxmemory_policy != CONFIG_NO_EVICTION;
}

/* When to look again. */
static int64_t turn_ms(const store *s) {
        return 1000 / s->config.hz;
}

static void stop(upkeep *u) {
        if (u->is_timed)
                timer_stop(&u->timer);
        u->is_timed = false;
}

/* A timer that comes before that stays, and looks again: what it takes is given back by the
 * loop, which a program that only executes never turns. Without memory for one it is done when
 * a command is executed after that. */
static void plan(store *s, int64_t ms) {
        upkeep *u = s->upkeep;

        s->due = s->now + ms;
        if (u->is_timed && u->timed_for <= s->due)
                return;
        stop(u);
        if (!loop_get())
                return;
        u->timed_for = s->due;
        u->is_timed =
                timer_start(&u->timer, loop_get(), clock_now() + ms * (CLOCK_SECOND / 1000)) == 0;
}

static void on_time(timer *t) {
        upkeep *u = container_of(t, upkeep, timer);
        store *s = u->store;
        int64_t left;

        u->is_timed = false;
        s->now = clock_wall_ms();
        left = s->due == INT64_MAX ? 0 : s->due - s->now;
        if (left > 0 && left <= turn_ms(s)) { /* more if the clock was set back */
                plan(s, left);
                return;
        }
        upkeep_run(s);
        /* who waits for the end of a key that has expired */
        if (!list_is_empty(&s->ready))
                block_serve(s);
}

upkeep *upkeep_new(store *s) {
        upkeep *u = mem_zero(sizeof(*u));

        if (u) {
                u->store = s;
                u->timer.fn = on_time;
        }
        return u;
}

upkeep *upkeep_free(upkeep *u) {
        if (u)
                stop(u);
        return mem_free(u);
}

void upkeep_wake(store *s) {
        if (s->due == INT64_MAX)
                plan(s, turn_ms(s));
}

/* Once a second, as a timeout is so many of them. */
static void end_idle(store *s) {
        int64_t since = s->now - s->upkeep->looked;

        if (s->config.timeout == 0 || (since >= 0 && since < 1000))
                return;
        s->upkeep->looked = s->now;
        client_end_idle(s);
}

void upkeep_run(store *s) {
        int64_t began = clock_now();
        bool more = expire(s, began + SLICE);

        store_note_latency(s, LATENCY_EXPIRE_CYCLE, clock_now() - began);
        more |= lazy_run(s, clock_now() + SLICE);
        end_idle(s);
        more |= evict_is_over(s) && evict_make_room(s);
        s->due = INT64_MAX;
        if (more)
                plan(s, BUSY_MS);
        else if (has_work(s))
                plan(s, turn_ms(s));
}
