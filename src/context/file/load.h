/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RDB, loaded into a store: a file, what a master sends, the payload of a RESTORE
 *
 *     load_init(&l, s);
 *     while ((r = load_feed(&l, piece, n)) == 0)
 *             ...the next piece...
 *     load_deinit(&l);
 *
 * Keys are put in as they come, tell nobody, and must not be there yet: who loads has
 * emptied the databases, and empties them again if it fails half way. What has expired is
 * left out, unless the store follows another, which says when; so are empty collections,
 * libraries of functions, and what the store has computed keys for.
 *
 * Memory: what has come of a string or packed block that is not whole yet.
 */

#include "../../wire/rdb/in.h"
#include "../db.h"
#include "load-stream.h"

typedef struct load {
        uint64_t n_keys, n_expired; /* put in; left out as they had expired */
        int stream_db; /* what the stream behind it begins in; 0 if that was not said */

        /* private */
        store *store;
        rdb_in in;
        uint8_t *kept; /* what was not consumed */
        size_t n_kept, size;
        db *db;
        key *k;
        bool skips; /* the key is not wanted */
        load_stream stream;
} load;

void load_init(load *l, store *s);
void load_deinit(load *l); /* may run twice */

/* Returns 1 when all is loaded; *ret_rest is how many of these bytes were behind its end. 0:
 * more has to come. -EPROTO: it is broken, or two keys have the same name, -ERANGE: of a
 * database that we do not have; else as of rdb_in_next(). Then and ever after. */
int load_feed(load *l, const void *p, size_t n, size_t *ret_rest);

/* A file of it, whole. -ENOENT and whatever else open(2) and read(2) say; -EPROTO too if it
 * ends too early. */
int load_file(store *s, const char *path);

/* When it was last used, in seconds before now, and how often; -1 where that is not known.
 * The one that goes by maxmemory-policy counts. */
void load_set_use(const store *s, key *k, int64_t idle, int freq);

/* A value, as DUMP gives it without its footer, under a name that is not there. -EPROTO,
 * -EMSGSIZE, -ENOTSUP, -ENOMEM: then it still is not. */
int load_value(db *d, bytes name, bytes payload, key **ret);
