/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mem:name, sessions within the process
 *
 * Nothing is framed and nothing copied: what is opened over such a session is a
 * channel in memory whose other end is handed over. Its two sides may be used by two
 * threads.
 */

#include "listener.h"

int mem_dial(const char *name, const beam_options *opt, beam_session **ret, int64_t deadline);
int mem_listen(const char *name, const beam_options *opt, beam_listener **ret);

/* Both sides at once; the name is what a program sees of the peer. */
int mem_pair(const beam_options *opt0, const beam_options *opt1, const char *name,
             beam_session **ret0, beam_session **ret1);

/* A channel or stream of @s as opening makes it, that nobody has told the other side of:
 * the program's end, and the one to hand over. */
int mem_make(beam_session *s, mux_kind kind, size_t depth, void **ret_mine, void **ret_theirs,
             int64_t deadline);
/* Close both ends; @theirs may be NULL. */
void mem_unmake(mux_kind kind, void *mine, void *theirs);

/* Channels that @s makes to send on count bytes too: @max_bytes untaken at the most. */
void mem_meter(beam_session *s, size_t max_bytes);

/* Hand the other side something as if it had been opened by this one: @msg as it comes
 * out of beam_session_accept(). */
int mem_hand_over(beam_session *s, beam_msg *msg, int64_t deadline);
/* All channels of @s end as if it were closed; it is still to be closed. */
void mem_cancel(beam_session *s);
/* The other side's state from here on: it ended with @error, -EPIPE for in order. */
void mem_tell(beam_session *s, int error);
/* The same, and that nothing will come to be accepted any more. */
void mem_end(beam_session *s, int error);
