/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Members in the order of their scores, and of their bytes where scores are equal
 *
 * A B+ tree that counts: each node knows how many members are below each of its
 * children, so a rank, the member of a rank and the number of members in a range all
 * cost one way down. Everything about ranges is said in ranks, from 0:
 *
 *      from = tree_rank_of_score(&t, min, TREE_BEFORE);    or behind, if without min
 *      to = tree_rank_of_score(&t, max, TREE_BEHIND);      or before, if without max
 *      for (m = tree_iter_at(&i, &t, from); from < to; from++, m = tree_iter_next(&i))
 *
 * The tree holds pointers. Score and member are one block, which the table of a sorted
 * set finds by the member's bytes (scored_key). The tree never frees one. Scores are
 * never NaN; -0 equals 0.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct scored {
        double score; /* changed by tree_move() only while it is in a tree */
        uint32_t n;
        char member[];
} scored;

typedef struct tree_node tree_node;

typedef struct tree {
        /* private */
        tree_node *root;
        uint32_t height; /* of nodes above the leaves */
        size_t n;
        size_t n_leaves, n_inner;
} tree;

typedef struct tree_iter {
        /* private */
        const tree_node *leaf;
        size_t at;
} tree_iter;

/* A place among what is equal to something: before all of it, or behind. */
typedef enum tree_side { TREE_BEFORE, TREE_BEHIND } tree_side;

scored *scored_new(double score, const void *member, size_t n);
scored *scored_free(scored *m);
/* for a table of them */
const void *scored_key(const void *entry, size_t *ret_n);

void tree_init(tree *t);
/* Its memory, not the members. */
void tree_deinit(tree *t);

size_t tree_count(const tree *t);
size_t tree_bytes(const tree *t); /* memory, without the members */

/* Neither the same member nor one with its bytes is there. -ENOMEM. */
int tree_add(tree *t, scored *m);
/* It is there. */
void tree_take(tree *t, scored *m);
/* Another score for a member that is there. -ENOMEM, and then it has the old one. */
int tree_move(tree *t, scored *m, double score);

/* ranks */

size_t tree_rank(const tree *t, const scored *m);
/* NULL beyond the end. */
scored *tree_nth(const tree *t, size_t rank);
/* How many have a lower score; with TREE_BEHIND also those of this score. */
size_t tree_rank_of_score(const tree *t, double score, tree_side side);
/* The same by bytes alone, for a tree whose scores are all the same. */
size_t tree_rank_of_member(const tree *t, const void *member, size_t n, tree_side side);

/* walking: each returns the member that it has come to, or NULL beyond the end. Nothing
 * may be changed meanwhile. */
scored *tree_iter_at(tree_iter *i, const tree *t, size_t rank);
scored *tree_iter_next(tree_iter *i);
scored *tree_iter_prev(tree_iter *i);

/* Take @n members out from @rank on, or up to the end, and show each to @fn, if there is
 * one, which owns it from then on. Returns how many. */
size_t tree_cut(tree *t, size_t rank, size_t n, void (*fn)(void *arg, scored *m), void *arg);
