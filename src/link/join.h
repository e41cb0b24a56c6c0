/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Streams and descriptors: joined, so that one shows as the other. */

#include <stdbool.h>

#include "../chan/stream.h"

typedef struct join join;

/* As beam_stream_join(); not of a @user @done is called while the loop is turned, and waits
 * for nothing. *ret_j is there until then. */
int join_start(beam_stream *st, int fd_in, int fd_out, bool user, void (*done)(void *data, int r),
               void *data, join **ret_j);
/* End it now: the stream and the descriptors are closed, and @done is not called. */
void join_stop(join *j);

/* Tell @seen of what is read from the descriptor, before it goes to the stream. */
void join_watch(join *j, void (*seen)(void *data, const void *p, size_t n));
/* Whoever had the other end of the descriptors is gone: no more comes than what lies there now, and
 * then both ways end. */
void join_end_in(join *j);

/* beam_stream_join() with nobody to tell. */
int join_quietly(beam_stream *st, int fd_in, int fd_out);

/* A descriptor, one end of a socketpair, that shows @st, open the ways that are asked
 * for. The stream is gone with it on success. */
int show_as_fd(beam_stream *st, bool readable, bool writable);
