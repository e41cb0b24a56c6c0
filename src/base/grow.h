/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Grow: memory to which more and more is written at its end
 */

#include <stddef.h>

/* @p, or where it has moved, with room for @more bytes behind the first @n; there is room for
 * *@cap of them. It doubles from 256 on, so that each byte is copied once or twice in all,
 * however few come at a time. NULL without memory: all is as it was. */
void *grow(void *p, size_t *cap, size_t n, size_t more);
