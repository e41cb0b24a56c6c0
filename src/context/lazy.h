/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is no more, and is freed a little at a time
 *
 * A collection of a million elements takes longer to free than anybody may hold the loop
 * for. It leaves its database at once, waits here, and upkeep.h frees it in slices. What
 * is small is freed at once; where there is no memory to wait in, everything is.
 */

#include "../base/list.h"
#include "data/table.h"
#include "type/value.h"

typedef struct store store;

typedef struct lazy {
        list waiting;
        size_t n_keys; /* that have to be freed yet */
        uint64_t n_freed;
} lazy;

void lazy_init(lazy *l);

/* A key that is in no table; its value; and tables, of keys or of nothing that they own,
 * which are empty afterwards. */
void lazy_key(store *s, key *k);
void lazy_value(store *s, key *k);
void lazy_table(store *s, table *t, bool owns_keys);

/* Free what there is until @until, a point of clock_now(). Returns whether there is more. */
bool lazy_run(store *s, int64_t until);

static inline bool lazy_has(const lazy *l) {
        return !list_is_empty(&l->waiting);
}
