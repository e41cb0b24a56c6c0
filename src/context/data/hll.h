/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HyperLogLogs: about how many different elements were seen, in 12 KiB at the most
 *
 * An element's hash says a register and a rank, which is how many zeros follow, and one; each
 * register keeps the highest rank it was shown. The count is estimated from how often
 * each rank is there (Otmar Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches", 2017); it is off by 0.81 %, as a standard error.
 *
 * The form is Redis's, byte by byte, as such strings are read, copied and sent as any
 * other. A header of 16 bytes:
 *
 *      "HYLL" | 0 dense, 1 sparse | 0 0 0 | the count that was told last, 8 bytes, the lowest
 *             first; the highest bit says that it does not hold any more
 *
 * Dense are 6 bits a register, the lowest first. Sparse are runs, until it gets too long
 * or a rank is beyond 32:
 *
 *      00nnnnnn           n+1 registers of 0
 *      01nnnnnn nnnnnnnn  n+1 registers of 0
 *      1rrrrrnn           n+1 registers of r+1
 *
 * Strings come from anywhere: what does not make sense is -EPROTO.
 */

#include <stdint.h>

#include "../../base/bytes.h"

enum {
        HLL_REGISTERS = 1 << 14,
        HLL_EMPTY_SIZE = 16 + 2,
        HLL_DENSE_SIZE = 16 + HLL_REGISTERS / 8 * 6,
        HLL_PUT_MORE = 3, /* bytes by which one rank more may lengthen a sparse one */
};

/* Whether it may be one, by its header and length. */
bool hll_is(bytes text);
bool hll_is_dense(bytes text); /* and it is one */

/* Where an element counts; returns its register. */
unsigned hll_place(bytes element, uint8_t *ret_rank);

/* An empty sparse one. */
void hll_begin(char p[static HLL_EMPTY_SIZE]);

/* Show register @reg of the *@n bytes at @p a rank; there is room for HLL_PUT_MORE more. Returns
 * 1 if it was higher, 0, -EPROTO, or -E2BIG: it must become dense first, as sparse it
 * would have more than @most bytes. */
int hll_put(char *p, size_t *n, size_t most, unsigned reg, uint8_t rank);

/* The same as dense, where it was sparse or dense. 0 or -EPROTO. */
int hll_to_dense(bytes from, char ret[static HLL_DENSE_SIZE]);

/* Raise each register to what @from has there. 0 or -EPROTO. */
int hll_merge(bytes from, uint8_t registers[static HLL_REGISTERS]);

uint64_t hll_count(const uint8_t registers[static HLL_REGISTERS]);

/* The count that was told last, if it still holds. */
bool hll_told(bytes text, uint64_t *ret);
void hll_tell(char *p, uint64_t count);
void hll_forget(char *p);

/* One run after the other: begin with *@at 0. The registers of a dense one are runs of one.
 * False at the end. */
typedef struct hll_run {
        unsigned n;
        uint8_t rank;
        uint8_t size; /* in bytes; of a sparse one */
} hll_run;

bool hll_next(bytes text, size_t *at, hll_run *ret);
