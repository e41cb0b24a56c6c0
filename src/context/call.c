/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "../base/decimal.h"
#include "../base/mem.h"
#include "../base/real.h"
#include "context/commands.h"
#include "store.h"

void call_fail(call *c, const char *text) {
        stats_note_error(&c->store->stats, text);
        c->has_failed = true;
        resp_out_error(c->out, text);
}

void call_failf(call *c, const char *format, ...) {
        char text[512];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        for (char *p = text; *p; p++)
                if (*p == '\r' || *p == '\n')
                        *p = ' ';
        call_fail(c, text);
}

void call_fail_syntax(call *c) {
        call_fail(c, "ERR syntax error");
}

void call_fail_subcommand(call *c) {
        char name[32];
        size_t n = 0;

        for (; n < c->argv[0].n && n < sizeof(name); n++)
                name[n] = (char)toupper((unsigned char)c->argv[0].p[n]);
        call_failf(c,
                   "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %.*s HELP.",
                   call_shown(c->argv[1]), c->argv[1].p, (int)n, name);
}

void call_fail_type(call *c) {
        call_fail(c, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

void call_fail_memory(call *c) {
        call_fail(c, "OOM out of memory");
}

void call_keep(call *c, bytes name, key *loose, size_t n, notify_class class, const char *event) {
        key *old = n == 0 ? db_write(c->db, name) : NULL;

        if (old) {
                db_remove(c->db, old);
                db_changed(c->db, name, NOTIFY_GENERIC, "del");
        } else if (n > 0) {
                if (!db_replace(c->db, name, loose, INT64_MAX)) {
                        call_fail_memory(c);
                        return;
                }
                db_changed(c->db, name, class, event);
        }
        resp_out_integer(c->out, (int64_t)n);
}

void call_count_changes(call *c, int64_t n) {
        c->store->n_changes += (uint64_t)n;
}

void call_send_nothing(call *c) {
        feed_replace(&c->store->feed);
}

void call_send_instead(call *c, const bytes *argv, int argc) {
        feed_replace(&c->store->feed);
        feed_keep(&c->store->feed, c->db, argv, argc);
}

void call_send_also(call *c, db *d, const bytes *argv, int argc) {
        feed_keep(&c->store->feed, d, argv, argc);
}

void call_send_changed(call *c, const call_change *changes, int n) {
        bytes *argv;

        feed_replace(&c->store->feed);
        if (!feed_is_read(&c->store->feed))
                return;
        argv = mem_copy(c->argv, (size_t)c->argc * sizeof(*argv));
        if (!argv) {
                feed_miss(&c->store->feed);
                return;
        }
        for (int k = 0; k < n; k++)
                argv[changes[k].i] = changes[k].argument;
        feed_keep(&c->store->feed, c->db, argv, c->argc);
        mem_free(argv);
}

bool call_check_type(call *c, const key *k, key_type type) {
        if (k && k->type != type) {
                call_fail_type(c);
                return false;
        }
        return true;
}

bool call_read(call *c, int i, key_type type, key **ret_k) {
        key *k = db_read(c->db, c->argv[i]);

        *ret_k = k;
        return call_check_type(c, k, type);
}

bool call_write(call *c, int i, key_type type, key **ret_k) {
        key *k = db_write(c->db, c->argv[i]);

        *ret_k = k;
        return call_check_type(c, k, type);
}

bool call_is_secret(const call *c, int i) {
        if (c->cmd->run == cmd_auth)
                return i > 0;
        if (c->cmd->run != cmd_hello)
                return false;
        return (i > 2 && call_is(c, i - 1, "AUTH")) || (i > 3 && call_is(c, i - 2, "AUTH"));
}

bool call_integer(call *c, int i, int64_t *ret, const char *error) {
        if (decimal_read(c->argv[i].p, c->argv[i].n, ret))
                return true;
        call_fail(c, error ? error : "ERR value is not an integer or out of range");
        return false;
}

bool call_integer_in(call *c, int i, int64_t min, int64_t max, int64_t *ret, const char *error) {
        int64_t n;

        if (!call_integer(c, i, &n, error))
                return false;
        if (n < min || n > max) {
                call_fail(c, error ? error : "ERR value is out of range");
                return false;
        }
        *ret = n;
        return true;
}

bool call_db(call *c, int i, const char *error, db **ret) {
        int64_t n;

        if (!call_integer(c, i, &n, error))
                return false;
        if (n != (int32_t)n) {
                call_fail(c, error ? error
                                   : "ERR value is out of range, value must between -2147483648 "
                                     "and 2147483647");
                return false;
        }
        if (n < 0 || n >= c->store->n_dbs) {
                call_fail(c, "ERR DB index is out of range");
                return false;
        }
        *ret = &c->store->dbs[n];
        return true;
}

bool call_double(call *c, int i, double *ret, const char *error) {
        double n;

        if (real_read(c->argv[i].p, c->argv[i].n, &n) == 0 && !isnan(n)) {
                *ret = n;
                return true;
        }
        call_fail(c, error ? error : "ERR value is not a valid float");
        return false;
}
