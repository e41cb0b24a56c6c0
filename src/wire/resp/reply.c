/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/decimal.h"
#include "base/real.h"
#include "line.h"

enum { LINE, BODY, DONE, FAILED };

void resp_reply_init(resp_reply *r) {
        *r = (resp_reply){
                .max_bytes = RESP_REPLY_MAX,
                .max_values = RESP_VALUES_MAX,
                .max_depth = RESP_DEPTH_MAX,
                .state = DONE,
        };
}

static int fail(resp_reply *r, int error) {
        r->state = FAILED;
        r->error = error;
        return error;
}

static int want(resp_reply *r, size_t n) {
        if (n > r->max_bytes)
                return fail(r, -EMSGSIZE);
        r->want = n;
        return 0;
}

/* what a line may say */

static bool is_bulk(uint8_t type) {
        return type == RESP_BULK || type == RESP_BULK_ERROR || type == RESP_VERBATIM;
}

static bool is_aggregate(uint8_t type) {
        switch (type) {
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

static bool is_type(uint8_t type) {
        switch (type) {
        case RESP_STATUS:
        case RESP_ERROR:
        case RESP_INTEGER:
        case RESP_NULL:
        case RESP_BOOL:
        case RESP_DOUBLE:
        case RESP_BIGNUM:
                return true;
        default:
                return is_bulk(type) || is_aggregate(type);
        }
}

static bool is_digits(const char *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (p[i] < '0' || p[i] > '9')
                        return false;
        return n > 0;
}

static size_t sign(bytes t) {
        return t.n > 0 && (t.p[0] == '-' || t.p[0] == '+');
}

static bool is_integer(bytes t) {
        size_t plus = t.n > 1 && t.p[0] == '+' && t.p[1] != '-';
        int64_t v;

        return decimal_read(t.p + plus, t.n - plus, &v);
}

static bool is_bignum(bytes t) {
        return is_digits(t.p + sign(t), t.n - sign(t));
}

/* strtod(3) knows more ways to write one, and has to be kept from them. */
static bool is_double(bytes t) {
        size_t i = sign(t);
        double v;

        if (t.n - i == 3 && (!memcmp(t.p + i, "inf", 3) || !memcmp(t.p + i, "nan", 3)))
                return true;
        if (i == t.n || t.p[i] < '0' || t.p[i] > '9')
                return false;
        for (; i < t.n; i++)
                if (!t.p[i] || !strchr("0123456789.eE+-", t.p[i]))
                        return false;
        return real_read(t.p, t.n, &v) == 0;
}

/* values within values */

/* A value is whole: so may be those that it is in. */
static void end_value(resp_reply *r) {
        bool whole = true;

        while (whole && r->depth) {
                if (--r->within[r->depth - 1].n_left)
                        whole = false;
                else if (r->within[--r->depth].is_note)
                        whole = false; /* what it is a note to follows */
        }
        r->state = whole ? DONE : LINE;
}

/* @n elements follow, or pairs of them. */
static int begin_values(resp_reply *r, uint64_t n) {
        bool is_note = r->type == RESP_ATTRIBUTE, pairs = is_note || r->type == RESP_MAP;
        uint64_t n_may = r->max_values - r->n_values;

        /* a note has to be paid for beside the value that it is to */
        if (is_note && n_may-- == 0)
                return fail(r, -EMSGSIZE);
        if (n > (pairs ? n_may / 2 : n_may))
                return fail(r, -EMSGSIZE);
        if (pairs)
                n *= 2;
        r->n_values += (uint32_t)n + is_note;

        if (n == 0) {
                if (is_note)
                        r->state = LINE;
                else
                        end_value(r);
                return 1;
        }
        if (r->depth == r->max_depth)
                return fail(r, -EMSGSIZE);
        r->within[r->depth].n_left = (uint32_t)n;
        r->within[r->depth].is_note = is_note;
        r->depth++;
        r->state = LINE;
        return 1;
}

/* What r->type and the number in its line say about what follows. */
static int begin(resp_reply *r, int64_t v) {
        switch (r->type) {
        case RESP_BULK:
        case RESP_ARRAY:
                if (v == -1) {
                        end_value(r);
                        return 1;
                }
                break;
        case RESP_VERBATIM:
                v = v < 4 ? -1 : v;
                break;
        default:
                break;
        }
        if (v < 0)
                return fail(r, -EPROTO);
        if (!is_bulk(r->type))
                return begin_values(r, (uint64_t)v);
        if ((uint64_t)v > r->max_bytes)
                return fail(r, -EMSGSIZE);
        r->n_body = (size_t)v;
        r->state = BODY;
        return 1;
}

/* All of a value that is a line, or the number of what follows it. */
static int read_text(resp_reply *r, bytes text) {
        int64_t v;
        bool valid = true;

        switch (r->type) {
        case RESP_STATUS:
        case RESP_ERROR:
                break;
        case RESP_INTEGER:
                valid = is_integer(text);
                break;
        case RESP_NULL:
                valid = text.n == 0;
                break;
        case RESP_BOOL:
                valid = text.n == 1 && (text.p[0] == 't' || text.p[0] == 'f');
                break;
        case RESP_DOUBLE:
                valid = is_double(text);
                break;
        case RESP_BIGNUM:
                valid = is_bignum(text);
                break;
        default:
                return decimal_read(text.p, text.n, &v) ? begin(r, v) : fail(r, -EPROTO);
        }
        if (!valid)
                return fail(r, -EPROTO);
        end_value(r);
        return 1;
}

/* the states */

static int line_next(resp_reply *r, const char *buf, size_t n) {
        size_t max = r->at + RESP_REPLY_LINE_MAX, number, n_line;
        const char *end;

        /* limits come before what is wrong beyond them, which may not have come yet */
        if (n == r->at || r->at >= r->max_bytes)
                return want(r, r->at + 1);
        r->type = (uint8_t)buf[r->at];
        if (!is_type(r->type) || (r->type == RESP_PUSH && r->depth))
                return fail(r, -EPROTO);

        n_line = line_short(buf + r->at, n - r->at, &number);
        if (n_line && (is_bulk(r->type) || is_aggregate(r->type)) &&
            buf[r->at + n_line - 1] == '\n' && r->at + n_line <= r->max_bytes) {
                r->at = r->seen = r->at + n_line;
                return begin(r, (int64_t)number);
        }

        end = memchr(buf + r->seen, '\n', (n < max ? n : max) - r->seen);
        if (!end) {
                r->seen = n < max ? n : max;
                return n < max ? want(r, n + 1) : fail(r, -EMSGSIZE);
        }
        if ((size_t)(end - buf) >= r->max_bytes)
                return fail(r, -EMSGSIZE);

        /* CR LF, and no other CR */
        bytes text = { buf + r->at + 1, (size_t)(end - buf) - r->at - 1 };
        if (memchr(text.p, '\r', text.n) != end - 1)
                return fail(r, -EPROTO);
        text.n--;
        r->at = r->seen = (size_t)(end - buf) + 1;
        return read_text(r, text);
}

static int body_next(resp_reply *r, const char *buf, size_t n) {
        size_t end = r->at + r->n_body + 2;

        if (n < end || end > r->max_bytes)
                return want(r, end);
        if (memcmp(buf + end - 2, "\r\n", 2) || (r->type == RESP_VERBATIM && buf[r->at + 3] != ':'))
                return fail(r, -EPROTO);
        r->at = r->seen = end;
        end_value(r);
        return 1;
}

int resp_reply_next(resp_reply *r, const char *buf, size_t n) {
        int got = 1;

        if (r->state == DONE) {
                assert(r->max_depth <= RESP_DEPTH_MAX);
                r->state = LINE;
                r->at = r->seen = 0;
                r->n_values = 1;
                r->depth = 0;
        }
        while (got > 0 && r->state != DONE)
                got = r->state == LINE   ? line_next(r, buf, n)
                      : r->state == BODY ? body_next(r, buf, n)
                                         : r->error;
        if (got > 0)
                r->consumed = r->at;
        return got;
}
