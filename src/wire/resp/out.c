/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "base/grow.h"
#include "base/mem.h"
#include "base/real.h"

enum {
        HEAD_MAX = 1 + DECIMAL_MAX + 2, /* the type, the number, CR LF */
        LATER_SIZE = 4,                 /* a head with one digit */
};

void resp_out_init(resp_out *o, uint8_t version) {
        assert(version == 2 || version == 3);
        *o = (resp_out){ .version = version };
}

void resp_out_deinit(resp_out *o) {
        o->p = mem_free(o->p);
        o->n = o->cap = 0;
}

void resp_out_cut(resp_out *o, size_t n) {
        assert(n <= o->n);
        o->n = n;
        o->failed = false;
}

/* room */

static uint8_t *make_room(resp_out *o, size_t n) {
        uint8_t *p = o->failed ? NULL : grow(o->p, &o->cap, o->n, n);

        if (!p) {
                o->failed = true;
                return NULL;
        }
        o->p = p;
        return p + o->n;
}

uint8_t *resp_out_room(resp_out *o, size_t n) {
        if (__builtin_expect(!o->failed && o->cap - o->n >= n, 1))
                return o->p + o->n;
        return make_room(o, n);
}

void resp_out_raw(resp_out *o, const void *p, size_t n) {
        uint8_t *to = n ? resp_out_room(o, n) : NULL;

        if (!to)
                return;
        memcpy(to, p, n);
        o->n += n;
}

/* the shapes that values have: a line, a bulk, a head */

static uint8_t *put_end(uint8_t *to) {
        memcpy(to, "\r\n", 2);
        return to + 2;
}

static uint8_t *put_number(uint8_t *to, char type, int64_t v) {
        *to++ = (uint8_t)type;
        if (v >= 0 && v < 10)
                *to++ = (uint8_t)('0' + v);
        else
                to += decimal_print(v, (char *)to);
        return put_end(to);
}

static uint8_t *put_head(uint8_t *to, char type, size_t n) {
        return put_number(to, type, (int64_t)n);
}

static void line(resp_out *o, char type, const char *p, size_t n) {
        uint8_t *to = resp_out_room(o, n + 3);

        if (!to)
                return;
        to[0] = (uint8_t)type;
        if (n)
                memcpy(to + 1, p, n);
        put_end(to + 1 + n);
        o->n += n + 3;
}

void resp_out_bulk(resp_out *o, const void *p, size_t n) {
        uint8_t *to = resp_out_room(o, HEAD_MAX + n + 2), *from = to;

        if (!to)
                return;
        to = put_head(to, RESP_BULK, n);
        if (n)
                memcpy(to, p, n);
        to = put_end(to + n);
        o->n += (size_t)(to - from);
}

/* values */

void resp_out_ok(resp_out *o) {
        resp_out_raw(o, "+OK\r\n", 5);
}

void resp_out_status(resp_out *o, const char *text) {
        line(o, RESP_STATUS, text, strlen(text));
}

void resp_out_error(resp_out *o, const char *text) {
        resp_out_error_bytes(o, text, strlen(text));
}

void resp_out_error_bytes(resp_out *o, const char *p, size_t n) {
        size_t at = o->n + 1;

        while (n && (p[n - 1] == '\r' || p[n - 1] == '\n'))
                n--;
        line(o, RESP_ERROR, p, n);
        if (o->failed)
                return;
        for (uint8_t *to = o->p + at, *end = to + n; to < end; to++)
                if (*to == '\r' || *to == '\n')
                        *to = ' ';
}

void resp_out_integer(resp_out *o, int64_t v) {
        uint8_t *to = resp_out_room(o, HEAD_MAX);

        if (to)
                o->n += (size_t)(put_number(to, RESP_INTEGER, v) - to);
}

void resp_out_bulk_text(resp_out *o, const char *text) {
        resp_out_bulk(o, text, strlen(text));
}

void resp_out_bulk_integer(resp_out *o, int64_t v) {
        char text[DECIMAL_MAX];

        resp_out_bulk(o, text, decimal_print(v, text));
}

