/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A keyed hash of bytes
 *
 * SipHash-1-3 under a key that this process drew when it began, so that nobody
 * outside can choose bytes that collide. The same bytes give another number in the
 * next process: nothing that is stored or sent may depend on it.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct hash_key {
        uint64_t k[2];
} hash_key;

/* All 64 bits are good ones. */
uint64_t hash_bytes(const void *p, size_t n);

/* The same under a key of the caller's. */
uint64_t hash_with(const hash_key *key, const void *p, size_t n);

/* For tests, before anything was hashed: the key of this process from here on. */
void hash_set_key(const hash_key *key);
