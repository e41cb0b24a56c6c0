/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group generic: what can be done with a key of any type. */
#include "context/commands.h"

#include "../../base/decimal.h"
#include "../../base/glob.h"
#include "../../base/mem.h"
#include "../../base/random.h"
#include "../store.h"
#include "../type/key-string.h"
#include "../type/value.h"
#include "scan.h"

/* whether it is there */

static void remove_keys(call *c) {
        int64_t n = 0;

        for (int i = 1; i < c->argc; i++) {
                /* not db_write(): a snapshot takes what is removed as it is */
                key *k = db_peek(c->db, c->argv[i]);

                if (!k)
                        continue;
                db_remove(c->db, k);
                db_changed(c->db, c->argv[i], NOTIFY_GENERIC, "del");
                n++;
        }
        resp_out_integer(c->out, n);
}

void cmd_del(call *c) {
        remove_keys(c);
}

void cmd_unlink(call *c) {
        remove_keys(c);
}

void cmd_exists(call *c) {
        int64_t n = 0;

        for (int i = 1; i < c->argc; i++)
                n += db_look(c->db, c->argv[i]) != NULL;
        resp_out_integer(c->out, n);
}

void cmd_touch(call *c) {
        int64_t n = 0;

        for (int i = 1; i < c->argc; i++)
                n += db_read(c->db, c->argv[i]) != NULL;
        resp_out_integer(c->out, n);
}

void cmd_type(call *c) {
        mount *m = mount_of(c->db, c->argv[1]);
        const key *k = m ? NULL : db_look(c->db, c->argv[1]);
        key_type type = m ? mount_type(m, c->argv[1]) : k ? (key_type)k->type : KEY_TYPES;

        resp_out_status(c->out, type < KEY_TYPES ? key_type_text(type) : "none");
}

/* which there are */

static size_t show_computed(call *c, mount *m, bytes pattern) {
        size_t at = 0, n = 0;
        beam_names names;
        bytes name;

        mount_list(m, &names);
        while (names_next(&names, &at, &name)) {
                if (!glob_match(pattern, name, false))
                        continue;
                resp_out_bulk(c->out, name.p, name.n);
                n++;
        }
        names_deinit(&names);
        return n;
}

void cmd_keys(call *c) {
        bytes pattern = c->argv[1];
        bool all = bytes_equal(pattern, BYTES("*"));
        size_t later = resp_out_later(c->out), n = 0;
        table_iter i;
        const key *k;

        table_iter_begin(&i, &c->db->keys);
        while ((k = table_iter_next(&i))) {
                bytes name = key_name(k);

                if (key_expiry(k) <= c->store->now || (!all && !glob_match(pattern, name, false)))
                        continue;
                resp_out_bulk(c->out, name.p, name.n);
                n++;
        }
        table_iter_end(&i);
        for (mount *m = NULL; (m = mount_next(c->db, m ? m->id : 0));)
                n += show_computed(c, m, pattern);
        resp_out_head(c->out, later, RESP_ARRAY, n);
}

static void scan_key(void *arg, void *entry) {
        const key *k = entry;
        scan *s = arg;
        bytes name = key_name(k);

        if (!scan_wants(s, name) || (s->type >= 0 && s->type != (int)k->type) ||
            key_expiry(k) <= s->c->store->now)
                return;
        resp_out_bulk(&s->out, name.p, name.n);
        scan_has(s, 1);
}

/* The cursors of mounts: this and their number. Tables have none so large, and what a double
 * holds whole is what some clients keep a cursor in. */
#define MOUNT_CURSOR (UINT64_C(1) << 52)

/* All names of the mount behind @cursor. */
static uint64_t scan_mount(scan *s, uint64_t cursor) {
        mount *m = mount_next(s->c->db, cursor - MOUNT_CURSOR);
        beam_names names;
        size_t at = 0;
        bytes name;

        if (!m)
                return 0;
        mount_list(m, &names);
        while (names_next(&names, &at, &name)) {
                if (!scan_wants(s, name) || (s->type >= 0 && s->type != (int)mount_type(m, name)))
                        continue;
                resp_out_bulk(&s->out, name.p, name.n);
                scan_has(s, 1);
        }
        names_deinit(&names);
        return mount_next(s->c->db, m->id) ? MOUNT_CURSOR + m->id : 0;
}

void cmd_scan(call *c) {
        uint64_t cursor;
        scan s;

        if (!scan_read(&s, c))
                return;
        scan_begin(&s);
        cursor = s.cursor;
        if (cursor < MOUNT_CURSOR) {
                cursor = scan_walk(&s, &c->db->keys, scan_key);
                if (!cursor && c->db->mounts)
                        cursor = MOUNT_CURSOR;
        }
        while (cursor >= MOUNT_CURSOR && s.n_seen < s.count)
                cursor = scan_mount(&s, cursor);
        scan_end(&s, cursor);
}

