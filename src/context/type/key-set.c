/* SPDX-License-Identifier: Apache-2.0 */
#include "key-set.h"

#include <errno.h>

#include "../../base/mem.h"
#include "../../base/random.h"
#include "../store.h"
#include "value.h"

/* A member of a large set. */
typedef struct member {
        uint32_t n;
        char p[];
} member;

static const void *name_of(const void *entry, size_t *ret_n) {
        const member *m = entry;

        *ret_n = m->n;
        return m->p;
}

static void free_member(void *arg, void *entry) {
        (void)arg;
        mem_free(entry);
}

static void free_table(table *t) {
        while (table_drain(t, SIZE_MAX, free_member, NULL))
                ;
        table_deinit(t);
        mem_free(t);
}

key *set_add(db *d, bytes name) {
        intset *numbers = intset_new();
        key *k = numbers ? db_add(d, name, KEY_SET) : NULL;

        if (!k) {
                intset_free(numbers);
                return NULL;
        }
        k->encoding = KEY_INTSET;
        k->value = numbers;
        return k;
}

table *set_table(const key *k) {
        return k->encoding == KEY_TABLE ? k->value : NULL;
}

bytes set_entry(const void *entry) {
        const member *m = entry;

        return (bytes){ m->p, m->n };
}

size_t set_count(const key *k) {
        return set_table(k) ? table_count(k->value) : intset_count(k->value);
}

bool set_has(const key *k, bytes text) {
        int64_t number;

        if (set_table(k))
                return table_find(k->value, table_hash(text.p, text.n), text.p, text.n);
        return decimal_read(text.p, text.n, &number) && intset_has(k->value, number);
}

static int put_in_table(table *t, bytes text) {
        uint64_t hash = table_hash(text.p, text.n);
        member *m;

        if (table_find(t, hash, text.p, text.n))
                return 0;
        m = mem_new(sizeof(*m) + text.n);
        if (!m)
                return -ENOMEM;
        m->n = (uint32_t)text.n;
        memcpy(m->p, text.p, text.n);
        if (table_add(t, hash, m) < 0) {
                mem_free(m);
                return -ENOMEM;
        }
        return 1;
}

/* The members of @k as a table, or NULL. */
static table *make_table(const key *k) {
        table *t = mem_new(sizeof(*t));
        set_iter i;
        int r = 0;

        if (!t)
                return NULL;
        table_init(t, name_of);
        set_iter_begin(&i, k);
        while (r >= 0 && set_iter_next(&i))
                r = put_in_table(t, i.member);
        set_iter_end(&i);
        if (r < 0) {
                free_table(t);
                return NULL;
        }
        return t;
}

/* From numbers to a table. */
static int grow(key *k) {
        table *t = make_table(k);

        if (!t)
                return -ENOMEM;
        intset_free(k->value);
        k->value = t;
        k->encoding = KEY_TABLE;
        return 0;
}

int set_put(db *d, key *k, bytes text) {
        size_t max = d->store->config.set_max_intset_entries;
        int64_t number;
        int r;

        if (!set_table(k) && decimal_read(text.p, text.n, &number)) {
                r = intset_add((intset **)&k->value, number);
                /* as Redis does: the one that is too many goes in first */
                if (r == 1 && intset_count(k->value) > max && grow(k) < 0) {
                        intset_remove((intset **)&k->value, number);
                        return -ENOMEM;
                }
                return r;
        }
        if (!set_table(k) && grow(k) < 0)
                return -ENOMEM;
        return put_in_table(k->value, text);
}

bool set_remove(key *k, bytes text) {
        int64_t number;
        member *m;

        if (!set_table(k))
                return decimal_read(text.p, text.n, &number) &&
                       intset_remove((intset **)&k->value, number);
        m = table_take(k->value, table_hash(text.p, text.n), text.p, text.n);
        mem_free(m);
        return m;
}

/* walking */

static void look_at(set_iter *i, size_t at) {
        int64_t number = intset_at(i->k->value, at);

        i->member = (bytes){ i->scratch, decimal_print(number, i->scratch) };
}

void set_iter_begin(set_iter *i, const key *k) {
        i->k = k;
        i->at = 0;
        if (set_table(k))
                table_iter_begin(&i->entries, k->value);
}

bool set_iter_next(set_iter *i) {
        if (set_table(i->k)) {
                const void *entry = table_iter_next(&i->entries);

                if (entry)
                        i->member = set_entry(entry);
                return entry;
        }
        if (i->at == intset_count(i->k->value))
                return false;
        look_at(i, i->at++);
        return true;
}

void set_iter_end(set_iter *i) {
        if (set_table(i->k))
                table_iter_end(&i->entries);
}

void set_random(const key *k, set_iter *i) {
        i->k = k;
        if (set_table(k))
                i->member = set_entry(table_random(k->value));
        else
                look_at(i, (size_t)random_below(intset_count(k->value)));
}

/* all of it */

void set_free(key *k) {
        if (set_table(k))
                free_table(k->value);
        else
                intset_free(k->value);
}

bool set_drain(key *k, size_t n) {
        return set_table(k) && table_drain(k->value, n, free_member, NULL);
}

int set_copy(const key *k, key *copy) {
        void *value = set_table(k) ? (void *)make_table(k) : intset_copy(k->value);

        if (!value)
                return -ENOMEM;
        copy->encoding = k->encoding;
        copy->value = value;
        return 0;
}

size_t set_memory(const key *k, size_t n_looked) {
        size_t n = 0, n_seen = 0;
        set_iter i;

        if (!set_table(k))
                return intset_size(k->value);
        set_iter_begin(&i, k);
        for (; n_seen < n_looked && set_iter_next(&i); n_seen++)
                n += sizeof(member) + i.member.n;
        set_iter_end(&i);
        return sizeof(table) + table_bytes(k->value) + value_extrapolate(n, n_seen, set_count(k));
}
