/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Base64, as RFC 4648 has it, with its padding
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_SIZE(@n) bytes, and no NUL. */
void base64_print(const void *p, size_t n, char *ret);

/* How many bytes @text stands for, at most @n_text / 4 * 3 of them, written to @ret. Only the
 * one way to write them is read: -EINVAL for any other. */
int base64_read(const char *text, size_t n_text, uint8_t *ret);
