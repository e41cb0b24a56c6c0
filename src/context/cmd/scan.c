/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include "../../base/decimal.h"
#include "../../base/glob.h"

/* As strtoul(3) would read it, and nothing else: Redis's cursors are unsigned. */
static bool read_cursor(bytes text, uint64_t *ret) {
        uint64_t n = 0;

        if (text.n == 0 || text.n > DECIMAL_MAX)
                return false;
        for (size_t i = 0; i < text.n; i++) {
                unsigned digit = (unsigned)text.p[i] - '0';

                if (digit > 9 || __builtin_mul_overflow(n, 10u, &n) ||
                    __builtin_add_overflow(n, digit, &n))
                        return false;
        }
        *ret = n;
        return true;
}

static int type_of(bytes name) {
        for (int type = 0; type < KEY_TYPES; type++)
                if (bytes_is(name, key_type_text((key_type)type)))
                        return type;
        return KEY_TYPES; /* no key is of it */
}

static bool begin(scan *s, call *c, int i) {
        *s = (scan){ .c = c, .count = 10, .type = -1 };
        if (read_cursor(c->argv[i], &s->cursor))
                return true;
        call_fail(c, "ERR invalid cursor");
        return false;
}

static bool read_options(scan *s, int i, bool takes_type) {
        call *c = s->c;

        for (; i < c->argc; i++) {
                bool more = i + 1 < c->argc;

                if (more && call_is(c, i, "COUNT")) {
                        if (!call_integer(c, ++i, &s->count, NULL))
                                return false;
                        if (s->count < 1) {
                                call_fail_syntax(c);
                                return false;
                        }
                } else if (more && call_is(c, i, "MATCH")) {
                        s->pattern = c->argv[++i];
                } else if (more && takes_type && call_is(c, i, "TYPE")) {
                        s->type = type_of(c->argv[++i]);
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        return true;
}

bool scan_read(scan *s, call *c) {
        return begin(s, c, 1) && read_options(s, 2, true);
}

bool scan_read_key(scan *s, call *c, key_type type, key **ret_k) {
        if (!begin(s, c, 2) || !call_read(c, 1, type, ret_k))
                return false;
        if (*ret_k)
                return read_options(s, 3, false);
        scan_begin(s);
        scan_end(s, 0);
        return false;
}

bool scan_wants(scan *s, bytes name) {
        s->n_seen++;
        return !s->pattern.p || glob_match(s->pattern, name, false);
}

void scan_has(scan *s, size_t n_values) {
        s->n += n_values;
}

void scan_begin(scan *s) {
        resp_out_init(&s->out, s->c->out->version);
}

void scan_end(scan *s, uint64_t cursor) {
        char text[DECIMAL_MAX + 1], *p = text + sizeof(text);

        do {
                *--p = (char)('0' + cursor % 10);
                cursor /= 10;
        } while (cursor);
        resp_out_array(s->c->out, 2);
        resp_out_bulk(s->c->out, p, (size_t)(text + sizeof(text) - p));
        resp_out_array(s->c->out, s->n);
        resp_out_raw(s->c->out, s->out.p, s->out.n);
        s->c->out->failed |= s->out.failed;
        resp_out_deinit(&s->out);
}

uint64_t scan_walk(scan *s, table *t, void (*fn)(void *scan, void *entry)) {
        uint64_t cursor = s->cursor;
        int64_t rounds = s->count > INT64_MAX / 10 ? INT64_MAX : s->count * 10;

        do {
                cursor = table_scan(t, cursor, fn, s);
        } while (cursor && --rounds > 0 && s->n_seen < s->count);
        return cursor;
}

void scan_table(scan *s, table *t, void (*fn)(void *scan, void *entry)) {
        uint64_t cursor;

        scan_begin(s);
        cursor = scan_walk(s, t, fn);
        scan_end(s, cursor);
}
