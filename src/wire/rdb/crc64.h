/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The checksum of RDB: CRC-64 by Jones's polynomial, reflected, from 0
 *
 * Of what was summed up to @crc and these bytes behind it.
 */

#include <stddef.h>
#include <stdint.h>

uint64_t crc64(uint64_t crc, const void *p, size_t n);
