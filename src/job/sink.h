/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a job's output goes: a list of frames, or a log (rules J14, J15 and J21)
 */

#include "asker.h"
#include "frame.h"

enum {
        SINK_ID_MAX = 20, /* digits of a job's number */
        SINK_STREAMS = 3, /* 1 and 2; nobody writes to 0 */
};

typedef struct sink_stream {
        bool has_ended;
        uint64_t n_bytes, crc; /* that were put there */
} sink_stream;

typedef struct sink {
        char id[SINK_ID_MAX + 1]; /* of the job */
        bool is_log;
        bool ends_late; /* it may be tried again: streams end when the job does */
        bool is_known;  /* all that was put there was put by us: so much may be said of it */
        sink_stream streams[SINK_STREAMS];
} sink;

/* Put @n bytes of stream @i there, at @p, before which there are FRAME_HEAD_MAX bytes to write
 * over. @fn may learn from the reply how much lies there: sink_count(). */
int sink_put(sink *s, asker *a, uint8_t i, char *p, size_t n, asker_fn *fn, void *data);

/* How many frames lie there, as a reply says; -1 if it does not. */
int64_t sink_count(resp_cursor reply);
int sink_ask_count(const sink *s, asker *a, asker_fn *fn, void *data);

/* Nothing more comes of stream @i now. */
void sink_stop(sink *s, asker *a, uint8_t i);

/* Stream @i ends, if it has not yet: its empty frame, and how much there was. */
void sink_end(sink *s, asker *a, uint8_t i);

/* All have ended, and the job has with @status. */
void sink_close(const sink *s, asker *a, bytes status);
