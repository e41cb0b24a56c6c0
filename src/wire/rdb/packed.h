/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Small collections in one block, as Redis keeps them in memory and saves them
 *
 * Four layouts of different ages; all of them are a row of strings and numbers, which are
 * given back as text.
 *
 *     ziplist    size:4 last:4 count:2, then previous-size kind data ..., ff
 *     listpack   size:4 count:2, then kind data own-size ..., ff
 *     zipmap     count:1, then size name size free value ..., ff
 *     intset     width:4 count:4, then numbers
 *
 * All little-endian, but for the sizes of strings within ziplists.
 */

#include "base/bytes.h"
#include "base/decimal.h"

typedef enum rdb_packing {
        RDB_ZIPLIST,
        RDB_LISTPACK,
        RDB_ZIPMAP,
        RDB_INTSET,
} rdb_packing;

typedef struct rdb_packed {
        /* private */
        rdb_packing packing;
        bytes block;
        size_t at;
        size_t n_seen, count; /* SIZE_MAX: too many for the head to say */
} rdb_packed;

/* -EPROTO: it is none. */
int rdb_packed_init(rdb_packed *p, rdb_packing packing, bytes block);

/* Returns 1 with the next, in the block or printed into @scratch; 0 at the end, when all of
 * it has been seen and was as the head says; -EPROTO. */
int rdb_packed_next(rdb_packed *p, bytes *ret, char scratch[static DECIMAL_MAX]);
