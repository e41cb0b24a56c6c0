/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tracking: clients that keep what they have read are told when it changes
 *
 * A client is told of the keys that it has read, each once, until it reads it again; or, if
 * it wants them broadcast, of all keys that begin with one of its prefixes. Keys are names
 * here, whatever the database. Who has read what is kept as numbers of clients, which are
 * never given twice: of one that has left nothing has to be looked for.
 *
 * Whatever memory is missing for is told too early rather than not at all: a key that cannot
 * be noted as changed while it was read, and all keys if one that has changed cannot be
 * named.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../base/bytes.h"
#include "../../base/list.h"
#include "../data/table.h"

typedef struct call call;
typedef struct client client;
typedef struct store store;

/* What a client has asked for, and what became of it. */
typedef struct tracker {
        uint64_t redirect; /* the client that is told instead, or 0 */
        bool broadcasts;
        bool opts_in, opts_out; /* keys are noted only, or not, if CACHING was said before */
        bool says_caching;      /* for the next command */
        bool no_loop;           /* it is not told of its own changes */
        bool is_broken;         /* there was nobody to be told */

        /* private */
        client *client;
        list node;
        list prefixes;
        list own; /* what it is told when the command that it executes has been answered */
        bool own_all;
} tracker;

typedef struct tracking {
        list trackers;
        size_t n_trackers, n_items; /* of n_items keys and clients */
        table keys;                 /* that have been read */
        table prefixes;

        /* private */
        size_t longest;      /* no prefix is longer */
        size_t n_changes;    /* to be broadcast */
        struct round *round; /* of the loop, at whose end that happens */
} tracking;

void tracking_init(tracking *t);
void tracking_deinit(tracking *t); /* its clients have left */

/* From here on, or with other options: those of @how. -ENOMEM, and it is off. */
int tracking_on(client *c, const tracker *how, const bytes *prefixes, size_t n_prefixes);
void tracking_off(client *c);

/* The prefixes of @c, one after the other: begin with NULL, which is also the end. */
const list *tracking_prefix(const client *c, const list *before, bytes *ret);

/* for client.c: a command has read its keys; and its client has been answered, which is of
 * interest if tracking_waits() */
void tracking_note(call *c);
void tracking_answered(client *c, bytes verb);

static inline bool tracking_waits(const tracking *t, const tracker *of_client) {
        return of_client || t->n_changes > 0;
}

/* for db.c: a key has changed; and all may have */
void tracking_changed(store *s, bytes name);
void tracking_changed_all(store *s);

/* What is broadcast is told now, not before the loop waits. */
void tracking_broadcast(store *s);
