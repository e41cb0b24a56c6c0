/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between the files of a session: session.c has its life and what it says, session-in.c
 * what the peer says, session-calls.c what the program asks, and session-table.c the
 * wires by their numbers.
 */

#include "session.h"

extern const session_calls session_mux_calls;

/* Over, for that reason, from the next turn of the loop on. Returns @error. */
int session_end(session *s, int error);
/* And now: the last word leaves as far as the kernel takes it, and all wires hear of it. */
void session_bury(session *s);

/* Credit for all that was taken, also where nobody waits for it. */
void session_say_owed(session *s);

/* The queue of what the peer opens, made now unless it is there; NULL without memory. */
beam_receiver *session_opens(session *s);

/* Nothing new from here on; what is open goes on, and its fate is asked for. */
int session_say_away(session *s);

/* By its number: opened by us, or by the peer. */
bool session_is_ours(const session *s, uint64_t id);
