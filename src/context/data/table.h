/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A hash table of entries that hold their own keys
 *
 * An entry is a pointer; a function of the table's says where its key is. The caller
 * hashes once (table_hash) and hands the hash to each call about that key:
 *
 *      hash = table_hash(key, n);
 *      slot = table_find(&t, hash, key, n);
 *      if (slot)
 *              *slot = entry_grown(*slot);        a new pointer, the same key
 *      else
 *              r = table_add(&t, hash, entry);    no second look at keys
 *
 * Buckets are cache lines of seven entries with a byte of each one's hash, so that a
 * find costs the line of the bucket and the line of the entry. What a bucket cannot
 * hold is in further ones behind it.
 *
 * The table grows and shrinks by a bucket at a time (linear hashing): when there are
 * more entries than so many for each bucket, the next bucket in turn is dealt out to
 * itself and to a new one at the end. There is never a second table, nor a moment at
 * which everything moves: the slowest call costs some microseconds at any size, and
 * memory follows the number of entries closely instead of in powers of two. The
 * buckets lie in segments of 64 KiB.
 *
 * A bucket is what agrees in the low bits of the hash, in as many bits as it has been
 * split to, so buckets are intervals in the order of the reversed bits. A scan walks
 * that order, and whatever the table does between its calls it misses nothing.
 *
 * The struct may be copied to another place, as long as one of the two is forgotten.
 * A table that holds nothing has no memory. Entries are never touched but to read
 * their keys, and belong to the caller.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../base/hash.h"

typedef struct table_bucket table_bucket;

/* Where the key of @entry is, and how long. It stays the same, though the entry may
 * move, for as long as the entry is in a table. */
typedef const void *table_key(const void *entry, size_t *ret_n);

typedef struct table {
        /* private */
        table_key *key;
        size_t n;
        size_t n_buckets;
        size_t mask;             /* of the largest power of two within n_buckets, less 1 */
        table_bucket *first;     /* segment 0, which is small while it is the only one */
        table_bucket **segments; /* all of them, or NULL while there is one */
        size_t n_room;           /* buckets that there is memory for */
        size_t n_behind;         /* buckets behind others */
        size_t n_paused;
} table;

typedef struct table_iter {
        /* private */
        table *t;
        size_t bucket; /* one further than that of the current entry */
        size_t at;     /* the current entry's place in it */
} table_iter;

void table_init(table *t, table_key *key);
/* Its memory; the entries have been freed, or belong elsewhere. Empty afterwards. */
void table_deinit(table *t);

static inline uint64_t table_hash(const void *p, size_t n) {
        return hash_bytes(p, n);
}

static inline size_t table_count(const table *t) {
        return t->n;
}
/* Memory of the table itself, without the entries. */
size_t table_bytes(const table *t);

/* NULL if there is none; else where the entry's pointer is, until the table is next
 * changed. Another entry with the same key may be put there. */
void **table_find(const table *t, uint64_t hash, const void *key, size_t n);

/* The same for an entry that is in the table, and is told by its address alone: it may have
 * moved away from there. */
void **table_find_entry(const table *t, uint64_t hash, const void *entry);

/* An entry whose key is not in the table. -ENOMEM. */
int table_add(table *t, uint64_t hash, void *entry);

/* Out of the table and back to the caller; NULL if there is none. */
void *table_take(table *t, uint64_t hash, const void *key, size_t n);
/* The one that table_find() has found. */
void *table_take_at(table *t, uint64_t hash, void **slot);

/* For many finds at once: first this for each, then the next for each, then the finds;
 * so the waits for memory overlap. */
void table_prefetch(const table *t, uint64_t hash);
void table_prefetch_entry(const table *t, uint64_t hash);

/* walking */

/* The entries of one more bucket; begin with cursor 0. Returns the next cursor, 0 at
 * the end. What is there from the first call to the last is shown at least once, and
 * perhaps twice, whatever happens to the table between the calls. @fn may take the
 * entry that it is shown out of the table, and change nothing else. */
uint64_t table_scan(table *t, uint64_t cursor, void (*fn)(void *arg, void *entry), void *arg);

/* Each entry once: the table neither grows nor shrinks from begin to end. Entries may
 * be added, and may or may not be seen; none may be taken but by table_iter_take(). */
void table_iter_begin(table_iter *i, table *t);
void *table_iter_next(table_iter *i); /* NULL: no more */
void *table_iter_take(table_iter *i); /* the one that was seen last, out of the table */
void table_iter_end(table_iter *i);

/* Any entry, all equally likely; NULL if the table is empty. */
void *table_random(const table *t);
/* Up to @n neighbours from a random place on, none twice; returns how many. Cheaper than
 * so many random ones, and less random. */
size_t table_sample(const table *t, void **ret, size_t n);

/* in parts */

/* Show about @n entries to @fn, which owns them from then on, and forget them. Returns
 * whether there are more; the last call gives back the memory. Buckets go from the
 * end, so nothing else may be done with the table any more but table_drain() and
 * table_deinit(). */
bool table_drain(table *t, size_t n, void (*fn)(void *arg, void *entry), void *arg);

/* No growing nor shrinking from here to the resume, which may nest. */
void table_pause(table *t);
void table_resume(table *t);
/* Up to @n of the buckets that growing or shrinking is behind with, after a pause;
 * adding and taking catch up by themselves too. Returns whether there are more. */
bool table_step(table *t, size_t n);
