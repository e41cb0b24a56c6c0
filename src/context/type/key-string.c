/* SPDX-License-Identifier: Apache-2.0 */
#include "key-string.h"

#include <errno.h>

#include "../../base/mem.h"

/* The block of a raw string. */
typedef struct raw {
        size_t n, size;
        char data[];
} raw;

bytes string_get(const key *k, char scratch[static DECIMAL_MAX]) {
        const raw *block = k->value;

        switch ((key_encoding)k->encoding) {
        case KEY_INLINE:
                return (bytes){ key_inline(k), k->n_inline };
        case KEY_INT:
                return (bytes){ scratch, decimal_print(k->integer, scratch) };
        default:
                return (bytes){ block->data, block->n };
        }
}

size_t string_length(const key *k) {
        char scratch[DECIMAL_MAX];

        return string_get(k, scratch).n;
}

bool string_integer(const key *k, int64_t *ret) {
        char scratch[DECIMAL_MAX];
        bytes text;

        if (k->encoding == KEY_INT) {
                *ret = k->integer;
                return true;
        }
        text = string_get(k, scratch);
        return decimal_read(text.p, text.n, ret);
}

key *string_set_integer(db *d, key *k, int64_t value) {
        if (k->encoding > KEY_INT)
                k = db_clear(d, k);
        k->encoding = KEY_INT;
        k->integer = value;
        return k;
}

key *string_set_text(db *d, key *k, bytes value) {
        raw *block;

        if (value.n <= KEY_INLINE_MAX)
                return db_set_inline(d, k, value);
        block = mem_new(sizeof(*block) + value.n);
        if (!block)
                return NULL;
        block->n = block->size = value.n;
        memcpy(block->data, value.p, value.n);
        k = db_clear(d, k);
        k->encoding = KEY_RAW;
        k->value = block;
        return k;
}

key *string_set(db *d, key *k, bytes value) {
        int64_t number;

        if (value.n <= DECIMAL_MAX && decimal_read(value.p, value.n, &number))
                return string_set_integer(d, k, number);
        return string_set_text(d, k, value);
}

key *string_resize(db *d, key *k, size_t n, char **ret) {
        char scratch[DECIMAL_MAX];
        bytes old = string_get(k, scratch);
        raw *block = k->encoding == KEY_RAW ? k->value : NULL;

        (void)d;
        if (!block || n > block->size) {
                /* Twice as much up to a megabyte, then a megabyte more: as Redis has it. */
                size_t size = !block ? n : n < 1 << 20 ? 2 * n : n + (1 << 20);
                raw *grown = mem_resize(block, sizeof(*block) + size);

                if (!grown)
                        return NULL;
                if (!block) {
                        memcpy(grown->data, old.p, old.n < n ? old.n : n);
                        grown->n = old.n;
                        value_free(k);
                        k->encoding = KEY_RAW;
                }
                k->value = block = grown;
                block->size = size;
        }
        if (n > block->n)
                memset(block->data + block->n, 0, n - block->n);
        block->n = n;
        *ret = block->data;
        return k;
}

void string_free(key *k) {
        if (k->encoding == KEY_RAW)
                mem_free(k->value);
}

int string_copy(const key *k, key *copy) {
        const raw *block = k->value;
        raw *copied;

        if (k->encoding == KEY_INLINE) {
                memcpy(key_inline(copy), key_inline(k), k->n_inline);
                copy->n_inline = k->n_inline;
                return 0;
        }
        copy->integer = k->integer;
        if (k->encoding == KEY_RAW) {
                copied = mem_new(sizeof(*copied) + block->n);
                if (!copied)
                        return -ENOMEM;
                copied->n = copied->size = block->n;
                memcpy(copied->data, block->data, block->n);
                copy->value = copied;
        }
        copy->encoding = k->encoding;
        return 0;
}

size_t string_memory(const key *k) {
        const raw *block = k->value;

        return k->encoding == KEY_RAW ? sizeof(*block) + block->size : 0;
}
