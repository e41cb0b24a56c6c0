/* SPDX-License-Identifier: Apache-2.0 */
#include "grow.h"

#include <stdint.h>

#include "mem.h"

enum { FIRST = 256 }; /* most of what is written so is a line or an answer; picked */

void *grow(void *p, size_t *cap, size_t n, size_t more) {
        size_t want = *cap ? *cap : FIRST;

        if (p && *cap - n >= more)
                return p;
        while (want - n < more) {
                if (want > SIZE_MAX / 2)
                        return NULL;
                want *= 2;
        }
        p = mem_resize(p, want);
        if (p)
                *cap = want;
        return p;
}
