/* SPDX-License-Identifier: Apache-2.0 */
#include "lzf.h"

#include <errno.h>
#include <string.h>

int lzf_unpack(const uint8_t *from, size_t n_from, uint8_t *to, size_t n_to) {
        const uint8_t *end = from + n_from;
        size_t at = 0;

        while (from < end) {
                size_t first = *from++, n = first >> 5, back;

                if (n == 0) {
                        n = first + 1;
                        if (n > (size_t)(end - from) || n > n_to - at)
                                return -EPROTO;
                        memcpy(to + at, from, n);
                        from += n;
                        at += n;
                        continue;
                }
                if (n == 7 && from < end)
                        n += *from++;
                if (from == end)
                        return -EPROTO;
                back = ((first & 31) << 8 | *from++) + 1;
                n += 2;
                if (back > at || n > n_to - at)
                        return -EPROTO;
                for (; n > 0; n--, at++) /* may run into what it has just written */
                        to[at] = to[at - back];
        }
        return at == n_to ? 0 : -EPROTO;
}
