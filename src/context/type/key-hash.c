/* SPDX-License-Identifier: Apache-2.0 */
#include "key-hash.h"

#include <errno.h>

#include "../../base/mem.h"
#include "../../base/random.h"
#include "../store.h"
#include "key-pack.h"
#include "value.h"

/* A field of a large hash: the name, then the value. */
typedef struct field {
        uint32_t n_name, n_value;
        char p[];
} field;

static const void *name_of(const void *entry, size_t *ret_n) {
        const field *f = entry;

        *ret_n = f->n_name;
        return f->p;
}

static field *field_new(bytes name, bytes value) {
        field *f = mem_new(sizeof(*f) + name.n + value.n);

        if (!f)
                return NULL;
        f->n_name = (uint32_t)name.n;
        f->n_value = (uint32_t)value.n;
        memcpy(f->p, name.p, name.n);
        memcpy(f->p + name.n, value.p, value.n);
        return f;
}

static void free_field(void *arg, void *entry) {
        (void)arg;
        mem_free(entry);
}

static void free_table(table *t) {
        while (table_drain(t, SIZE_MAX, free_field, NULL))
                ;
        table_deinit(t);
        mem_free(t);
}

key *hash_add(db *d, bytes name) {
        return key_pack_add(d, name, KEY_HASH);
}

table *hash_table(const key *k) {
        return k->encoding == KEY_TABLE ? k->value : NULL;
}

void hash_entry(const void *entry, bytes *ret_field, bytes *ret_value) {
        const field *f = entry;

        *ret_field = (bytes){ f->p, f->n_name };
        *ret_value = (bytes){ f->p + f->n_name, f->n_value };
}

size_t hash_count(const key *k) {
        return hash_table(k) ? table_count(k->value) : pack_count(key_pack(k)) / 2;
}

static void **find_slot(const key *k, bytes name) {
        return table_find(k->value, table_hash(name.p, name.n), name.p, name.n);
}

static size_t find_place(const key *k, bytes name) {
        const pack *p = key_pack(k);

        return pack_find(p, pack_first(p), name.p, name.n, 2);
}

static bytes text_at(const pack *p, size_t at, char scratch[static DECIMAL_MAX]) {
        pack_value v;
        bytes text;

        pack_get(p, at, &v);
        text.p = pack_text(&v, scratch, &text.n);
        return text;
}

bool hash_get(const key *k, bytes name, char scratch[static DECIMAL_MAX], bytes *ret) {
        bytes same;

        if (hash_table(k)) {
                void **slot = find_slot(k, name);

                if (slot)
                        hash_entry(*slot, &same, ret);
                return slot;
        }
        size_t at = find_place(k, name);

        if (!at)
                return false;
        *ret = text_at(key_pack(k), pack_next(key_pack(k), at), scratch);
        return true;
}

/* The fields of @k as a table, or NULL. */
static table *make_table(const key *k) {
        table *t = mem_new(sizeof(*t));
        hash_iter i;
        int r = 0;

        if (!t)
                return NULL;
        table_init(t, name_of);
        hash_iter_begin(&i, k);
        while (r == 0 && hash_iter_next(&i)) {
                field *f = field_new(i.field, i.value);

                r = f ? table_add(t, table_hash(f->p, f->n_name), f) : -ENOMEM;
                if (r < 0)
                        mem_free(f);
        }
        hash_iter_end(&i);
        if (r < 0) {
                free_table(t);
                return NULL;
        }
        return t;
}

/* From a pack to a table. */
static int grow(db *d, key **k) {
        table *t = make_table(*k);

        if (!t)
                return -ENOMEM;
        *k = key_pack_replace(d, *k, KEY_TABLE, t);
        return 0;
}

static int set_in_table(key *k, bytes name, bytes value) {
        void **slot = find_slot(k, name);
        field *f = field_new(name, value);

        if (!f)
                return -ENOMEM;
        if (slot) {
                mem_free(*slot);
                *slot = f;
                return 0;
        }
        if (table_add(k->value, table_hash(name.p, name.n), f) < 0) {
                mem_free(f);
                return -ENOMEM;
        }
        return 1;
}

