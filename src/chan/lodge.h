/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lodging: which receivers lie unread in which pipes
 *
 * A receiver that lies in its own pipe can be taken by nobody, and the pipe keeps itself
 * alive; so do several of which each holds the receiver of the next. Nothing in here
 * collects such rings, so none is closed: a message is refused where one of the receivers
 * that it carries is of the pipe it goes into, or of one in which, at whatever depth, that
 * pipe's receiver lies. What is left has no way round, and goes when it is let go of.
 *
 * Receivers are few in messages; one lock for all of them stands after every other.
 */

#include "msg.h"

typedef struct chan_pipe chan_pipe;

/* Before @msg lies in @p: -ELOOP, or 0 when it may. */
int lodge_check(chan_pipe *p, const beam_msg *msg);
/* The same, and what it carries is there from now on. */
int lodge_enter(chan_pipe *p, const beam_msg *msg);
/* @msg has come out of the pipe in which it lay, if it did. */
void lodge_leave(const beam_msg *msg);

/* Whether any of this is about @msg. */
bool lodge_has_receivers(const beam_msg *msg);
