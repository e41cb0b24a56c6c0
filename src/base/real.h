/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Doubles as text
 *
 * In the C locale, whichever one the program has set. They are printed as by %.17g, which is
 * what Redis 7.0 shows its clients: every reader gets the same double from it, and 0.1
 * is 0.10000000000000001.
 */

#include <stddef.h>

enum {
        REAL_MAX = 24, /* bytes of the longest, -1.2345678901234567e-308 */

        /* Bytes of a text that is read. What still makes a difference is about 770 digits,
         * as the last one may decide how to round. */
        REAL_TEXT_MAX = 1023,
};

/* Returns how many bytes it is; there is no NUL. inf, -inf; every nan is nan. */
size_t real_print(double number, char ret[static REAL_MAX]);

/* All of a text, as strtod(3) reads it: inf, infinity, nan and hexadecimal too, but no
 * leading blank. Returns 0; -EINVAL if it is none; -ERANGE if it is too large for a
 * double, or so small that only 0 would be left. */
int real_read(const void *p, size_t n, double *ret);
