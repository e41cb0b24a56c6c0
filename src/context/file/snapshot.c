/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <errno.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../../loop/loop.h"
#include "../../wire/rdb/crc64.h"
#include "../store.h"
#include "../type/value.h"
#include "dump.h"

enum {
        LARGE = 256,     /* elements; a value of more is written in steps */
        SLOW = 16384,    /* elements that take a millisecond or two */
        N_STEP = 64,     /* elements of one of them */
        N_STEPS = 512,   /* of one call: buckets, or such parts of values */
        N_FLUSHED = 16,  /* keys of one step through what was flushed */
        N_KEPT = 1 << 20 /* bytes of a buffer that are not given back when it is empty */
};

/* Bytes, and the database that was selected last in them. */
typedef struct part {
        rdb_out out;
        int db;
} part;

/* A key that was removed before its turn. */
typedef struct removed {
        list node;
        key *k;
        int number;
} removed;

struct snapshot {
        store *store;
        int r; /* why there will be no more of it; only the bits are turned then */
        bool is_over, is_freed;
        post clear;

        /* what is written */
        part out, kept;
        size_t n_fetched, n_summed; /* of out */
        uint64_t sum;

        /* the walk */
        int at; /* the database, by the number that it had at the moment */
        bool is_in;
        uint64_t cursor;
        list removed;

        key *asked; /* in a table yet, or NULL; and its database, as `at` */
        int asked_in;

        /* the large value that is half written */
        key *k;
        bool is_removed; /* and its key is ours */
        dump dump;

        table flushed[]; /* for each database the keys that it had at the moment */
};

static bool is_large(const key *k) {
        return k->encoding > KEY_RAW && value_count(k) > LARGE;
}

static bool is_old(const snapshot *s, const key *k) {
        return k->is_saved != s->store->side;
}

static void turn(const snapshot *s, key *k) {
        k->is_saved = s->store->side;
}

/* What was asked for is not, or will not be, on the old side for long. */
static void forget(snapshot *s, const key *k) {
        if (s->asked == k)
                s->asked = NULL;
        defer_release(s->store->defer);
}

/* writing */

static void select_db(part *p, int number) {
        if (p->db != number)
                rdb_out_select(&p->out, (unsigned)number);
        p->db = number;
}

static void put_head(part *p, int number, const key *k) {
        select_db(p, number);
        dump_head(&p->out, k);
}

static void put_key(snapshot *s, int number, key *k) {
        /* a value is in one piece, and what was kept comes before what is written later */
        part *p = s->k || s->kept.out.n > 0 ? &s->kept : &s->out;

        turn(s, k);
        forget(s, k);
        put_head(p, number, k);
        dump_value(&p->out, k);
}

static void begin_large(snapshot *s, int number, key *k, bool is_removed) {
        put_head(&s->out, number, k);
        s->k = k;
        s->is_removed = is_removed;
        dump_begin(&s->dump, &s->out.out, k);
}

static void end_large(snapshot *s) {
        dump_end(&s->dump);
        turn(s, s->k);
        forget(s, s->k);
        if (s->is_removed)
                lazy_key(s->store, s->k);
        s->k = NULL;
}

/* the end */

static void drop(part *p) {
        rdb_out_deinit(&p->out);
        p->db = -1;
}

static void leave(snapshot *s) {
        if (s->store->snapshot == s)
                s->store->snapshot = NULL;
}

static void fail(snapshot *s, int r) {
        s->r = r;
        if (s->k)
                end_large(s);
        forget(s, s->asked);
        for (list *node; (node = list_take_first(&s->removed));) {
                removed *gone = container_of(node, removed, node);

                lazy_key(s->store, gone->k);
                mem_free(gone);
        }
        drop(&s->out);
        drop(&s->kept);
        s->n_fetched = s->n_summed = 0;
}

size_t snapshot_waiting(const snapshot *s) {
        return s->out.out.n - s->n_fetched + s->kept.out.n;
}

static void check(snapshot *s) {
        if (s->out.out.failed || s->kept.out.failed)
                fail(s, -ENOMEM);
        else if (snapshot_waiting(s) > SNAPSHOT_MAX)
                fail(s, -ENOBUFS);
}

/* the walk */

