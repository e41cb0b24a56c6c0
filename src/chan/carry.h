/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What messages carry, into frames and out of them. */

#include "session.h"

/* Everything that @msg carries, made ready to go over @s: channels opened, bridges
 * made, room reserved. Nothing has been said or moved until carry_commit(). */
typedef struct carry {
        size_t n, n_channels, n_fds;
        struct carry_item *items;
} carry;

/* @back, unless NULL, goes as one more thing, for a sender. -EAGAIN: the peer lets
 * nothing more be opened now; -ENOBUFS, -E2BIG: it never will; -EINVAL: a gap. */
int carry_prepare(session *s, beam_msg *msg, wire *back, carry *ret);
void carry_cancel(carry *c);
void carry_commit(session *s, wire *parent, beam_msg *msg, carry *c);

/* One thing has come, for the message that is being put together in *@msg. */
int carry_take(wire *parent, const mux_event *ev, beam_msg **msg);
/* One has come for a message that nobody will get. */
int carry_drop(session *s, const mux_event *ev);
