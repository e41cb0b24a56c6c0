/* SPDX-License-Identifier: Apache-2.0 */
/* The law of the reader of HTTP/1.1, with the machine choosing the bytes and the cuts: what it
 * says depends on the bytes, never on how they were cut. http1_say() asserts more, that a message
 * written again is read as the same one among it. */
#include "wire/http1/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first two bytes are how: which side, what was asked, the limits, and the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        char *whole, *cut;
        http1_cuts cuts;
        http1_in in;

        if (n < 2)
                return 0;
        http1_in_init(&in, data[0] & 1);
        in.asked = data[0] >> 1 & 7;
        if (data[0] & 0x20) {
                in.max_line = 32;
                in.max_head = 128;
                in.max_fields = 3;
                in.max_body = 16;
        }
        cuts = (http1_cuts){ .first = data[1] % (n - 1), .step = (size_t)(data[1] >> 3) + 1 };
        whole = http1_say(in, (const char *)data + 2, n - 2, data[0] & 0x10, (http1_cuts){ n, n });
        cut = http1_say(in, (const char *)data + 2, n - 2, data[0] & 0x10, cuts);
        if (strcmp(whole, cut)) {
                fprintf(stderr, "whole:\n%scut:\n%s", whole, cut);
                abort();
        }
        free(whole);
        free(cut);
        return 0;
}
