/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The line that nearly all are: a type, a number of up to four digits, CR and a byte
 *
 * For the readers, within this folder. To look for the end of such a line and then to
 * read the number is twice the work of reading it until it ends.
 */

#include <stddef.h>
#include <stdint.h>

/* Returns how long the line at @p is and what it says; or 0 if it is any other, or not all
 * there. A 0 is no type, and hides what is behind it (request.h). */
static inline size_t line_short(const char *p, size_t n, size_t *ret) {
        size_t v = 0;

        if (n < 4 || !p[0] || p[1] == '0')
                return 0;
        for (size_t i = 1; i < 6 && i < n - 1; i++) {
                unsigned digit = (unsigned)(uint8_t)p[i] - '0';

                if (digit > 9) {
                        *ret = v;
                        return p[i] == '\r' && i > 1 ? i + 2 : 0;
                }
                v = v * 10 + digit;
        }
        return 0;
}
