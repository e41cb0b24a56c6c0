/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The IDs of a stream's entries: a time in milliseconds, and a number within it
 */

#include <stdbool.h>
#include <stdint.h>

#include "../../base/bytes.h"

typedef struct stream_id {
        uint64_t ms, seq;
} stream_id;

#define STREAM_ID_MIN ((stream_id){ 0, 0 })
#define STREAM_ID_MAX ((stream_id){ UINT64_MAX, UINT64_MAX })

static inline int stream_id_compare(stream_id a, stream_id b) {
        if (a.ms != b.ms)
                return a.ms < b.ms ? -1 : 1;
        return (a.seq > b.seq) - (a.seq < b.seq);
}

/* The one behind it, or before; false if there is none, and it stays. */
bool stream_id_next(stream_id *id);
bool stream_id_prev(stream_id *id);

enum { STREAM_ID_TEXT = 41 }; /* bytes of the longest */

/* Returns how many bytes it is; there is no NUL. */
size_t stream_id_print(stream_id id, char ret[static STREAM_ID_TEXT]);

/* "5-1", or "5" with @seq for what is missing. Numbers are read as Redis reads them here:
 * blanks or a plus before them, and zeros, are let through. */
bool stream_id_read(bytes text, uint64_t seq, stream_id *ret);
