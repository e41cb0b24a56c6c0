/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_print(const void *from, size_t n, char *ret) {
        const uint8_t *p = from;

        while (n) {
                size_t n_here = n < 3 ? n : 3;
                uint32_t v = (uint32_t)p[0] << 16 | (n_here > 1 ? (uint32_t)p[1] << 8 : 0) |
                             (n_here > 2 ? p[2] : 0);

                ret[0] = digits[v >> 18];
                ret[1] = digits[v >> 12 & 63];
                ret[2] = n_here > 1 ? digits[v >> 6 & 63] : '=';
                ret[3] = n_here > 2 ? digits[v & 63] : '=';
                p += n_here;
                n -= n_here;
                ret += 4;
        }
}

int base64_read(const char *text, size_t n_text, uint8_t *ret) {
        size_t n_pad = 0, n = 0;

        if (n_text % 4)
                return -EINVAL;
        while (n_pad < 2 && n_pad < n_text && text[n_text - 1 - n_pad] == '=')
                n_pad++;
        for (size_t at = 0; at < n_text; at += 4) {
                size_t n_here = at + 4 == n_text ? 3 - n_pad : 3;
                uint32_t v = 0;

                for (size_t i = 0; i < 4; i++) {
                        const char *digit = i <= n_here ? memchr(digits, text[at + i], 64) : digits;

                        if (!digit)
                                return -EINVAL;
                        v = v << 6 | (uint32_t)(digit - digits);
                }
                /* bits that stand for nothing are 0, or there would be other ways to write it */
                if (v & (n_here == 1 ? 0xffff : n_here == 2 ? 0xff : 0))
                        return -EINVAL;
                for (size_t i = 0; i < n_here; i++)
                        ret[n++] = (uint8_t)(v >> (16 - 8 * i));
        }
        return (int)n;
}
