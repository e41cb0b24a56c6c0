/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A database: names and what they stand for
 *
 * All that reads or changes a key goes through here, so that expiry, snapshots,
 * computed keys, WATCH, blocked clients, notifications and replication are told of
 * everything, in this one place:
 *
 *     k = db_read(d, name)     to look at it
 *     k = db_write(d, name)    to change it; whoever takes a snapshot has saved it
 *     ... change it ...
 *     db_changed(d, name, NOTIFY_LIST, "rpush");
 *
 * A key that has expired is not there, and is removed in passing. A collection that
 * has become empty is removed by whoever emptied it: db_remove_if_empty().
 * A pointer to a key is good until the next call here for the same database; what moves
 * the key says where it is now.
 */

#include "../base/list.h"
#include "data/table.h"
#include "tell/notify.h"
#include "type/key.h"

typedef struct store store;

typedef struct db {
        store *store;
        int number;
        int saved_as;     /* the number that these keys had when the snapshot began */
        table keys;       /* of key */
        table expiring;   /* those of them that have a time to live */
        table watched;    /* names, by multi.c */
        table waited;     /* names, by block.c */
        uint64_t walked;  /* of expiring, by upkeep.c */
        int64_t mean_ttl; /* ms, of those that it has seen; 0: none */
        list *mounts;     /* of computed keys (mount.h), or NULL */
} db;

void db_init(db *d, store *s, int number);
void db_deinit(db *d);

/* The key, or NULL. Counts as used, and as a hit or a miss. */
key *db_read(db *d, bytes name);
key *db_write(db *d, bytes name);

/* As db_read(), but it does not count as used: for TTL, TYPE and EXISTS. */
key *db_look(db *d, bytes name);

/* Nothing counts: for OBJECT, SCAN and our own needs. */
key *db_peek(db *d, bytes name);

/* Up to DB_FETCH_MAX keys will be looked for: what that reads comes from memory meanwhile, for
 * all at once. It does not pay where db_is_large() is false, as then the caches have it. */
enum { DB_FETCH_MAX = 16 };
void db_fetch(const db *d, const bytes *names, size_t n);

static inline bool db_is_large(const db *d) {
        return table_count(&d->keys) >=
               1 << 14; /* picked: of small keys a core's cache holds less */
}

/* A new key of @type, without a value (the file of the type puts one in). It must not be
 * there. NULL without memory. */
key *db_add(db *d, bytes name, key_type type);

/* One that is in no database yet. */
key *db_new_key(db *d, bytes name, key_type type);

/* A string of up to KEY_INLINE_MAX bytes in the key itself, in place of what it had;
 * the key may move. NULL without memory, and nothing has changed then. */
key *db_set_inline(db *d, key *k, bytes value);

/* Give it a time to live (INT64_MAX: none), in milliseconds of Unix time. It may move. */
key *db_expire(db *d, key *k, int64_t when);

/* Free the value but not the key, so that another may be put in; keeps the expiry. It may
 * move. */
key *db_clear(db *d, key *k);

/* For the files of the types, which resize a key whose value is in its own block: it was at
 * @from. Returns @k. */
key *db_moved(db *d, const key *from, key *k);
/* Give back what its block has too much of. It may move. */
key *db_trim(db *d, key *k);

/* Free it. Tells nobody. */
void db_remove(db *d, key *k);

/* Remove a key whose time has come: it counts, is notified as "expired", and replicas are
 * told to delete it. */
void db_remove_expired(db *d, key *k);

/* The same for one that has to go because memory is short: "evicted". */
void db_evict(db *d, key *k);

/* After a collection has lost elements: remove it if it is empty, and notify "del".
 * Returns whether it is gone. */
bool db_remove_if_empty(db *d, key *k);

/* The same value under another name, in this or another database, where there must be
 * nothing of that name. The expiry goes along. NULL without memory. */
key *db_move(db *d, key *k, db *to, bytes name);

/* The value of @loose, a key that is in no database, as that of @name, in place of what is
 * there, with this expiry; @loose is empty then. NULL without memory, and nothing has
 * changed. */
key *db_replace(db *d, bytes name, key *loose, int64_t when);

/* Tell everybody that the key has changed: who watches or tracks it, who waits for it;
 * a notification of @event, unless it is NULL; and it counts as a change for saving and
 * replication (what is sent is up to the command, call.h). */
void db_changed(db *d, bytes name, notify_class class, const char *event);

/* Remove all but what is computed. Tells nobody. */
void db_flush(db *d);

/* The same, and then it has the keys of @from, of another store, which has none after that. */
void db_take_all(db *d, db *from);

/* Computed keys are counted by asking for their names. */
size_t db_size(const db *d);
