/* SPDX-License-Identifier: Apache-2.0 */
/* Computed keys for those who watch or follow: they get whole values. */
#include <errno.h>

#include "../../base/clock.h"
#include "../../base/decimal.h"
#include "../../base/mem.h"
#include "../../wire/resp/cursor.h"
#include "../block.h"
#include "../store.h"
#include "../type/value.h"
#include "mount-use.h"

/* The command that makes a value of a type, and the event that tells of it. */
static const struct {
        bytes command;
        notify_class class;
        const char *event;
} makers[] = {
        [KEY_STRING] = { BYTES("SET"), NOTIFY_STRING, "set" },
        [KEY_LIST] = { BYTES("RPUSH"), NOTIFY_LIST, "rpush" },
        [KEY_SET] = { BYTES("SADD"), NOTIFY_SET, "sadd" },
        [KEY_ZSET] = { BYTES("ZADD"), NOTIFY_ZSET, "zadd" },
        [KEY_HASH] = { BYTES("HSET"), NOTIFY_HASH, "hset" },
};

/* The elements of what mount_print() has written, behind the name. */
static int read_elements(const key *k, resp_out *text, bytes *argv) {
        resp_cursor at = { (const char *)text->p, (const char *)text->p + text->n };
        int argc = 2;
        resp_value v;

        while (resp_cursor_next(&at, &v)) {
                if (resp_value_has_values(&v))
                        continue;
                argv[argc++] = v.text;
        }
        /* the score first */
        for (int i = 2; k->type == KEY_ZSET && i + 1 < argc; i += 2) {
                bytes member = argv[i];

                argv[i] = argv[i + 1];
                argv[i + 1] = member;
        }
        return argc;
}

static void keep_value(db *d, bytes name) {
        feed *f = &d->store->feed;
        const key *k = db_peek(d, name);
        char scratch[DECIMAL_MAX];
        bytes *argv;
        resp_out text;
        size_t n;

        if (!k || k->type != KEY_STRING)
                feed_keep(f, d, (bytes[]){ BYTES("DEL"), name }, 2);
        if (!k || k->type >= sizeof(makers) / sizeof(*makers))
                return;
        n = k->type == KEY_STRING ? 1 : 2 * value_count(k);
        argv = mem_array(n + 2, sizeof(*argv));
        resp_out_init(&text, 3);
        mount_print(k, &text);
        if (!argv || text.failed) {
                feed_lose(f);
        } else {
                argv[0] = makers[k->type].command;
                argv[1] = name;
                feed_keep(f, d, argv, read_elements(k, &text, argv));
        }
        resp_out_deinit(&text);
        mem_free(argv);
        if (k->has_expiry) {
                bytes when = { scratch, decimal_print(key_expiry(k), scratch) };

                feed_keep(f, d, (bytes[]){ BYTES("PEXPIREAT"), name, when }, 3);
        }
}

/* Of a change that is no command's. */
static void send_kept(db *d) {
        if (!d->store->current)
                feed_done(&d->store->feed, d, NULL, 0, false);
}

void mount_send_used(store *s) {
        mounting *m = &s->mounting;
        bool has_changed = !list_is_empty(&m->touched);

        if (!feed_is_read(&s->feed))
                return;
        list_each(node, &m->used)
                has_changed |= container_of(node, used, node)->is_changed;
        if (!has_changed)
                return;
        feed_drop(&s->feed);
        list_each(node, &m->used) {
                used *u = container_of(node, used, node);

                if (!u->is_changed)
                        continue;
                used_reset(u); /* the program may have made something else of it */
                keep_value(u->mount->db, u->name);
        }
        list_each(node, &m->touched) {
                const touched *t = container_of(node, touched, node);

                keep_value(t->db, t->name);
        }
}

void mount_send_all(mount *m, bool is_there) {
        feed *f = &m->db->store->feed;
        beam_names names;
        size_t at = 0;
        bytes name;

        if (!feed_is_read(f))
                return;
        mount_list(m, &names);
        while (names_next(&names, &at, &name)) {
                if (is_there)
                        keep_value(m->db, name);
                else
                        feed_keep(f, m->db, (bytes[]){ BYTES("DEL"), name }, 2);
        }
        names_deinit(&names);
        send_kept(m->db);
}

int mount_changed(mount *m, bytes name) {
        store *s = m->db->store;
        db *d = m->db;
        key_type type;
        bytes whole;
        char *text;

        if (s->current || s->mounting.is_calling)
                return -EBUSY;
        text = mem_new(m->prefix.n + name.n);
        if (!text)
                return -ENOMEM;
        memcpy(text, m->prefix.p, m->prefix.n);
        memcpy(text + m->prefix.n, name.p, name.n);
        whole = (bytes){ text, m->prefix.n + name.n };

        s->now = clock_wall_ms();
        mount_forget(s);
        type = mount_type(m, whole);
        mount_forget(s);
        if (type < KEY_TYPES)
                db_changed(d, whole, makers[type].class, makers[type].event);
        else
                db_changed(d, whole, NOTIFY_GENERIC, "del");
        if (feed_is_read(&s->feed)) {
                keep_value(d, whole);
                send_kept(d);
        }
        mount_forget(s);
        mem_free(text);
        if (!list_is_empty(&s->ready))
                block_serve(s);
        return 0;
}
