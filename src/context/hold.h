/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CLIENT PAUSE: commands are held for a while, all or those that change something
 *
 * Meanwhile nothing changes by itself either: keys whose time has come look as if they were
 * gone, and are removed later. A client whose command is held is BLOCKED; when that is over
 * the loop executes what was held, in the order in which it came. The store has a hold from
 * the beginning of the pause until then.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct call call;
typedef struct hold hold;
typedef struct store store;

/* Until @deadline, a point of clock_now(), or longer if that is under way; @all, if one of
 * them is. -ENOMEM. */
int hold_begin(store *s, int64_t deadline, bool all);
void hold_end(store *s);

/* For store.c: NULL comes back. */
hold *hold_free(hold *h);

/* For client.c: whether this command is held. If so its client is BLOCKED, or it has been
 * answered that there is no memory. */
bool hold_takes(call *c);
