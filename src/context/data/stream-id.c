/* SPDX-License-Identifier: Apache-2.0 */
#include "stream-id.h"

#include <errno.h>
#include <stdlib.h>

#include "../../base/decimal.h"

bool stream_id_next(stream_id *id) {
        if (id->seq == UINT64_MAX && id->ms == UINT64_MAX)
                return false;
        if (++id->seq == 0)
                id->ms++;
        return true;
}

bool stream_id_prev(stream_id *id) {
        if (id->seq == 0 && id->ms == 0)
                return false;
        if (id->seq-- == 0)
                id->ms--;
        return true;
}

static size_t print_number(uint64_t n, char *ret) {
        char digits[DECIMAL_MAX];
        size_t at = sizeof(digits);

        do
                digits[--at] = (char)('0' + n % 10);
        while (n /= 10);
        memcpy(ret, digits + at, sizeof(digits) - at);
        return sizeof(digits) - at;
}

size_t stream_id_print(stream_id id, char ret[static STREAM_ID_TEXT]) {
        size_t n = print_number(id.ms, ret);

        ret[n++] = '-';
        return n + print_number(id.seq, ret + n);
}

/* Of a text that ends with a NUL. A plain number below zero is none, though strtoull(3)
 * makes one of it: Redis tries the plain form first, and only that. */
static bool read_number(const char *text, uint64_t *ret) {
        int64_t plain;
        char *end;

        if (decimal_read(text, strlen(text), &plain)) {
                *ret = (uint64_t)plain;
                return plain >= 0;
        }
        errno = 0;
        *ret = strtoull(text, &end, 10);
        return errno == 0 && end != text && *end == '\0';
}

bool stream_id_read(bytes text, uint64_t seq, stream_id *ret) {
        char copy[128]; /* Redis's bound too, and it too ends at a NUL */
        stream_id id = { .seq = seq };
        char *dash;

        if (text.n >= sizeof(copy))
                return false;
        memcpy(copy, text.p, text.n);
        copy[text.n] = '\0';
        dash = strchr(copy, '-');
        if (dash)
                *dash = '\0';
        if (!read_number(copy, &id.ms) || (dash && !read_number(dash + 1, &id.seq)))
                return false;
        *ret = id;
        return true;
}
