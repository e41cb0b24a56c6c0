/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

/* @n digits of hex at @p, of which one at least is another than @all. */
static bool is_hex(const char *p, size_t n, char all) {
        bool is_other = false;

        for (size_t i = 0; i < n; i++) {
                if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
                        return false;
                is_other |= p[i] != all;
        }
        return is_other;
}

bool trace_is_parent(bytes text) {
        enum { TRACE = 3, PARENT = 36, FLAGS = 53, END = 55 };
        const char *p = text.p;

        if (text.n < END || p[TRACE - 1] != '-' || p[PARENT - 1] != '-' || p[FLAGS - 1] != '-')
                return false;
        /* "ff" is no version */
        if (!is_hex(p, 2, 'f') || !is_hex(p + TRACE, 32, '0') || !is_hex(p + PARENT, 16, '0') ||
            !is_hex(p + FLAGS, 2, '\0'))
                return false;
        return text.n == END || (memcmp(p, "00", 2) != 0 && p[END] == '-');
}
