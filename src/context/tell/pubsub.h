/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Publish and subscribe: who listens to what
 *
 * A topic is a name that at least one client listens to: a channel, a pattern that names
 * channels, or a channel of a shard, which here differs from the others in its commands only.
 * A message goes to those who listen when it is sent, and is kept for nobody: it is written
 * behind whatever else is to be said to them.
 */

#include <stdbool.h>
#include <stddef.h>

#include "../../base/bytes.h"
#include "../data/table.h"

typedef struct client client;
typedef struct store store;

typedef enum pubsub_kind {
        PUBSUB_CHANNEL,
        PUBSUB_PATTERN,
        PUBSUB_SHARD,
        PUBSUB_KINDS,
} pubsub_kind;

typedef struct pubsub {
        table topics[PUBSUB_KINDS];
        table subscriptions; /* by client and topic */
} pubsub;

void pubsub_init(pubsub *p);
void pubsub_deinit(pubsub *p); /* its clients have left */

/* @c listens from here on, if it did not. -ENOMEM. */
int pubsub_join(client *c, pubsub_kind kind, bytes name);

/* It does not listen any more, if it did. @name may be pubsub_first()'s. */
void pubsub_leave(client *c, pubsub_kind kind, bytes name);
void pubsub_forget(client *c);

/* What it listens to: how many, and the one that it has joined first, whose bytes are NULL if
 * there is none and which stays until it leaves. */
size_t pubsub_count(const client *c, pubsub_kind kind);
bytes pubsub_first(const client *c, pubsub_kind kind);

/* How many listen to a name. */
size_t pubsub_listeners(const pubsub *p, pubsub_kind kind, bytes name);

/* Each topic of a kind, for as long as nobody joins or leaves. */
void pubsub_each(pubsub *p, pubsub_kind kind, void (*fn)(void *arg, bytes name), void *arg);

/* Send @message to all who listen to @channel, which is one of a shard or not. Returns how
 * often it was sent: a client may listen by patterns too. */
size_t pubsub_send(store *s, pubsub_kind kind, bytes channel, bytes message);
