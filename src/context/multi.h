/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Transactions: what a client has queued, and what it watches
 *
 * Between MULTI and EXEC commands are looked up and counted, but not executed; EXEC runs
 * them all with nothing in between, unless a key that the client watched has changed since.
 */

#include "call.h"

enum { MULTI_MAX = 1 << 30 }; /* bytes of queued arguments: what Redis lets a client buffer */

/* for client.c: put this command into the queue and answer QUEUED; and a client is freed */
void multi_queue(call *c);
void multi_forget(client *c);

/* The flags of all that is queued. */
uint32_t multi_flags(const client *c);

/* How many commands are queued, -1 outside of a transaction; and how many bytes they take. */
int multi_count(const client *c);
size_t multi_size(const client *c);

/* End the transaction and the watching, as DISCARD. */
void multi_discard(client *c);

/* for db.c: the key has changed, of which somebody may watch the name */
void multi_touch(db *d, bytes name);

/* The databases have been emptied, or given one another's keys (@with; NULL for emptied):
 * touch what is watched there and was, or is, there. To be told before it happens. */
void multi_touch_all(db *d, db *with);
