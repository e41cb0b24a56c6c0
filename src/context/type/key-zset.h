/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sorted sets
 *
 * Members in the order of their scores, and of their bytes where those are equal. A small
 * one is a pack of members, each with the eight bytes of its score behind it, in that
 * order; a larger one a table, which finds a member, and a counted tree, which keeps the
 * order. Whatever is asked about ranges is asked in ranks, from 0.
 */

#include "../../base/decimal.h"
#include "../call.h"
#include "../data/tree.h"

/* A new key with an empty sorted set, which its caller fills. NULL without memory. */
key *zset_add(db *d, bytes name);

/* The same under no name, for a result that is not kept, or not yet. */
key *zset_new(void);
key *zset_delete(key *k);

/* For commands that keep a result: it takes the place of what argument 1 names, and its
 * count is answered. @loose is the callee's. */
void zset_store(call *c, key *loose, const char *event);

size_t zset_count(const key *k);
bool zset_score(const key *k, bytes member, double *ret);

/* 1 if the member is new, 0 if it had another score or the same, -ENOMEM and nothing has
 * changed. The key may move. */
int zset_put(db *d, key **k, bytes member, double score);
bool zset_remove(db *d, key **k, bytes member);

/* Make it a table and a tree, however small it is. -ENOMEM. */
int zset_enlarge(db *d, key **k);

/* ranks; the member is there */
size_t zset_rank(const key *k, bytes member);
/* How many come before a score, or before the members of it and those; and the same by
 * bytes, where all scores are equal. */
size_t zset_rank_of_score(const key *k, double score, tree_side side);
size_t zset_rank_of_member(const key *k, bytes member, tree_side side);
/* Remove @n from @rank on. Returns where the key is now. */
key *zset_cut(db *d, key *k, size_t rank, size_t n);

/* Walking from a rank on, in either direction; nothing may change meanwhile. */
typedef struct zset_iter {
        bytes member;
        double score;

        /* private */
        const key *k;
        size_t at; /* in a pack, 0: no more */
        tree_iter in_tree;
        char scratch[DECIMAL_MAX];
} zset_iter;

/* Each returns false where there is none. */
bool zset_iter_at(zset_iter *i, const key *k, size_t rank);
bool zset_iter_next(zset_iter *i);
bool zset_iter_prev(zset_iter *i);

/* The table of a large one, of `scored` (tree.h), or NULL. */
table *zset_table(const key *k);

/* for value.c */
void zset_free(key *k);
bool zset_drain(key *k, size_t n);
int zset_copy(const key *k, key *copy); /* -ENOMEM */
size_t zset_memory(const key *k, size_t n_looked);
