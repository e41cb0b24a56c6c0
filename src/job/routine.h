/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A function of this program that runs as a job, on a thread of its own
 *
 *     routine_start --> RUNS --it returns-------------------------------> ENDED: ended()
 *                        |                                                  ^
 *                        routine_cancel: told --routine_kill: not believed--|
 *                        |
 *                        routine_free: left to itself, until routines_deinit()
 *
 * A thread cannot be ended from outside: it is told, and whoever has the other ends of its
 * streams takes these away. So it is never waited for in the midst of things. All of this is
 * called by the thread that has the loop.
 */

#include <beam/job.h>

#include "../loop/loop.h"
#include "process.h"

typedef struct routine routine;

/* All that one worker runs. */
typedef struct routines {
        list left; /* freed, and still running when they were */
        /* One of these has returned; from the loop. */
        void (*returned)(struct routines *all);
} routines;

void routines_init(routines *all, void (*returned)(routines *all));

/* How many of those that were left have not returned. */
size_t routines_left(routines *all);

/* Waits until all have, however long that is. */
void routines_deinit(routines *all);

typedef struct routine_options {
        beam_work_fn *fn;
        void *data;
        beam_work work; /* but for `told`; what it points at is copied, its descriptors are
                         * the routine's from then on */
        void (*ended)(void *data);
        void *ended_data;
} routine_options;

/* When this fails all descriptors are still the caller's. */
int routine_start(routines *all, const routine_options *o, loop *l, routine **ret);

/* What it was told before is lost if it has not looked for 65,536 signals. */
void routine_signal(routine *rt, int number);
void routine_cancel(routine *rt);

/* The same, and whatever it returns it counts as ended by SIGKILL. */
void routine_kill(routine *rt);

/* Once ended() was called. */
const process_end *routine_ended(const routine *rt);

/* Nothing is told any more. NULL is fine, and comes back. */
routine *routine_free(routine *rt);
