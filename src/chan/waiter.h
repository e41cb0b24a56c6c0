/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiter: a send or a receive that a pipe could not do at once
 *
 * Whoever can do it does it for the one that waits, under the guard of the pipe, and
 * says so. A choice waits at several pipes with one waitset: chosen decides, by
 * compare-and-swap, which of them it was. A program's thread waits in its loop and is
 * poked; a port is posted.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "beam/beam.h"
#include "port.h"

enum { WAIT_OPEN = -1, WAIT_LEFT = -2 };

typedef struct waitset {
        _Atomic int chosen; /* an arm, or WAIT_... */
        loop *loop;
        port *port; /* NULL for a program's */
} waitset;

typedef struct waiter {
        list node;
        waitset *set;
        int arm;
        bool done;     /* the result is known */
        bool kept;     /* of a send: an outlet has gone on with a copy */
        int r;         /* what the call returns */
        size_t place;  /* of a send, once done: how many were put before it */
        size_t ticket; /* of a send that an outlet has pulled: how many it pulled before */
        beam_msg *msg; /* offered, or got; NULL: waits for all to be taken */
} waiter;

/* Loops to be poked when the guard has been given back: a poke is a system call, and
 * whom it wakes wants the guard next. */
enum { N_WAKES = 8 };

typedef struct wakes {
        loop *loops[N_WAKES];
        unsigned n;
} wakes;

void wakes_add(wakes *k, loop *l);
void wakes_poke(const wakes *k);

/* Whether @w's choice falls on it now. */
bool waiter_choose(waiter *w);

/* The first of @waiters that is not of the choice @own and could be chosen; it leaves the list. */
waiter *waiter_choose_first(list *waiters, const waitset *own);

/* Of a send: it is whoever's calls from here on. */
static inline beam_msg *waiter_take_msg(waiter *w) {
        beam_msg *msg = w->msg;

        w->msg = NULL;
        return msg;
}

/* Tell one, or all of them, the result. */
void waiter_finish(waiter *w, int r, wakes *k);
void waiter_finish_all(list *waiters, int r, wakes *k);
