/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include "../../base/mem.h"
#include "key-hash.h"
#include "key-list.h"
#include "key-set.h"
#include "key-stream.h"
#include "key-string.h"
#include "key-zset.h"

void value_init(key *k) {
        k->encoding = KEY_INLINE;
        k->n_inline = 0;
}

/* A collection that has not been filled yet is an empty inline string, whatever its type. */
static bool is_plain(const key *k) {
        return k->encoding <= KEY_RAW;
}

void value_free(key *k) {
        switch (is_plain(k) ? KEY_STRING : (key_type)k->type) {
        case KEY_LIST:
                list_free(k);
                break;
        case KEY_HASH:
                hash_free(k);
                break;
        case KEY_SET:
                set_free(k);
                break;
        case KEY_ZSET:
                zset_free(k);
                break;
        case KEY_STREAM:
                stream_free(k);
                break;
        default:
                string_free(k);
        }
        value_init(k);
}

bool value_drain(key *k, size_t n) {
        switch (is_plain(k) ? KEY_STRING : (key_type)k->type) {
        case KEY_LIST:
                return list_drain(k, n);
        case KEY_HASH:
                return hash_drain(k, n);
        case KEY_SET:
                return set_drain(k, n);
        case KEY_ZSET:
                return zset_drain(k, n);
        case KEY_STREAM:
                return stream_drain(k, n);
        default:
                return false;
        }
}

size_t value_count(const key *k) {
        switch (is_plain(k) ? KEY_STRING : (key_type)k->type) {
        case KEY_LIST:
                return list_count(k);
        case KEY_HASH:
                return hash_count(k);
        case KEY_SET:
                return set_count(k);
        case KEY_ZSET:
                return zset_count(k);
        case KEY_STREAM:
                return stream_of(k)->n;
        default:
                return 1;
        }
}

size_t value_effort(const key *k) {
        if (k->encoding == KEY_INNER_PACK)
                return 1;
        return k->encoding == KEY_STREAM_LOG ? stream_effort(k) : value_count(k);
}

size_t value_memory(const key *k, size_t n_looked) {
        switch (is_plain(k) ? KEY_STRING : (key_type)k->type) {
        case KEY_LIST:
                return list_memory(k);
        case KEY_HASH:
                return hash_memory(k, n_looked);
        case KEY_SET:
                return set_memory(k, n_looked);
        case KEY_ZSET:
                return zset_memory(k, n_looked);
        case KEY_STREAM:
                return stream_memory(k, n_looked);
        default:
                return string_memory(k);
        }
}

static int copy_to(const key *k, key *copy) {
        switch (is_plain(k) ? KEY_STRING : (key_type)k->type) {
        case KEY_LIST:
                return list_copy(k, copy);
        case KEY_HASH:
                return hash_copy(k, copy);
        case KEY_SET:
                return set_copy(k, copy);
        case KEY_ZSET:
                return zset_copy(k, copy);
        case KEY_STREAM:
                return stream_copy(k, copy);
        default:
                return string_copy(k, copy);
        }
}

key *value_copy(const key *k) {
        size_t n_inline = k->encoding == KEY_INLINE ? k->n_inline : 0;
        key *copy = mem_zero(sizeof(*copy) + n_inline);

        if (!copy)
                return NULL;
        copy->type = k->type;
        value_init(copy);
        return copy_to(k, copy) < 0 ? mem_free(copy) : copy;
}
