/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "../chan/session.h"
#include "url.h"

/* Reach @u, anything but mem:, from this thread's loop; greeted when it returns. */
int dial_url(const url *u, const beam_options *opt, session **ret, int64_t deadline);

/* Only connect: returns the fd, which is the caller's. -EINVAL for a kind of URL that is no
 * socket. */
int dial_socket(const url *u, int64_t deadline);
