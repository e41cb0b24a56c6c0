/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A sum of all that is held, or of a value: DEBUG DIGEST
 *
 * The same as Redis's, so that what two servers hold can be compared, of which one is a Redis.
 * What has an order is summed in it, and of what has none the sums are added up (by XOR).
 */

#include "../../base/sha1.h"
#include "../store.h"

typedef struct digest {
        uint8_t sum[SHA1_SIZE]; /* 0 at first */
} digest;

/* Of the type, the value, and that it has a time to live. */
void digest_value(digest *d, const key *k);
/* Of all keys in all databases, whether they have expired or not; not of computed ones. */
void digest_store(digest *d, store *s);
