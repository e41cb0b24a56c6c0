/* SPDX-License-Identifier: Apache-2.0 */
/* What the command under way has to do with computed keys. */
#include "mount-use.h"

#include <errno.h>
#include <stdio.h>

#include "../../base/mem.h"
#include "../../wire/resp/out.h"
#include "../api.h"
#include "../block.h"
#include "../store.h"
#include "../type/value.h"

enum {
        KEYS_CHANGED = KEYSPEC_RW | KEYSPEC_OW | KEYSPEC_RM,
        FEW = 16, /* keys that are counted without memory for it; picked */
};

/* Told when the program has taken the change. */
typedef struct event {
        list node;
        notify_class class;
        const char *name;
} event;

static const void *name_of(const void *entry, size_t *ret_n) {
        const used *u = entry;

        *ret_n = u->name.n;
        return u->name.p;
}

void mounting_init(mounting *m) {
        list_init(&m->used);
        list_init(&m->touched);
}

static void drop_key(used *u) {
        key *k = u->key;

        u->key = NULL;
        if (!k)
                return;
        value_free(k);
        mem_free(k);
}

void used_reset(used *u) {
        drop_key(u);
        u->is_read = false;
}

static void drop_events(used *u) {
        for (list *node; (node = list_take_first(&u->events));)
                mem_free(container_of(node, event, node));
}

void mount_forget(store *s) {
        mounting *m = &s->mounting;

        for (list *node; (node = list_take_first(&m->used));) {
                used *u = container_of(node, used, node);

                table_take(&u->mount->used, table_hash(u->name.p, u->name.n), u->name.p, u->name.n);
                drop_key(u);
                drop_events(u);
                mem_free(u);
        }
        for (list *node; (node = list_take_first(&m->touched));)
                mem_free(container_of(node, touched, node));
        m->is_refused = false;
}

void mount_refuse(store *s, bytes name, const char *why) {
        mounting *m = &s->mounting;

        if (m->is_refused)
                return;
        m->is_refused = true;
        snprintf(m->refusal, sizeof(m->refusal), "ERR %.*s: %s", call_shown(name), name.p, why);
}

/* reading */

static used *find(const mount *m, bytes name) {
        void **slot = table_find(&m->used, table_hash(name.p, name.n), name.p, name.n);

        return slot ? *slot : NULL;
}

static used *find_or_add(mount *m, bytes name) {
        used *u = find(m, name);
        char *text;

        if (u)
                return u;
        if (table_count(&m->used) == 0)
                table_init(&m->used, name_of);
        u = mem_zero(sizeof(*u) + name.n + 1);
        if (!u)
                return NULL;
        text = (char *)(u + 1);
        memcpy(text, name.p, name.n);
        u->name = (bytes){ text, name.n };
        u->mount = m;
        list_init(&u->node);
        list_init(&u->events);
        if (table_add(&m->used, table_hash(name.p, name.n), u) < 0)
                return mem_free(u);
        list_append(&m->db->store->mounting.used, &u->node);
        return u;
}

/* As the program knows it: without the prefix, and with a 0 behind it. */
static beam_arg own_name(const used *u) {
        size_t n = u->mount->prefix.n;

        return (beam_arg){ u->name.p + n, u->name.n - n };
}

static void read_value(used *u) {
        store *s = u->mount->db->store;
        beam_value v = { .used = u };
        int r;

        u->is_read = true;
        s->mounting.is_calling = true;
        r = u->mount->calls.read(u->mount->data, own_name(u), &v);
        s->mounting.is_calling = false;
        if (v.error < 0)
                r = v.error;
        if (r >= 0)
                return;
        drop_key(u);
        if (r != -ENOENT)
                mount_refuse(s, u->name, beam_strerror(r));
}

key *mount_find(mount *m, bytes name) {
        used *u = find_or_add(m, name);

        if (!u) {
                mount_refuse(m->db->store, name, beam_strerror(-ENOMEM));
                return NULL;
        }
        if (!u->is_read)
                read_value(u);
        return u->key;
}

key_type mount_type(mount *m, bytes name) {
        static const key_type types[] = {
                [BEAM_TYPE_NONE] = KEY_TYPES, [BEAM_TYPE_STRING] = KEY_STRING,
                [BEAM_TYPE_LIST] = KEY_LIST,  [BEAM_TYPE_SET] = KEY_SET,
                [BEAM_TYPE_ZSET] = KEY_ZSET,  [BEAM_TYPE_HASH] = KEY_HASH,
        };
        store *s = m->db->store;
        used *u = find_or_add(m, name);
        beam_type type;

        if (!u)
                return KEY_TYPES;
        if (!u->is_read && m->calls.type) {
                s->mounting.is_calling = true;
                type = m->calls.type(m->data, own_name(u));
                s->mounting.is_calling = false;
                return type <= BEAM_TYPE_HASH ? types[type] : KEY_TYPES;
        }
        return mount_find(m, name) ? (key_type)((key *)u->key)->type : KEY_TYPES;
}

/* changing */

key *mount_add(mount *m, bytes name, key_type type) {
        used *u = find_or_add(m, name);
        key *k = u ? db_new_key(m->db, name, type) : NULL;

        if (!k)
                return NULL;
        k->is_computed = true;
        u->is_read = true;
        u->key = k;
        return k;
}

