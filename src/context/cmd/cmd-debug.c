/* SPDX-License-Identifier: Apache-2.0 */
/* DEBUG: what tests of clients ask of a server. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../base/mem.h"
#include "../../base/real.h"
#include "../evict.h"
#include "../file/dump.h"
#include "../file/load.h"
#include "../store.h"
#include "../type/key-string.h"
#include "../type/value.h"
#include "context/commands.h"
#include "digest.h"

/* What is no number is no time. Nobody else is served meanwhile, which is the use of it. */
static void debug_sleep(call *c) {
        struct timespec left = { 0 };
        double seconds;

        if (real_read(c->argv[2].p, c->argv[2].n, &seconds) == 0 && seconds > 0 && seconds < 1e9) {
                left.tv_sec = (time_t)seconds;
                left.tv_nsec = (long)((seconds - floor(seconds)) * 1e9);
        }
        while (nanosleep(&left, &left) < 0)
                ;
        resp_out_ok(c->out);
}

/* A line of Redis's, without the fields that are of its own lists alone. */
static void debug_object(call *c) {
        const key *k = db_peek(c->db, c->argv[2]);
        char line[256];
        rdb_out out = { 0 };

        if (!k) {
                call_fail(c, "ERR no such key");
                return;
        }
        dump_value(&out, k);
        snprintf(line, sizeof(line),
                 "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%u "
                 "lru_seconds_idle:%" PRId64,
                 (const void *)k, key_encoding_name(k), out.n, (unsigned)k->lru,
                 evict_idle(c->store, k));
        rdb_out_deinit(&out);
        resp_out_status(c->out, line);
}

static void reply_digest(call *c, const digest *d) {
        char text[2 * SHA1_SIZE + 1];

        for (size_t i = 0; i < SHA1_SIZE; i++)
                snprintf(text + 2 * i, 3, "%02x", d->sum[i]);
        resp_out_status(c->out, text);
}

static void debug_digest(call *c) {
        digest d = { 0 };

        digest_store(&d, c->store);
        reply_digest(c, &d);
}

static void debug_digest_value(call *c) {
        resp_out_array(c->out, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++) {
                const key *k = db_peek(c->db, c->argv[i]);
                digest d = { 0 };

                if (k)
                        digest_value(&d, k);
                reply_digest(c, &d);
        }
}

static void debug_error(call *c) {
        stats_note_error(&c->store->stats, "ERR");
        c->has_failed = true;
        resp_out_error_bytes(c->out, c->argv[2].p, c->argv[2].n);
}

static void debug_set_active_expire(call *c) {
        int64_t n = 0;

        decimal_read(c->argv[2].p, c->argv[2].n, &n);
        c->store->leaves_expired = n == 0;
        resp_out_ok(c->out);
}

/* @padded has room for @size bytes; without it the value is as long as it is. */
static bool populate_one(call *c, bytes prefix, int64_t i, char *padded, size_t size) {
        char name[512], text[32];
        bytes value = { text, (size_t)snprintf(text, sizeof(text), "value:%" PRId64, i) };
        bytes at = { name, (size_t)snprintf(name, sizeof(name), "%.*s:%" PRId64, (int)prefix.n,
                                            prefix.p, i) };
        key *k = db_peek(c->db, at);

        if (k)
                return true;
        if (size > 0) {
                memcpy(padded, text, size < value.n ? size : value.n);
                value = (bytes){ padded, size };
        }
        k = db_add(c->db, at, KEY_STRING);
        if (!k)
                return false;
        if (!string_set_text(c->db, k, value)) {
                db_remove(c->db, k);
                return false;
        }
        db_changed(c->db, at, NOTIFY_STRING, NULL);
        return true;
}

/* Keys that are not there yet, of a few bytes or of so many, of which the rest is 0. */
static void debug_populate(call *c) {
        bytes prefix = c->argc > 3 ? c->argv[3] : BYTES("key");
        const char *error = "ERR value is out of range, must be positive";
        int64_t n, size = 0;
        char *padded;

        if (!call_integer_in(c, 2, 0, INT64_MAX, &n, error) ||
            (c->argc > 4 && !call_integer_in(c, 4, 0, STRING_MAX, &size, error)))
                return;
        if (prefix.n > 256)
                prefix.n = 256;
        padded = mem_zero((size_t)size);
        for (int64_t i = 0; i < n; i++) {
                if (!padded || !populate_one(c, prefix, i, padded, (size_t)size)) {
                        mem_free(padded);
                        call_fail_memory(c);
                        return;
                }
        }
        mem_free(padded);
        resp_out_ok(c->out);
}

/* All that the store holds as RDB, into @out. */
static int write_all(store *s, rdb_out *out) {
        snapshot *snap;
        bytes piece;
        int r = snapshot_new(s, &snap);

        if (r < 0)
                return r;
        do {
                r = snapshot_next(snap, 1 << 20, &piece);
                if (r >= 0)
                        rdb_out_raw(out, piece.p, piece.n);
        } while (r > 0);
        snapshot_free(snap);
        return r == 0 && out->failed ? -ENOMEM : r;
}

