/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * UTF-8, as RFC 3629 has it
 *
 * At most four bytes, the shortest form only, no surrogates, nothing above
 * U+10FFFF. Names and reasons on the wire have to be that.
 */

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_valid(const void *text, size_t n);

/* The length of the longest beginning of @text, which is valid, that is at most @max
 * bytes and cuts no character in two. */
size_t utf8_cut(const void *text, size_t n, size_t max);
