/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Streams and descriptors: joined, so that one shows as the other. */

#include <stdbool.h>

#include "../chan/stream.h"

/* beam_stream_join() with nobody to tell. */
int join_quietly(beam_stream *st, int fd_in, int fd_out);

/* A descriptor, one end of a socketpair, that shows @st, open the ways that are asked
 * for. The stream is gone with it on success. */
int show_as_fd(beam_stream *st, bool readable, bool writable);
