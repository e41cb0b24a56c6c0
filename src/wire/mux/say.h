/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a decoder says, in the words of spec/vectors/README.md
 *
 * For the tests and the fuzz target, which both hold it to one law: what it says
 * depends on the bytes, never on how they were cut. Beside the words it asserts what
 * they do not show: that the pieces of a frame follow on each other, that an error
 * stays, and that a frame written again from its event is the same bytes.
 */

#include <stddef.h>
#include <stdint.h>

typedef enum mux_start { MUX_START_PREFACE, MUX_START_HELLO, MUX_START_FRAMES } mux_start;

typedef struct mux_cuts {
        size_t first; /* bytes of the first piece */
        size_t step;  /* of the others; not 0 */
        int skip;     /* put the payload in place past the decoder, where it can be */
} mux_cuts;

/* Feed @n bytes so cut, each piece in a block of its own. Returns the lines, to be
 * freed. */
char *mux_say(const uint8_t *bytes, size_t n, mux_start start, uint32_t max_frame, mux_cuts cuts);
