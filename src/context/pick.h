/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Some of a collection, by chance: SRANDMEMBER, HRANDFIELD, ZRANDMEMBER
 *
 * With a count below zero as many as asked, each drawn from all; else different ones, all
 * of them if there are not enough. Different ones are chosen in one walk: of those that
 * are left, each is taken with the chance of what is still wanted among them.
 */

#include "call.h"

typedef struct pick {
        bool repeats;
        size_t n;     /* how many there will be; after pick_begin() */
        size_t n_all; /* elements of the collection; the caller says so before it */

        /* private */
        size_t wanted, left;
} pick;

/* The count at argument @i, and @word behind it, which may be NULL. False, and it has been
 * answered. */
bool pick_read(call *c, int i, const char *word, pick *ret, bool *ret_word);

void pick_begin(pick *p);

/* For each element of a walk over all: whether it is one. */
bool pick_next(pick *p);
