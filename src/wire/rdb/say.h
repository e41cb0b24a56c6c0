/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the reader of RDB says, as text
 *
 * For the tests and the fuzz target, which both hold it to one law: what it says depends on
 * the bytes, never on how they were cut. Each piece comes in a new block with what is left
 * of those before, so that the input moves and reading past it is seen.
 *
 * A line each: its name, and what belongs to it. Then comes one of
 *     over            and nothing is left
 *     left 12         bytes behind the end
 *     want 12         so many bytes from the first that is left
 *     error WORDS
 */

#include "in.h"

typedef struct rdb_cuts {
        size_t first; /* bytes of the first piece */
        size_t step;  /* of the others; not 0 */
} rdb_cuts;

/* Of a file, or the payload of a DUMP without its footer. Returns the lines, to be freed. */
char *rdb_say(bool is_payload, const char *data, size_t n, rdb_cuts cuts);
