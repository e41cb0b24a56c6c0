/* SPDX-License-Identifier: Apache-2.0 */
/* The law of the reader of RDB, with the machine choosing the bytes and the cuts: what it
 * says depends on the bytes, never on how they were cut. */
#include "wire/rdb/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first two bytes are how: a file or a DUMP, and the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        if (n < 2)
                return 0;

        bool is_payload = data[0] & 1;
        rdb_cuts cuts = { .first = data[1] % (n - 1), .step = (size_t)(data[1] >> 3) + 1 };
        const char *rest = (const char *)data + 2;
        char *whole = rdb_say(is_payload, rest, n - 2, (rdb_cuts){ n, n });
        char *cut = rdb_say(is_payload, rest, n - 2, cuts);

        if (strcmp(whole, cut)) {
                fprintf(stderr, "whole:\n%scut:\n%s", whole, cut);
                abort();
        }
        free(whole);
        free(cut);
        return 0;
}
