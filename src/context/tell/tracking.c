/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking.h"

#include <errno.h>

#include "../../base/mem.h"
#include "../../loop/loop.h"
#include "../store.h"

enum {
        /* Changed keys that wait to be broadcast: a program that executes and never turns its
         * loop is to keep no more. Picked. */
        CHANGES_MAX = 1000,
        /* Keys of a command that are looked for without memory of their own. */
        KEYS_NEAR = 64,
        /* Keys over the limit that one command lets go of, when the limit was lowered. */
        FORGET_MAX = 100,
};

/* A key that has been read, and by whom: numbers in order, the name behind them. */
typedef struct tracked {
        size_t n_name;
        uint32_t n_ids, cap;
        uint64_t ids[];
} tracked;

typedef struct prefix {
        list members;
        table changed; /* of change: since the last broadcast */
        bool is_short; /* of memory: some are missing */
        size_t n_name;
        char name[];
} prefix;

typedef struct member {
        list of_prefix, of_client;
        prefix *prefix;
        client *client;
} member;

typedef struct change {
        list node; /* of tracker.own */
        uint64_t by;
        size_t n_name;
        char name[];
} change;

/* What is broadcast is put together until the loop is about to wait. */
typedef struct round {
        dirty dirty;
        bool is_due;
        store *store;
} round;

static char *name_in(const tracked *k) {
        return (char *)(k->ids + k->cap);
}

static const void *name_of_tracked(const void *entry, size_t *ret_n) {
        const tracked *k = entry;

        *ret_n = k->n_name;
        return name_in(k);
}

static const void *name_of_prefix(const void *entry, size_t *ret_n) {
        const prefix *p = entry;

        *ret_n = p->n_name;
        return p->name;
}

static const void *name_of_change(const void *entry, size_t *ret_n) {
        const change *c = entry;

        *ret_n = c->n_name;
        return c->name;
}

static void free_entry(void *arg, void *entry) {
        (void)arg;
        mem_free(entry);
}

static void empty(table *t, table_key *name) {
        while (table_drain(t, SIZE_MAX, free_entry, NULL))
                ;
        table_deinit(t);
        table_init(t, name);
}

static void on_dirty(dirty *d) {
        tracking_broadcast(container_of(d, round, dirty)->store);
}

void tracking_init(tracking *t) {
        *t = (tracking){ 0 };
        list_init(&t->trackers);
        table_init(&t->keys, name_of_tracked);
        table_init(&t->prefixes, name_of_prefix);
}

void tracking_deinit(tracking *t) {
        if (t->round)
                dirty_cancel(&t->round->dirty);
        t->round = mem_free(t->round);
        empty(&t->keys, name_of_tracked);
        table_deinit(&t->prefixes);
}

/* telling */

/* Where @c is told that something changed: the caller adds the keys and touches *ret_to.
 * NULL if there is no way to tell it. */
static resp_out *begin(client *c, client **ret_to) {
        tracker *t = c->tracker;
        client *to = t->redirect ? client_find(c->store, t->redirect) : c;

        if (!to) {
                t->is_broken = true;
                if (c->out.version > 2) {
                        resp_out_push(&c->out, 2);
                        resp_out_bulk_text(&c->out, "tracking-redir-broken");
                        resp_out_integer(&c->out, (int64_t)t->redirect);
                        client_push(c);
                }
                return NULL;
        }
        *ret_to = to;
        if (!client_hears(to))
                return NULL;
        if (to->out.version > 2) {
                resp_out_push(&to->out, 2);
                resp_out_bulk_text(&to->out, "invalidate");
        } else if (t->redirect && to->flags & CLIENT_PUBSUB) {
                resp_out_push(&to->out, 3);
                resp_out_bulk_text(&to->out, "message");
                resp_out_bulk_text(&to->out, "__redis__:invalidate");
        } else {
                return NULL;
        }
        return &to->out;
}

static void tell(client *c, bytes name) {
        client *to;
        resp_out *out = begin(c, &to);

        if (!out)
                return;
        resp_out_array(out, 1);
        resp_out_bulk(out, name.p, name.n);
        client_push(to);
}

static void tell_all(client *c) {
        client *to;
        resp_out *out = begin(c, &to);

        if (!out)
                return;
        resp_out_null(out);
        client_push(to);
}

static change *change_new(bytes name, uint64_t by) {
        change *made = mem_new(sizeof(*made) + name.n);

        if (!made)
                return NULL;
        list_init(&made->node);
        made->by = by;
        made->n_name = name.n;
        memcpy(made->name, name.p, name.n);
        return made;
}

