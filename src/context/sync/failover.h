/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FAILOVER: a store and one of its replicas exchange their roles
 *
 *   NONE --FAILOVER--> WAITS --a replica has all--> GIVES --it has taken over--> NONE
 *    ^                   | \--time is up, FORCE------^ |     (this one follows it)
 *    |--ABORT, time-----/                              |
 *    \--ABORT, or it refuses: this one is the master--/
 *
 * Nothing is changed meanwhile, so that nothing is lost, and who was held goes on where the
 * master is then: here, or he is told that this is a replica.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct store store;

typedef enum failover_state { FAILOVER_NONE, FAILOVER_WAITS, FAILOVER_GIVES } failover_state;

typedef struct failover {
        failover_state state;
        /* private */
        const char *host; /* the replica, in a block of its own; NULL: whichever has all first */
        uint16_t port;
        bool is_forced;
        int64_t deadline;
        struct failover_watch *watch;
} failover;

int failover_init(store *s);    /* -ENOMEM */
void failover_deinit(store *s); /* may run twice */

/* @host NULL is any of them; CLOCK_NEVER no time. -ENOMEM. */
int failover_begin(store *s, const char *host, uint16_t port, bool is_forced, int64_t deadline);
void failover_abort(store *s);

/* for replica.c: it has taken over, or does not want to */
void failover_end(store *s, bool took_over);

/* As INFO has it. */
const char *failover_name(const store *s);
