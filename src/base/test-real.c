/* SPDX-License-Identifier: Apache-2.0 */
#include "real.h"

#include "test.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T(text) text, sizeof(text) - 1

/* in a block of its own, so that reading past it is seen */
static int read_double(const char *text, size_t n, double *ret) {
        char *copy = malloc(n ? n : 1);
        int r;

        memcpy(copy, text, n);
        r = real_read(copy, n, ret);
        free(copy);
        return r;
}

/* The same text as printf's, and the same double back. */
static void check_double(double v) {
        char text[REAL_MAX], want[64];
        size_t n = real_print(v, text);
        double back;

        snprintf(want, sizeof(want), "%.17g", v);
        assert_mem(text, n, want, strlen(want));
        assert_r(read_double(text, n, &back), 0);
        assert_mem(&back, sizeof(back), &v, sizeof(v));
}

static double from_bits(uint64_t bits) {
        double v;

        memcpy(&v, &bits, sizeof(v));
        return v;
}

/* The doubles before, at and after it. */
static void check_around(double v) {
        uint64_t bits;

        memcpy(&bits, &v, sizeof(bits));
        for (uint64_t i = bits - 1; i != bits + 2; i++)
                if (!isnan(from_bits(i)))
                        check_double(from_bits(i));
}

TEST(print) {
        static const double cases[] = {
                0.0,       -0.0,       0.1,     0.5,
                1.5,       1e-4,       1e-5,    9.9999999999999991e-5,
                1e16,      1e17,       1e18,    1e22,
                1e23,      1e300,      0.3,     0.1 + 0.2,
                2.5e-1,    1e15,       1e-3,    1e-2,
                1e-1,      123456789., 1. / 3,  2. / 3,
                4e15,      5e-324,     1e-310,  1.7e308,
                3.14,      -3.14,      999.999, 0.00010000000000000002,
                -1e-4,     -17.5,      0x1p53,  0x1p53 + 2,
                0x1p63,    0x1p64,     -0x1p63, INFINITY,
                -INFINITY,
        };

        for (size_t i = 0; i < n_of(cases); i++)
                check_around(cases[i]);
        /* at each power of two around the places where the form changes */
        for (uint64_t e = 1023 - 20; e < 1023 + 64; e++)
                for (int i = 0; i < 500; i++)
                        check_double(from_bits(e << 52 | (uint64_t)test_random() << 20));
        /* ends in a half: to be rounded to even */
        for (int i = 0; i < 20000; i++)
                check_double((double)(test_random() >> 1) * 0x1p20 + test_random() % 4096 / 4096.);
        for (int i = 0; i < 20000; i++) {
                double v = from_bits((uint64_t)test_random() << 32 | test_random());

                if (!isnan(v))
                        check_double(v);
        }
}

TEST(print_nan) {
        char text[REAL_MAX];
        double v;

        assert_mem(text, real_print(NAN, text), "nan", 3);
        assert_mem(text, real_print(-NAN, text), "nan", 3);
        assert_r(read_double(T("nan"), &v), 0);
        assert_true(isnan(v));
}

/* What strtod makes of it, when people write it. */
TEST(read) {
        static const char *const cases[] = {
                "0",
                "-0",
                "1",
                ".5",
                "5.",
                "-.5",
                "1e3",
                "1E-3",
                "+1",
                "0x1p4",
                "infinity",
                "-inf",
                "+inf",
                "INF",
                "1.50000",
                "00012.5",
                "0.1",
                "0.2",
                "1e22",
                "1e23",
                "1e-22",
                "9007199254740993",
                "0.30000000000000004",
                "123456789012345678901234567890",
                "0.000000000000000000000000000000001",
                "5e-324",
                "1.7976931348623157e308",
                "9007199254740992.5",
                "0.0000000000000001",
                "1234567890123.45",
                "-99999999999999.9",
        };

        for (size_t i = 0; i < n_of(cases); i++) {
                double v, want = strtod(cases[i], NULL);

                assert_r(read_double(cases[i], strlen(cases[i]), &v), 0);
                assert_mem(&v, sizeof(v), &want, sizeof(want));
        }
        for (int i = 0; i < 20000; i++) {
                char text[64];
                double v, want;

                snprintf(text, sizeof(text), "%.*f", (int)(test_random() % 12),
                         test_random() / (1. + test_random() % 100000));
                want = strtod(text, NULL);
                assert_r(read_double(text, strlen(text), &v), 0);
                assert_mem(&v, sizeof(v), &want, sizeof(want));
        }
}

TEST(refused) {
        static const struct {
                const char *text;
                size_t n;
                int r;
        } cases[] = {
                { T(""), -EINVAL },        { T(" 1"), -EINVAL },     { T("\t1"), -EINVAL },
                { T("1 "), -EINVAL },      { T("1\0"), -EINVAL },    { T("\0001"), -EINVAL },
                { T("."), -EINVAL },       { T("-"), -EINVAL },      { T("+"), -EINVAL },
                { T("-."), -EINVAL },      { T("e5"), -EINVAL },     { T("1e"), -EINVAL },
                { T("1e+"), -EINVAL },     { T("1..2"), -EINVAL },   { T("1.2.3"), -EINVAL },
                { T("1,5"), -EINVAL },     { T("--1"), -EINVAL },    { T("1-"), -EINVAL },
                { T("in"), -EINVAL },      { T("nanx"), -EINVAL },   { T("x"), -EINVAL },
                { T("1e400"), -ERANGE },   { T("-1e400"), -ERANGE }, { T("1e-400"), -ERANGE },
                { T("-1e-400"), -ERANGE },
        };
        char text[REAL_TEXT_MAX + 1];
        double v = 42;

        for (size_t i = 0; i < n_of(cases); i++)
                if (read_double(cases[i].text, cases[i].n, &v) != cases[i].r || v != 42)
                        test_fail("%s: taken", cases[i].text);

        memset(text, '0', sizeof(text));
        assert_r(read_double(text, sizeof(text), &v), -EINVAL);
        assert_r(read_double(text, sizeof(text) - 1, &v), 0);
        assert_eq(v == 0, 1);
}

/* A program that shows its users a comma still speaks to others with a point. */
TEST(locale_is_not_asked) {
        static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8" };
        char text[REAL_MAX];
        double v;

        for (size_t i = 0; i < n_of(names); i++)
                if (setlocale(LC_ALL, names[i]))
                        break;
        if (!strcmp(localeconv()->decimal_point, "."))
                test_skip("no locale with another point is installed");
        assert_mem(text, real_print(1.5e-9, text), "1.5e-09", 7);
        assert_r(read_double(T("1.5e-9"), &v), 0);
        assert_str(localeconv()->decimal_point, ",");
}
