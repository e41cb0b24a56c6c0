/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What was used when, and what goes when maxmemory is reached
 *
 * Each key has 24 bits (key.h) for what the policy wants to know of it. For the policies
 * of the least recently used they are the second in which it was last used. For those of
 * the least frequently used they are a minute and a count: the count grows by chance, the
 * slower the higher it is, and by each lfu-decay-time minutes it is one less. Which one
 * it is changes with the policy, and then it takes some time until the bits mean something
 * again.
 *
 * A key to be removed is the best of a few that are drawn: thrice as many as
 * maxmemory-samples says, which finds about as old ones as Redis does by remembering the
 * best that it has seen.
 */

#include "db.h"

/* The bits of a new key. */
uint32_t evict_fresh(const store *s);

/* It was used. */
void evict_use(const store *s, key *k);

/* Seconds since it was last used; and how often it is, 0 to 255. Each by its policies. */
bool evict_is_by_use(const store *s); /* LFU */
int64_t evict_idle(const store *s, const key *k);
int evict_count(const store *s, const key *k);
void evict_set_idle(const store *s, key *k, int64_t seconds);
void evict_set_count(const store *s, key *k, int count);

/* Whether there is a limit, and it is passed. */
bool evict_is_over(const store *s);

/* Remove keys until there is room, or for a millisecond, and then it goes on by itself.
 * Returns false if there is nothing that may be removed. Between commands. */
bool evict_make_room(store *s);
