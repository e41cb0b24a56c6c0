/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Commands that took long: the last few of them
 *
 * slowlog-log-slower-than says how long is long, slowlog-max-len how many are kept. An
 * entry shows as much of the arguments as Redis does, so it has a bound of its own.
 */

#include "../base/list.h"
#include "call.h"

typedef struct slow {
        list node;
        int64_t id, when; /* when in seconds of Unix time */
        int64_t us;
        char *address, *name; /* of the client; "" if it has none */
        int argc;
        bytes argv[];
} slow;

typedef struct slowlog {
        list entries; /* of slow, the last one first */
        size_t n;
        int64_t next_id;
} slowlog;

void slowlog_init(slowlog *l);
void slowlog_deinit(slowlog *l); /* may run twice */

/* What @c did took @us. Memory that runs out loses the entry. */
void slowlog_put(slowlog *l, const call *c, int64_t us, size_t max);

/* No more than @max. */
void slowlog_cut(slowlog *l, size_t max);
