/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the readers of RESP say, as text
 *
 * For the tests and the fuzz target, which both hold them to one law: what they say
 * depends on the bytes, never on how they were cut. Each piece comes in a new block with
 * what is left of those before, so that the input moves and reading past it is seen.
 *
 * Requests are a line each, "request" or "line" with the arguments; replies a line each,
 * with all values in the order of the bytes. Then comes one of
 *     ok              nothing is left
 *     want 12         so many bytes from the first that is left
 *     error WORDS
 */

#include <stddef.h>

#include "reply.h"
#include "request.h"

typedef struct resp_cuts {
        size_t first; /* bytes of the first piece */
        size_t step;  /* of the others; not 0 */
} resp_cuts;

/* With the limits of @r, which has just been inited. Returns the lines, to be freed. */
char *resp_say_requests(resp_request r, const char *wire, size_t n, resp_cuts cuts);
char *resp_say_replies(resp_reply r, const char *wire, size_t n, resp_cuts cuts);
