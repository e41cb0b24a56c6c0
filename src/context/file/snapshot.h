/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A snapshot: the whole store at one moment, as RDB, while it goes on changing
 *
 *     snapshot_new(s, &snap);                   the moment: between two commands
 *     while ((r = snapshot_next(snap, 16384, &piece)) > 0)
 *             send(piece), let others run;
 *     snapshot_free(snap);
 *
 * No process is forked and nothing is copied at the beginning. Each key has one bit that
 * says on which side of the moment it is: the snapshot walks over the databases and turns
 * the bits of what it has written. Who is about to change a key that still has the old bit
 * has it written first (db.c asks for it), ahead of its turn. New keys are made with the
 * new bit.
 *
 *     what is written now           out ---------> snapshot_next()
 *     what is changed meanwhile     out, or kept while a large value is half written
 *     what is removed meanwhile     stays with the snapshot until its turn, if it is large;
 *                                   so do all keys of a database that is flushed
 *
 * Memory: what has been written and not fetched, at most SNAPSHOT_MAX and one value; then
 * the snapshot ends with -ENOBUFS and the store goes on. Beyond that nothing is copied:
 * what was removed takes the memory that it had, for longer.
 *
 * Time: a piece takes as long as its bytes do, and at most some thousand keys. The first
 * change of a key costs what writing it does; who can wait asks for a large one instead, and
 * comes back when it has been written (defer.h).
 *
 * There is one at a time; after one that was freed before its end the bits are put in order
 * from the loop, and a new one is -EBUSY for so long, a second for 10 million keys.
 */

#include "../db.h"

/* As much as Redis lets an answer to a replica grow. */
#define SNAPSHOT_MAX ((size_t)256 << 20)

typedef struct snapshot snapshot;

/* -EBUSY: there is one, or one is being cleared away, or a master's is being loaded. */
int snapshot_new(store *s, snapshot **ret);

/* One more fact about it for who reads it; before the first snapshot_next(). */
void snapshot_aux(snapshot *s, const char *name, bytes value);

/* Some more bytes, at most @n (16 KiB is a good number: of small values those take a third of a
 * millisecond), into *ret until the next call; it may happen to be none. Returns 1 if there are
 * more, 0 if these are the last. -ENOBUFS: more has changed than is kept. -ENOMEM. What failed
 * stays so. */
int snapshot_next(snapshot *s, size_t n, bytes *ret);

/* Bytes that it holds in memory and that are fetched at little cost. */
size_t snapshot_waiting(const snapshot *s);

/* At any time. NULL is fine and comes back. */
snapshot *snapshot_free(snapshot *s);

/* For defer.c: whether a change of the key would have to write much; then that is written next,
 * unless something else has been asked for. */
bool snapshot_ask(db *d, key *k);

/* for db.c: the key is on the old side, and this is about to happen to it */

void snapshot_keep(db *d, key *k); /* a change */
/* Its end: it is in no table any more. Returns whether the snapshot has taken it. */
bool snapshot_take_key(db *d, key *k);
/* The end of all keys of a database: what may be on the old side leaves d->keys. */
void snapshot_take_all(db *d);

/* What was broken off and is being cleared away is gone after this. */
void snapshot_clear(store *s);
