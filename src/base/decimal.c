/* SPDX-License-Identifier: Apache-2.0 */
#include "decimal.h"

#include <string.h>

bool decimal_read(const void *p, size_t n, int64_t *ret) {
        const uint8_t *s = p, *end;
        bool negative;
        uint64_t number;

        if (n == 0 || n > DECIMAL_MAX)
                return false;
        end = s + n;
        negative = *s == '-';
        if (negative && ++s == end)
                return false;
        if (*s == '0') {
                if (n > 1)
                        return false;
                *ret = 0;
                return true;
        }

        number = 0;
        for (; s < end; s++) {
                unsigned digit = *s - (unsigned)'0';

                if (digit > 9)
                        return false;
                if (__builtin_mul_overflow(number, 10, &number) ||
                    __builtin_add_overflow(number, digit, &number))
                        return false;
        }
        if (number > (uint64_t)INT64_MAX + negative)
                return false;
        *ret = (int64_t)(negative ? -number : number);
        return true;
}

static unsigned count_digits(uint64_t number) {
        unsigned n = 1;

        for (; number >= 10000; number /= 10000)
                n += 4;
        return n + (number >= 10) + (number >= 100) + (number >= 1000);
}

size_t decimal_print(int64_t number, char ret[static DECIMAL_MAX]) {
        static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                    "25262728293031323334353637383940414243444546474849"
                                    "50515253545556575859606162636465666768697071727374"
                                    "75767778798081828384858687888990919293949596979899";
        uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
        size_t n = count_digits(rest) + (number < 0), at = n;

        /* two at a time, since the division is what costs */
        for (; rest >= 100; rest /= 100) {
                at -= 2;
                memcpy(ret + at, pairs + rest % 100 * 2, 2);
        }
        if (rest >= 10)
                memcpy(ret + at - 2, pairs + rest * 2, 2);
        else
                ret[at - 1] = (char)('0' + rest);
        if (number < 0)
                ret[0] = '-';
        return n;
}
