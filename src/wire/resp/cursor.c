/* SPDX-License-Identifier: Apache-2.0 */
#include "cursor.h"

#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "base/real.h"
#include "line.h"

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

/* What follows the line of @v, when its number is @n. */
static void read_number(resp_cursor *c, int64_t n, resp_value *v) {
        v->text = (bytes){ 0 };
        if (n < 0)
                v->type = RESP_NULL;
        else if (!resp_value_has_values(v))
                read_bulk(c, (size_t)n, v);
        else if (v->type == RESP_MAP || v->type == RESP_ATTRIBUTE)
                v->n = (size_t)n * 2;
        else
                v->n = (size_t)n;
}

int resp_cursor_next(resp_cursor *c, resp_value *ret) {
        const char *end;
        size_t n, n_line;

        if (c->p == c->end)
                return 0;
        ret->type = (resp_type)*c->p;
        ret->format = NULL;
        n_line = line_short(c->p, (size_t)(c->end - c->p), &n);
        end = n_line ? c->p + n_line - 2 : memchr(c->p, '\r', (size_t)(c->end - c->p));
        assert(end);
        ret->text = (bytes){ c->p + 1, (size_t)(end - c->p) - 1 };
        c->p = end + 2;

        switch (ret->type) {
        case RESP_INTEGER:
                ret->integer = n_line ? (int64_t)n : integer(ret->text);
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
                read_number(c, n_line ? (int64_t)n : integer(ret->text), ret);
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
