/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A key and its value
 *
 * One block: this header, the time to live if it has one, the name, and the value too
 * if that is a short string or one pack. So what is small costs one allocation, and a
 * look-up touches one place beyond the table.
 *
 *     header 16 | expiry 0 or 8 | name n_name | inline value n, or the values of a pack
 *
 * Larger values hang from `value`, in the encoding that `encoding` names; what they
 * are is known to the file of the type (key-list.h, key-hash.h and so on), which is
 * also the only one that looks at them. A key never changes its name, and only its
 * database makes one, moves it or frees it (db.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "../../base/bytes.h"
#include "../data/pack.h"

enum { KEY_NAME_MAX = (1 << 29) - 1 }; /* Redis's: a key is a string of up to 512 MiB */

typedef enum key_type {
        KEY_STRING, /* the numbers of RDB's plain types */
        KEY_LIST,
        KEY_SET,
        KEY_ZSET,
        KEY_HASH,
        KEY_STREAM,
        KEY_TYPES,
} key_type;

typedef enum key_encoding {
        KEY_INLINE,     /* string: in the key's own block, up to KEY_INLINE_MAX bytes */
        KEY_INT,        /* string: a number, kept as one */
        KEY_RAW,        /* string: in a block of its own (key-string.h) */
        KEY_PACK,       /* hash, zset: a pack in a block of its own */
        KEY_INNER_PACK, /* the same in the key's block (key-pack.h) */
        KEY_CHAIN,      /* list: packs in a chain */
        KEY_INTSET,     /* set: sorted integers */
        KEY_TABLE,      /* set, hash: a hash table */
        KEY_TREE,       /* zset: a hash table and a tree */
        KEY_STREAM_LOG,
} key_encoding;

enum { KEY_INLINE_MAX = 44 }; /* as long as Redis's "embstr", which OBJECT ENCODING tells */

typedef struct key {
        uint32_t lru : 24; /* when or how often it was used; evict.h knows which */
        uint32_t type : 4;
        uint32_t encoding : 4;
        uint32_t n_name : 29;
        uint32_t has_expiry : 1;
        uint32_t is_saved : 1;    /* db.h: the side of the snapshot that it is on */
        uint32_t is_computed : 1; /* mount.h: made for this command, in no table */
        union {
                void *value;
                int64_t integer;
                size_t n_inline;
                pack inner;
        };
        /* private */
        char rest[];
} key;

static inline bytes key_name(const key *k) {
        return (bytes){ k->rest + (k->has_expiry ? sizeof(int64_t) : 0), k->n_name };
}

/* The value of an inline string. */
static inline char *key_inline(const key *k) {
        return (char *)key_name(k).p + k->n_name;
}

/* When it expires, in milliseconds of Unix time; INT64_MAX if it does not. */
static inline int64_t key_expiry(const key *k) {
        int64_t when = INT64_MAX;

        if (k->has_expiry)
                memcpy(&when, k->rest, sizeof(when));
        return when;
}

/* "string", "list", "set", "zset", "hash", "stream"; and Redis's name of the nearest
 * of its encodings: "embstr", "int", "raw", "listpack", "quicklist", "intset",
 * "hashtable", "skiplist", "stream". */
const char *key_type_text(key_type type);
static inline const char *key_type_name(const key *k) {
        return key_type_text((key_type)k->type);
}
const char *key_encoding_name(const key *k);
