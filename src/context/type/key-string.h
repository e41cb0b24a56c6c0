/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Strings
 *
 * Short ones lie in the key itself, whole numbers are kept as numbers, and the rest has
 * a block of its own that grows with room to spare when it is appended to.
 */

#include "../../base/decimal.h"
#include "../db.h"
#include "value.h"

enum { STRING_MAX = 512 * 1024 * 1024 }; /* bytes; Redis's, if proto-max-bulk-len is not less */

/* Its bytes, good until the key is changed; a number is printed into @scratch. */
bytes string_get(const key *k, char scratch[static DECIMAL_MAX]);
size_t string_length(const key *k);

/* Whether it is a whole number as such numbers are printed, however it is kept. */
bool string_integer(const key *k, int64_t *ret);

/* Another value in place of the string @k, kept in the encoding that suits it. Returns the
 * key, which may have moved; NULL without memory, and the value is the old one then. */
key *string_set(db *d, key *k, bytes value);
/* The same, but a number is kept as its text: INCRBYFLOAT leaves such ones. */
key *string_set_text(db *d, key *k, bytes value);
key *string_set_integer(db *d, key *k, int64_t value);

/* Make it a raw one of @n bytes, cut or with zeros behind, whose bytes may be written at
 * *@ret until the next call. NULL without memory. */
key *string_resize(db *d, key *k, size_t n, char **ret);

/* for value.c */
void string_free(key *k);
int string_copy(const key *k, key *copy); /* -ENOMEM; of an inline one there is room */
size_t string_memory(const key *k);
