/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A set of streams, by their numbers: "0", "1,2", or none (rule J34)
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/bytes.h"

enum { STREAMS_MAX = 256 };

typedef struct streams {
        uint64_t bits[STREAMS_MAX / 64];
} streams;

static inline bool streams_have(const streams *s, unsigned n) {
        return n < STREAMS_MAX && s->bits[n / 64] >> n % 64 & 1;
}

static inline void streams_add(streams *s, unsigned n) {
        s->bits[n / 64] |= UINT64_C(1) << n % 64;
}

static inline streams streams_both(const streams *a, const streams *b) {
        streams s = *a;

        for (size_t i = 0; i < STREAMS_MAX / 64; i++)
                s.bits[i] |= b->bits[i];
        return s;
}

/* What a job has that says nothing of it: 0, or 1 and 2. */
static inline streams streams_usual(bool is_output) {
        return (streams){ { is_output ? 6 : 1 } };
}

/* The first from @n on; STREAMS_MAX if there is none. */
unsigned streams_next(const streams *s, unsigned n);
size_t streams_count(const streams *s);

/* Numbers with commas between them, each once; "" is none. False if it is no such text. */
bool streams_read(bytes text, streams *ret);
