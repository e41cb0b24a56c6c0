/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The feed: every change, as commands in the order in which they took effect
 *
 * Whoever keeps a copy follows it: replicas, and programs that keep a part. What is in it
 * gives the same result wherever and whenever it is executed: times are points in time,
 * what was random or empty is spelled out, what did nothing is not in it. The commands of
 * one transaction stand between MULTI and EXEC.
 */

#include "../../base/list.h"
#include "../db.h"

typedef struct feed_reader feed_reader;
struct feed_reader {
        /* One command that took effect in @d, until it returns. With @argc 0 memory has run
         * out and a change is missing: the reader has to begin with a new copy. */
        void (*fn)(feed_reader *r, db *d, const bytes *argv, int argc);

        /* private */
        list node;
};

typedef struct feed {
        /* private */
        list readers;
        list kept;        /* what the command in progress has said to send */
        bool is_replaced; /* and that it is not to be sent itself */
        bool is_short;    /* of memory: something is missing in kept */
        int n_held;       /* transactions in progress */
        bool has_begun;   /* MULTI has been sent */
} feed;

void feed_init(feed *f);
void feed_deinit(feed *f); /* its readers have left */

void feed_join(feed *f, feed_reader *r);
void feed_leave(feed_reader *r); /* may be done twice */

static inline bool feed_is_read(const feed *f) {
        return !list_is_empty(&f->readers);
}

/* Send a command that is no part of the one in progress: what expired or was evicted. */
void feed_send(feed *f, db *d, const bytes *argv, int argc);

/* Of the command in progress: do not send it as it came; and send this when it is done,
 * which is copied. More than one of these is a transaction. */
void feed_replace(feed *f);
void feed_keep(feed *f, db *d, const bytes *argv, int argc);
/* Or there was no memory to say what to send. */
void feed_miss(feed *f);

/* Send nothing of what it has said so far, nor itself; and memory has run out for something. */
void feed_drop(feed *f);
void feed_lose(feed *f);

/* It is done: send what was kept, and, unless it has been replaced and if it @has_changed
 * anything, the command itself before that. */
void feed_done(feed *f, db *d, const bytes *argv, int argc, bool has_changed);

/* From here to its end all that is sent is one transaction. They may nest. */
void feed_begin(feed *f);
void feed_end(feed *f, db *d);
