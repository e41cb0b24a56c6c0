/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RDB, read: what a file or the payload of a DUMP says, one thing at a time
 *
 *     rdb_in_init(&in);
 *     ...read(2) more to the end of buf...
 *     while ((r = rdb_in_next(&in, buf, n)) > 0) {
 *             ...in.got...
 *             buf += in.consumed, n -= in.consumed;
 *     }
 *
 * Whatever a value is packed in, the same is said of it: KEY, its elements, VALUE. The
 * input lies together from the first byte that was not consumed; it may move between calls
 * and must grow at its end only. What is said depends on the bytes alone, not on how they
 * were cut.
 *
 *             KEY            a block
 *   MAGIC --> OPS ---> ELEMENTS ------> PACKED
 *             | ^       |  ^  |           |       any state --broken--> FAILED
 *         END | | VALUE |  |  +-----------+
 *      DONE <-+ +-------+  | then, of a stream: GROUPS
 *
 * A stream is said as its ENTRIES (each with FIELDS), then STREAM, and each GROUP with what
 * is PENDING in it and its CONSUMERS, each with what it OWNS.
 */

#include "packed.h"
#include "rdb.h"

/* Bytes of one string or packed block: Redis's largest value. */
enum { RDB_STRING_MAX = 512 * 1024 * 1024 };

typedef struct rdb_id {
        uint64_t ms, seq; /* of an entry of a stream */
} rdb_id;

typedef enum rdb_got {
        RDB_GOT_AUX,      /* a: name, b: value */
        RDB_GOT_SELECT,   /* number */
        RDB_GOT_RESIZE,   /* number of keys, other: of those that expire */
        RDB_GOT_FUNCTION, /* a: a library of them */
        RDB_GOT_KEY,      /* a: name; type, expiry, other */
        RDB_GOT_ELEMENT,  /* a: string, element or member; b: value of a field; score */
        RDB_GOT_ENTRY,    /* id */
        RDB_GOT_FIELD,    /* a, b */
        RDB_GOT_STREAM,   /* id: last ever, first, deleted: the largest; number: added */
        RDB_GOT_GROUP,    /* a: name; id: last delivered; number: entries read, or -1 */
        RDB_GOT_PENDING,  /* id; ms: when delivered; number: how often */
        RDB_GOT_CONSUMER, /* a: name; ms: last seen; active_ms: last active, or -1 */
        RDB_GOT_OWNED,    /* id */
        RDB_GOT_VALUE,    /* the key's is whole */
        RDB_GOT_END,      /* and the checksum is right */
} rdb_got;

typedef struct rdb_in {
        /* what was read; strings until the next call */
        rdb_got got;
        size_t consumed; /* bytes it took, from the first of the input; after 0 too */
        size_t want;     /* after 0: nothing is said before so many bytes lie behind those */
        unsigned version;
        bytes a, b;
        double score;
        uint64_t number, other;
        rdb_id id, first, deleted;
        int64_t ms, active_ms;

        /* of the key */
        uint8_t type;   /* the plain one: RDB_STRING LIST SET ZSET HASH STREAM */
        int64_t expiry; /* ms of Unix time, INT64_MAX: none */
        int64_t idle;   /* seconds, or -1 */
        int freq;       /* or -1 */

        /* private */
        uint8_t state, kind;
        bool is_payload;
        int error;
        uint64_t sum;    /* of what was consumed */
        uint64_t n_left; /* elements, blocks, or ids */
        uint64_t n_groups, n_consumers;
        rdb_packed packed; /* the block in progress, */
        size_t n_block;    /* as long as this in the input; or 0, and it is in unpacked[0] */
        struct rdb_node {
                rdb_id id;          /* that the others count from */
                rdb_packed fields;  /* of the first entry, which others share */
                uint64_t n_fields;  /* of those */
                uint64_t n_entries; /* still to be said */
        } node;
        struct rdb_entry {
                bool is_same, is_deleted;
                uint64_t n_fields; /* still to be said */
                rdb_packed shared;
        } entry;
        struct rdb_unpacked {
                uint8_t *p;
                size_t size;
        } unpacked[2];
        char scratch[2][DECIMAL_MAX];
} rdb_in;

/* A file; or the payload of a DUMP without its footer: one KEY without a name. */
void rdb_in_init(rdb_in *in);
void rdb_in_init_payload(rdb_in *in);
void rdb_in_deinit(rdb_in *in); /* may run twice */

/* Returns 1 with something in @in; 0 when more bytes are needed, or after END. -EPROTO: it is
 * broken; -EMSGSIZE: a string is too large; -ENOTSUP: of a later version, or of a module;
 * -EBADMSG: the checksum is another; -ENOMEM. Then and ever after. */
int rdb_in_next(rdb_in *in, const uint8_t *p, size_t n);

/* A DUMP without its footer. -EBADMSG: that is not right; -ENOTSUP: of a later version. */
int rdb_payload(bytes dump, bytes *ret);
