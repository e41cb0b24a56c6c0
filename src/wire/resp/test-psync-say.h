/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What psync.h makes of a master's bytes, as text
 *
 * For its test and its fuzz target, as say.h for the readers: what is understood depends on
 * the bytes, never on how they were cut. A line for each event, those of one file together;
 * then "broken" or "error" if it has failed, and what was said to the master. Bytes that are
 * no letters are %XX, and ends of lines ~.
 */

#include "psync.h"
#include "say.h"

/* Returns the text, to be freed. */
char *psync_say(const psync_options *options, const char *wire, size_t n, resp_cuts cuts);
