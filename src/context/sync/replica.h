/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A store as a replica: it follows another, or a redis-server, and holds what that holds
 *
 *   LOST --a second--> SEEKS --connected--> TALKS --+FULLRESYNC--> LOADS --whole--> FOLLOWS
 *     ^                                       \--+CONTINUE----------------------------^
 *     \--the link is lost, in any state
 *
 * A snapshot is loaded beside what there is, which is served as long as that takes and is
 * exchanged for it at once; so both take memory for a while. Then the master's commands
 * are executed, as of a client of its own, in slices. They are handed on as they came to who
 * follows this store (master.h), and it is from there that the place is known where to go
 * on after the link was lost.
 */

#include "../../link/url.h"
#include "../store.h"

struct text;

/* Follow who is at @u from now on, and nobody else; from the loop. -ENOMEM: the store follows
 * nobody then. */
int replica_start(store *s, const url *u);
/* Follow nobody: the store goes on by itself. */
void replica_stop(store *s);

/* for store.c: the same at its end; NULL is fine, and comes back */
replica *replica_free(replica *r);

bool replica_is_of(const replica *r, const url *u);

/* Whether it has all that there was, and the link. */
bool replica_is_online(const replica *r);

void replica_tell_info(const replica *r, struct text *t);
void replica_tell_role(const replica *r, resp_out *out);
