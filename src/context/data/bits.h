/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bits in bytes
 *
 * They are numbered from 0, the highest of the first byte, as in Redis; a field of several
 * bits has its highest first. What lies beyond the end reads as zeros, and is not written.
 * Ranges go from @from up to, but not including, @to, and lie within the bytes.
 */

#include <stdint.h>

#include "../../base/bytes.h"

bool bits_get(bytes b, uint64_t at);
void bits_set(char *p, uint64_t at, bool on);

/* How many of a range are set. */
uint64_t bits_count(bytes b, uint64_t from, uint64_t to);

/* Where the first of a range is that is @on; -1 if none is. */
int64_t bits_find(bytes b, uint64_t from, uint64_t to, bool on);

/* The @n bits, up to 64, from @at on as a number. */
uint64_t bits_field(bytes b, uint64_t at, unsigned n);
void bits_set_field(char *p, uint64_t at, unsigned n, uint64_t value);
