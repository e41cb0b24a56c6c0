/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Jobs that are due at some time (rule J26)
 *
 * They lie in a sorted set under the millisecond at which they are; each worker looks for the first
 * of them, and puts what is due to those that are to be run. Of several who do, one does.
 */

#include "../loop/loop.h"
#include "fence.h"

typedef struct later {
        loop *loop;
        asker *asker;
        fence *fence;

        /* private */
        list dues;
        bool is_looking;
        timer timer;
} later;

/* Its public fields have been set. */
void later_init(later *l);
void later_deinit(later *l); /* may run twice */

/* Look now; at each beat, and when something has been put there. What is due before the next beat
 * is looked for in time. */
void later_look(later *l);

/* Ask for job @id to be put there, due at @ms since 1970; between MULTI and EXEC. */
void later_say(asker *a, const char *id, int64_t ms);
