/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a reader says, in the words of spec/vectors/README.md
 *
 * For the tests and the fuzz target, which both hold it to one law: what it says depends on
 * the bytes, never on how they were cut. Each piece comes in a new block with what is left of
 * those before, so that the input moves and reading past it is seen. Beside the words it
 * asserts that a message written again from its events is read as the same one.
 */

#include <stddef.h>

#include "in.h"

typedef struct http1_cuts {
        size_t first; /* bytes of the first piece */
        size_t step;  /* of the others; not 0 */
} http1_cuts;

/* With the limits of @in, which has just been inited; with @ends the other side has hung up
 * then. Returns the lines, to be freed. */
char *http1_say(http1_in in, const char *wire, size_t n, bool ends, http1_cuts cuts);
