/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions on a thread of their own
 *
 * The program holds one side of a session in memory; a thread holds the other, and
 * the session on the link, and hands what is opened on either to the other. So the
 * link moves on while the program computes, and a send costs it a place in a ring.
 */

#include "../chan/session.h"
#include "url.h"

int background_dial(const url *u, const beam_options *opt, beam_session **ret, int64_t deadline);

/* Take a session of this thread's that has been greeted and not been used yet; if it
 * cannot be done, @s is closed. */
int background_adopt(session *s, beam_session **ret);
