/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The reader's parts: lines to fields (head.c), fields to what they mean (frame.c), and the line
 * of a chunk (chunk.c). */

#include "in.h"

/* The reader has failed: -EMSGSIZE where the answer is that something was too much. */
int http1_fail(http1_in *in, uint16_t answer, const char *why);

/* The first line, without its CRLF, of a request or a response. */
int http1_head_first(http1_in *in, bytes line);

/* A line of fields at @at of the input, without its CRLF. */
int http1_head_field(http1_in *in, size_t at, size_t n);

/* All fields of a head are there: where does the message end, may another follow? */
int http1_frame(http1_in *in);

/* The fields after a body: none that should have come before it. */
int http1_frame_after(http1_in *in);

/* The line of a chunk: its length, and how many digits that was written with. */
int http1_chunk_size(http1_in *in, bytes line, size_t *ret_n_digits, uint64_t *ret);
