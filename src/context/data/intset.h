/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A set of whole numbers in one block: sorted, 2, 4 or 8 bytes each
 *
 * As wide as the widest number that was ever in it. Finding is a binary search;
 * adding and removing move what is above, so this is for hundreds, not millions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct intset intset;

intset *intset_new(void);
intset *intset_free(intset *s);
intset *intset_copy(const intset *s);

size_t intset_count(const intset *s);
size_t intset_size(const intset *s);  /* the whole block */
size_t intset_width(const intset *s); /* bytes of a number */

bool intset_has(const intset *s, int64_t number);
/* The @i-th smallest; @i is below the count. */
int64_t intset_at(const intset *s, size_t i);

/* 1, or 0 if it was there already. -ENOMEM leaves the set as it was. */
int intset_add(intset **s, int64_t number);
/* Whether it was there. */
bool intset_remove(intset **s, int64_t number);
