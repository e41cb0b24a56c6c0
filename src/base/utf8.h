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
#include <stdint.h>

bool utf8_is_valid(const void *text, size_t n);

/* The length of the longest beginning of @text, which is valid, that is at most @max
 * bytes and cuts no character in two. */
size_t utf8_cut(const void *text, size_t n, size_t max);

/* A text that comes in pieces; zero is its beginning. */
typedef struct utf8_stream {
        uint8_t n_left;    /* bytes that the character in progress still wants */
        uint8_t low, high; /* between which the next of them has to be */
} utf8_stream;

/* How many of the @n bytes can be in such a text, after those before: @n, or the place of the first
 * that cannot. The text may end where n_left is 0. */
size_t utf8_stream_feed(utf8_stream *s, const void *text, size_t n);
