/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A long text made short, of the same CRC-64
 *
 * By the instruction that multiplies polynomials: several times as fast as tables are, which are
 * left for what is short, and for machines that have none.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        CRC64_FOLDED = 16,   /* bytes that are left */
        CRC64_FOLD_MIN = 128 /* from which on it pays. Measured. */
};

/* @polynomial with its bits from the lowest power on. Before all others. */
void crc64_fold_init(uint64_t polynomial);
bool crc64_can_fold(void);

/* Fold bytes of @n, at least CRC64_FOLD_MIN, which follow what was summed up to @crc: their sum is
 * that of @ret from 0 on. Returns how many those are; the rest follows them as it is. */
size_t crc64_fold(uint64_t crc, const uint8_t *p, size_t n, uint8_t ret[static CRC64_FOLDED]);