static void see_key(void *arg, void *entry) {
        snapshot *s = arg;
        key *k = entry;

        if (!is_old(s, k) || s->k)
                return;
        if (s->r < 0)
                turn(s, k);
        else if (is_large(k))
                begin_large(s, s->at, k, false);
        else
                put_key(s, s->at, k);
}

static void keep_removed(snapshot *s, int number, key *k) {
        removed *gone = mem_new(sizeof(*gone));

        if (!gone) {
                lazy_key(s->store, k);
                fail(s, -ENOMEM);
                return;
        }
        *gone = (removed){ .k = k, .number = number };
        list_init(&gone->node);
        list_append(&s->removed, &gone->node);
}

static void see_flushed(void *arg, void *entry) {
        snapshot *s = arg;
        key *k = entry;

        if (is_old(s, k) && s->r == 0 && is_large(k)) {
                keep_removed(s, s->at, k);
                return;
        }
        if (is_old(s, k) && s->r == 0)
                put_key(s, s->at, k);
        lazy_key(s->store, k);
}

/* The database that has the number's keys: they may have been swapped since. */
static db *db_of(const snapshot *s, int number) {
        db *d = s->store->dbs;

        while (d->saved_as != number)
                d++;
        return d;
}

/* What is computed is written as it is now, and not as it was at the moment: who follows is
 * sent whole values of it after that. */
static void put_computed(snapshot *s, mount *m) {
        beam_names names;
        size_t at = 0;
        bytes name;

        mount_list(m, &names);
        while (names_next(&names, &at, &name)) {
                key *k = mount_find(m, name);

                if (k)
                        put_key(s, s->at, k);
                mount_forget(s->store);
        }
        names_deinit(&names);
}

static void enter_db(snapshot *s) {
        db *d = db_of(s, s->at);

        s->is_in = true;
        s->cursor = 0;
        if (s->r < 0 || db_size(d) == 0)
                return;
        select_db(&s->out, s->at);
        rdb_out_resize(&s->out.out, db_size(d), table_count(&d->expiring));
        for (mount *m = NULL; (m = mount_next(d, m ? m->id : 0));)
                put_computed(s, m);
}

/* One bucket, again and again while large values are found in it. */
static void walk(snapshot *s) {
        table *flushed = &s->flushed[s->at];
        uint64_t next;

        if (!s->is_in)
                enter_db(s);
        if (table_count(flushed) > 0) {
                table_drain(flushed, N_FLUSHED, see_flushed, s);
                return;
        }
        next = table_scan(&db_of(s, s->at)->keys, s->cursor, see_key, s);
        if (s->k)
                return;
        s->cursor = next;
        if (next == 0) {
                s->is_in = false;
                s->at++;
        }
}

static void end_walk(snapshot *s) {
        s->is_over = true;
        leave(s);
        if (s->r < 0)
                return;
        rdb_out_byte(&s->out.out, RDB_END);
        s->sum = crc64(s->sum, s->out.out.p + s->n_summed, s->out.out.n - s->n_summed);
        rdb_out_le64(&s->out.out, s->sum);
        s->n_summed = s->out.out.n;
}

/* Returns false if there is nothing to do before more is fetched. */
static bool step(snapshot *s) {
        list *first = list_first(&s->removed);

        if (s->k) {
                if (!dump_next(&s->dump, N_STEP))
                        end_large(s);
        } else if (s->kept.out.n > 0) {
                part empty = s->out;

                if (s->n_fetched < s->out.out.n)
                        return false;
                s->out = s->kept;
                s->kept = empty;
                s->kept.out.n = s->n_fetched = s->n_summed = 0;
                s->kept.db = -1;
        } else if (s->asked) {
                begin_large(s, s->asked_in, s->asked, false);
                s->asked = NULL;
        } else if (first) {
                removed *gone = container_of(first, removed, node);

                list_remove(first);
                begin_large(s, gone->number, gone->k, true);
                mem_free(gone);
        } else if (s->at < s->store->n_dbs) {
                walk(s);
        } else {
                end_walk(s);
        }
        return !s->is_over;
}

/* fetching */

