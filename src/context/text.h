/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A text that grows: what INFO, CLIENT LIST and HELP tell to people
 *
 * Memory that runs out is noted, and answered when the text is.
 */

#include <stdbool.h>
#include <stddef.h>

#include "call.h"

typedef struct text {
        char *p; /* n bytes, of base/mem */
        size_t n, cap;
        bool failed;
} text;

void text_add(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Answer with it, as a text or as bytes, and free it. */
void text_reply(text *t, call *c);
void text_reply_bulk(text *t, call *c);
