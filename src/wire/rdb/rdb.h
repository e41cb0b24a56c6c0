/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RDB: databases of Redis as bytes, in a file or sent to a replica
 *
 *     "REDIS0009"  then opcodes with what belongs to them, and keys:
 *     [EXPIRY_MS ms] [IDLE n] [FREQ n] type name value
 *     END checksum
 *
 * A length is 1, 2, 5 or 9 bytes, told apart by the top bits of the first; where a string
 * is meant, a first byte of 11xxxxxx says instead that a number or a packed text follows.
 * The payload of DUMP is one type and value, then the version and a checksum.
 *
 * What we write is version 9, in the plain types alone: every Redis since 5.0 reads it
 * (streams since 7.0). What we read is all that was ever written up to version 11.
 */

enum {
        RDB_VERSION = 9,
        RDB_VERSION_MAX = 11,

        /* before a key, or between keys */
        RDB_SLOT_INFO = 0xf4,
        RDB_FUNCTION = 0xf5,
        RDB_FUNCTION_EARLY = 0xf6, /* of release candidates of 7.0 */
        RDB_MODULE_AUX = 0xf7,
        RDB_IDLE = 0xf8,
        RDB_FREQ = 0xf9,
        RDB_AUX = 0xfa,
        RDB_RESIZE = 0xfb,
        RDB_EXPIRY_MS = 0xfc,
        RDB_EXPIRY = 0xfd,
        RDB_SELECT = 0xfe,
        RDB_END = 0xff,

        /* kinds of values: the plain ones hold strings */
        RDB_STRING = 0,
        RDB_LIST = 1,
        RDB_SET = 2,
        RDB_ZSET_TEXT = 3, /* scores as text */
        RDB_HASH = 4,
        RDB_ZSET = 5,
        RDB_MODULE_EARLY = 6,
        RDB_MODULE = 7,
        RDB_HASH_ZIPMAP = 9,
        RDB_LIST_ZIPLIST = 10,
        RDB_SET_INTSET = 11,
        RDB_ZSET_ZIPLIST = 12,
        RDB_HASH_ZIPLIST = 13,
        RDB_LIST_ZIPLISTS = 14, /* a row of them */
        RDB_STREAM = 15,
        RDB_HASH_LISTPACK = 16,
        RDB_ZSET_LISTPACK = 17,
        RDB_LIST_LISTPACKS = 18,
        RDB_STREAM_2 = 19, /* with what was ever added and deleted */
        RDB_SET_LISTPACK = 20,
        RDB_STREAM_3 = 21, /* with when a consumer was last active */

        /* the first byte of a length */
        RDB_LENGTH_6 = 0x00,
        RDB_LENGTH_14 = 0x40,
        RDB_LENGTH_32 = 0x80,
        RDB_LENGTH_64 = 0x81,
        RDB_ENCODED = 0xc0, /* and what a string is instead: */
        RDB_INT_8 = 0xc0,
        RDB_INT_16 = 0xc1,
        RDB_INT_32 = 0xc2,
        RDB_LZF = 0xc3,

        RDB_MAGIC = 9,   /* bytes, with the version */
        RDB_FOOTER = 10, /* bytes behind a payload of DUMP */
};
