/* SPDX-License-Identifier: Apache-2.0 */
#include "cursor.h"

#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "base/real.h"

bool resp_value_is_error(const resp_value *v) {
        return v->type == RESP_ERROR || v->type == RESP_BULK_ERROR;
}

bool resp_value_has_values(const resp_value *v) {
        switch (v->type) {
        case RESP_ARRAY:
        case RESP_MAP:
        case RESP_SET:
        case RESP_PUSH:
        case RESP_ATTRIBUTE:
                return true;
        default:
                return false;
        }
}

static int64_t integer(bytes text) {
        bool plus = text.p[0] == '+';
        int64_t v = 0;

        decimal_read(text.p + plus, text.n - plus, &v);
        return v;
}

/* A bulk of so many bytes, which begin at the cursor. */
static void read_bulk(resp_cursor *c, size_t n, resp_value *v) {
        v->text = (bytes){ c->p, n };
        if (v->type == RESP_VERBATIM) {
                v->format = c->p;
                v->text.p += 4;
                v->text.n -= 4;
        }
        c->p += n + 2;
}

int resp_cursor_next(resp_cursor *c, resp_value *ret) {
        const char *end;
        int64_t n;

        if (c->p == c->end)
                return 0;
        end = memchr(c->p, '\r', (size_t)(c->end - c->p));
        assert(end);
        *ret = (resp_value){
                .type = (resp_type)*c->p,
                .text = { c->p + 1, (size_t)(end - c->p) - 1 },
        };
        c->p = end + 2;

        switch (ret->type) {
        case RESP_INTEGER:
                ret->integer = integer(ret->text);
                break;
        case RESP_DOUBLE:
                real_read(ret->text.p, ret->text.n, &ret->real);
                break;
        case RESP_BOOL:
                ret->truth = ret->text.p[0] == 't';
                break;
        case RESP_BULK:
        case RESP_BULK_ERROR:
        case RESP_VERBATIM:
        case RESP_ARRAY:
        case RESP_MAP:
        case RESP_SET:
        case RESP_PUSH:
        case RESP_ATTRIBUTE:
                n = integer(ret->text);
                ret->text = (bytes){ 0 };
                if (n < 0)
                        ret->type = RESP_NULL;
                else if (!resp_value_has_values(ret))
                        read_bulk(c, (size_t)n, ret);
                else if (ret->type == RESP_MAP || ret->type == RESP_ATTRIBUTE)
                        ret->n = (size_t)n * 2;
                else
                        ret->n = (size_t)n;
                break;
        default:
                break;
        }
        return 1;
}

void resp_cursor_skip(resp_cursor *c, const resp_value *v) {
        size_t n_left = resp_value_has_values(v) ? v->n : 0;
        resp_value within;

        for (; n_left > 0 && resp_cursor_next(c, &within); n_left--)
                if (resp_value_has_values(&within))
                        /* an attribute is none of the values counted */
                        n_left += within.n + (within.type == RESP_ATTRIBUTE);
}