/* One that executes a command is told behind the answer. */
static void tell_later(tracker *t, bytes name) {
        change *c = change_new(name, 0);

        if (c)
                list_append(&t->own, &c->node);
        else
                t->own_all = true;
}

static void forget_own(tracker *t) {
        for (list *node; (node = list_take_first(&t->own));)
                mem_free(container_of(node, change, node));
        t->own_all = false;
}

static void answered(client *c, bytes verb) {
        tracker *t = c->tracker;

        list_each(node, &t->own) {
                const change *own = container_of(node, change, node);

                tell(c, (bytes){ own->name, own->n_name });
        }
        if (t->own_all)
                tell_all(c);
        forget_own(t);
        /* it holds for the next command, or for all of the next transaction */
        if (!(c->flags & CLIENT_MULTI) && !bytes_is(verb, "client"))
                t->says_caching = false;
}

void tracking_answered(client *c, bytes verb) {
        if (c->tracker)
                answered(c, verb);
        if (c->store->tracking.n_changes > CHANGES_MAX)
                tracking_broadcast(c->store);
}

/* keys that were read */

static void drop(tracking *t, tracked *k) {
        t->n_items -= k->n_ids;
        mem_free(k);
}

/* The key has changed, or is to be forgotten: whoever has read it is told, for once. */
static void let_go(store *s, tracked *k) {
        bytes name = { name_in(k), k->n_name };

        for (uint32_t i = 0; i < k->n_ids; i++) {
                client *c = client_find(s, k->ids[i]);

                if (!c || !c->tracker || c->tracker->broadcasts ||
                    (c->tracker->no_loop && c == s->executing))
                        continue;
                if (c->flags & CLIENT_EXECUTING)
                        tell_later(c->tracker, name);
                else
                        tell(c, name);
        }
        drop(&s->tracking, k);
}

