/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What readers of RESP are measured on: requests of three arguments, as they are pipelined
 *
 * SET and two texts of 3 to 16 bytes. A request is an array of bulks, so that readers of
 * replies take it too. The last argument of the i-th begins with the byte 'a' + i % 16.
 */

#include <stdint.h>
#include <stdio.h>

enum { TEXT_REQUESTS = 64 };

typedef struct resp_text {
        char p[TEXT_REQUESTS * 64];
        size_t n;
} resp_text;

static inline void resp_text_make(resp_text *t) {
        uint32_t seed = 1;

        t->n = 0;
        for (int i = 0; i < TEXT_REQUESTS; i++) {
                int n_key, n_value;

                seed = seed * 1103515245 + 12345;
                n_key = 3 + (int)(seed >> 16) % 14;
                seed = seed * 1103515245 + 12345;
                n_value = 3 + (int)(seed >> 16) % 14;
                t->n += (size_t)sprintf(t->p + t->n,
                                        "*3\r\n$3\r\nSET\r\n$%d\r\n%.*s\r\n$%d\r\n%c%.*s\r\n",
                                        n_key, n_key, "key:0123456789abcdef", n_value, 'a' + i % 16,
                                        n_value - 1, "value:0123456789");
        }
}
