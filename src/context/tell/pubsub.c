/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub.h"

#include <errno.h>

#include "../../base/glob.h"
#include "../../base/mem.h"
#include "../store.h"

typedef struct topic {
        list listeners;
        size_t n_listeners, n_name;
        char name[];
} topic;

typedef struct subscription {
        struct { /* by which it is found */
                client *client;
                topic *topic;
        } pair;
        list of_topic, of_client;
} subscription;

typedef struct subscriptions {
        list mine[PUBSUB_KINDS];
        size_t n[PUBSUB_KINDS], n_all;
} subscriptions;

static const void *name_of(const void *entry, size_t *ret_n) {
        const topic *t = entry;

        *ret_n = t->n_name;
        return t->name;
}

static const void *pair_of(const void *entry, size_t *ret_n) {
        const subscription *s = entry;

        *ret_n = sizeof(s->pair);
        return &s->pair;
}

void pubsub_init(pubsub *p) {
        for (int i = 0; i < PUBSUB_KINDS; i++)
                table_init(&p->topics[i], name_of);
        table_init(&p->subscriptions, pair_of);
}

void pubsub_deinit(pubsub *p) {
        for (int i = 0; i < PUBSUB_KINDS; i++)
                table_deinit(&p->topics[i]);
        table_deinit(&p->subscriptions);
}

/* topics */

static topic *find(const pubsub *p, pubsub_kind kind, bytes name) {
        const table *t = &p->topics[kind];
        void **slot;

        if (table_count(t) == 0)
                return NULL;
        slot = table_find(t, table_hash(name.p, name.n), name.p, name.n);
        return slot ? *slot : NULL;
}

static topic *find_or_add(pubsub *p, pubsub_kind kind, bytes name) {
        topic *t = find(p, kind, name);

        if (t)
                return t;
        t = mem_new(sizeof(*t) + name.n);
        if (!t)
                return NULL;
        *t = (topic){ .n_name = name.n };
        list_init(&t->listeners);
        memcpy(t->name, name.p, name.n);
        if (table_add(&p->topics[kind], table_hash(name.p, name.n), t) < 0)
                return mem_free(t);
        return t;
}

static void drop_if_idle(pubsub *p, pubsub_kind kind, topic *t) {
        if (t->n_listeners > 0)
                return;
        table_take(&p->topics[kind], table_hash(t->name, t->n_name), t->name, t->n_name);
        mem_free(t);
}

size_t pubsub_listeners(const pubsub *p, pubsub_kind kind, bytes name) {
        const topic *t = find(p, kind, name);

        return t ? t->n_listeners : 0;
}

void pubsub_each(pubsub *p, pubsub_kind kind, void (*fn)(void *arg, bytes name), void *arg) {
        table_iter i;
        const topic *t;

        table_iter_begin(&i, &p->topics[kind]);
        while ((t = table_iter_next(&i)))
                fn(arg, (bytes){ t->name, t->n_name });
        table_iter_end(&i);
}

/* joining and leaving */

static void **slot_of(const pubsub *p, client *c, topic *t, uint64_t *ret_hash) {
        subscription like = { .pair = { c, t } };

        *ret_hash = table_hash(&like.pair, sizeof(like.pair));
        return table_find(&p->subscriptions, *ret_hash, &like.pair, sizeof(like.pair));
}

static subscriptions *subscriptions_of(client *c) {
        subscriptions *all = c->subscriptions;

        if (all)
                return all;
        all = mem_zero(sizeof(*all));
        if (!all)
                return NULL;
        for (int i = 0; i < PUBSUB_KINDS; i++)
                list_init(&all->mine[i]);
        return c->subscriptions = all;
}

static void forget_if_none(client *c) {
        if (c->subscriptions->n_all > 0)
                return;
        c->subscriptions = mem_free(c->subscriptions);
        c->flags &= ~(uint32_t)CLIENT_PUBSUB;
}

