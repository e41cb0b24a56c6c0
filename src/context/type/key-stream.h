/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Streams
 *
 * Entries in the order of their IDs, which only grow: pages of them (page.h) in a map by the
 * ID that each begins with. Pages end where Redis's nodes would (stream-node-max-bytes
 * and -entries), since what is trimmed by whole ones is seen by everybody. What is deleted
 * is taken out of its page at once.
 */

#include "../config.h"
#include "../data/page.h"
#include "../data/stream-group.h"
#include "../db.h"

typedef struct stream {
        idmap pages;     /* of page * */
        roster groups;   /* of stream_group */
        size_t n;        /* entries */
        uint64_t n_ever; /* that were ever added */
        stream_id first; /* 0-0: there is none */
        stream_id last;  /* that was ever there, or that the next one has to be behind */
        stream_id max_deleted;
} stream;

/* A new key with an empty stream. NULL without memory. */
key *stream_add(db *d, bytes name);

static inline stream *stream_of(const key *k) {
        return k->value;
}

/* Of names and values in turn, with an ID behind `last`. -ENOMEM; -EMSGSIZE if Redis could
 * not keep so many bytes. */
int stream_append(stream *s, const config *cfg, stream_id id, const bytes *fields, size_t n_fields);

/* Returns whether it was there. */
bool stream_delete(stream *s, stream_id id);
bool stream_has(const stream *s, stream_id id);

/* What is to be left: by how many, or from which ID on. */
typedef struct stream_rest {
        enum { REST_ALL, REST_COUNT, REST_FROM } by;
        uint64_t count;
        stream_id from;
        bool by_pages; /* do not look into them: more may be left */
        uint64_t max;  /* delete so many at most; 0: all */
} stream_rest;

/* Returns how many were deleted. */
size_t stream_trim(stream *s, const stream_rest *rest);

/* The last that is there; 0-0 if there is none. */
stream_id stream_top(const stream *s);

/* Walking from @from to @to, or back; nothing may change meanwhile. */
typedef enum stream_way { STREAM_FORTH, STREAM_BACK } stream_way;

typedef struct stream_iter {
        page_entry entry;

        /* private */
        idmap_iter pages;
        const page *page; /* NULL: no more */
        size_t at;
        stream_id from, to;
        stream_way way;
} stream_iter;

void stream_iter_begin(stream_iter *i, const stream *s, stream_id from, stream_id to,
                       stream_way way);
bool stream_iter_next(stream_iter *i);

/* Whether @from or what is behind it may have lost entries in the middle, so that IDs do not
 * tell how many there are. */
bool stream_has_holes(const stream *s, stream_id from);
/* How many were ever added up to @id, or STREAM_READ_UNKNOWN. */
int64_t stream_rank(const stream *s, stream_id id);
/* How many entries a group has still to read; false if that cannot be told. Below 0 when it
 * says that it has read more than there ever were. */
bool stream_lag(const stream *s, const stream_group *g, int64_t *ret);

/* The nodes of the radix tree that Redis would keep the pages in. */
size_t stream_tree_nodes(const stream *s);

/* A stream under no name that has nothing but @g, which is to be freed as one that is large
 * (lazy.h). NULL without memory. */
key *stream_of_group(stream_group *g);

/* for value.c */
void stream_free(key *k);
size_t stream_effort(const key *k);
bool stream_drain(key *k, size_t n);
int stream_copy(const key *k, key *copy);
size_t stream_memory(const key *k, size_t n_looked);
