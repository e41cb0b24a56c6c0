/* SPDX-License-Identifier: Apache-2.0 */
#include "reason.h"

#include <string.h>

#include "../base/mem.h"

char *reason_copy_n(uint32_t code, const void *text, size_t n) {
        const unsigned char *p = text;
        char *copy;

        if (!code || !text || !n)
                return NULL;
        if (n > REASON_MAX)
                for (n = REASON_MAX; n > 0 && (p[n] & 0xc0) == 0x80; n--)
                        ;
        copy = mem_new(n + 1);
        if (!copy)
                return NULL;
        memcpy(copy, text, n);
        copy[n] = '\0';
        return copy;
}

char *reason_copy(uint32_t code, const char *text) {
        return reason_copy_n(code, text, text ? strlen(text) : 0);
}
