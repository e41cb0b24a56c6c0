/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_less(test_number a, test_number b) {
        if (a.negative != b.negative)
                return a.negative;
        return a.n < b.n;
}

static const char *number_text(test_number a, char text[static 64]) {
        if (a.negative)
                snprintf(text, 64, "%" PRIdMAX, (intmax_t)a.n);
        else if (a.n < 10)
                snprintf(text, 64, "%" PRIuMAX, a.n);
        else
                snprintf(text, 64, "%" PRIuMAX " (%#" PRIxMAX ")", a.n, a.n);
        return text;
}

void test_compare(const char *file, int line, const char *what, const char *op, test_number a,
                  test_number b) {
        bool same = a.negative == b.negative && a.n == b.n, ok;
        char text_a[64], text_b[64];

        switch (op[0]) {
        case '<':
                ok = is_less(a, b) || (op[1] && same);
                break;
        case '>':
                ok = is_less(b, a) || (op[1] && same);
                break;
        case '!':
                ok = !same;
                break;
        default:
                ok = same;
        }
        if (!ok)
                test_failed(file, line, "%s: left is %s, right is %s", what, number_text(a, text_a),
                            number_text(b, text_b));
}

/* Bytes as a C string would be written; cut where it gets long. */
static const char *bytes_text(const void *data, size_t n, char text[static 512]) {
        const uint8_t *p = data;
        char *at = text;

        *at++ = '"';
        for (size_t i = 0; i < n; i++) {
                if (at - text > 500) {
                        strcpy(at, "...");
                        return text;
                }
                if (p[i] == '"' || p[i] == '\\' || p[i] < 0x20 || p[i] > 0x7e)
                        at += sprintf(at, "\\%03o", p[i]);
                else
                        *at++ = (char)p[i];
        }
        strcpy(at, "\"");
        return text;
}

void test_assert_mem(const char *file, int line, const char *what, const void *a, size_t n_a,
                     const void *b, size_t n_b) {
        size_t n = n_a < n_b ? n_a : n_b, at = 0, from;
        char text_a[512], text_b[512];

        if (n_a == n_b && (!n || !memcmp(a, b, n)))
                return;
        while (at < n && ((const uint8_t *)a)[at] == ((const uint8_t *)b)[at])
                at++;
        from = at > 32 ? at - 32 : 0;
        test_failed(file, line, "%s: %zu bytes, not %zu; they part at %zu; from %zu on: %s, not %s",
                    what, n_a, n_b, at, from,
                    bytes_text((const char *)a + from, n_a - from, text_a),
                    bytes_text((const char *)b + from, n_b - from, text_b));
}

void test_assert_str(const char *file, int line, const char *what, const char *a, const char *b) {
        char text_a[512], text_b[512];

        if (a == b || (a && b && !strcmp(a, b)))
                return;
        test_failed(file, line, "%s: %s, not %s", what,
                    a ? bytes_text(a, strlen(a), text_a) : "NULL",
                    b ? bytes_text(b, strlen(b), text_b) : "NULL");
}

static const char *result_text(long long r, char text[static 64]) {
        const char *name = r < 0 && r > -4096 ? strerrorname_np((int)-r) : NULL;

        if (name)
                snprintf(text, 64, "-%s", name);
        else
                snprintf(text, 64, "%lld", r);
        return text;
}

long long test_assert_ok(const char *file, int line, const char *what, long long r) {
        char text[64];

        if (r < 0)
                test_failed(file, line, "%s: %s", what, result_text(r, text));
        return r;
}

void test_assert_r(const char *file, int line, const char *what, long long r, long long want) {
        char text_r[64], text_want[64];

        if (r != want)
                test_failed(file, line, "%s: %s, not %s", what, result_text(r, text_r),
                            result_text(want, text_want));
}