static int read_all(store *s, const rdb_out *in) {
        size_t rest;
        load l;
        int r;

        load_init(&l, s);
        r = load_feed(&l, in->p, in->n, &rest);
        load_deinit(&l);
        return r == 0 ? -EPROTO : r;
}

/* Write all and read it again, in memory: what does not survive that is lost by saving. */
static void debug_reload(call *c) {
        store *s = c->store;
        rdb_out all = { 0 };
        int r = write_all(s, &all);

        for (int i = 0; r == 0 && i < s->n_dbs; i++)
                db_flush(&s->dbs[i]);
        if (r == 0)
                r = read_all(s, &all);
        rdb_out_deinit(&all);
        if (r == -EBUSY)
                call_fail(c, "ERR Background save already in progress");
        else if (r < 0)
                call_fail(c, "ERR Error trying to load the RDB dump, check server logs.");
        else
                resp_out_ok(c->out);
}

/* One reply of each type, for who reads them; the same ones as of Redis. */
static void debug_protocol(call *c) {
        resp_out *o = c->out;

        if (call_is(c, 2, "string")) {
                resp_out_bulk_text(o, "Hello World");
        } else if (call_is(c, 2, "integer")) {
                resp_out_integer(o, 12345);
        } else if (call_is(c, 2, "double")) {
                resp_out_double(o, 3.141);
        } else if (call_is(c, 2, "null")) {
                resp_out_null(o);
        } else if (call_is(c, 2, "array") || call_is(c, 2, "set")) {
                if (call_is(c, 2, "set"))
                        resp_out_set(o, 3);
                else
                        resp_out_array(o, 3);
                for (int i = 0; i < 3; i++)
                        resp_out_integer(o, i);
        } else if (call_is(c, 2, "map")) {
                resp_out_map(o, 3);
                for (int i = 0; i < 3; i++) {
                        resp_out_integer(o, i);
                        resp_out_bool(o, i == 1);
                }
        } else if (call_is(c, 2, "attrib")) {
                if (o->version == 3) {
                        resp_out_attribute(o, 1);
                        resp_out_bulk_text(o, "key-popularity");
                        resp_out_array(o, 2);
                        resp_out_bulk_text(o, "key:123");
                        resp_out_integer(o, 90);
                }
                resp_out_bulk_text(o, "Some real reply following the attribute");
        } else if (call_is(c, 2, "push")) {
                if (o->version < 3) {
                        call_fail(c, "ERR RESP2 is not supported by this command");
                        return;
                }
                resp_out_push(o, 2);
                resp_out_bulk_text(o, "server-cpu-usage");
                resp_out_integer(o, 42);
        } else if (call_is(c, 2, "bignum")) {
                resp_out_bignum(o, "1234567999999999999999999999999999999", 37);
        } else if (call_is(c, 2, "verbatim")) {
                resp_out_verbatim(o, "txt", "This is a verbatim\nstring", 25);
        } else if (call_is(c, 2, "true") || call_is(c, 2, "false")) {
                resp_out_bool(o, call_is(c, 2, "true"));
        } else {
                call_fail(c, "ERR Wrong protocol type name. Please use one of the following: "
                             "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|"
                             "true|false");
        }
}

static void debug_help(call *c);

static const struct debug {
        const char *name, *args, *what;
        int argc, argc_max;
        void (*run)(call *c);
} debugs[] = {
        { "DIGEST", "", "A sum of all keys and values, Redis's.", 2, 2, debug_digest },
        { "DIGEST-VALUE", " key...", "Such sums of values.", 2, INT_MAX, debug_digest_value },
        { "ERROR", " text", "Answer with this error.", 3, 3, debug_error },
        { "HELP", "", "This.", 2, 2, debug_help },
        { "OBJECT", " key", "How a key is kept.", 3, 3, debug_object },
        { "POPULATE", " count [prefix [size]]", "Make keys.", 3, 5, debug_populate },
        { "PROTOCOL", " type", "Answer with a reply of this type.", 3, 3, debug_protocol },
        { "RELOAD", "", "Write all as RDB and read it again.", 2, 2, debug_reload },
        { "SET-ACTIVE-EXPIRE", " 0|1", "Whether keys expire though nobody asks for them.", 3, 3,
          debug_set_active_expire },
        { "SLEEP", " seconds", "Serve nobody for so long.", 3, 3, debug_sleep },
};

enum { N_DEBUGS = sizeof(debugs) / sizeof(*debugs) };

static void debug_help(call *c) {
        char line[64];

        resp_out_array(c->out, 2 * N_DEBUGS);
        for (int i = 0; i < N_DEBUGS; i++) {
                snprintf(line, sizeof(line), "%s%s", debugs[i].name, debugs[i].args);
                resp_out_status(c->out, line);
                snprintf(line, sizeof(line), "    %s", debugs[i].what);
                resp_out_status(c->out, line);
        }
}

void cmd_debug(call *c) {
        for (int i = 0; i < N_DEBUGS; i++) {
                if (call_is(c, 1, debugs[i].name) && c->argc >= debugs[i].argc &&
                    c->argc <= debugs[i].argc_max) {
                        debugs[i].run(c);
                        return;
                }
        }
        call_fail_subcommand(c);
}
