/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who looks after what lost workers have left (rule J11)
 *
 * Every few seconds: of some workers whether they have a lease. What one without had taken is
 * put back, or lost if it had begun; when nothing is left of it, its names go too.
 */

#include "fence.h"

typedef struct heir {
        asker *asker;
        fence *fence;
        const char *token; /* its own, which is not looked at */

        /* private */
        list estates;
} heir;

/* Its public fields have been set. */
void heir_init(heir *h);
void heir_deinit(heir *h); /* may run twice */

/* Look, unless what was found before is still being looked after. */
void heir_look(heir *h);
