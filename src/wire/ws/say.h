/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a reader of a WebSocket says, as text
 *
 * For the tests and the fuzz target, which both hold it to one law: what it says depends on the
 * bytes, never on how they were cut. A line for each message and control frame, in their order,
 * a message that is not whole with dots behind it; then "ok", "cut" within a frame, or
 * "error" with the code for a Close. Bytes that are no visible ASCII, and %, are %XX.
 *
 * Beside the words it asserts that what was said, written again, reads the same.
 */

#include <stddef.h>

#include "in.h"

typedef struct ws_cuts {
        size_t first; /* bytes of the first piece */
        size_t step;  /* of the others; not 0 */
} ws_cuts;

/* With the limit of @in, which has just been inited. Returns the lines, to be freed. */
char *ws_say(ws_in in, const uint8_t *wire, size_t n, ws_cuts cuts);
