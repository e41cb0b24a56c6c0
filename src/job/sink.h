/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a job's output goes: a list of frames, or a log (rules J14, J15 and J21)
 */

#include "asker.h"
#include "frame.h"
#include "streams.h"

enum { SINK_ID_MAX = 20 }; /* digits of a job's number */

typedef struct sink_stream {
        uint8_t number;
        bool has_ended;
        uint64_t n_bytes, crc; /* that were put there */
} sink_stream;

typedef struct sink {
        char id[SINK_ID_MAX + 1]; /* of the job */
        bool is_log;
        bool ends_late; /* it may be tried again: streams end when the job does */
        bool is_known;  /* all that was put there was put by us: so much may be said of it */
        sink_stream *streams;
        size_t n_streams;
} sink;

/* The streams that go there, with the rest as it has been set; none, before. -ENOMEM. */
int sink_init(sink *s, const streams *outputs);
void sink_deinit(sink *s); /* may run twice */

/* NULL: none of that number goes there. */
sink_stream *sink_find(const sink *s, unsigned number);

/* Put @n bytes of @st there, at @p, before which there are FRAME_HEAD_MAX bytes to write over. @fn
 * may learn from the reply how much lies there: sink_count(). */
int sink_put(const sink *s, asker *a, sink_stream *st, char *p, size_t n, asker_fn *fn, void *data);

/* How many frames lie there, as a reply says; -1 if it does not. */
int64_t sink_count(resp_cursor reply);
int sink_ask_count(const sink *s, asker *a, asker_fn *fn, void *data);

/* Nothing more comes of a stream now. */
void sink_stop(const sink *s, asker *a, sink_stream *st);

/* A stream ends, if it has not yet: its empty frame, and how much there was. */
void sink_end(const sink *s, asker *a, sink_stream *st);
/* Say so of all that have not, without noting that: it may have to be said again. */
void sink_say_ends(const sink *s, asker *a);

/* All have ended, and the job has with @status. */
void sink_close(const sink *s, asker *a, bytes status);
