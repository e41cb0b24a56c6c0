/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

const char *key_type_text(key_type type) {
        static const char *const names[KEY_TYPES] = {
                [KEY_STRING] = "string", [KEY_LIST] = "list", [KEY_SET] = "set",
                [KEY_ZSET] = "zset",     [KEY_HASH] = "hash", [KEY_STREAM] = "stream",
        };

        return names[type];
}

const char *key_encoding_name(const key *k) {
        switch ((key_encoding)k->encoding) {
        case KEY_INLINE:
                return "embstr";
        case KEY_INT:
                return "int";
        case KEY_RAW:
                return "raw";
        case KEY_PACK:
        case KEY_INNER_PACK:
                return "listpack";
        case KEY_CHAIN:
                return "quicklist";
        case KEY_INTSET:
                return "intset";
        case KEY_TABLE:
                return "hashtable";
        case KEY_TREE:
                return "skiplist";
        case KEY_STREAM_LOG:
                return "stream";
        }
        return "unknown";
}
