/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a store does by itself, a little at a time
 *
 * Keys whose time has come are removed though nobody asks for them, and what is large is
 * freed in parts. While there is something of the kind a store wakes up `hz` times a
 * second, looks at a few keys, and goes on for no longer than a slice; more often while
 * much of what it sees has expired. A program that executes commands and never turns the
 * loop does the same in passing. With nothing to be done nothing wakes up.
 */

typedef struct store store;
typedef struct upkeep upkeep;

/* NULL without memory; NULL comes back. */
upkeep *upkeep_new(store *s);
upkeep *upkeep_free(upkeep *u);

/* There is something to be done, though not at once. */
void upkeep_wake(store *s);

/* s->due has come: a slice of it. Between commands. */
void upkeep_run(store *s);