void mount_remove(mount *m, bytes name) {
        drop_key(find(m, name));
}

void **mount_place(mount *m, bytes name) {
        return &find(m, name)->key;
}

bool mount_notes(mount *m, bytes name, notify_class class, const char *what) {
        used *u = find(m, name);
        event *e;

        if (!u || u->is_written)
                return false;
        u->is_changed = true;
        e = mem_new(sizeof(*e));
        if (!e) {
                mount_refuse(m->db->store, name, beam_strerror(-ENOMEM));
                return true;
        }
        *e = (event){ .class = class, .name = what };
        list_init(&e->node);
        list_append(&u->events, &e->node);
        return true;
}

/* Several changes of a key mostly come one after the other. */
static bool has_touched(const mounting *m, const db *d, bytes name) {
        const touched *t = container_of(m->touched.prev, touched, node);

        return !list_is_empty(&m->touched) && t->db == d && bytes_equal(t->name, name);
}

void mount_touch(db *d, bytes name) {
        mounting *m = &d->store->mounting;
        touched *t;

        /* without a computed key in it the command is the same to those who follow */
        if (list_is_empty(&m->used) || !feed_is_read(&d->store->feed) || has_touched(m, d, name))
                return;
        t = mem_new(sizeof(*t) + name.n);
        if (!t) {
                feed_lose(&d->store->feed);
                return;
        }
        t->db = d;
        t->name = (bytes){ memcpy(t + 1, name.p, name.n), name.n };
        list_init(&t->node);
        list_append(&m->touched, &t->node);
}

/* around a command */

/* Of the keys that a command may change, how many are computed, and are not. */
static int count_changed(call *c, int *ret_computed, int *ret_stored) {
        int few[FEW], *places = few;

        if (c->argc > FEW) {
                places = mem_array((size_t)c->argc, sizeof(*places));
                if (!places)
                        return -ENOMEM;
        }
        *ret_computed = *ret_stored = 0;
        for (int i = 0; i < c->cmd->n_specs; i++) {
                const key_spec *spec = &c->cmd->specs[i];
                int n = spec->flags & KEYS_CHANGED
                                ? command_spec_keys(spec, c->argv, c->argc, places)
                                : 0;

                for (int k = 0; k < n; k++)
                        ++*(mount_of(c->db, c->argv[places[k]]) ? ret_computed : ret_stored);
        }
        if (places != few)
                mem_free(places);
        return 0;
}

bool mount_begin(call *c) {
        int n_computed, n_stored;

        mount_forget(c->store);
        if (!(c->cmd->flags & CMD_WRITE) || !c->db->mounts)
                return true;
        if (count_changed(c, &n_computed, &n_stored) < 0) {
                call_fail_memory(c);
                return false;
        }
        if (n_computed > 0 && n_stored > 0) {
                call_fail(c, "ERR computed keys and stored ones cannot be changed by one command");
                return false;
        }
        return true;
}

/* Hand the program what the command has made of it. */
static void write_value(used *u) {
        const mount *m = u->mount;
        store *s = m->db->store;
        const char *why = NULL;
        beam_result value;
        resp_out text;
        int r;

        if (!m->calls.write) {
                mount_refuse(s, u->name, "it can only be read");
                return;
        }
        resp_out_init(&text, 3);
        mount_print(u->key, &text);
        if (text.failed) {
                r = -ENOMEM;
        } else {
                result_of((bytes){ (char *)text.p, text.n }, &value);
                s->mounting.is_calling = true;
                r = m->calls.write(m->data, own_name(u), &value, &why);
                s->mounting.is_calling = false;
        }
        resp_out_deinit(&text);
        if (r < 0)
                mount_refuse(s, u->name, why ? why : beam_strerror(r));
}

/* What has a value first: so a RENAME that is refused has lost nothing. */
static void write_all(store *s, bool is_there) {
        list_each(node, &s->mounting.used) {
                used *u = container_of(node, used, node);

                if (s->mounting.is_refused)
                        return;
                if (u->is_changed && is_there == (u->key != NULL))
                        write_value(u);
        }
}

static void tell_events(used *u) {
        u->is_written = true;
        list_each(node, &u->events) {
                const event *e = container_of(node, event, node);

                db_changed(u->mount->db, u->name, e->class, e->name);
        }
}

static void take_back(call *c, size_t before, uint64_t n_changes) {
        resp_out_cut(c->out, before);
        call_fail(c, c->store->mounting.refusal);
        c->store->n_changes = n_changes;
        feed_drop(&c->store->feed);
        c->waits_again = false;
        if (!c->is_again)
                block_forget(c->client);
}

void mount_end(call *c, size_t before, uint64_t n_changes) {
        store *s = c->store;

        write_all(s, true);
        write_all(s, false);
        if (s->mounting.is_refused) {
                take_back(c, before, n_changes);
        } else {
                list_each(node, &s->mounting.used) {
                        used *u = container_of(node, used, node);

                        if (u->is_changed)
                                tell_events(u);
                }
                mount_send_used(s);
        }
        mount_forget(s);
}
