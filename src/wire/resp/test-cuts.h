/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For the tests of readers: what they say is the same however the bytes were cut
 */

#include <stddef.h>

#include "say.h"

/* A wire of these bytes, and what is said about it (say.h). */
typedef struct cuts_case {
        const char *wire;
        size_t n;
        const char *want;
} cuts_case;

#define T(text) text, sizeof(text) - 1

/* What a reader that begins as *@reader says. To be freed. */
typedef char *cuts_say(const void *reader, const char *wire, size_t n, resp_cuts cuts);

/* In one way; in pieces of every size, and in two at every place; and so all of them. */
void cuts_check(cuts_say *say, const void *reader, cuts_case one, resp_cuts cuts);
void cuts_check_all(cuts_say *say, const void *reader, cuts_case one);
void cuts_check_cases(cuts_say *say, const void *reader, const cuts_case *cases, size_t n);