static int append_pair(pack **p, bytes name, bytes value) {
        int r = pack_append(p, name.p, name.n);

        if (r < 0)
                return r;
        r = pack_append(p, value.p, value.n);
        if (r < 0)
                pack_remove(p, pack_last(*p), 1);
        return r < 0 ? r : 1;
}

/* @at is the field's place, 0 if it is new. -EMSGSIZE: it is too much for a pack. */
static int set_in_pack(db *d, key **k, size_t at, bytes name, bytes value) {
        pack *p = key_pack(*k);
        int r = at ? pack_replace(&p, pack_next(p, at), value.p, value.n)
                   : append_pair(&p, name, value);

        *k = key_pack_put(d, *k, p);
        return r;
}

int hash_set(db *d, key **k, bytes name, bytes value) {
        const config *cfg = &d->store->config;
        size_t max = cfg->hash_max_listpack_value, at;
        int r = -EMSGSIZE;

        if (hash_table(*k))
                return set_in_table(*k, name, value);
        at = find_place(*k, name);
        if (name.n <= max && value.n <= max &&
            (at || hash_count(*k) < cfg->hash_max_listpack_entries))
                r = set_in_pack(d, k, at, name, value);
        if (r != -EMSGSIZE)
                return r;
        return grow(d, k) < 0 ? -ENOMEM : set_in_table(*k, name, value);
}

bool hash_remove(db *d, key **k, bytes name) {
        size_t at;
        pack *p;

        if (hash_table(*k)) {
                field *f = table_take((*k)->value, table_hash(name.p, name.n), name.p, name.n);

                mem_free(f);
                return f;
        }
        at = find_place(*k, name);
        if (at) {
                p = key_pack(*k);
                pack_remove(&p, at, 2);
                *k = key_pack_put(d, *k, p);
        }
        return at;
}

/* walking */

void hash_iter_begin(hash_iter *i, const key *k) {
        i->k = k;
        if (hash_table(k))
                table_iter_begin(&i->entries, k->value);
        else
                i->at = pack_first(key_pack(k));
}

static void look_at(hash_iter *i, size_t at) {
        const pack *p = key_pack(i->k);

        i->field = text_at(p, at, i->scratch[0]);
        i->value = text_at(p, pack_next(p, at), i->scratch[1]);
}

bool hash_iter_next(hash_iter *i) {
        if (hash_table(i->k)) {
                const void *entry = table_iter_next(&i->entries);

                if (entry)
                        hash_entry(entry, &i->field, &i->value);
                return entry;
        }
        if (!i->at)
                return false;
        look_at(i, i->at);
        i->at = pack_next(key_pack(i->k), pack_next(key_pack(i->k), i->at));
        return true;
}

void hash_iter_end(hash_iter *i) {
        if (hash_table(i->k))
                table_iter_end(&i->entries);
}

void hash_random(const key *k, hash_iter *i) {
        i->k = k;
        if (hash_table(k))
                hash_entry(table_random(k->value), &i->field, &i->value);
        else
                look_at(i, pack_seek(key_pack(k), (long)(2 * random_below(hash_count(k)))));
}

/* all of it */

void hash_free(key *k) {
        if (hash_table(k))
                free_table(k->value);
        else
                key_pack_free(k);
}

bool hash_drain(key *k, size_t n) {
        return hash_table(k) && table_drain(k->value, n, free_field, NULL);
}

int hash_copy(const key *k, key *copy) {
        table *t;

        if (!hash_table(k))
                return key_pack_copy(k, copy);
        t = make_table(k);
        if (!t)
                return -ENOMEM;
        copy->encoding = KEY_TABLE;
        copy->value = t;
        return 0;
}

size_t hash_memory(const key *k, size_t n_looked) {
        size_t n = 0, n_seen = 0;
        hash_iter i;

        if (!hash_table(k))
                return key_pack_memory(k);
        hash_iter_begin(&i, k);
        for (; n_seen < n_looked && hash_iter_next(&i); n_seen++)
                n += sizeof(field) + i.field.n + i.value.n;
        hash_iter_end(&i);
        return sizeof(table) + table_bytes(k->value) + value_extrapolate(n, n_seen, hash_count(k));
}
