/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Some of a collection, by chance: SRANDMEMBER, HRANDFIELD, ZRANDMEMBER
 *
 * Without a count one; with a count below zero as many as asked, each drawn from all;
 * else different ones, all of them if there are not enough. Different ones are chosen in
 * one walk: of those that are left, each is taken with the chance of what is still wanted
 * among them.
 */

#include "../call.h"

typedef struct pick {
        call *c;
        bool with_second;

        /* private */
        size_t wanted, left;
} pick;

/* What can be done with a collection that is not empty. */
typedef struct pick_source {
        key_type type;
        const char *word; /* behind the count: answer a second value with each; or NULL */
        size_t (*count)(const key *k);
        /* Answer any of them; or show all, one after the other, to pick_shown(). */
        void (*any)(call *c, const key *k, bool with_second);
        void (*walk)(pick *p, const key *k);
} pick_source;

/* Run the command: KEY [count [word]]. */
void pick_run(call *c, const pick_source *s);

/* For each element of a walk over all: whether it is one, and is to be answered. */
bool pick_shown(pick *p);

/* The head of an answer of two values; version 2 has them in the row of all. */
static inline void pick_pair(call *c) {
        if (c->out->version > 2)
                resp_out_array(c->out, 2);
}