int pubsub_join(client *c, pubsub_kind kind, bytes name) {
        pubsub *p = &c->store->pubsub;
        subscriptions *all = subscriptions_of(c);
        topic *t = all ? find_or_add(p, kind, name) : NULL;
        subscription *s = NULL;
        uint64_t hash;

        if (t && slot_of(p, c, t, &hash))
                return 0;
        if (t)
                s = mem_new(sizeof(*s));
        if (s) {
                *s = (subscription){ .pair = { c, t } };
                if (table_add(&p->subscriptions, hash, s) < 0)
                        s = mem_free(s);
        }
        if (!s) {
                if (t)
                        drop_if_idle(p, kind, t);
                if (all)
                        forget_if_none(c);
                return -ENOMEM;
        }
        list_init(&s->of_topic);
        list_init(&s->of_client);
        list_append(&t->listeners, &s->of_topic);
        list_append(&all->mine[kind], &s->of_client);
        t->n_listeners++;
        all->n[kind]++;
        all->n_all++;
        c->flags |= CLIENT_PUBSUB;
        return 0;
}

void pubsub_leave(client *c, pubsub_kind kind, bytes name) {
        pubsub *p = &c->store->pubsub;
        topic *t = c->subscriptions ? find(p, kind, name) : NULL;
        subscription *s;
        uint64_t hash;
        void **slot;

        slot = t ? slot_of(p, c, t, &hash) : NULL;
        if (!slot)
                return;
        s = table_take_at(&p->subscriptions, hash, slot);
        list_remove(&s->of_topic);
        list_remove(&s->of_client);
        mem_free(s);
        t->n_listeners--;
        c->subscriptions->n[kind]--;
        c->subscriptions->n_all--;
        drop_if_idle(p, kind, t);
        forget_if_none(c);
}

void pubsub_forget(client *c) {
        for (pubsub_kind kind = 0; kind < PUBSUB_KINDS; kind++)
                while (pubsub_count(c, kind) > 0)
                        pubsub_leave(c, kind, pubsub_first(c, kind));
}

size_t pubsub_count(const client *c, pubsub_kind kind) {
        return c->subscriptions ? c->subscriptions->n[kind] : 0;
}

bytes pubsub_first(const client *c, pubsub_kind kind) {
        const list *node = c->subscriptions ? list_first(&c->subscriptions->mine[kind]) : NULL;
        const topic *t;

        if (!node)
                return (bytes){ 0 };
        t = container_of(node, subscription, of_client)->pair.topic;
        return (bytes){ t->name, t->n_name };
}

/* sending */

static size_t send_to(const topic *t, const char *what, bool by_pattern, bytes channel,
                      bytes message) {
        list_each(node, &t->listeners) {
                client *c = container_of(node, subscription, of_topic)->pair.client;

                if (!client_hears(c))
                        continue;
                resp_out_push(&c->out, by_pattern ? 4 : 3);
                resp_out_bulk_text(&c->out, what);
                if (by_pattern)
                        resp_out_bulk(&c->out, t->name, t->n_name);
                resp_out_bulk(&c->out, channel.p, channel.n);
                resp_out_bulk(&c->out, message.p, message.n);
                client_push(c);
        }
        return t->n_listeners;
}

static size_t send_by_pattern(pubsub *p, bytes channel, bytes message) {
        size_t n = 0;
        table_iter i;
        const topic *t;

        if (table_count(&p->topics[PUBSUB_PATTERN]) == 0)
                return 0;
        table_iter_begin(&i, &p->topics[PUBSUB_PATTERN]);
        while ((t = table_iter_next(&i)))
                if (glob_match((bytes){ t->name, t->n_name }, channel, false))
                        n += send_to(t, "pmessage", true, channel, message);
        table_iter_end(&i);
        return n;
}

size_t pubsub_send(store *s, pubsub_kind kind, bytes channel, bytes message) {
        const topic *t = find(&s->pubsub, kind, channel);
        size_t n = 0;

        if (t)
                n += send_to(t, kind == PUBSUB_SHARD ? "smessage" : "message", false, channel,
                             message);
        if (kind == PUBSUB_CHANNEL)
                n += send_by_pattern(&s->pubsub, channel, message);
        return n;
}
