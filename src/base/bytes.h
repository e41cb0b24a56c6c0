/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes that belong to somebody else
 *
 * A pointer and a length, passed by value. Until when they may be looked at is said
 * by whoever hands them out. They may hold anything, zeros too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

typedef struct bytes {
        const char *p;
        size_t n;
} bytes;

/* Of a text that is written out in the code. */
#define BYTES(text) ((bytes){ (text), sizeof(text) - 1 })

static inline bytes bytes_of(const char *text) {
        return (bytes){ text, strlen(text) };
}

static inline bool bytes_equal(bytes a, bytes b) {
        return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* As memcmp(), and the shorter one first where it is the beginning of the other. */
static inline int bytes_compare(bytes a, bytes b) {
        size_t n = a.n < b.n ? a.n : b.n;
        int r = n ? memcmp(a.p, b.p, n) : 0;

        return r ? r : (a.n > b.n) - (a.n < b.n);
}

/* Whether @a is @word, in ASCII, letters of either case. */
static inline bool bytes_is(bytes a, const char *word) {
        return a.n == strlen(word) && strncasecmp(a.p, word, a.n) == 0;
}
