/* SPDX-License-Identifier: Apache-2.0 */
#include "test-cuts.h"

#include "test.h"

#include <stdlib.h>
#include <string.h>

void cuts_check(cuts_say *say, const void *reader, cuts_case one, resp_cuts cuts) {
        char *got = say(reader, one.wire, one.n, cuts);

        if (strcmp(got, one.want))
                test_fail("%.60s, cut at %zu, then by %zu: it said\n%snot\n%s", one.wire,
                          cuts.first, cuts.step, got, one.want);
        free(got);
}

void cuts_check_all(cuts_say *say, const void *reader, cuts_case one) {
        for (size_t step = 1; step <= one.n + 1; step++)
                cuts_check(say, reader, one, (resp_cuts){ step, step });
        for (size_t at = 0; at < one.n; at++)
                cuts_check(say, reader, one, (resp_cuts){ at, one.n });
}

void cuts_check_cases(cuts_say *say, const void *reader, const cuts_case *cases, size_t n) {
        for (size_t i = 0; i < n; i++)
                cuts_check_all(say, reader, cases[i]);
}
