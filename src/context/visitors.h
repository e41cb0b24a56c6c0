/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Visitors: sessions at the address of a context
 *
 * Who speaks mux there (spec/mux.md) opens streams of the service "context", or without a
 * name, and each of them is a connection as any other, which speaks RESP. Other services are
 * in an annex.
 */

#include <beam/beam.h>

#include "../base/list.h"
#include "../link/join.h"
#include "annex.h"

typedef int visitors_take_stream(void *data, beam_stream *st, void (*done)(void *data, int r),
                                 void *done_data, join **ret);

typedef struct visitors {
        /* A session has come, which is turned away if this is false; and it has gone. */
        bool (*admit)(void *data);
        void (*leave)(void *data);
        /* A stream has come, which is joined to a connection when this succeeds: @done is called
         * once it has ended, from within the loop. */
        visitors_take_stream *take;
        /* The annex that is open at this moment, or NULL. */
        annex *(*annex)(void *data);
        void *data;

        /* private */
        beam_listener *at;
        list all;
} visitors;

/* Its public fields have been set. */
void visitors_init(visitors *v);
/* Those that are there end, without waiting. */
void visitors_deinit(visitors *v);

/* Come in at @url too, mem:name. Errors of beam_listen(). */
int visitors_listen(visitors *v, const char *url);

/* One more, on a socket that is connected; it is theirs whatever comes of it. */
void visitors_take(visitors *v, int fd);
