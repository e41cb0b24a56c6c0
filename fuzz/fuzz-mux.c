/* SPDX-License-Identifier: Apache-2.0 */
/* The law of the decoder, with the machine choosing the bytes and the cuts: what it
 * says depends on the bytes, never on how they were cut. mux_say() asserts more, that a
 * frame written again from what was understood is the same bytes among it. */
#include "wire/mux/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/mux/mux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first two bytes are how: what has been read, the limit, the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        if (n < 2)
                return 0;

        mux_start start = (mux_start)(data[0] % 3);
        uint32_t max_frame = data[0] & 0x40 ? MUX_FRAME_MIN : MUX_FRAME_DEFAULT;
        const uint8_t *bytes = data + 2;
        n -= 2;

        mux_cuts cuts = {
                .first = n ? data[1] % (n + 1) : 0,
                .step = (size_t)(data[1] >> 3) + 1,
                .skip = data[0] >> 7,
        };
        char *whole = mux_say(bytes, n, start, max_frame, (mux_cuts){ n, n + 1, 0 });
        char *cut = mux_say(bytes, n, start, max_frame, cuts);

        if (strcmp(whole, cut)) {
                fprintf(stderr, "whole:\n%scut:\n%s", whole, cut);
                abort();
        }
        free(whole);
        free(cut);
        return 0;
}
