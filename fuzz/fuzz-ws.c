/* SPDX-License-Identifier: Apache-2.0 */
/* The law of the reader of a WebSocket, with the machine choosing the bytes and the cuts: what it
 * says depends on the bytes, never on how they were cut. ws_say() asserts more, that what was
 * said reads the same when it is written again among it. */
#include "wire/ws/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first two bytes are how: which side, with which limit, and the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        char *whole, *cut;
        ws_cuts cuts;
        ws_in in;

        if (n < 2)
                return 0;
        ws_in_init(&in, data[0] & 1);
        if (data[0] & 2)
                in.max_message = 16;
        cuts = (ws_cuts){ .first = data[1] % (n - 1), .step = (size_t)(data[1] >> 3) + 1 };
        whole = ws_say(in, data + 2, n - 2, (ws_cuts){ n, n });
        cut = ws_say(in, data + 2, n - 2, cuts);
        if (strcmp(whole, cut)) {
                fprintf(stderr, "whole:\n%scut:\n%s", whole, cut);
                abort();
        }
        free(whole);
        free(cut);
        return 0;
}
