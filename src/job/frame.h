/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Frames of a job's streams: N:DATA (rule J13)
 *
 * N is the number of a stream, DATA any bytes, and none where the stream ends. What a frame's
 * text lies in stays the caller's.
 */

#include <stddef.h>
#include <stdint.h>

#include "../base/bytes.h"

enum {
        FRAME_HEAD_MAX = sizeof("255:") - 1,
        FRAME_DATA_MAX = 64 * 1024, /* that we write; J15 */
};

typedef struct frame {
        uint8_t n;
        bytes data; /* in the text */
} frame;

/* -EPROTO: it is none. */
int frame_read(bytes text, frame *ret);

/* Write the head of a frame of stream @n so that it ends at @end, before which there is room for
 * FRAME_HEAD_MAX bytes: data that was read to there need not be moved. Returns where it begins. */
char *frame_put_head(char *end, uint8_t n);
