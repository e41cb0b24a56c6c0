/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the two files of the reader share. */

#include "in.h"

/* The input of one call, and how far it has been read. */
typedef struct input {
        rdb_in *in;
        const uint8_t *p;
        size_t n, at;
} input;

/* A step reads one thing: 1 with something said, 0 if the input is too short (it is then as
 * if nothing was read), MORE if there is nothing to say about it. */
enum { MORE = 2 };

enum {
        STATE_MAGIC,
        STATE_OPS,
        STATE_VALUE,
        STATE_ELEMENTS,
        STATE_BLOCKS,
        STATE_PACKED,
        STATE_NODES, /* from here on streams */
        STATE_MASTER,
        STATE_ENTRIES,
        STATE_FIELDS,
        STATE_STREAM,
        STATE_GROUPS,
        STATE_PENDING,
        STATE_CONSUMERS,
        STATE_OWNED,
        STATE_DONE,
};

int in_say(rdb_in *in, rdb_got got);

/* Each 1, 0 if the input is too short, or an error. */
int in_raw(input *i, size_t n, const uint8_t **ret);
int in_le(input *i, size_t n, uint64_t *ret);
int in_length(input *i, uint64_t *ret);
/* Two strings may be looked at together, in slots 0 and 1. */
int in_string(input *i, int slot, bytes *ret);
/* The next is a block; it is there then, and stays in the input until in_leave_block(). */
int in_block(input *i, rdb_packing packing);
/* The block, which may have moved since the last call. */
int in_see_block(input *i);
void in_leave_block(input *i);

int in_end_value(rdb_in *in);
int in_stream_step(input *i);
