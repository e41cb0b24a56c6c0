/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SHA-1, as FIPS 180-4 has it
 *
 * For protocols that ask for it by name, where nothing hangs on it: two texts of one sum have long
 * been found.
 */

#include <stddef.h>
#include <stdint.h>

enum { SHA1_SIZE = 20 };

void sha1(const void *p, size_t n, uint8_t ret[static SHA1_SIZE]);
