/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The pump: the one place where bytes move between a descriptor and a session. */

#include "cover.h"

/* Begin a session on @fd, an open stream of any kind, under the cover @c, or none if that is
 * NULL. On success both are the session's, on failure still the caller's. */
int drive_start(int fd, cover *c, const beam_options *opt, bool dials, session **ret);

/* A session moves to another thread: it leaves the one's loop, in that thread, and
 * arrives at the other's. Nothing of it may be in use meanwhile. */
void drive_leave(session *s);
int drive_arrive(session *s);
