/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group hash. */
#include "context/commands.h"

#include <math.h>

#include "../../base/mem.h"
#include "../data/longreal.h"
#include "../store.h"
#include "../type/key-hash.h"
#include "pick.h"
#include "scan.h"

static void answer(call *c, bytes text) {
        resp_out_bulk(c->out, text.p, text.n);
}

static void answer_field(call *c, const key *k, bytes field) {
        char scratch[DECIMAL_MAX];
        bytes value;

        if (k && hash_get(k, field, scratch, &value))
                answer(c, value);
        else
                resp_out_null(c->out);
}

/* reading */

void cmd_hget(call *c) {
        key *k;

        if (call_read(c, 1, KEY_HASH, &k))
                answer_field(c, k, c->argv[2]);
}

void cmd_hmget(call *c) {
        key *k;

        if (!call_read(c, 1, KEY_HASH, &k))
                return;
        resp_out_array(c->out, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++)
                answer_field(c, k, c->argv[i]);
}

void cmd_hexists(call *c) {
        char scratch[DECIMAL_MAX];
        bytes value;
        key *k;

        if (call_read(c, 1, KEY_HASH, &k))
                resp_out_integer(c->out, k && hash_get(k, c->argv[2], scratch, &value));
}

void cmd_hstrlen(call *c) {
        char scratch[DECIMAL_MAX];
        bytes value = { 0 };
        key *k;

        if (!call_read(c, 1, KEY_HASH, &k))
                return;
        if (k && !hash_get(k, c->argv[2], scratch, &value))
                value.n = 0;
        resp_out_integer(c->out, (int64_t)value.n);
}

void cmd_hlen(call *c) {
        key *k;

        if (call_read(c, 1, KEY_HASH, &k))
                resp_out_integer(c->out, k ? (int64_t)hash_count(k) : 0);
}

typedef enum part { FIELDS = 1, VALUES = 2 } part;

static void answer_all(call *c, int parts) {
        size_t n;
        hash_iter i;
        key *k;

        if (!call_read(c, 1, KEY_HASH, &k))
                return;
        n = k ? hash_count(k) : 0;
        if (parts == (FIELDS | VALUES))
                resp_out_map(c->out, n);
        else
                resp_out_array(c->out, n);
        if (!k)
                return;
        hash_iter_begin(&i, k);
        while (hash_iter_next(&i)) {
                if (parts & FIELDS)
                        answer(c, i.field);
                if (parts & VALUES)
                        answer(c, i.value);
        }
        hash_iter_end(&i);
}

void cmd_hgetall(call *c) {
        answer_all(c, FIELDS | VALUES);
}

void cmd_hkeys(call *c) {
        answer_all(c, FIELDS);
}

void cmd_hvals(call *c) {
        answer_all(c, VALUES);
}

static void scan_field(scan *s, bytes field, bytes value) {
        if (!scan_wants(s, field))
                return;
        resp_out_bulk(&s->out, field.p, field.n);
        resp_out_bulk(&s->out, value.p, value.n);
        scan_has(s, 2);
}

static void scan_entry(void *arg, void *entry) {
        bytes field, value;

        hash_entry(entry, &field, &value);
        scan_field(arg, field, value);
}

void cmd_hscan(call *c) {
        hash_iter i;
        scan s;
        key *k;

        if (!scan_read_key(&s, c, KEY_HASH, &k))
                return;
        if (hash_table(k)) {
                scan_table(&s, hash_table(k), scan_entry);
                return;
        }
        scan_begin(&s);
        hash_iter_begin(&i, k);
        while (hash_iter_next(&i))
                scan_field(&s, i.field, i.value);
        hash_iter_end(&i);
        scan_end(&s, 0);
}

/* any of them */

static void answer_picked(call *c, const hash_iter *i, bool with_value) {
        if (with_value)
                pick_pair(c);
        answer(c, i->field);
        if (with_value)
                answer(c, i->value);
}

static void answer_any(call *c, const key *k, bool with_value) {
        hash_iter i;

        hash_random(k, &i);
        answer_picked(c, &i, with_value);
}

static void answer_some(pick *p, const key *k) {
        hash_iter i;

        hash_iter_begin(&i, k);
        while (hash_iter_next(&i))
                if (pick_shown(p))
                        answer_picked(p->c, &i, p->with_second);
        hash_iter_end(&i);
}

void cmd_hrandfield(call *c) {
        static const pick_source fields = { KEY_HASH, "WITHVALUES", hash_count, answer_any,
                                            answer_some };

        pick_run(c, &fields);
}

/* writing */

/* The hash that is to be changed, made if it is not there. */
static bool open_hash(call *c, key **ret_k, bool *ret_is_new) {
        if (!call_write(c, 1, KEY_HASH, ret_k))
                return false;
        *ret_is_new = !*ret_k;
        if (!*ret_k)
                *ret_k = hash_add(c->db, c->argv[1]);
        if (!*ret_k)
                call_fail_memory(c);
        return *ret_k;
}