void resp_out_null(resp_out *o) {
        if (o->version == 2)
                resp_out_raw(o, "$-1\r\n", 5);
        else
                resp_out_raw(o, "_\r\n", 3);
}

void resp_out_null_array(resp_out *o) {
        if (o->version == 2)
                resp_out_raw(o, "*-1\r\n", 5);
        else
                resp_out_raw(o, "_\r\n", 3);
}

void resp_out_bool(resp_out *o, bool v) {
        if (o->version == 2)
                resp_out_raw(o, v ? ":1\r\n" : ":0\r\n", 4);
        else
                resp_out_raw(o, v ? "#t\r\n" : "#f\r\n", 4);
}

void resp_out_double(resp_out *o, double v) {
        char text[REAL_MAX];

        resp_out_double_bytes(o, text, real_print(v, text));
}

void resp_out_double_bytes(resp_out *o, const char *p, size_t n) {
        if (o->version == 2)
                resp_out_bulk(o, p, n);
        else
                line(o, RESP_DOUBLE, p, n);
}

void resp_out_bignum(resp_out *o, const char *p, size_t n) {
        if (o->version == 2)
                resp_out_bulk(o, p, n);
        else
                line(o, RESP_BIGNUM, p, n);
}

void resp_out_verbatim(resp_out *o, const char format[static 3], const void *p, size_t n) {
        uint8_t *to, *from;

        if (o->version == 2) {
                resp_out_bulk(o, p, n);
                return;
        }
        to = from = resp_out_room(o, HEAD_MAX + 4 + n + 2);
        if (!to)
                return;
        to = put_head(to, RESP_VERBATIM, n + 4);
        memcpy(to, format, 3);
        to[3] = ':';
        if (n)
                memcpy(to + 4, p, n);
        to = put_end(to + 4 + n);
        o->n += (size_t)(to - from);
}

/* heads */

/* What the reader's version calls a head, and counts in it. */
static uint8_t *put_named(uint8_t *to, const resp_out *o, resp_type type, size_t n) {
        if (o->version == 2) {
                assert(type != RESP_ATTRIBUTE);
                if (type == RESP_MAP)
                        n *= 2;
                type = RESP_ARRAY;
        }
        return put_head(to, (char)type, n);
}

static void head(resp_out *o, resp_type type, size_t n) {
        uint8_t *to = resp_out_room(o, HEAD_MAX);

        if (to)
                o->n += (size_t)(put_named(to, o, type, n) - to);
}

void resp_out_array(resp_out *o, size_t n) {
        head(o, RESP_ARRAY, n);
}

void resp_out_map(resp_out *o, size_t n_pairs) {
        head(o, RESP_MAP, n_pairs);
}

void resp_out_set(resp_out *o, size_t n) {
        head(o, RESP_SET, n);
}

void resp_out_push(resp_out *o, size_t n) {
        head(o, RESP_PUSH, n);
}

void resp_out_attribute(resp_out *o, size_t n_pairs) {
        head(o, RESP_ATTRIBUTE, n_pairs);
}

size_t resp_out_later(resp_out *o) {
        size_t later = o->n;

        if (resp_out_room(o, LATER_SIZE))
                o->n += LATER_SIZE;
        return later;
}

void resp_out_head(resp_out *o, size_t later, resp_type type, size_t n) {
        uint8_t text[HEAD_MAX], *to;
        size_t n_text = (size_t)(put_named(text, o, type, n) - text), n_more = n_text - LATER_SIZE;

        if (!resp_out_room(o, n_more))
                return;
        to = o->p + later;
        if (n_more)
                memmove(to + n_text, to + LATER_SIZE, o->n - later - LATER_SIZE);
        memcpy(to, text, n_text);
        o->n += n_more;
}

void resp_out_request(resp_out *o, const bytes *argv, size_t argc) {
        resp_out_array(o, argc);
        for (size_t i = 0; i < argc; i++)
                resp_out_bulk(o, argv[i].p, argv[i].n);
}
