/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SHUTDOWN: a client ends the program, where that has said what is to be done then
 *
 *   RUNS --SHUTDOWN--> WAITS --the replicas have all, or time is up--> OVER
 *     ^                  |  \--ABORT--\                                 ^
 *     |------------------|-------------/    (the store is saved before) |
 *     |                  \--it cannot be saved--\                       |
 *     \-----------------------------------------/     FORCE ------------/
 *
 * While it waits nothing is changed any more, and once it is over nothing is executed: what
 * was saved is what was answered.
 */

#include <stdint.h>

#include "../base/list.h"

typedef struct store store;

enum {
        SHUTDOWN_NOSAVE = 1 << 0,
        SHUTDOWN_SAVE = 1 << 1, /* though there are no rules of when to */
        SHUTDOWN_NOW = 1 << 2,  /* and do not wait for replicas */
        SHUTDOWN_FORCE = 1 << 3,
};

typedef enum shutdown_state { SHUTDOWN_RUNS, SHUTDOWN_WAITS, SHUTDOWN_OVER } shutdown_state;

typedef struct shutdown_plan {
        void (*fn)(void *data); /* the program's, from the loop; NULL: no client ends it */
        void *data;
        shutdown_state state;
        list waiting; /* clients that have asked for it; retried when it has changed */

        /* private */
        unsigned flags;
        int64_t deadline;
        struct shutdown_watch *watch; /* looks at the replicas, and calls fn */
} shutdown_plan;

int shutdown_init(store *s);    /* -ENOMEM */
void shutdown_deinit(store *s); /* may run twice */

/* Begin, if it does not wait already; it may be over at once, or not to be had: then it
 * RUNS as before. */
void shutdown_begin(store *s, unsigned flags);
/* -ENOENT: it does not wait. */
int shutdown_abort(store *s);

/* Milliseconds for which it waits at most; -1: it does not. */
int64_t shutdown_left(const store *s);
