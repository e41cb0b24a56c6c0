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

#include <beam/context.h>

#include "../base/bytes.h"
#include "../link/door.h"

typedef struct server server;

/* Which context a connection gets. */
typedef struct server_calls {
        /* To one that has come in, by the name "", or that has said a name. Below zero turns
         * it away, or leaves it where it is. */
        int (*enter)(void *data, bytes name, beam_context **ret);
        void (*leave)(void *data, beam_context *ctx);
        /* One that has come in speaks mux: the socket is no longer the server's. */
        void (*visit)(void *data, int fd);
        bool has_names;
} server_calls;

/* At NULL it is nowhere, and has the connections that it takes. */
int server_new(const url *at, const server_calls *calls, void *data, server **ret);
/* Its connections end, without waiting. NULL is fine, and comes back. */
server *server_free(server *s);

const char *server_url(const server *s);

/* One connection more, on an open stream of any kind, which is the server's when this
 * succeeds. */
int server_take(server *s, int fd);
