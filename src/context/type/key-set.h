/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sets
 *
 * Of a few whole numbers a sorted array of them; of anything else, or of many, a hash
 * table. How many are few is in the configuration (set-max-intset-entries).
 */

#include "../../base/decimal.h"
#include "../data/intset.h"
#include "../db.h"

/* A new key with an empty set, which its caller fills. NULL without memory. */
key *set_add(db *d, bytes name);

size_t set_count(const key *k);
bool set_has(const key *k, bytes member);

/* 1, or 0 if it was there already. -ENOMEM, and nothing has changed. */
int set_put(db *d, key *k, bytes member);
bool set_remove(key *k, bytes member);

/* Each member once, numbers in their order; the set may not change meanwhile. */
typedef struct set_iter {
        bytes member;

        /* private */
        const key *k;
        size_t at;
        table_iter entries;
        char scratch[DECIMAL_MAX];
} set_iter;

void set_iter_begin(set_iter *i, const key *k);
bool set_iter_next(set_iter *i);
void set_iter_end(set_iter *i);

/* Any member, into @i; the set is not empty. */
void set_random(const key *k, set_iter *i);

/* The table of a large one, or NULL; and what an entry of it is. */
table *set_table(const key *k);
bytes set_entry(const void *entry);

/* for value.c */
void set_free(key *k);
bool set_drain(key *k, size_t n);
int set_copy(const key *k, key *copy); /* -ENOMEM */
size_t set_memory(const key *k, size_t n_looked);
