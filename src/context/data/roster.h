/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Things by name, in the order of the bytes of their names
 *
 * A sorted array of pointers, for what is looked up often and comes and goes rarely. What
 * a thing is begins with its name, which lies in its own block.
 */

#include "../../base/bytes.h"

typedef struct roster {
        void **things; /* to be read: n of them, in order; each begins with its `bytes` */
        size_t n;

        /* private */
        size_t n_room;
} roster;

/* The memory of the roster; the things have been freed, or belong elsewhere. */
void roster_deinit(roster *r);

void *roster_find(const roster *r, bytes name); /* NULL: there is none */

/* -ENOMEM. The name is not there. */
int roster_add(roster *r, void *thing);
/* It is there. */
void roster_take(roster *r, void *thing);

static inline size_t roster_bytes(const roster *r) {
        return r->n_room * sizeof(*r->things);
}
