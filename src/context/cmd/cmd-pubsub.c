/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group pubsub. */
#include "../../base/glob.h"
#include "../store.h"
#include "context/commands.h"

/* Channels and patterns are counted together. */
static size_t count(const client *who, pubsub_kind kind) {
        if (kind == PUBSUB_SHARD)
                return pubsub_count(who, kind);
        return pubsub_count(who, PUBSUB_CHANNEL) + pubsub_count(who, PUBSUB_PATTERN);
}

/* What is said to a listener about itself is no reply but a push, also to one that wants no
 * replies; one for each name. */
static void confirm(client *who, const char *what, bytes name, size_t n) {
        resp_out_push(&who->out, 3);
        resp_out_bulk_text(&who->out, what);
        if (name.p)
                resp_out_bulk(&who->out, name.p, name.n);
        else
                resp_out_null(&who->out);
        resp_out_integer(&who->out, (int64_t)n);
}

/* Those before the one that there is no memory for have been joined, and told. */
static void join(call *c, const char *what, pubsub_kind kind) {
        for (int i = 1; i < c->argc; i++) {
                if (pubsub_join(c->client, kind, c->argv[i]) < 0) {
                        call_fail_memory(c);
                        return;
                }
                confirm(c->client, what, c->argv[i], count(c->client, kind));
        }
}

static void leave_all(client *who, const char *what, pubsub_kind kind) {
        bytes name = pubsub_first(who, kind);

        if (!name.p)
                confirm(who, what, name, count(who, kind));
        for (; name.p; name = pubsub_first(who, kind)) {
                confirm(who, what, name, count(who, kind) - 1);
                pubsub_leave(who, kind, name);
        }
}

static void leave(call *c, const char *what, pubsub_kind kind) {
        if (c->argc == 1)
                leave_all(c->client, what, kind);
        for (int i = 1; i < c->argc; i++) {
                pubsub_leave(c->client, kind, c->argv[i]);
                confirm(c->client, what, c->argv[i], count(c->client, kind));
        }
}

void cmd_subscribe(call *c) {
        join(c, "subscribe", PUBSUB_CHANNEL);
}

void cmd_psubscribe(call *c) {
        join(c, "psubscribe", PUBSUB_PATTERN);
}

void cmd_ssubscribe(call *c) {
        join(c, "ssubscribe", PUBSUB_SHARD);
}

void cmd_unsubscribe(call *c) {
        leave(c, "unsubscribe", PUBSUB_CHANNEL);
}

void cmd_punsubscribe(call *c) {
        leave(c, "punsubscribe", PUBSUB_PATTERN);
}

void cmd_sunsubscribe(call *c) {
        leave(c, "sunsubscribe", PUBSUB_SHARD);
}

/* Replicas send it to those who listen there. */
static void publish(call *c, pubsub_kind kind) {
        size_t n = pubsub_send(c->store, kind, c->argv[1], c->argv[2]);

        call_send_also(c, c->db, c->argv, c->argc);
        resp_out_integer(c->out, (int64_t)n);
}

void cmd_publish(call *c) {
        publish(c, PUBSUB_CHANNEL);
}

void cmd_spublish(call *c) {
        publish(c, PUBSUB_SHARD);
}

/* what there is */

typedef struct listing {
        call *call;
        const bytes *pattern; /* or NULL: all */
        size_t n;
} listing;

static void list_one(void *arg, bytes name) {
        listing *l = arg;

        if (l->pattern && !glob_match(*l->pattern, name, false))
                return;
        resp_out_bulk(l->call->out, name.p, name.n);
        l->n++;
}

static void list_topics(call *c, pubsub_kind kind) {
        listing l = { .call = c, .pattern = c->argc > 2 ? &c->argv[2] : NULL };
        size_t later;

        if (c->argc > 3) {
                call_fail_subcommand(c);
                return;
        }
        later = resp_out_later(c->out);
        pubsub_each(&c->store->pubsub, kind, list_one, &l);
        resp_out_head(c->out, later, RESP_ARRAY, l.n);
}

void cmd_pubsub_channels(call *c) {
        list_topics(c, PUBSUB_CHANNEL);
}

void cmd_pubsub_shardchannels(call *c) {
        list_topics(c, PUBSUB_SHARD);
}

static void count_listeners(call *c, pubsub_kind kind) {
        resp_out_array(c->out, 2 * (size_t)(c->argc - 2));
        for (int i = 2; i < c->argc; i++) {
                size_t n = pubsub_listeners(&c->store->pubsub, kind, c->argv[i]);

                resp_out_bulk(c->out, c->argv[i].p, c->argv[i].n);
                resp_out_integer(c->out, (int64_t)n);
        }
}

void cmd_pubsub_numsub(call *c) {
        count_listeners(c, PUBSUB_CHANNEL);
}

void cmd_pubsub_shardnumsub(call *c) {
        count_listeners(c, PUBSUB_SHARD);
}

void cmd_pubsub_numpat(call *c) {
        resp_out_integer(c->out, (int64_t)table_count(&c->store->pubsub.topics[PUBSUB_PATTERN]));
}
