/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include "key-string.h"

void value_init(key *k) {
        k->encoding = KEY_INLINE;
        k->n_inline = 0;
}

void value_free(key *k) {
        if (k->type == KEY_STRING)
                string_free(k);
        k->encoding = KEY_INLINE;
        k->n_inline = 0;
}

size_t value_effort(const key *k) {
        (void)k;
        return 1;
}

size_t value_count(const key *k) {
        (void)k;
        return 1;
}

size_t value_memory(const key *k) {
        return k->type == KEY_STRING ? string_memory(k) : 0;
}
