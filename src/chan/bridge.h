/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bridge: what one end receives goes out at another, run by the loop
 *
 * It stands where an end that belongs to one place is used in another: an end in
 * memory that was sent over a session, an end of a session that went to another
 * thread or over another session. It holds nothing back and adds no depth: a
 * message is acknowledged where it came from when it was taken where it went.
 * Each side's end, and why, goes to the other.
 */

#include "end.h"

typedef struct bridge bridge;

/* Takes nothing until it starts; then both ends are its own, and it frees itself. */
int bridge_new(beam_receiver *rx, beam_sender *tx, bridge **ret);
void bridge_start(bridge *b);
bridge *bridge_free(bridge *b); /* one that has not started */
