/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A stream, loaded: what is not whole yet of what is said of it
 */

#include "../../wire/rdb/in.h"
#include "../../wire/rdb/out.h"
#include "../type/key-stream.h"

/* All zero at first. */
typedef struct load_stream {
        /* private */
        rdb_out fields; /* of the entry: each text behind its length */
        uint64_t n_fields, n_left;
        stream_id id;
        stream_group *group;
        consumer *consumer;
        idmap unowned; /* what is pending in the group, and at nobody yet */
        bool has_group;
} load_stream;

/* What @in has said of the stream @k. Returns 1, -EPROTO or -ENOMEM. */
int load_stream_see(load_stream *l, db *d, key *k, const rdb_in *in);
/* The value is whole: whether that is so. */
int load_stream_end(load_stream *l);
void load_stream_deinit(load_stream *l); /* may run twice */
