/* SPDX-License-Identifier: Apache-2.0 */
#include "lazy.h"

#include "../base/clock.h"
#include "../base/mem.h"
#include "store.h"

enum {
        SMALL = 64, /* elements that are freed at once; Redis's */
        STEP = 256, /* elements between two looks at the clock, some ten microseconds */
};

typedef struct item {
        list node;
        key *k; /* or the table */
        table table;
        bool owns_keys;
} item;

void lazy_init(lazy *l) {
        *l = (lazy){ 0 };
        list_init(&l->waiting);
}

/* Something to be freed later, the last one last. False without memory. */
static bool put(store *s, item i) {
        item *kept = mem_new(sizeof(*kept));

        if (!kept)
                return false;
        *kept = i;
        list_init(&kept->node);
        list_append(&s->lazy.waiting, &kept->node);
        s->lazy.n_keys += i.k ? 1 : i.owns_keys ? table_count(&i.table) : 0;
        upkeep_wake(s);
        return true;
}

static void free_now(key *k) {
        value_free(k);
        mem_free(k);
}

/* Returns whether it has been freed. */
static bool drop(store *s, key *k) {
        if (value_effort(k) > SMALL && put(s, (item){ .k = k }))
                return false;
        free_now(k);
        return true;
}

void lazy_key(store *s, key *k) {
        drop(s, k);
}

void lazy_value(store *s, key *k) {
        key *shell = value_effort(k) > SMALL ? mem_new(sizeof(*shell)) : NULL;

        if (shell) {
                *shell = *k;
                shell->n_name = shell->has_expiry = 0;
                value_init(k);
                lazy_key(s, shell);
        } else {
                value_free(k);
        }
}

static void drop_key(void *arg, void *entry) {
        store *s = arg;

        s->lazy.n_keys--;
        s->lazy.n_freed += drop(s, entry);
}

static void drop_nothing(void *arg, void *entry) {
        (void)arg, (void)entry;
}

static bool drain(store *s, item *i, size_t n) {
        if (i->k)
                return value_drain(i->k, n);
        return table_drain(&i->table, n, i->owns_keys ? drop_key : drop_nothing, s);
}

/* It is empty. */
static void item_free(store *s, item *i) {
        if (i->k) {
                free_now(i->k);
                s->lazy.n_keys--;
                s->lazy.n_freed++;
        } else {
                table_deinit(&i->table);
        }
        list_remove(&i->node);
        mem_free(i);
}

void lazy_table(store *s, table *t, bool owns_keys) {
        item i = { .table = *t, .owns_keys = owns_keys };

        if (table_count(t) <= SMALL || !put(s, i)) {
                s->lazy.n_keys += owns_keys ? table_count(t) : 0;
                while (drain(s, &i, SIZE_MAX))
                        ;
                table_deinit(&i.table);
        }
        table_init(t, i.table.key);
}

bool lazy_run(store *s, int64_t until) {
        for (list *node; lazy_has(&s->lazy);) {
                node = list_first(&s->lazy.waiting);
                if (!drain(s, container_of(node, item, node), STEP))
                        item_free(s, container_of(node, item, node));
                if (clock_now() >= until)
                        break;
        }
        return lazy_has(&s->lazy);
}
