/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <errno.h>

#include "../base/decimal.h"

/* The number, as digits or one of the names that are understood too. */
static int read_number(bytes text) {
        static const char *const names[] = { "stdin", "stdout", "stderr" };
        int64_t n;

        for (int i = 0; i < 3; i++)
                if (bytes_equal(text, bytes_of(names[i])))
                        return i;
        return decimal_read(text.p, text.n, &n) && n >= 0 && n <= UINT8_MAX ? (int)n : -EPROTO;
}

int frame_read(bytes text, frame *ret) {
        const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
        int n;

        if (!colon)
                return -EPROTO;
        n = read_number((bytes){ text.p, (size_t)(colon - text.p) });
        if (n < 0)
                return n;
        *ret = (frame){ .n = (uint8_t)n,
                        .data = { colon + 1, text.n - (size_t)(colon + 1 - text.p) } };
        return 0;
}

char *frame_put_head(char *end, uint8_t n) {
        *--end = ':';
        do
                *--end = (char)('0' + n % 10);
        while (n /= 10);
        return end;
}