/* Any of the names that all mounts list, which are @n. */
static void answer_computed(call *c, uint64_t n) {
        uint64_t left = random_below(n);
        bool found = false;

        for (mount *m = NULL; !found && (m = mount_next(c->db, m ? m->id : 0));) {
                beam_names names;
                size_t at = 0;
                bytes name;

                mount_list(m, &names);
                while (!found && names_next(&names, &at, &name)) {
                        found = left-- == 0;
                        if (found)
                                resp_out_bulk(c->out, name.p, name.n);
                }
                names_deinit(&names);
        }
        if (!found)
                resp_out_null(c->out);
}

void cmd_randomkey(call *c) {
        size_t n_computed = c->db->mounts ? mount_count(c->db) : 0;

        if (n_computed > 0 && random_below(table_count(&c->db->keys) + n_computed) < n_computed) {
                answer_computed(c, n_computed);
                return;
        }
        /* All may have expired: after so many it is said that there is none, as Redis does
         * in a replica, which may not remove them. */
        for (int tries = 0; tries < 100; tries++) {
                const key *k = table_random(&c->db->keys);
                bytes name = k ? key_name(k) : (bytes){ 0 };

                if (!k)
                        break;
                if (key_expiry(k) > c->store->now) {
                        resp_out_bulk(c->out, name.p, name.n);
                        return;
                }
                db_peek(c->db, name);
        }
        resp_out_null(c->out);
}

/* names */

static void rename_key(call *c, bool only_new) {
        bytes from = c->argv[1], to = c->argv[2];
        key *k = db_write(c->db, from), *there;

        if (!k) {
                call_fail(c, "ERR no such key");
                return;
        }
        there = bytes_equal(from, to) ? k : db_write(c->db, to);
        if (there && only_new) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (there != k) {
                if (there)
                        db_remove(c->db, there);
                k = db_peek(c->db, from);
                if (!db_move(c->db, k, c->db, to)) {
                        call_fail_memory(c);
                        return;
                }
                db_changed(c->db, from, NOTIFY_GENERIC, "rename_from");
                db_changed(c->db, to, NOTIFY_GENERIC, "rename_to");
        }
        if (only_new)
                resp_out_integer(c->out, 1);
        else
                resp_out_ok(c->out);
}

void cmd_rename(call *c) {
        rename_key(c, false);
}

void cmd_renamenx(call *c) {
        rename_key(c, true);
}

void cmd_move(call *c) {
        bytes name = c->argv[1];
        db *to;
        key *k;

        if (!call_db(c, 2, NULL, &to))
                return;
        if (to == c->db) {
                call_fail(c, "ERR source and destination objects are the same");
                return;
        }
        k = db_write(c->db, name);
        if (!k || db_write(to, name)) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (!db_move(c->db, k, to, name)) {
                call_fail_memory(c);
                return;
        }
        db_changed(c->db, name, NOTIFY_GENERIC, "move_from");
        db_changed(to, name, NOTIFY_GENERIC, "move_to");
        resp_out_integer(c->out, 1);
}

typedef struct copy_options {
        db *to;
        bool replaces;
} copy_options;

static bool read_copy_options(call *c, copy_options *ret) {
        for (int i = 3; i < c->argc; i++) {
                if (call_is(c, i, "REPLACE")) {
                        ret->replaces = true;
                } else if (call_is(c, i, "DB") && i + 1 < c->argc) {
                        if (!call_db(c, ++i, NULL, &ret->to))
                                return false;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        return true;
}

void cmd_copy(call *c) {
        bytes from = c->argv[1], name = c->argv[2];
        copy_options o = { .to = c->db };
        key *k, *copy;
        bool is_new;
        int64_t when;

        if (!read_copy_options(c, &o))
                return;
        if (o.to == c->db && bytes_equal(from, name)) {
                call_fail(c, "ERR source and destination objects are the same");
                return;
        }
        k = db_read(c->db, from);
        is_new = k && !db_write(o.to, name);
        if (!k || (!is_new && !o.replaces)) {
                resp_out_integer(c->out, 0);
                return;
        }
        k = db_peek(c->db, from);
        when = key_expiry(k);
        copy = value_copy(k);
        if (!copy || !db_replace(o.to, name, copy, when)) {
                call_fail_memory(c);
        } else {
                /* Redis removes what was there, and so has a new one */
                if (!is_new)
                        notify_event(o.to, name, NOTIFY_NEW, "new");
                db_changed(o.to, name, NOTIFY_GENERIC, "copy_to");
                resp_out_integer(c->out, 1);
        }
        if (copy)
                value_free(copy);
        mem_free(copy);
}
