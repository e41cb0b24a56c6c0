/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a worker gets jobs that come over channels: from the desk of its context (rule J46)
 *
 * In this process it is simply there. Elsewhere it is behind a session beside the worker's
 * connections, at the same address; on a plain Redis there is none, and then there are no such
 * jobs. One order at a time is asked for, so that what a worker has no place for waits where others
 * can take it.
 */

#include "../link/reach.h"
#include "desk.h"

typedef struct hire hire;
struct hire {
        /* Set before it is opened. All are told from the loop. */
        desk *desk; /* or at a URL: */
        const url *at;
        const char *user, *password; /* or NULL */
        /* The names that are served, one by one; {0} behind the last. */
        bytes (*name)(hire *h, size_t i);
        void (*take)(hire *h, beam_msg *order); /* it is whoever's calls */
        void (*ready)(hire *h);                 /* it can be asked for one */
        void (*left)(hire *h);                  /* nothing comes any more */

        /* private */
        station station;
        char token[DESK_TOKEN_MAX + 1];
        bool is_open, is_asked, is_leaving, is_reaching;
        unsigned n_waited; /* times that it was looked whether somebody says hello */
        reach reach;
        post news; /* of the session */
        struct session *session;
        beam_sender *to;
        beam_receiver *orders; /* where the one that is asked for comes */
};

/* Its public fields have been set. The lock of who asks is @token. */
void hire_open(hire *h, const char *token);
void hire_close(hire *h); /* may run twice; and before it was opened, of one that is zero */

/* One is wanted. Again is once. */
void hire_ask(hire *h);

/* No more; what is under way still comes. Returns whether some may: then left() tells. */
bool hire_leave(hire *h);

/* Now and then: what was lost is looked for again. */
void hire_retry(hire *h);
