/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Small collections that are one pack: hashes and sorted sets
 *
 * The pack lies at the end of the key's own block, so that a small hash costs one
 * allocation; or in a block of its own where that cannot be, for a key with a long name
 * or with none. A change of the pack may move the key:
 *
 *      pack *p = key_pack(*k);
 *      r = pack_append(&p, data, n);
 *      *k = key_pack_put(d, *k, p);
 */

#include "../db.h"

/* The most that a key's name has for a pack to be behind it; an expiry may come between. */
enum { KEY_PACK_NAME_MAX = PACK_BETWEEN_MAX - (int)sizeof(int64_t) };

static inline bool key_pack_fits(size_t n_name) {
        return n_name > 0 && n_name <= KEY_PACK_NAME_MAX;
}

/* What is between the head of an inner pack and its values. */
static inline size_t key_pack_between(const key *k) {
        return (k->has_expiry ? sizeof(int64_t) : 0) + k->n_name;
}

/* That of a key whose encoding is one of the two. */
static inline pack *key_pack(const key *k) {
        return k->encoding == KEY_INNER_PACK ? (pack *)&k->inner : k->value;
}

/* A new key with an empty one. NULL without memory. */
key *key_pack_add(db *d, bytes name, key_type type);

/* The pack of @k, which has changed, is @p. Returns where the key is now. */
key *key_pack_put(db *d, key *k, pack *p);

/* Another value in its place. Returns where the key is now. */
key *key_pack_replace(db *d, key *k, key_encoding encoding, void *value);

/* An inner one to a block of its own. -ENOMEM. */
int key_pack_take_out(key *k);

/* for the files of the types */
void key_pack_free(key *k);
int key_pack_copy(const key *k, key *copy); /* -ENOMEM */
size_t key_pack_memory(const key *k);       /* beside the key's own block */
