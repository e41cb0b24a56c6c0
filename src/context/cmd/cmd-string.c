/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group string. */
#include "context/commands.h"

#include <math.h>

#include "../data/longreal.h"
#include "../expiry.h"
#include "../store.h"
#include "../type/key-string.h"
#include "start.h"

static void answer_string(call *c, const key *k) {
        char scratch[DECIMAL_MAX];
        bytes text;

        if (!k) {
                resp_out_null(c->out);
                return;
        }
        text = string_get(k, scratch);
        resp_out_bulk(c->out, text.p, text.n);
}

/* What a key is given, and what is kept of the one before. */
typedef enum put_flag { PUT_KEEP_EXPIRY = 1, PUT_AS_TEXT = 2 } put_flag;

/* @name becomes the string @value, whatever it was. NULL without memory. */
static key *put(call *c, key *k, bytes name, bytes value, unsigned flags, int64_t when) {
        bool is_new = !k;
        key *set;

        if (is_new && !(k = db_add(c->db, name, KEY_STRING)))
                return NULL;
        set = flags & PUT_AS_TEXT ? string_set_text(c->db, k, value) : string_set(c->db, k, value);
        if (!set) {
                if (is_new)
                        db_remove(c->db, k);
                return NULL;
        }
        set->type = KEY_STRING;
        if (!(flags & PUT_KEEP_EXPIRY) && (set->has_expiry || when != INT64_MAX))
                set = db_expire(c->db, set, when);
        return set;
}

static bool put_or_fail(call *c, key *k, bytes name, bytes value, unsigned flags, int64_t when) {
        if (put(c, k, name, value, flags, when))
                return true;
        call_fail_memory(c);
        return false;
}

static void send_with_time(call *c, bytes name, bytes value, int64_t when) {
        char text[DECIMAL_MAX];
        bytes at = { text, decimal_print(when, text) };

        call_send_instead(c, (bytes[]){ BYTES("SET"), name, value, BYTES("PXAT"), at }, 5);
}

static void send_plain(call *c, bytes name, bytes value) {
        call_send_instead(c, (bytes[]){ BYTES("SET"), name, value }, 3);
}

/* string values */

void cmd_get(call *c) {
        key *k;

        if (call_read(c, 1, KEY_STRING, &k))
                answer_string(c, k);
}

void cmd_strlen(call *c) {
        key *k;

        if (call_read(c, 1, KEY_STRING, &k))
                resp_out_integer(c->out, k ? (int64_t)string_length(k) : 0);
}

typedef struct set_options {
        bool nx, xx, get, keep, timed;
        int i_time;
        expiry_unit unit;
} set_options;

