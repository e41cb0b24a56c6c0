/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Texts as Redis packs them: LZF
 *
 *     000lllll  l+1 bytes as they are
 *     lllooooo  oooooooo            l+2 bytes again, from o+1 back; for l below 7
 *     111ooooo  llllllll  oooooooo  l+9 bytes again
 */

#include <stddef.h>
#include <stdint.h>

/* Bytes that one packed byte can become at most, as nobody should say how much memory is
 * wanted without sending something. */
enum { LZF_RATIO = 88 };

/* Exactly @n_to bytes at @to; -EPROTO if @from is not that. */
int lzf_unpack(const uint8_t *from, size_t n_from, uint8_t *to, size_t n_to);
