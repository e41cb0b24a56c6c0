/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A store as a master: those who follow it, and the stream that it says to all of them
 *
 * The stream is the feed as bytes, from when the first follower came. It has a name and each
 * byte an offset; the last part of it is kept, so that who comes back with a name and an
 * offset goes on there (backlog.h). Who cannot is sent a snapshot first (transfer.h).
 *
 * A follower (follower.h) costs no memory but what the stream keeps for the slowest of them,
 * of which there is a limit; who is slower is dropped, and INFO says why.
 *
 * A store that follows another is a master too, of the same stream: it hands on the bytes as
 * it got them.
 */

#include "../../wire/resp/psync.h"
#include "../client.h"
#include "backlog.h"

typedef struct master master;
struct text;

/* A name for a stream: 40 hexadecimal digits at random. */
void master_make_id(char ret[static PSYNC_ID_MAX + 1]);

/* NULL without memory; NULL comes back. Its followers have been freed. */
master *master_new(store *s);
master *master_free(master *m);

/* of the stream: its name, and the offset of what comes next */
const char *master_id(const master *m);
int64_t master_offset(const master *m);
const backlog *master_stream(const master *m);

bool master_has_stream(const master *m); /* or nobody could know it */
int master_db(const master *m);          /* that the stream is at */

/* The store follows another from now on, whose stream takes the place of its own: the same
 * one maybe, or */
void master_follow(master *m);
/* the stream @id from @offset on, at database @db, as there was a snapshot: those who follow
 * here are dropped, to take one too. "": it has no name that could be told to anybody. */
void master_take_stream(master *m, const char *id, int64_t offset, int db_number);
/* The same stream goes on under another name. */
void master_rename_stream(master *m, const char *id);
/* Bytes of it as they came; behind them it is at this database. */
void master_relay(master *m, const void *p, size_t n, int db_number);
/* It follows no longer: from here on the stream is its own, but who knew it by the old
 * name may go on with it. */
void master_own_stream(master *m);

int master_count(const master *m); /* its followers */

/* Of the follower that is reached at @host and @port; false if there is none. */
enum { MASTER_HOST_MAX = 64 };
bool master_find(const master *m, const char *host, uint16_t port, bool *ret_is_online);
/* One that has acted on all that there is: that one, or any if @host is NULL. Where it is
 * reached is put into @ret_host and @port. */
bool master_find_done(const master *m, const char *host, char ret_host[static MASTER_HOST_MAX],
                      uint16_t *port);

/* How many followers have acted on all up to @offset. */
int master_count_acked(const master *m, int64_t offset);
/* How many have said that lately enough (min-replicas-max-lag); and whether those are as many
 * as there have to be for a write (min-replicas-to-write). */
int master_count_good(const master *m);
bool master_has_enough(const master *m);
/* Whether all have acted on all that there is, as far as they tell. */
bool master_is_heard(const master *m);
/* Nobody is sent a snapshot any more: those are dropped. */
void master_stop_transfer(master *m);
/* Ask all of them how far they are. */
void master_ask(master *m);

/* The client of @c follows from now on: from @offset of the stream @id on if that is still
 * there, else with a snapshot. No @id is an old follower, who does not know of offsets. */
void master_sync(call *c, bytes id, int64_t offset);

/* for client.c: a client is freed */
void master_forget(client *c);

void master_tell_info(const master *m, struct text *t);
void master_tell_role(const master *m, resp_out *out);
