/* SPDX-License-Identifier: Apache-2.0 */
/* The law of RESP's readers, with the machine choosing the bytes and the cuts: what they
 * say depends on the bytes, never on how they were cut. resp_say_requests() and
 * resp_say_replies() assert more, that a request written again reads the same among it. */
#include "wire/resp/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *requests(uint8_t how, const uint8_t *data, size_t n, resp_cuts cuts) {
        resp_request r;

        resp_request_init(&r);
        r.untrusted = how & 2;
        if (how & 4)
                r.max_bulk = UINT64_MAX;
        return resp_say_requests(r, (const char *)data, n, cuts);
}

static char *replies(uint8_t how, const uint8_t *data, size_t n, resp_cuts cuts) {
        resp_reply r;

        resp_reply_init(&r);
        if (how & 2) {
                r.max_bytes = 64;
                r.max_values = 8;
                r.max_depth = 3;
        }
        return resp_say_replies(r, (const char *)data, n, cuts);
}

/* The first two bytes are how: which reader with which limits, and the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        if (n < 2)
                return 0;

        char *(*say)(uint8_t, const uint8_t *, size_t, resp_cuts) =
                data[0] & 1 ? replies : requests;
        resp_cuts cuts = {
                .first = data[1] % (n - 1),
                .step = (size_t)(data[1] >> 3) + 1,
        };
        char *whole = say(data[0], data + 2, n - 2, (resp_cuts){ n, n });
        char *cut = say(data[0], data + 2, n - 2, cuts);

        if (strcmp(whole, cut)) {
                fprintf(stderr, "whole:\n%scut:\n%s", whole, cut);
                abort();
        }
        free(whole);
        free(cut);
        return 0;
}
