/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The words of a line, as people type it to Redis
 *
 * Blanks part the words. In "double quotes" \n \r \t \b \a and \xHH are what they are in
 * C, and a backslash before anything else is dropped; in 'single quotes' only \' is
 * special. Quotes may begin inside a word, and end it. Undoing them makes a word
 * shorter, so that is done in place.
 */

#include "resp.h"

typedef struct resp_split {
        char *p, *end; /* the rest of the line */
} resp_split;

/* The next word, in *@ret, which lies in the line. Returns 1; 0 when there is none; or
 * -EINVAL where a quote has no end, or more than a blank behind it. */
int resp_split_next(resp_split *s, bytes *ret);
