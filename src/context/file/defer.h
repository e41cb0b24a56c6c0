/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Commands that wait until a snapshot has written what they are to change
 *
 * What is changed for the first time while a snapshot is being taken is written before that
 * (snapshot.h), and a large collection takes longer than anybody may hold the loop for. So the
 * snapshot writes it next, a little at a time, and the client that has come with the command
 * is BLOCKED for so long; the others go on. Who executes in this process does not wait, and
 * neither does what a master says or EXEC: there it is written at once.
 */

#include <stdbool.h>

typedef struct call call;
typedef struct defer defer;
typedef struct store store;

/* For store.c: NULL without memory; and when its clients have left, NULL comes back. */
defer *defer_new(void);
defer *defer_free(defer *d);

/* For client.c: whether this command waits. If so its client is BLOCKED, or it has been
 * answered that there is no memory. */
bool defer_takes(call *c);

/* For snapshot.c: something large has been written, or will not be. Those who wait try again,
 * from the loop. */
void defer_release(defer *d);
