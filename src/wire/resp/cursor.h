/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The values of replies, one by one and in place
 *
 *     resp_cursor c = { buf, buf + r.consumed };
 *     resp_value v;
 *     while (resp_cursor_next(&c, &v))
 *             ...
 *
 * Each value comes in the order of the bytes: what is within an array follows it at once,
 * and v.n says how many those are. Only over bytes that are whole replies, from
 * resp_reply_next() or a resp_out of one's own: they are not checked again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp.h"

typedef struct resp_cursor {
        const char *p, *end;
} resp_cursor;

typedef struct resp_value {
        resp_type type; /* null of version 2 is RESP_NULL too */

        /* The text of a status, error, bulk, bignum, verbatim (without its format), and of
         * a number as it was written. In the bytes under the cursor. */
        bytes text;
        const char *format; /* of a verbatim: three bytes */

        union {
                int64_t integer;
                double real;
                bool truth;
                size_t n; /* how many values are within; of a map both of each pair */
        };
} resp_value;

/* Returns 1 with the next value, 0 at the end. */
int resp_cursor_next(resp_cursor *c, resp_value *ret);

/* Go past all that is within @v, which is the value that came last; and past the value
 * that @v belongs to, if it is an attribute. */
void resp_cursor_skip(resp_cursor *c, const resp_value *v);

bool resp_value_is_error(const resp_value *v);
bool resp_value_has_values(const resp_value *v); /* whether n counts */
