/* SPDX-License-Identifier: Apache-2.0 */
#include "longreal.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What stands for the point in this locale. */
static char point(void) {
        const struct lconv *conv = localeconv();

        return conv->decimal_point[0] ? conv->decimal_point[0] : '.';
}

bool longreal_read(bytes text, long double *ret) {
        char buf[LONGREAL_MAX], *end, *dot;
        long double number;

        if (text.n == 0 || text.n >= sizeof(buf) || isspace((unsigned char)text.p[0]))
                return false;
        memcpy(buf, text.p, text.n);
        buf[text.n] = '\0';
        dot = memchr(buf, '.', text.n);
        if (dot)
                *dot = point();
        errno = 0;
        number = strtold(buf, &end);
        if (end != buf + text.n || isnan(number) ||
            (errno == ERANGE && (number == 0 || isinf(number))))
                return false;
        *ret = number;
        return true;
}

size_t longreal_print(long double number, char ret[static LONGREAL_MAX]) {
        size_t n;
        char *dot;

        if (isinf(number))
                return (size_t)snprintf(ret, LONGREAL_MAX, number > 0 ? "inf" : "-inf");
        n = (size_t)snprintf(ret, LONGREAL_MAX, "%.17Lf", number);
        dot = memchr(ret, point(), n);
        if (dot) {
                *dot = '.';
                while (ret[n - 1] == '0')
                        n--;
                if (ret[n - 1] == '.')
                        n--;
        }
        if (n == 2 && memcmp(ret, "-0", 2) == 0) {
                ret[0] = '0';
                n = 1;
        }
        ret[n] = '\0';
        return n;
}
