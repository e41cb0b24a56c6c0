/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Signals that are somebody else's
 *
 * What we are sent is for the job, and is handed on from the loop. Signals that are ignored
 * stay so, as of what nohup(1) started. One at a time.
 */

#include <signal.h>

#include "wait.h"

typedef struct relay relay;
struct relay {
        void (*fn)(relay *r, int signal); /* from wait_turn() */

        /* private */
        wait_fd wait;
};

/* Take them from here on, and ignore SIGPIPE; but those that are meant to end a program still end
 * this one, until it begins. fn has been set. 0 or -errno. */
int relay_init(relay *r);
void relay_begin(void);
void relay_deinit(relay *r);

/* Die of @signal, as whoever waits for us expects of what has died of it. */
void relay_die(int signal) __attribute__((noreturn));
