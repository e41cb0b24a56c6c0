/* SPDX-License-Identifier: Apache-2.0 */
#include "key-list.h"

#include <errno.h>

#include "../../base/mem.h"
#include "../store.h"

chain *list_of(const key *k) {
        return k->value;
}

/* The chunks of a new list are as the configuration has them at that time. */
static chain *make_chain(const db *d) {
        int64_t size = d->store->config.list_max_listpack_size;
        chain *c = mem_new(sizeof(*c));

        if (!c)
                return NULL;
        chain_init(c);
        if (size > 0)
                chain_set_bounds(c, 0, (size_t)size);
        else if (size >= -5)
                chain_set_bounds(c, (size_t)2048 << -size, 0); /* -1 is 4 KiB, -5 64 KiB */
        return c;
}

key *list_add(db *d, bytes name) {
        chain *c = make_chain(d);
        key *k = c ? db_add(d, name, KEY_LIST) : NULL;

        if (!k) {
                mem_free(c);
                return NULL;
        }
        k->encoding = KEY_CHAIN;
        k->value = c;
        return k;
}

key *list_new(const db *d) {
        chain *c = make_chain(d);
        key *k = c ? mem_zero(sizeof(*k)) : NULL;

        if (!k) {
                mem_free(c);
                return NULL;
        }
        k->type = KEY_LIST;
        k->encoding = KEY_CHAIN;
        k->value = c;
        return k;
}

bytes list_text(const pack_value *v, char scratch[static DECIMAL_MAX]) {
        bytes text;

        text.p = pack_text(v, scratch, &text.n);
        return text;
}

void list_free(key *k) {
        chain_deinit(k->value);
        mem_free(k->value);
}

bool list_drain(key *k, size_t n) {
        return chain_drain(k->value, n);
}

int list_copy(const key *k, key *copy) {
        chain *c = mem_new(sizeof(*c));

        if (!c)
                return -ENOMEM;
        chain_init(c);
        if (chain_copy(c, list_of(k)) < 0) {
                mem_free(c);
                return -ENOMEM;
        }
        copy->encoding = k->encoding;
        copy->value = c;
        return 0;
}

size_t list_memory(const key *k) {
        return sizeof(chain) + chain_bytes(k->value);
}
