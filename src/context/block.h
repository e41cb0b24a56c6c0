/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Clients that wait for a key
 *
 * A command that finds nothing calls call_wait(), and its client is BLOCKED from then on:
 * it stands in the queue of each key that it named, and its arguments are kept. When one
 * of those keys has changed and is of the type it waits for, the clients of its queue run
 * their commands again, the one first that has waited longest, until the key is gone. A
 * command that finds nothing again keeps its place. So whatever took something answered
 * for it, and a client that goes away while it waits has taken nothing.
 */

#include "../base/list.h"
#include "call.h"

/* What a client is told that may not wait; whose time is up is always told of no array, as in
 * Redis. */
typedef enum block_null { BLOCK_NULL, BLOCK_NULL_ARRAY } block_null;

/* Argument @i as the seconds that a command may wait, a point of clock_now() in the end;
 * 0 is CLOCK_NEVER. False if it is none, and that has been answered. */
bool block_deadline(call *c, int i, int64_t *ret);

/* The same as whole milliseconds. */
bool block_deadline_ms(call *c, int i, int64_t *ret);

/* Wait for one of the keys @names to change; KEY_TYPES is any type, or that it goes away.
 * Nothing has been answered, nor changed. Within a transaction it answers @null at once. */
void call_wait(call *c, key_type type, const bytes *names, int n_names, int64_t deadline,
               block_null null);

/* Wait for something that is no key: until block_retry() for those in @line. When the time is
 * up the command runs once more, late. */
void call_wait_in(call *c, list *line, int64_t deadline);
void block_retry(list *line);

/* Hold the command in @line, before it is executed: block_release() executes what is held
 * there as if it came then. */
void call_hold(call *c, list *line);
void block_release(list *line);

/* for db.c: somebody may wait for this key, which has changed */
void block_signal(db *d, bytes name);
/* and for SWAPDB: other keys may be there now */
void block_signal_all(db *d);

/* for client.c: run what can be run now that a command is done; and a client is freed */
void block_serve(store *s);
void block_forget(client *c);

/* End a wait from outside: as if its time had been up, or with an error. False if @c does not wait.
 */
bool block_end(client *c, const char *error);
