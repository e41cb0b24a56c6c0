/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The desk of a context: where jobs come in over channels, and workers ask for them (rules J39
 * to J47)
 *
 *     client --order--> WAITS --a worker wants one--> GIVEN --"ended"--> told, and written down
 *                         | cancelled, or its client is gone              ^
 *                         \------------------- the worker is lost --------/
 *
 * It stands in an annex of the context (context/annex.h). Each channel that is opened there is a
 * caller's; he is a client, a worker, or both. A worker in this process comes without a channel.
 */

#include "../context/api.h"
#include "../loop/loop.h"
#include "fence.h"
#include "slip.h"

enum {
        DESK_TOKEN_MAX = 128, /* of a worker; as the workers' own limit on others' */
        /* Jobs that wait, each with what its client has sent along, and what they all are in bytes.
         * Picked. */
        DESK_WAITING_MAX = 4096,
        DESK_BYTES_MAX = 64 << 20,
};

typedef struct desk desk;
typedef struct station station;

/* One who serves names. */
struct station {
        /* Of a worker in this process: it gets the order, which is its own then. */
        void (*take)(station *s, beam_msg *order);
        void (*closed)(station *s); /* the desk is no more */

        /* private */
        list node;
        desk *desk;
        char token[DESK_TOKEN_MAX + 1];
        char *names; /* each with its end, and an empty one behind the last */
        bool wants;
        beam_sender *to; /* of one who has come over a channel: where it wants the order */
};

struct desk {
        annex annex;

        /* private */
        beam_context *ctx;
        asker *asker, *careful; /* of which one is the fence's alone */
        fence fence;
        list callers, stations, errands, waiting;
        size_t n_waiting, n_bytes;
        post match;
};

int desk_open(beam_context *ctx, desk **ret);
desk *desk_close(desk *d); /* NULL is fine, and comes back */

/* The one of @ctx, or NULL. */
desk *desk_of(const beam_context *ctx);

/* A worker in this process, whose lock is @token; it stays until it leaves. @name is served, and
 * may be said again. */
int desk_enter(desk *d, station *s, const char *token);
int desk_serve(station *s, bytes name);
/* It wants one order. */
void desk_want(station *s);
void desk_leave(station *s); /* may run twice */

/* for errand.c */

struct errand;
/* It has a number, and waits for a worker, unless there is none. */
void desk_place(desk *d, struct errand *e);
/* It waits no more. */
void desk_drop(desk *d, struct errand *e);
