/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lists
 *
 * A chain of packs from the first element on: small ones are a chain of one.
 */

#include "../data/chain.h"
#include "../db.h"

/* The chain of a list that is there. */
chain *list_of(const key *k);

static inline size_t list_count(const key *k) {
        return chain_count(list_of(k));
}

/* A new key with an empty list, which its caller fills. NULL without memory. */
key *list_add(db *d, bytes name);

/* The same under no name, for a result that is not kept yet; its caller frees first the value,
 * then the key. */
key *list_new(const db *d);

/* The bytes of an element; a number is printed into @scratch. */
bytes list_text(const pack_value *v, char scratch[static DECIMAL_MAX]);

/* for value.c */
void list_free(key *k);
bool list_drain(key *k, size_t n);
int list_copy(const key *k, key *copy); /* -ENOMEM */
size_t list_memory(const key *k);
