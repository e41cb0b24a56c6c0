/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RESP at a URL: each connection is a client of a store
 *
 * A connection is read when it is ready, all requests that have come are executed, and
 * what they answered leaves in one write. While there is nothing under way a connection
 * has no buffers: requests are read into the loop's and answered into the server's, and
 * only what is left over is kept by the connection itself.
 */

#include <beam/beam.h>

#include "../link/door.h"
#include "store.h"

typedef struct server server;

/* Which store a new connection gets; NULL turns it away. */
typedef store *server_choose(void *data, const beam_peer *peer);

int server_new(const url *at, server_choose *choose, void *data, server **ret);
/* Its connections end, without waiting. NULL is fine, and comes back. */
server *server_free(server *s);

const char *server_url(const server *s);

/* One connection more, on an open stream of any kind, which is the server's when this
 * succeeds. */
int server_take(server *s, int fd);
