/* SPDX-License-Identifier: Apache-2.0 */
#include "key-pack.h"

#include <assert.h>
#include <errno.h>

#include "../../base/list.h"

static_assert(offsetof(key, inner) == PACK_FRONT, "the head of a pack is the key's value");
static_assert(offsetof(key, rest) == PACK_FRONT + sizeof(pack), "and the name comes next");

key *key_pack_add(db *d, bytes name, key_type type) {
        bool is_inner = key_pack_fits(name.n);
        pack *own = is_inner ? NULL : pack_new();
        key *k = is_inner || own ? db_add(d, name, type) : NULL;

        if (!k) {
                pack_free(own);
                return NULL;
        }
        k->encoding = is_inner ? KEY_INNER_PACK : KEY_PACK;
        if (is_inner)
                pack_inner_init(&k->inner, key_pack_between(k));
        else
                k->value = own;
        return k;
}

key *key_pack_put(db *d, key *k, pack *p) {
        if (pack_is_inner(p))
                return db_moved(d, k, container_of(p, key, inner));
        k->value = p;
        return k;
}

key *key_pack_replace(db *d, key *k, key_encoding encoding, void *value) {
        bool was_inner = k->encoding == KEY_INNER_PACK;

        key_pack_free(k);
        k->encoding = encoding;
        k->value = value;
        return was_inner ? db_trim(d, k) : k;
}

int key_pack_take_out(key *k) {
        return k->encoding == KEY_INNER_PACK ? key_pack_copy(k, k) : 0;
}

void key_pack_free(key *k) {
        if (k->encoding == KEY_PACK)
                pack_free(k->value);
}

int key_pack_copy(const key *k, key *copy) {
        pack *p = pack_copy(key_pack(k));

        if (!p)
                return -ENOMEM;
        copy->encoding = KEY_PACK;
        copy->value = p;
        return 0;
}

size_t key_pack_memory(const key *k) {
        return k->encoding == KEY_PACK ? pack_size(k->value) : 0;
}
