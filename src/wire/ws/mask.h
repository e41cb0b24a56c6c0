/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The mask of a client's frames, on and off
 */

#include <stddef.h>
#include <stdint.h>

#include "ws.h"

/* Write to @to the @n bytes at @from with @mask over them; the first is the one at @at of its
 * payload. @to may be @from. */
void ws_mask(uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[static WS_MASK_SIZE],
             uint64_t at);
