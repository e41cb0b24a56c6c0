/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A server: listener, sessions, channels
 *
 *     listener ──accept──> link (one for each peer) ──open──> channel ──> message
 *
 * The owner says what to do with each message and each stream, and whether another
 * one may be taken now. While it may not, nothing is received, and senders feel it;
 * server_resume() goes on. All of it runs in wait_turn().
 */

#include <beam/beam.h>

#include <stdbool.h>

#include "base/list.h"
#include "cli.h"

typedef struct server_link {
        beam_session *s;
        beam_peer peer;

        /* private */
        struct server *server;
        list in_links, channels;
        size_t n_users;
        bool ended;
} server_link;

typedef struct server_acts {
        /* Whether another message or stream may be taken now. */
        bool (*may_take)(void *data);
        /* The message is the owner's now. */
        void (*message)(void *data, server_link *l, const char *service, beam_msg *msg);
        /* The peer opened a stream, or reads what we send: NULL to refuse those. The end
         * is the owner's now. */
        void (*stream)(void *data, server_link *l, const char *service, beam_stream *st);
        void (*reader)(void *data, server_link *l, const char *service, beam_sender *tx);
        /* The peer is gone, in order or not; may be NULL. */
        void (*gone)(void *data, server_link *l);
} server_acts;

typedef struct server {
        const cli_opts *o;
        beam_listener *l; /* NULL once ending */

        /* private */
        const server_acts *acts;
        void *data;
        list links, waiting;
        bool ending; /* nothing new is taken */
        bool full;   /* no further peer can come */
} server;

/* Listen at @url. Returns CLI_DONE, or the status to exit with after saying why. */
int server_listen(server *s, const char *url, const cli_opts *o, const server_acts *acts,
                  void *data);

/* A turn of the loop, for the deadline at most. */
int server_turn(server *s, int64_t deadline);

/* May-take may have become true. */
void server_resume(server *s);

/* While somebody uses a link it stays, though its peer may be gone. */
void server_link_use(server_link *l);
void server_link_unuse(server_link *l);

/* Take nothing new, tell the peers so, and let what is under way end. */
void server_end(server *s);

/* Whether it has; also when the one peer that could come has gone. */
bool server_is_over(const server *s);

/* All at once, in order or not. */
void server_deinit(server *s);