static bool read_set_options(call *c, set_options *ret) {
        set_options o = { 0 };

        for (int i = 3; i < c->argc; i++) {
                if (call_is(c, i, "NX") && !o.xx) {
                        o.nx = true;
                } else if (call_is(c, i, "XX") && !o.nx) {
                        o.xx = true;
                } else if (call_is(c, i, "GET")) {
                        o.get = true;
                } else if (call_is(c, i, "KEEPTTL") && !o.timed) {
                        o.keep = true;
                } else if (expiry_word(c, i, &o.unit) && !o.keep && !o.timed && i + 1 < c->argc) {
                        o.timed = true;
                        o.i_time = ++i;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        *ret = o;
        return true;
}

/* As it came, but without GET: replicas do not answer. */
static void send_without_get(call *c) {
        bytes argv[8];
        int argc = 0;

        for (int i = 0; i < c->argc && argc < 8; i++)
                if (i < 3 || !call_is(c, i, "GET"))
                        argv[argc++] = c->argv[i];
        call_send_instead(c, argv, argc);
}

void cmd_set(call *c) {
        bytes name = c->argv[1], value = c->argv[2];
        int64_t when = INT64_MAX;
        set_options o;
        size_t begin = c->out->n;
        key *k;

        if (start_is_asked(c)) {
                start_job(c);
                return;
        }
        if (!read_set_options(c, &o))
                return;
        if (o.timed && !expiry_read(c, o.i_time, o.unit, false, &when))
                return;
        if (o.get) /* it is a read too */
                db_read(c->db, name);
        k = db_write(c->db, name);
        if (o.get && !call_check_type(c, k, KEY_STRING))
                return;
        if (o.get)
                answer_string(c, k);
        if (k ? o.nx : o.xx) {
                if (!o.get)
                        resp_out_null(c->out);
                return;
        }
        if (!put(c, k, name, value, o.keep ? PUT_KEEP_EXPIRY : 0, when)) {
                resp_out_cut(c->out, begin);
                call_fail_memory(c);
                return;
        }
        db_changed(c->db, name, NOTIFY_STRING, "set");
        if (o.timed) {
                db_changed(c->db, name, NOTIFY_GENERIC, "expire");
                send_with_time(c, name, value, when);
        } else if (o.get) {
                send_without_get(c);
        }
        if (!o.get)
                resp_out_ok(c->out);
}

void cmd_setnx(call *c) {
        bytes name = c->argv[1];

        if (db_write(c->db, name)) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (!put_or_fail(c, NULL, name, c->argv[2], 0, INT64_MAX))
                return;
        db_changed(c->db, name, NOTIFY_STRING, "set");
        resp_out_integer(c->out, 1);
}

static void set_for(call *c, expiry_unit unit) {
        bytes name = c->argv[1], value = c->argv[3];
        int64_t when;

        if (!expiry_read(c, 2, unit, false, &when) ||
            !put_or_fail(c, db_write(c->db, name), name, value, 0, when))
                return;
        db_changed(c->db, name, NOTIFY_STRING, "set");
        db_changed(c->db, name, NOTIFY_GENERIC, "expire");
        send_with_time(c, name, value, when);
        resp_out_ok(c->out);
}

void cmd_setex(call *c) {
        set_for(c, EXPIRY_SECONDS);
}

void cmd_psetex(call *c) {
        set_for(c, EXPIRY_MS);
}

void cmd_getset(call *c) {
        bytes name = c->argv[1];
        size_t begin = c->out->n;
        key *k;

        if (!call_read(c, 1, KEY_STRING, &k))
                return;
        answer_string(c, k);
        k = db_write(c->db, name);
        if (!put(c, k, name, c->argv[2], 0, INT64_MAX)) {
                resp_out_cut(c->out, begin);
                call_fail_memory(c);
                return;
        }
        db_changed(c->db, name, NOTIFY_STRING, "set");
        send_plain(c, name, c->argv[2]);
}

/* The key has been read, and is to be no more. */
static void remove_and_send(call *c, key *k, bytes name) {
        db_remove(c->db, k);
        db_changed(c->db, name, NOTIFY_GENERIC, "del");
        call_send_instead(c, (bytes[]){ BYTES("DEL"), name }, 2);
}

void cmd_getdel(call *c) {
        key *k;

        if (!call_read(c, 1, KEY_STRING, &k))
                return;
        answer_string(c, k);
        if (k)
                remove_and_send(c, db_write(c->db, c->argv[1]), c->argv[1]);
}

void cmd_getex(call *c) {
        bytes name = c->argv[1];
        bool timed = false, persist = false;
        expiry_unit unit = EXPIRY_MS;
        int64_t when = INT64_MAX;
        char text[DECIMAL_MAX];
        key *k;

        if (c->argc > 2) {
                timed = c->argc == 4 && expiry_word(c, 2, &unit);
                persist = c->argc == 3 && call_is(c, 2, "PERSIST");
                if (!timed && !persist) {
                        call_fail_syntax(c);
                        return;
                }
        }
        if (!call_read(c, 1, KEY_STRING, &k))
                return;
        if (!k) {
                resp_out_null(c->out);
                return;
        }
        if (timed && !expiry_read(c, 3, unit, false, &when))
                return;
        if (timed || persist)
                k = db_write(c->db, name);
        if (timed && when <= c->store->now) {
                answer_string(c, k);
                remove_and_send(c, k, name);
        } else if (timed) {
                k = db_expire(c->db, k, when);
                if (!k) {
                        call_fail_memory(c);
                        return;
                }
                answer_string(c, k);
                db_changed(c->db, name, NOTIFY_GENERIC, "expire");
                call_send_instead(
                        c,
                        (bytes[]){ BYTES("PEXPIREAT"), name, { text, decimal_print(when, text) } },
                        3);
        } else {
                answer_string(c, k);
                if (persist && k->has_expiry && db_expire(c->db, k, INT64_MAX)) {
                        db_changed(c->db, name, NOTIFY_GENERIC, "persist");
                        call_send_instead(c, (bytes[]){ BYTES("PERSIST"), name }, 2);
                }
        }
}

/* several at once */

void cmd_mget(call *c) {
        resp_out_array(c->out, (size_t)c->argc - 1);
        for (int i = 1; i < c->argc; i++) {
                key *k = db_read(c->db, c->argv[i]);

                answer_string(c, k && k->type == KEY_STRING ? k : NULL);
        }
}

static void set_pairs(call *c, bool only_new) {
        if (c->argc % 2 == 0) {
                call_failf(c, "ERR wrong number of arguments for '%s' command", c->cmd->name);
                return;
        }
        for (int i = 1; only_new && i < c->argc; i += 2) {
                if (db_write(c->db, c->argv[i])) {
                        resp_out_integer(c->out, 0);
                        return;
                }
        }
        for (int i = 1; i < c->argc; i += 2) {
                key *k = db_write(c->db, c->argv[i]);

                if (!put_or_fail(c, k, c->argv[i], c->argv[i + 1], 0, INT64_MAX))
                        return;
                db_changed(c->db, c->argv[i], NOTIFY_STRING, "set");
        }
        if (only_new)
                resp_out_integer(c->out, 1);
        else
                resp_out_ok(c->out);
}

void cmd_mset(call *c) {
        set_pairs(c, false);
}

void cmd_msetnx(call *c) {
        set_pairs(c, true);
}

/* parts */

static bool check_length(call *c, uint64_t n) {
        if (n <= c->store->config.proto_max_bulk_len)
                return true;
        call_fail(c, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return false;
}

void cmd_append(call *c) {
        bytes name = c->argv[1], more = c->argv[2];
        size_t n;
        char *at;
        key *k;

        if (!call_write(c, 1, KEY_STRING, &k))
                return;
        n = k ? string_length(k) : 0;
        if (!k) {
                if (!put_or_fail(c, NULL, name, more, 0, INT64_MAX))
                        return;
        } else {
                if (!check_length(c, (uint64_t)n + more.n))
                        return;
                if (!string_resize(c->db, k, n + more.n, &at)) {
                        call_fail_memory(c);
                        return;
                }
                memcpy(at + n, more.p, more.n);
        }
        db_changed(c->db, name, NOTIFY_STRING, "append");
        resp_out_integer(c->out, (int64_t)(n + more.n));
}

void cmd_setrange(call *c) {
        bytes name = c->argv[1], part = c->argv[3];
        bool is_new;
        int64_t at;
        size_t n;
        char *p;
        key *k;

        if (!call_integer(c, 2, &at, NULL))
                return;
        if (at < 0) {
                call_fail(c, "ERR offset is out of range");
                return;
        }
        if (!call_write(c, 1, KEY_STRING, &k))
                return;
        n = k ? string_length(k) : 0;
        if (part.n == 0) {
                resp_out_integer(c->out, (int64_t)n);
                return;
        }
        if (!check_length(c, (uint64_t)at + part.n))
                return;
        if (n < (size_t)at + part.n)
                n = (size_t)at + part.n;
        is_new = !k;
        if (is_new)
                k = db_add(c->db, name, KEY_STRING);
        if (!k || !string_resize(c->db, k, n, &p)) {
                if (is_new && k)
                        db_remove(c->db, k);
                call_fail_memory(c);
                return;
        }
        memcpy(p + at, part.p, part.n);
        db_changed(c->db, name, NOTIFY_STRING, "setrange");
        resp_out_integer(c->out, (int64_t)n);
}

void cmd_getrange(call *c) {
        char scratch[DECIMAL_MAX];
        bytes text = { "", 0 };
        int64_t from, to, n;
        key *k;

        if (!call_integer(c, 2, &from, NULL) || !call_integer(c, 3, &to, NULL) ||
            !call_read(c, 1, KEY_STRING, &k))
                return;
        if (k)
                text = string_get(k, scratch);
        n = (int64_t)text.n;
        if (from < 0 && to < 0 && from > to) {
                resp_out_bulk(c->out, "", 0);
                return;
        }
        if (from < 0)
                from = from + n < 0 ? 0 : from + n;
        if (to < 0)
                to = to + n < 0 ? 0 : to + n;
        if (to >= n)
                to = n - 1;
        if (from > to || n == 0)
                resp_out_bulk(c->out, "", 0);
        else
                resp_out_bulk(c->out, text.p + from, (size_t)(to - from + 1));
}

void cmd_substr(call *c) {
        cmd_getrange(c);
}

/* numbers */

static void add(call *c, int64_t by) {
        bytes name = c->argv[1];
        int64_t n = 0;
        key *k;

        if (!call_write(c, 1, KEY_STRING, &k))
                return;
        if (k && !string_integer(k, &n)) {
                call_fail(c, "ERR value is not an integer or out of range");
                return;
        }
        if (__builtin_add_overflow(n, by, &n)) {
                call_fail(c, "ERR increment or decrement would overflow");
                return;
        }
        if (!k && !(k = db_add(c->db, name, KEY_STRING))) {
                call_fail_memory(c);
                return;
        }
        string_set_integer(c->db, k, n);
        db_changed(c->db, name, NOTIFY_STRING, "incrby");
        resp_out_integer(c->out, n);
}

void cmd_incr(call *c) {
        add(c, 1);
}

void cmd_decr(call *c) {
        add(c, -1);
}

void cmd_incrby(call *c) {
        int64_t by;

        if (call_integer(c, 2, &by, NULL))
                add(c, by);
}

void cmd_decrby(call *c) {
        int64_t by;

        if (!call_integer(c, 2, &by, NULL))
                return;
        if (by == INT64_MIN)
                call_fail(c, "ERR decrement would overflow");
        else
                add(c, -by);
}

void cmd_incrbyfloat(call *c) {
        bytes name = c->argv[1], sum;
        char scratch[DECIMAL_MAX], text[LONGREAL_MAX];
        long double n = 0, by;
        key *k;

        if (!call_write(c, 1, KEY_STRING, &k))
                return;
        if ((k && !longreal_read(string_get(k, scratch), &n)) || !longreal_read(c->argv[2], &by)) {
                call_fail(c, "ERR value is not a valid float");
                return;
        }
        n += by;
        if (isnan(n) || isinf(n)) {
                call_fail(c, "ERR increment would produce NaN or Infinity");
                return;
        }
        sum = (bytes){ text, longreal_print(n, text) };
        if (!put_or_fail(c, k, name, sum, PUT_KEEP_EXPIRY | PUT_AS_TEXT, INT64_MAX))
                return;
        db_changed(c->db, name, NOTIFY_STRING, "incrbyfloat");
        call_send_instead(c, (bytes[]){ BYTES("SET"), name, sum, BYTES("KEEPTTL") }, 4);
        resp_out_bulk(c->out, sum.p, sum.n);
}
