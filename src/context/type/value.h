/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What all types of values can do
 *
 * Each is a switch over the type, into the file of that type: the one place where the
 * list of types stands.
 */

#include "key.h"

/* The empty value of a new key of its type. */
void value_init(key *k);

/* Free it. The key has an empty inline string then, so that it may be freed or given
 * another value. */
void value_free(key *k);

/* Free about @n of its elements; returns whether there are more. It can only be freed then. */
bool value_drain(key *k, size_t n);

/* A key without a name, and in no database, that has a copy of it in the same encoding; its
 * caller frees first the value, then the key. NULL without memory. */
key *value_copy(const key *k);

/* Elements of a collection, 1 of a string. */
size_t value_count(const key *k);
/* How many things there are to be freed: in a stream also what its groups have pending. */
size_t value_effort(const key *k);
/* Bytes of memory that the value takes, as estimated from up to @n_looked of its elements. */
size_t value_memory(const key *k, size_t n_looked);

/* Of @n_all elements, of which @n_seen take @n bytes; for the files of the types. */
static inline size_t value_extrapolate(size_t n, size_t n_seen, size_t n_all) {
        return n_seen ? (size_t)((double)n / (double)n_seen * (double)n_all) : 0;
}
