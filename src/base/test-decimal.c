/* SPDX-License-Identifier: Apache-2.0 */
#include "decimal.h"

#include "mem.h"
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* from a block of just that size */
static bool reads(const char *text, size_t n, int64_t *ret) {
        char *p = mem_copy(text, n);
        bool is_number = decimal_read(p, n, ret);

        mem_free(p);
        return is_number;
}

static void there_and_back(int64_t number) {
        char want[32], text[DECIMAL_MAX];
        int n = snprintf(want, sizeof(want), "%" PRId64, number);
        int64_t again;

        assert_mem(text, decimal_print(number, text), want, (size_t)n);
        assert_true(reads(want, (size_t)n, &again));
        assert_eq(again, number);
}

TEST(there_and_back_again) {
        int64_t power = 1;

        for (int i = 0; i < 19; i++) {
                for (int64_t d = -2; d <= 2; d++) {
                        there_and_back(power + d);
                        there_and_back(-power + d);
                }
                if (i < 18)
                        power *= 10;
        }
        for (int i = 0; i < 64; i++) {
                there_and_back((int64_t)(UINT64_C(1) << i));
                there_and_back((int64_t)((UINT64_C(1) << i) - 1));
                there_and_back((int64_t) - (UINT64_C(1) << i));
        }
        for (int i = 0; i < 10000; i++) {
                uint64_t number = (uint64_t)test_random() << 32 | test_random();

                there_and_back((int64_t)(number >> test_random() % 64));
        }
}

TEST(else_it_is_text) {
        static const char *const texts[] = {
                "",
                "-",
                "+1",
                "-0",
                "00",
                "01",
                "-01",
                " 1",
                "1 ",
                "1.0",
                "1e3",
                "0x10",
                "--1",
                "1-",
                "a",
                "9223372036854775808",
                "-9223372036854775809",
                "18446744073709551616",
                "99999999999999999999",
                "-99999999999999999999",
                "100000000000000000000",
        };
        int64_t number = 77;

        for (size_t i = 0; i < n_of(texts); i++)
                if (reads(texts[i], strlen(texts[i]), &number))
                        test_fail("'%s' was read as a number", texts[i]);
        assert_false(reads("1\0", 2, &number));
        assert_eq(number, 77);
}
