/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A key as RDB, some of it at a time
 *
 *     dump_begin(&d, &out, k);
 *     while (dump_next(&d, 100))
 *             ...
 *     dump_end(&d);
 *
 * The key may not be changed from begin to end.
 */

#include "../../wire/rdb/out.h"
#include "../type/key-hash.h"
#include "../type/key-list.h"
#include "../type/key-set.h"
#include "../type/key-stream.h"
#include "../type/key-zset.h"

typedef struct dump {
        /* private */
        rdb_out *out;
        const key *k;
        bool more, has_page;
        union {
                hash_iter hash;
                set_iter set;
                zset_iter zset;
                chain_place place;
                idmap_iter pages;
        };
} dump;

/* When it expires, its kind and its name: what stands before its value in a file. */
void dump_head(rdb_out *out, const key *k);
uint8_t dump_kind(const key *k);

/* Its value. Strings are whole at once, the others after so many elements. */
void dump_begin(dump *d, rdb_out *out, const key *k);
bool dump_next(dump *d, size_t n); /* whether there is more */
void dump_end(dump *d);

/* All of the value. */
void dump_value(rdb_out *out, const key *k);