/* Set one field. False, and it has been answered, when memory has run out. */
static bool set_field(call *c, key **k, bool is_new, bytes field, bytes value, int *ret_added) {
        int r = hash_set(c->db, k, field, value);

        if (r >= 0) {
                *ret_added += r;
                return true;
        }
        if (is_new && hash_count(*k) == 0)
                db_remove(c->db, *k);
        call_fail_memory(c);
        return false;
}

static bool set_fields(call *c, int *ret_added) {
        bool is_new;
        key *k;

        *ret_added = 0;
        if (c->argc % 2) {
                call_failf(c, "ERR wrong number of arguments for '%s' command", c->cmd->name);
                return false;
        }
        if (!open_hash(c, &k, &is_new))
                return false;
        for (int i = 2; i < c->argc; i += 2)
                if (!set_field(c, &k, is_new, c->argv[i], c->argv[i + 1], ret_added))
                        return false;
        db_changed(c->db, c->argv[1], NOTIFY_HASH, "hset");
        call_count_changes(c, (c->argc - 2) / 2 - 1);
        return true;
}

void cmd_hset(call *c) {
        int added;

        if (set_fields(c, &added))
                resp_out_integer(c->out, added);
}

void cmd_hmset(call *c) {
        int added;

        if (set_fields(c, &added))
                resp_out_ok(c->out);
}

void cmd_hsetnx(call *c) {
        char scratch[DECIMAL_MAX];
        bytes value;
        bool is_new;
        int added = 0;
        key *k;

        if (!open_hash(c, &k, &is_new))
                return;
        if (hash_get(k, c->argv[2], scratch, &value)) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (!set_field(c, &k, is_new, c->argv[2], c->argv[3], &added))
                return;
        db_changed(c->db, c->argv[1], NOTIFY_HASH, "hset");
        resp_out_integer(c->out, 1);
}

void cmd_hdel(call *c) {
        int n = 0;
        key *k;

        if (!call_write(c, 1, KEY_HASH, &k))
                return;
        for (int i = 2; k && i < c->argc && hash_count(k) > 0; i++)
                n += hash_remove(c->db, &k, c->argv[i]);
        resp_out_integer(c->out, n);
        if (n > 0) {
                db_changed(c->db, c->argv[1], NOTIFY_HASH, "hdel");
                call_count_changes(c, n - 1);
                db_remove_if_empty(c->db, k);
        }
}

/* numbers */

/* A new hash was opened and could not be filled. */
static void drop_empty(call *c, key *k, bool is_new) {
        if (is_new)
                db_remove(c->db, k);
}

void cmd_hincrby(call *c) {
        char scratch[DECIMAL_MAX], text[DECIMAL_MAX];
        int64_t by, n = 0;
        bytes old;
        bool is_new;
        int added = 0;
        key *k;

        if (!call_integer(c, 3, &by, NULL) || !open_hash(c, &k, &is_new))
                return;
        if (hash_get(k, c->argv[2], scratch, &old) && !decimal_read(old.p, old.n, &n)) {
                call_fail(c, "ERR hash value is not an integer");
                return;
        }
        if (__builtin_add_overflow(n, by, &n)) {
                drop_empty(c, k, is_new);
                call_fail(c, "ERR increment or decrement would overflow");
                return;
        }
        if (!set_field(c, &k, is_new, c->argv[2], (bytes){ text, decimal_print(n, text) }, &added))
                return;
        resp_out_integer(c->out, n);
        db_changed(c->db, c->argv[1], NOTIFY_HASH, "hincrby");
}

void cmd_hincrbyfloat(call *c) {
        char scratch[DECIMAL_MAX], text[LONGREAL_MAX];
        long double by, n = 0;
        bytes old, sum = { text, 0 };
        bool is_new;
        int added = 0;
        key *k;

        if (!longreal_read(c->argv[3], &by)) {
                call_fail(c, "ERR value is not a valid float");
                return;
        }
        if (isinf(by)) {
                call_fail(c, "ERR value is NaN or Infinity");
                return;
        }
        if (!open_hash(c, &k, &is_new))
                return;
        if (hash_get(k, c->argv[2], scratch, &old) && !longreal_read(old, &n)) {
                call_fail(c, "ERR hash value is not a float");
                return;
        }
        n += by;
        if (isnan(n) || isinf(n)) {
                drop_empty(c, k, is_new);
                call_fail(c, "ERR increment would produce NaN or Infinity");
                return;
        }
        sum.n = longreal_print(n, text);
        if (!set_field(c, &k, is_new, c->argv[2], sum, &added))
                return;
        answer(c, sum);
        db_changed(c->db, c->argv[1], NOTIFY_HASH, "hincrbyfloat");
        call_send_instead(c, (bytes[]){ BYTES("HSET"), c->argv[1], c->argv[2], sum }, 4);
}
