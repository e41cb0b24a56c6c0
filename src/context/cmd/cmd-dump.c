/* SPDX-License-Identifier: Apache-2.0 */
/* DUMP and RESTORE: a value as bytes, in Redis's form. */
#include "context/commands.h"

#include <errno.h>

#include "../file/dump.h"
#include "../file/load.h"
#include "../store.h"

void cmd_dump(call *c) {
        const key *k = db_read(c->db, c->argv[1]);
        rdb_out out = { 0 };

        if (!k) {
                resp_out_null(c->out);
                return;
        }
        rdb_out_byte(&out, dump_kind(k));
        dump_value(&out, k);
        rdb_out_footer(&out);
        if (out.failed)
                call_fail_memory(c);
        else
                resp_out_bulk(c->out, out.p, out.n);
        rdb_out_deinit(&out);
}

typedef struct options {
        bool replaces, is_absolute;
        int64_t idle, freq; /* -1: not said */
} options;

static bool read_options(call *c, options *o) {
        for (int i = 4; i < c->argc; i++) {
                bool more = i + 1 < c->argc;

                if (call_is(c, i, "REPLACE")) {
                        o->replaces = true;
                } else if (call_is(c, i, "ABSTTL")) {
                        o->is_absolute = true;
                } else if (call_is(c, i, "IDLETIME") && more && o->freq < 0) {
                        if (!call_integer(c, ++i, &o->idle, NULL))
                                return false;
                        if (o->idle < 0) {
                                call_fail(c, "ERR Invalid IDLETIME value, must be >= 0");
                                return false;
                        }
                } else if (call_is(c, i, "FREQ") && more && o->idle < 0) {
                        if (!call_integer(c, ++i, &o->freq, NULL))
                                return false;
                        if (o->freq < 0 || o->freq > 255) {
                                call_fail(c, "ERR Invalid FREQ value, must be >= 0 and <= 255");
                                return false;
                        }
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        return true;
}

static bool read_time(call *c, const options *o, int64_t *ret) {
        int64_t ttl;

        if (!call_integer(c, 2, &ttl, NULL))
                return false;
        if (ttl < 0) {
                call_fail(c, "ERR Invalid TTL value, must be >= 0");
                return false;
        }
        if (ttl == 0 || (!o->is_absolute && __builtin_add_overflow(ttl, c->store->now, &ttl)))
                ttl = INT64_MAX;
        *ret = ttl;
        return true;
}

/* The value under its name, in a database of its own. */
static key *read_value(call *c, db *aside) {
        bytes payload;
        key *k = NULL;
        int r = rdb_payload(c->argv[3], &payload);

        if (r < 0) {
                call_fail(c, "ERR DUMP payload version or checksum are wrong");
                return NULL;
        }
        r = load_value(aside, c->argv[1], payload, &k);
        if (r == -ENOMEM)
                call_fail_memory(c);
        else if (r < 0)
                call_fail(c, "ERR Bad data format");
        return r < 0 ? NULL : k;
}

static void send(call *c, const options *o, int64_t when) {
        char text[DECIMAL_MAX];
        bytes at = { text, decimal_print(when, text) };
        bytes argv[] = { BYTES("RESTORE"), c->argv[1],      at,
                         c->argv[3],       BYTES("ABSTTL"), BYTES("REPLACE") };

        call_send_instead(c, argv, o->replaces ? 6 : 5);
}

static void restore(call *c, const options *o, db *aside) {
        bytes name = c->argv[1];
        int64_t when;
        key *k, *there;

        if (!read_time(c, o, &when) || !(k = read_value(c, aside)))
                return;
        if (when <= c->store->now && !c->store->follows) {
                there = db_write(c->db, name);
                if (there) {
                        db_remove(c->db, there);
                        db_changed(c->db, name, NOTIFY_GENERIC, "del");
                        call_send_instead(c, (bytes[]){ BYTES("DEL"), name }, 2);
                }
        } else if ((k = db_replace(c->db, name, k, when))) {
                load_set_use(c->store, k, o->idle, (int)o->freq);
                db_changed(c->db, name, NOTIFY_GENERIC, "restore");
                if (when != INT64_MAX && !o->is_absolute)
                        send(c, o, when);
        } else {
                call_fail_memory(c);
                return;
        }
        resp_out_ok(c->out);
}

void cmd_restore(call *c) {
        options o = { .idle = -1, .freq = -1 };
        db aside;

        if (!read_options(c, &o))
                return;
        if (!o.replaces && db_write(c->db, c->argv[1])) {
                call_fail(c, "BUSYKEY Target key name already exists.");
                return;
        }
        db_init(&aside, c->store, c->db->number);
        restore(c, &o, &aside);
        db_deinit(&aside);
}