/* The place of @id among those who have read it. */
static uint32_t place_of(const tracked *k, uint64_t id) {
        uint32_t from = 0, to = k->n_ids;

        while (from < to) {
                uint32_t middle = from + (to - from) / 2;

                if (k->ids[middle] < id)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

static tracked *tracked_new(bytes name, uint32_t cap) {
        tracked *k = mem_new(sizeof(*k) + cap * sizeof(*k->ids) + name.n);

        if (!k)
                return NULL;
        *k = (tracked){ .n_name = name.n, .cap = cap };
        memcpy(name_in(k), name.p, name.n);
        return k;
}

static tracked *grow(tracked *old) {
        tracked *k = tracked_new((bytes){ name_in(old), old->n_name }, 2 * old->cap);

        if (!k)
                return NULL;
        k->n_ids = old->n_ids;
        memcpy(k->ids, old->ids, old->n_ids * sizeof(*k->ids));
        mem_free(old);
        return k;
}

static int note_key(tracking *t, bytes name, uint64_t id) {
        uint64_t hash = table_hash(name.p, name.n);
        void **slot = table_find(&t->keys, hash, name.p, name.n);
        tracked *k = slot ? *slot : tracked_new(name, 1);
        uint32_t at = k ? place_of(k, id) : 0;

        if (!k)
                return -ENOMEM;
        if (at < k->n_ids && k->ids[at] == id)
                return 0;
        if (!slot && table_add(&t->keys, hash, k) < 0) {
                mem_free(k);
                return -ENOMEM;
        }
        if (k->n_ids == k->cap) {
                k = grow(k);
                if (!k)
                        return -ENOMEM;
                *slot = k;
        }
        memmove(k->ids + at + 1, k->ids + at, (k->n_ids - at) * sizeof(*k->ids));
        k->ids[at] = id;
        k->n_ids++;
        t->n_items++;
        return 0;
}

/* Over the limit any keys are let go of: who has read them has to read them again. */
static void keep_limit(store *s) {
        table *keys = &s->tracking.keys;
        size_t max = s->config.tracking_table_max_keys;

        for (int n = 0; max > 0 && table_count(keys) > max && n < FORGET_MAX; n++) {
                tracked *k = table_random(keys);

                table_take(keys, table_hash(name_in(k), k->n_name), name_in(k), k->n_name);
                let_go(s, k);
        }
}

void tracking_note(call *c) {
        tracker *how = c->client->tracker;
        tracking *t = &c->store->tracking;
        int near[KEYS_NEAR], *places = near, n;

        if (how->broadcasts || (how->opts_in && !how->says_caching) ||
            (how->opts_out && how->says_caching))
                return;
        if (c->argc > KEYS_NEAR)
                places = mem_array((size_t)c->argc, sizeof(*places));
        n = places ? command_keys(c->cmd, c->argv, c->argc, places) : 0;
        for (int i = 0; i < n; i++)
                if (note_key(t, c->argv[places[i]], c->client->id) < 0)
                        tell_later(how, c->argv[places[i]]);
        if (!places)
                how->own_all = true;
        if (places != near)
                mem_free(places);
        keep_limit(c->store);
}

/* broadcasts */

static prefix *find_prefix(const tracking *t, bytes name) {
        void **slot = table_find(&t->prefixes, table_hash(name.p, name.n), name.p, name.n);

        return slot ? *slot : NULL;
}

static prefix *find_or_add(tracking *t, bytes name) {
        prefix *p = find_prefix(t, name);

        if (p)
                return p;
        p = mem_zero(sizeof(*p) + name.n);
        if (!p)
                return NULL;
        list_init(&p->members);
        table_init(&p->changed, name_of_change);
        p->n_name = name.n;
        if (name.n > 0)
                memcpy(p->name, name.p, name.n);
        if (table_add(&t->prefixes, table_hash(name.p, name.n), p) < 0)
                return mem_free(p);
        if (name.n > t->longest)
                t->longest = name.n;
        return p;
}

static void drop_if_idle(tracking *t, prefix *p) {
        if (!list_is_empty(&p->members))
                return;
        table_take(&t->prefixes, table_hash(p->name, p->n_name), p->name, p->n_name);
        t->n_changes -= table_count(&p->changed);
        empty(&p->changed, name_of_change);
        mem_free(p);
        if (table_count(&t->prefixes) == 0)
                t->longest = 0;
}

static round *round_of(store *s) {
        round *r = s->tracking.round;

        if (r)
                return r;
        r = mem_zero(sizeof(*r));
        if (!r)
                return NULL;
        r->store = s;
        dirty_init(&r->dirty, on_dirty);
        return s->tracking.round = r;
}

/* In the order of their bytes, in which they are told. */
static void add_in_order(list *members, member *m) {
        bytes name = { m->prefix->name, m->prefix->n_name };

        list_each(node, members) {
                const prefix *p = container_of(node, member, of_client)->prefix;

                if (bytes_compare((bytes){ p->name, p->n_name }, name) > 0) {
                        list_append(node, &m->of_client);
                        return;
                }
        }
        list_append(members, &m->of_client);
}

static bool has_joined(const client *c, const prefix *p) {
        list_each(node, &c->tracker->prefixes)
                if (container_of(node, member, of_client)->prefix == p)
                        return true;
        return false;
}

static int join(client *c, bytes name) {
        tracking *t = &c->store->tracking;
        prefix *p = round_of(c->store) ? find_or_add(t, name) : NULL;
        member *m;

        if (p && has_joined(c, p))
                return 0;
        m = p ? mem_new(sizeof(*m)) : NULL;
        if (!m) {
                if (p)
                        drop_if_idle(t, p);
                return -ENOMEM;
        }
        *m = (member){ .prefix = p, .client = c };
        list_init(&m->of_prefix);
        list_init(&m->of_client);
        list_append(&p->members, &m->of_prefix);
        add_in_order(&c->tracker->prefixes, m);
        return 0;
}

const list *tracking_prefix(const client *c, const list *before, bytes *ret) {
        const list *head = c->tracker ? &c->tracker->prefixes : NULL;
        const list *node = before ? before->next : head ? head->next : NULL;
        const prefix *p;

        if (node == head)
                return NULL;
        p = container_of(node, member, of_client)->prefix;
        *ret = (bytes){ p->name, p->n_name };
        return node;
}

static void note_change(tracking *t, prefix *p, bytes name, uint64_t by) {
        uint64_t hash = table_hash(name.p, name.n);
        void **slot = table_find(&p->changed, hash, name.p, name.n);
        change *c = slot ? *slot : change_new(name, by);

        if (!slot && (!c || table_add(&p->changed, hash, c) < 0)) {
                mem_free(c);
                p->is_short = true;
                return;
        }
        c->by = by;
        t->n_changes += slot == NULL;
}

/* Each beginning of the name may be a prefix that somebody listens to. */
static void note_changes(store *s, bytes name) {
        tracking *t = &s->tracking;
        size_t longest = name.n < t->longest ? name.n : t->longest;

        for (size_t n = 0; n <= longest; n++) {
                prefix *p = find_prefix(t, (bytes){ name.p, n });

                if (!p)
                        continue;
                note_change(t, p, name, s->executing ? s->executing->id : 0);
                if (!t->round->is_due && loop_get()) {
                        t->round->is_due = true;
                        dirty_put(loop_get(), &t->round->dirty);
                }
        }
}

/* Those of the changes that are not its own, if it does not want to hear of these. */
static void tell_changes(const member *m) {
        client *to, *c = m->client;
        table *changed = &m->prefix->changed;
        uint64_t but = c->tracker->no_loop ? c->id : 0;
        size_t n = 0;
        table_iter i;
        const change *one;
        resp_out *out;

        table_iter_begin(&i, changed);
        while ((one = table_iter_next(&i)))
                n += !but || one->by != but;
        table_iter_end(&i);
        out = n > 0 ? begin(c, &to) : NULL;
        if (!out)
                return;
        resp_out_array(out, n);
        table_iter_begin(&i, changed);
        while ((one = table_iter_next(&i)))
                if (!but || one->by != but)
                        resp_out_bulk(out, one->name, one->n_name);
        table_iter_end(&i);
        client_push(to);
}

void tracking_broadcast(store *s) {
        tracking *t = &s->tracking;
        table_iter i;
        prefix *p;

        if (t->round) {
                t->round->is_due = false;
                dirty_cancel(&t->round->dirty);
        }
        table_iter_begin(&i, &t->prefixes);
        while ((p = table_iter_next(&i))) {
                list_each(node, &p->members) {
                        const member *m = container_of(node, member, of_prefix);

                        if (p->is_short)
                                tell_all(m->client);
                        else
                                tell_changes(m);
                }
                empty(&p->changed, name_of_change);
                p->is_short = false;
        }
        table_iter_end(&i);
        t->n_changes = 0;
}

/* changes */

void tracking_changed(store *s, bytes name) {
        tracking *t = &s->tracking;
        tracked *k;

        if (table_count(&t->prefixes) > 0)
                note_changes(s, name);
        if (table_count(&t->keys) == 0)
                return;
        k = table_take(&t->keys, table_hash(name.p, name.n), name.p, name.n);
        if (k)
                let_go(s, k);
}

void tracking_changed_all(store *s) {
        tracking *t = &s->tracking;

        list_each(node, &t->trackers) {
                tracker *one = container_of(node, tracker, node);

                if (one->client->flags & CLIENT_EXECUTING)
                        one->own_all = true;
                else
                        tell_all(one->client);
        }
        empty(&t->keys, name_of_tracked);
        t->n_items = 0;
}

/* clients */

static tracker *tracker_of(client *c) {
        tracking *t = &c->store->tracking;

        if (c->tracker)
                return c->tracker;
        c->tracker = mem_zero(sizeof(*c->tracker));
        if (!c->tracker)
                return NULL;
        c->tracker->client = c;
        list_init(&c->tracker->prefixes);
        list_init(&c->tracker->own);
        list_init(&c->tracker->node);
        list_append(&t->trackers, &c->tracker->node);
        t->n_trackers++;
        return c->tracker;
}

int tracking_on(client *c, const tracker *how, const bytes *prefixes, size_t n_prefixes) {
        const bytes all = BYTES("");
        tracker *t = tracker_of(c);
        int r = t ? 0 : -ENOMEM;

        if (how->broadcasts && n_prefixes == 0) {
                prefixes = &all;
                n_prefixes = 1;
        }
        for (size_t i = 0; r == 0 && i < n_prefixes; i++)
                r = join(c, prefixes[i]);
        if (r < 0) {
                tracking_off(c);
                return r;
        }
        t->redirect = how->redirect;
        t->broadcasts = how->broadcasts;
        t->opts_in = how->opts_in;
        t->opts_out = how->opts_out;
        t->no_loop = how->no_loop;
        t->is_broken = false;
        return 0;
}

void tracking_off(client *c) {
        tracking *t = &c->store->tracking;

        if (!c->tracker)
                return;
        for (list *node; (node = list_take_first(&c->tracker->prefixes));) {
                member *m = container_of(node, member, of_client);

                list_remove(&m->of_prefix);
                drop_if_idle(t, m->prefix);
                mem_free(m);
        }
        forget_own(c->tracker);
        list_remove(&c->tracker->node);
        c->tracker = mem_free(c->tracker);
        t->n_trackers--;
}
