/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hashes
 *
 * A small one is a pack of fields, each with its value behind it; a larger one a table
 * whose entries hold both in one block. How small is in the configuration
 * (hash-max-listpack-entries and -value).
 */

#include "../db.h"

/* A new key with an empty hash, which its caller fills. NULL without memory. */
key *hash_add(db *d, bytes name);

size_t hash_count(const key *k);

/* The value of @field, good until the hash changes; a number is printed into @scratch. */
bool hash_get(const key *k, bytes field, char scratch[static DECIMAL_MAX], bytes *ret);

/* Returns 1 if the field is new, 0 if it had another value, -ENOMEM and nothing has
 * changed. Neither may lie in the hash itself. The key may move. */
int hash_set(db *d, key **k, bytes field, bytes value);
bool hash_remove(db *d, key **k, bytes field);

/* Each field once; the hash may not change meanwhile. */
typedef struct hash_iter {
        bytes field, value;

        /* private */
        const key *k;
        size_t at;
        table_iter entries;
        char scratch[2][DECIMAL_MAX];
} hash_iter;

void hash_iter_begin(hash_iter *i, const key *k);
bool hash_iter_next(hash_iter *i);
void hash_iter_end(hash_iter *i);

/* Any of the fields, into @i; the hash is not empty. */
void hash_random(const key *k, hash_iter *i);

/* The table of a large one, or NULL; and what an entry of it is. */
table *hash_table(const key *k);
void hash_entry(const void *entry, bytes *ret_field, bytes *ret_value);

/* for value.c */
void hash_free(key *k);
bool hash_drain(key *k, size_t n);
int hash_copy(const key *k, key *copy); /* -ENOMEM */
size_t hash_memory(const key *k, size_t n_looked);
