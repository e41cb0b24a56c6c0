/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include "key-list.h"
#include "key-string.h"

void value_init(key *k) {
        k->encoding = KEY_INLINE;
        k->n_inline = 0;
}

void value_free(key *k) {
        if (k->type == KEY_STRING)
                string_free(k);
        else if (k->encoding == KEY_CHAIN)
                list_free(k);
        k->encoding = KEY_INLINE;
        k->n_inline = 0;
}

size_t value_count(const key *k) {
        return k->encoding == KEY_CHAIN ? list_count(k) : 1;
}

size_t value_memory(const key *k) {
        return k->encoding == KEY_CHAIN ? list_memory(k) : string_memory(k);
}
