/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A group of consumers of a stream
 *
 * It hands out each entry once, to one of its consumers, and notes it as pending until
 * that one acknowledges it. What is pending is kept twice: in the group with all that is
 * known of it, and as a mere ID with its consumer, who may ask for its own.
 */

#include "idmap.h"
#include "roster.h"

typedef struct consumer {
        bytes name;
        int64_t seen;  /* ms of Unix time: when it last asked for something */
        idmap pending; /* IDs, without anything beside them */

        /* private */
        char text[];
} consumer;

typedef struct pending {
        consumer *consumer;
        int64_t time;   /* ms of Unix time: when it was last handed out, */
        uint64_t count; /* and how often it was */
} pending;

enum { STREAM_READ_UNKNOWN = -1 };

typedef struct stream_group {
        bytes name;
        stream_id last;   /* that was handed out */
        int64_t n_read;   /* of all entries ever, those up to `last`; or not known */
        idmap pending;    /* of pending */
        roster consumers; /* of consumer */

        /* private */
        char text[];
} stream_group;

/* NULL without memory. */
stream_group *stream_group_new(bytes name, stream_id last, int64_t n_read);
stream_group *stream_group_free(stream_group *g);
/* Free about @n of what is in it; returns whether there is more. It can only be freed then. */
bool stream_group_drain(stream_group *g, size_t n);
stream_group *stream_group_copy(const stream_group *g);
size_t stream_group_bytes(const stream_group *g);

/* NULL: there is none; or no memory for one, whose name is not there yet. */
consumer *stream_group_consumer(const stream_group *g, bytes name);
consumer *stream_group_add_consumer(stream_group *g, bytes name, int64_t now);
/* What it has pending is forgotten. */
void stream_group_remove_consumer(stream_group *g, consumer *who);

/* NULL: it is not pending. */
pending *stream_group_pending(const stream_group *g, stream_id id);
/* Make it pending at @who, whoever it was pending at; if it was not, its time is 0
 * and its count 1. NULL without memory, and nothing has changed. */
pending *stream_group_give(stream_group *g, stream_id id, consumer *who);
/* Returns whether it was pending. */
bool stream_group_forget(stream_group *g, stream_id id);
