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

/* Elements of a collection, 1 of a string; and bytes of memory that the value takes. */
size_t value_count(const key *k);
size_t value_memory(const key *k);
