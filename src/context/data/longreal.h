/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Real numbers as INCRBYFLOAT and HINCRBYFLOAT have them
 *
 * Counted in long double and written out in full, without an exponent and without zeros
 * at the end, so that 0.1 and 0.2 make 0.3. Whatever locale the program has set.
 */

#include <stdbool.h>
#include <stddef.h>

#include "../../base/bytes.h"

/* The longest: 4932 digits, a sign, a point, 17 behind it, and a zero. */
enum { LONGREAL_MAX = 5120 };

/* All of @text; not NaN, and neither too large nor so small that only 0 would be left. */
bool longreal_read(bytes text, long double *ret);

/* Returns how many bytes it is; they end with a 0. */
size_t longreal_print(long double number, char ret[static LONGREAL_MAX]);
