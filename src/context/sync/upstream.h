/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A connection to a master
 *
 * Is made by the loop, reads what the machine of psync.h makes events of, and writes what
 * that has to say. It tells the master every second how far its owner is, which is up to the
 * event that it took last; a master that says nothing for long counts as lost.
 *
 *     fn: while ((r = upstream_next(&u)) > 0)
 *                 ...act on u.psync.event...
 *         if (r < 0)
 *                 ...upstream_close(), and open it again, later...
 */

#include "../../base/fork.h"
#include "../../link/reach.h"
#include "../../link/sock.h"
#include "../../loop/loop.h"
#include "../../wire/resp/psync.h"

typedef struct upstream upstream;
struct upstream {
        /* There may be an event, or an error: ask. From the loop. */
        void (*fn)(upstream *u);

        psync psync;
        int64_t heard; /* clock_now(): something came */

        /* private */
        loop *loop;
        const url *url;
        bool is_open;
        int error; /* it could not be reached, or has ended for this; or 0 */
        reach reach;
        source src;
        timer again; /* before it is reached */
        timer beat;
        fork_fd in_child;
        sock_kind kind;
        int fd; /* -1: it is closed */
        int64_t silence;
        char *in; /* n_in bytes from the first that was not consumed, at n_used */
        size_t n_in, n_used, size;
        bool has_ended;
};

/* Connect to @u, which stays where it is, at the point @when or now. fn has been set. @patience
 * is how long a master may be silent. */
int upstream_open(upstream *u, loop *l, const url *at, const psync_options *options,
                  int64_t silence, int64_t when);
/* May run twice, and before it was opened; psync's id and offset stay. */
void upstream_close(upstream *u);

static inline bool upstream_is_open(const upstream *u) {
        return u->is_open;
}

/* The next event. Returns 1; 0 when there is none now: fn will be called; -ECONNRESET,
 * -ETIMEDOUT: it is lost; -EPROTO, -ENOMEM; or it could not be reached, as of reach.h. */
int upstream_next(upstream *u);

/* All has been acted on that was given out: tell the master now. */
void upstream_ack(upstream *u);

/* The bytes of the input that the last event was made of. */
bytes upstream_raw(const upstream *u);
