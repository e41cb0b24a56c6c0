/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Byte streams
 *
 * A stream stands on a tube, two rings of bytes in memory that two threads may
 * share, or on a wire. What the library itself does with streams it does without
 * waiting, with a port that is posted when there may be more to read or room to
 * write.
 */

#include "group.h"
#include "port.h"

typedef struct tube tube;
struct wire;

struct beam_stream {
        tube *tube;
        struct wire *wire;
        int side;          /* of the tube */
        uint32_t end_code; /* what an orderly end says instead */
        char *end_text;
};

/* Without waiting: bytes, 0 at the end of a read, or an error; -EAGAIN. */
ssize_t stream_read(beam_stream *st, void *buf, size_t n);
ssize_t stream_write(beam_stream *st, const void *buf, size_t n);
size_t stream_room(beam_stream *st);          /* bytes that a write would take now */
int stream_left(beam_stream *st);             /* -EAGAIN while the other side reads on */
void stream_watch(beam_stream *st, port *by); /* NULL for no longer */

bool stream_is_of_parent(const beam_stream *st);

/* Before it leaves the thread, as sender_detach(). */
int stream_detach(beam_stream *st);

/* Enter a stream in memory into a group; the end @st goes to the other side of @here. */
int stream_enter(beam_stream *st, group *g, int here);

/* Join two streams until both ways have ended. Both are the bridge's on success. */
int stream_bridge(beam_stream *a, beam_stream *b);

int stream_drained(beam_stream *st); /* -EAGAIN while what was written is not all taken */

/* For bridges: a read that is acknowledged when what was read has been taken further on,
 * and how much of what was written has been taken since the last call. */
ssize_t stream_pull(beam_stream *st, void *buf, size_t n);
void stream_ack(beam_stream *st, size_t n);
size_t stream_taken(beam_stream *st);

/* Each way by itself, and then the stream. */
void stream_end(beam_stream *st, uint32_t code, const char *text);
void stream_stop(beam_stream *st, uint32_t code, const char *text);
void stream_release(beam_stream *st);
