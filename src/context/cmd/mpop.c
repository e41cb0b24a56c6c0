/* SPDX-License-Identifier: Apache-2.0 */
#include "mpop.h"

bool mpop_read(call *c, int i, const char *first, const char *second, mpop *ret) {
        int64_t n_keys, n = 1; /* as far as Redis's long goes */
        bool is_second;
        int at;

        if (!call_integer_in(c, i, 1, INT64_MAX, &n_keys, "ERR numkeys should be greater than 0"))
                return false;
        if (n_keys >= c->argc - i - 1)
                goto wrong;
        at = i + 1 + (int)n_keys;
        is_second = call_is(c, at, second);
        if (!is_second && !call_is(c, at, first))
                goto wrong;
        if (++at < c->argc) {
                if (at + 1 == c->argc || !call_is(c, at, "COUNT"))
                        goto wrong;
                if (!call_integer_in(c, at + 1, 1, INT64_MAX, &n,
                                     "ERR count should be greater than 0"))
                        return false;
                if (at + 2 < c->argc)
                        goto wrong;
        }
        *ret = (mpop){ .n_keys = (int)n_keys, .is_second = is_second, .n = n };
        return true;
wrong:
        call_fail_syntax(c);
        return false;
}

bool mpop_read_count(call *c, int64_t *ret) {
        *ret = 1;
        if (c->argc > 3) {
                call_fail_syntax(c);
                return false;
        }
        return c->argc < 3 || call_integer_in(c, 2, 0, INT64_MAX, ret,
                                              "ERR value is out of range, must be positive");
}