int snapshot_next(snapshot *s, size_t n, bytes *ret) {
        rdb_out *out = &s->out.out;
        size_t n_ready;

        if (s->n_fetched == out->n) {
                out->n = s->n_fetched = s->n_summed = 0;
                if (out->cap > N_KEPT)
                        rdb_out_deinit(out);
        }
        for (int i = 0; i < N_STEPS && s->r == 0 && out->n - s->n_fetched < n; i++)
                if (s->is_over || !step(s))
                        break;
        if (s->r == 0)
                check(s);
        if (s->r < 0)
                return s->r;
        s->sum = crc64(s->sum, out->p + s->n_summed, out->n - s->n_summed);
        s->n_summed = out->n;
        n_ready = out->n - s->n_fetched;
        *ret = (bytes){ (const char *)out->p + s->n_fetched, n_ready < n ? n_ready : n };
        s->n_fetched += ret->n;
        return !s->is_over || s->n_fetched < out->n;
}

/* what happens to keys */

void snapshot_keep(db *d, key *k) {
        snapshot *s = d->store->snapshot;

        if (s->r < 0) {
                turn(s, k);
        } else if (k == s->k) {
                while (dump_next(&s->dump, SIZE_MAX))
                        ;
                end_large(s);
        } else {
                put_key(s, d->saved_as, k);
        }
        if (s->r == 0)
                check(s);
}

bool snapshot_ask(db *d, key *k) {
        snapshot *s = d->store->snapshot;

        if (!is_old(s, k) || s->r < 0 || !is_large(k) || value_count(k) < SLOW)
                return false;
        if (!s->asked && k != s->k) {
                s->asked = k;
                s->asked_in = d->saved_as;
        }
        return true;
}

bool snapshot_take_key(db *d, key *k) {
        snapshot *s = d->store->snapshot;

        forget(s, k);
        if (k == s->k) {
                s->is_removed = true;
                return true;
        }
        if (s->r == 0 && is_large(k)) {
                keep_removed(s, d->saved_as, k);
                return true;
        }
        snapshot_keep(d, k);
        return false;
}

void snapshot_take_all(db *d) {
        snapshot *s = d->store->snapshot;
        table *flushed;

        if (!s || s->r < 0 || d->saved_as < s->at)
                return;
        flushed = &s->flushed[d->saved_as];
        if (table_count(flushed) > 0)
                return;
        forget(s, s->asked);
        *flushed = d->keys;
        table_init(&d->keys, flushed->key);
}

/* its life */

/* What was broken off: the bits are turned without writing. */
static void on_clear(post *p) {
        snapshot *s = container_of(p, snapshot, clear);

        for (int i = 0; i < N_STEPS && !s->is_over; i++)
                step(s);
        if (s->is_over)
                mem_free(s);
        else
                post_put(p);
}

static void put_facts(snapshot *s) {
        char text[DECIMAL_MAX];

        rdb_out_magic(&s->out.out);
        snapshot_aux(s, "redis-ver", BYTES(STORE_REDIS_VERSION));
        snapshot_aux(s, "redis-bits", sizeof(void *) == 8 ? BYTES("64") : BYTES("32"));
        snapshot_aux(s, "ctime", (bytes){ text, decimal_print(clock_wall_ms() / 1000, text) });
}

int snapshot_new(store *st, snapshot **ret) {
        loop *l = loop_get();
        snapshot *s;

        if (st->snapshot || st->is_receiving)
                return -EBUSY;
        s = l ? mem_zero(sizeof(*s) + (size_t)st->n_dbs * sizeof(*s->flushed)) : NULL;
        if (!s)
                return -ENOMEM;
        s->store = st;
        s->out.db = s->kept.db = -1;
        list_init(&s->removed);
        post_init(&s->clear, l, false, on_clear);
        for (int i = 0; i < st->n_dbs; i++)
                st->dbs[i].saved_as = i;
        put_facts(s);
        st->side = !st->side;
        st->snapshot = s;
        *ret = s;
        return 0;
}

void snapshot_aux(snapshot *s, const char *name, bytes value) {
        rdb_out_aux(&s->out.out, name, value);
}

snapshot *snapshot_free(snapshot *s) {
        if (!s)
                return NULL;
        if (s->r == 0)
                fail(s, -ECANCELED);
        if (s->is_over)
                return mem_free(s);
        s->is_freed = true;
        post_put(&s->clear);
        return NULL;
}

void snapshot_clear(store *st) {
        snapshot *s = st->snapshot;

        if (!s || !s->is_freed)
                return;
        while (!s->is_over)
                step(s);
        post_cancel(&s->clear);
        mem_free(s);
}
