/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whole numbers as text
 *
 * Only the one way in which a number would be printed is read: no sign but a minus,
 * no zeros in front, no blanks, nothing after it. So reading and printing again gives
 * the same bytes, and a number may be kept instead of its text.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_MAX = 20 }; /* bytes of the longest, -9223372036854775808 */

/* Whether these @n bytes are such a number. */
bool decimal_read(const void *p, size_t n, int64_t *ret);

/* Returns how many bytes it is; there is no NUL. */
size_t decimal_print(int64_t number, char ret[static DECIMAL_MAX]);
