/* SPDX-License-Identifier: Apache-2.0 */
#include "real.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"

__extension__ typedef unsigned __int128 u128;

static const uint64_t powers[] = {
        UINT64_C(1),
        UINT64_C(10),
        UINT64_C(100),
        UINT64_C(1000),
        UINT64_C(10000),
        UINT64_C(100000),
        UINT64_C(1000000),
        UINT64_C(10000000),
        UINT64_C(100000000),
        UINT64_C(1000000000),
        UINT64_C(10000000000),
        UINT64_C(100000000000),
        UINT64_C(1000000000000),
        UINT64_C(10000000000000),
        UINT64_C(100000000000000),
        UINT64_C(1000000000000000),
        UINT64_C(10000000000000000),
        UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000),
        UINT64_C(10000000000000000000),
};

/* printf and strtod write and read the point of the program's locale; this one is
 * static in the C libraries that there are, so neither call costs more than a look. */
static locale_t locale_enter(void) {
        return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
}

static void locale_leave(locale_t before) {
        freelocale(uselocale(before));
}

/* What printf makes of it, without printf, which takes ten times as long: 17 digits,
 * rounded to even. @v is in [1e-4, 2^53) and not a whole number, so it is m / 2^shift
 * with shift in [1, 66], and m * 10^20 has 120 bits at the most: all of this is exact. */
static size_t print_fraction(double v, char *out) {
        uint64_t bits, digits;
        int exponent = 0; /* of the first digit */

        if (v < 1)
                exponent = v >= .1 ? -1 : v >= .01 ? -2 : v >= .001 ? -3 : -4;
        while (exponent >= 0 && (uint64_t)v >= powers[exponent + 1])
                exponent++;

        memcpy(&bits, &v, sizeof(bits));
        unsigned shift = 1075 - (unsigned)(bits >> 52);
        u128 m = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;

        m = exponent < -3 ? m * powers[19] * 10 : m * powers[16 - exponent];
        digits = (uint64_t)(m >> shift);
        u128 rest = m - ((u128)digits << shift), half = (u128)1 << (shift - 1);
        digits += rest > half || (rest == half && digits & 1);
        if (digits == powers[17]) {
                digits = powers[16];
                exponent++;
        }
        while (digits % 10 == 0)
                digits /= 10;

        size_t n_before = exponent < 0 ? 0 : (size_t)exponent + 1, at = 0;
        if (!n_before) {
                memcpy(out, "0.000", 5);
                at = 1 + (size_t)-exponent;
        }
        size_t n = decimal_print((int64_t)digits, out + at);
        if (n_before) {
                memmove(out + n_before + 1, out + n_before, n - n_before);
                out[n_before] = '.';
                n++;
        }
        return at + n;
}

size_t real_print(double number, char ret[static REAL_MAX]) {
        char text[REAL_MAX + 1];
        double size = fabs(number);
        size_t n = 0;

        if (isnan(number)) {
                memcpy(ret, "nan", 3);
                return 3;
        }
        if (signbit(number))
                ret[n++] = '-';
        if (isinf(number)) {
                memcpy(ret + n, "inf", 3);
                return n + 3;
        }
        /* whole numbers of up to 17 digits have no point and no exponent */
        if (size < 1e17 && size == (double)(int64_t)size)
                return n + decimal_print((int64_t)size, ret + n);
        if (size >= 1e-4 && size < 1e17)
                return n + print_fraction(size, ret + n);

        locale_t before = locale_enter();
        int n_text = snprintf(text, sizeof(text), "%.17g", number);
        locale_leave(before);
        memcpy(ret, text, (size_t)n_text);
        return (size_t)n_text;
}

/* The short decimals that people write, exactly as strtod does them: both the digits and
 * the power of ten are doubles without an error, so dividing them rounds once. */
static int read_short(const char *text, size_t n, double *ret) {
        size_t i = n > 0 && text[0] == '-', n_digits = 0, n_behind = 0;
        bool negative = i, point = false;
        uint64_t v = 0;

        /* on the old x87 it would round twice */
        if (FLT_EVAL_METHOD != 0 || n - i > 16)
                return -EINVAL;
        for (; i < n; i++) {
                unsigned digit = (unsigned)(uint8_t)text[i] - '0';

                if (digit <= 9) {
                        v = v * 10 + digit;
                        n_digits++;
                        n_behind += point;
                } else if (text[i] == '.' && !point) {
                        point = true;
                } else {
                        return -EINVAL;
                }
        }
        if (n_digits == 0 || v > UINT64_C(1) << 53)
                return -EINVAL;
        double size = (double)v / (double)powers[n_behind];
        *ret = negative ? -size : size;
        return 0;
}

int real_read(const void *p, size_t n, double *ret) {
        char copy[REAL_TEXT_MAX + 1], *end;
        const char *text = p;
        double v;

        if (n == 0 || n > REAL_TEXT_MAX || isspace((unsigned char)text[0]))
                return -EINVAL;
        if (read_short(text, n, ret) == 0)
                return 0;

        memcpy(copy, text, n);
        copy[n] = 0;
        locale_t before = locale_enter();
        int saved = errno;
        errno = 0;
        v = strtod(copy, &end);
        int error = errno;
        errno = saved;
        locale_leave(before);

        if (end != copy + n)
                return -EINVAL;
        if (error == ERANGE && (isinf(v) || v == 0))
                return -ERANGE;
        *ret = v;
        return 0;
}
