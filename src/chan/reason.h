/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The text of a reason: what of @text fits in 255 bytes without cutting a character. */

#include <stddef.h>
#include <stdint.h>

enum { REASON_MAX = 255 };

/* NULL when there is nothing to say, or no memory to say it with. */
char *reason_copy(uint32_t code, const char *text);
char *reason_copy_n(uint32_t code, const void *text, size_t n);
