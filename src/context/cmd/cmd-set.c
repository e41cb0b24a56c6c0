/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group set. */
#include "context/commands.h"

#include <stdlib.h>

#include "../../base/mem.h"
#include "../store.h"
#include "../type/key-set.h"
#include "../type/value.h"
#include "mpop.h"
#include "pick.h"
#include "scan.h"

static void answer(call *c, bytes text) {
        resp_out_bulk(c->out, text.p, text.n);
}

/* one set */

void cmd_sadd(call *c) {
        int n = 0;
        bool is_new;
        key *k;

        if (!call_write(c, 1, KEY_SET, &k))
                return;
        is_new = !k;
        if (is_new && !(k = set_add(c->db, c->argv[1]))) {
                call_fail_memory(c);
                return;
        }
        for (int i = 2; i < c->argc; i++) {
                int r = set_put(c->db, k, c->argv[i]);

                if (r < 0) {
                        if (is_new)
                                db_remove(c->db, k);
                        call_fail_memory(c);
                        return;
                }
                n += r;
        }
        if (n > 0) {
                db_changed(c->db, c->argv[1], NOTIFY_SET, "sadd");
                call_count_changes(c, n - 1);
        }
        resp_out_integer(c->out, n);
}

void cmd_srem(call *c) {
        int n = 0;
        key *k;

        if (!call_write(c, 1, KEY_SET, &k))
                return;
        for (int i = 2; k && i < c->argc && set_count(k) > 0; i++)
                n += set_remove(k, c->argv[i]);
        resp_out_integer(c->out, n);
        if (n > 0) {
                db_changed(c->db, c->argv[1], NOTIFY_SET, "srem");
                call_count_changes(c, n - 1);
                db_remove_if_empty(c->db, k);
        }
}

void cmd_scard(call *c) {
        key *k;

        if (call_read(c, 1, KEY_SET, &k))
                resp_out_integer(c->out, k ? (int64_t)set_count(k) : 0);
}

void cmd_sismember(call *c) {
        key *k;

        if (call_read(c, 1, KEY_SET, &k))
                resp_out_integer(c->out, k && set_has(k, c->argv[2]));
}

void cmd_smismember(call *c) {
        key *k;

        if (!call_read(c, 1, KEY_SET, &k))
                return;
        resp_out_array(c->out, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++)
                resp_out_integer(c->out, k && set_has(k, c->argv[i]));
}

static void answer_members(call *c, const key *k) {
        set_iter i;

        resp_out_set(c->out, k ? set_count(k) : 0);
        if (!k)
                return;
        set_iter_begin(&i, k);
        while (set_iter_next(&i))
                answer(c, i.member);
        set_iter_end(&i);
}

void cmd_smembers(call *c) {
        key *k;

        if (call_read(c, 1, KEY_SET, &k))
                answer_members(c, k);
}

static void scan_member(scan *s, bytes member) {
        if (!scan_wants(s, member))
                return;
        resp_out_bulk(&s->out, member.p, member.n);
        scan_has(s, 1);
}

static void scan_entry(void *arg, void *entry) {
        scan_member(arg, set_entry(entry));
}

void cmd_sscan(call *c) {
        set_iter i;
        scan s;
        key *k;

        if (!scan_read_key(&s, c, KEY_SET, &k))
                return;
        if (set_table(k)) {
                scan_table(&s, set_table(k), scan_entry);
                return;
        }
        scan_begin(&s);
        set_iter_begin(&i, k);
        while (set_iter_next(&i))
                scan_member(&s, i.member);
        set_iter_end(&i);
        scan_end(&s, 0);
}

void cmd_smove(call *c) {
        bytes member = c->argv[3];
        bool is_new;
        key *from, *to;
        int r;

        if (!call_write(c, 1, KEY_SET, &from))
                return;
        if (!from) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (!call_write(c, 2, KEY_SET, &to))
                return;
        from = db_peek(c->db, c->argv[1]);
        if (from == to || !set_has(from, member)) {
                resp_out_integer(c->out, set_has(from, member));
                return;
        }
        is_new = !to;
        if (is_new && !(to = set_add(c->db, c->argv[2]))) {
                call_fail_memory(c);
                return;
        }
        r = set_put(c->db, to, member);
        if (r < 0) {
                if (is_new)
                        db_remove(c->db, to);
                call_fail_memory(c);
                return;
        }
        set_remove(from, member);
        db_changed(c->db, c->argv[1], NOTIFY_SET, "srem");
        db_remove_if_empty(c->db, from);
        if (r > 0)
                db_changed(c->db, c->argv[2], NOTIFY_SET, "sadd");
        resp_out_integer(c->out, 1);
}

/* any of them */

static void answer_any(call *c, const key *k, bool with_second) {
        set_iter i;

        (void)with_second;
        set_random(k, &i);
        answer(c, i.member);
}

static void answer_some(pick *p, const key *k) {
        set_iter i;

        set_iter_begin(&i, k);
        while (set_iter_next(&i))
                if (pick_shown(p))
                        answer(p->c, i.member);
        set_iter_end(&i);
}

void cmd_srandmember(call *c) {
        static const pick_source members = { KEY_SET, NULL, set_count, answer_any, answer_some };

        pick_run(c, &members);
}

/* Take one out that has just been answered: its bytes lie at the end of the answer. */
static void pop_one(call *c, key *k) {
        set_iter i;
        bytes gone;

        set_random(k, &i);
        answer(c, i.member);
        if (c->out->failed)
                return;
        gone = (bytes){ (const char *)c->out->p + c->out->n - 2 - i.member.n, i.member.n };
        call_send_also(c, c->db, (bytes[]){ BYTES("SREM"), c->argv[1], gone }, 3);
        set_remove(k, gone);
}

void cmd_spop(call *c) {
        bytes name = c->argv[1];
        int64_t n;
        size_t all;
        key *k;

        if (!mpop_read_count(c, &n) || !call_write(c, 1, KEY_SET, &k))
                return;
        if (!k || n == 0) {
                if (c->argc == 3)
                        resp_out_set(c->out, 0);
                else
                        resp_out_null(c->out);
                return;
        }
        all = set_count(k);
        call_send_nothing(c);
        if (c->argc == 3 && (uint64_t)n >= all) {
                answer_members(c, k);
                db_changed(c->db, name, NOTIFY_SET, "spop");
                db_remove(c->db, k);
                db_changed(c->db, name, NOTIFY_GENERIC, "del");
                call_send_instead(c, (bytes[]){ BYTES("DEL"), name }, 2);
                return;
        }
        if (c->argc == 3)
                resp_out_set(c->out, (size_t)n);
        for (int64_t i = 0; i < n; i++)
                pop_one(c, k);
        db_changed(c->db, name, NOTIFY_SET, "spop");
        call_count_changes(c, n - 1);
        db_remove_if_empty(c->db, k);
}

/* several sets */

/* Sets that are looked at together: those of arguments @i on. A name without a set is NULL.
 * Pointers stay good: nothing that is read here goes away by being read. */
typedef struct several {
        const key **sets;
        int n;
        bool any_missing;
} several;

static int by_count(const void *a, const void *b) {
        size_t x = set_count(*(const key *const *)a), y = set_count(*(const key *const *)b);

        return (x > y) - (x < y);
}

static bool open_several(call *c, int i, int n, several *ret) {
        several all = { .sets = mem_array((size_t)n, sizeof(*all.sets)), .n = n };

        if (!all.sets) {
                call_fail_memory(c);
                return false;
        }
        for (int s = 0; s < n; s++) {
                key *k = db_read(c->db, c->argv[i + s]);

                if (!call_check_type(c, k, KEY_SET)) {
                        mem_free(all.sets);
                        return false;
                }
                all.sets[s] = k;
                all.any_missing |= !k;
        }
        *ret = all;
        return true;
}

typedef enum operation { INTER, UNION, DIFF } operation;

/* Each member of the result to @fn, until it returns false; a union may show one twice. */
static void each_result(several *all, operation op, bool (*fn)(void *arg, bytes member),
                        void *arg) {
        int n_walked = op == UNION ? all->n : 1;
        bool going = true;

        if (op == INTER && all->any_missing)
                return;
        /* the fewest first: it is walked, and the others are asked */
        if (op == INTER)
                qsort(all->sets, (size_t)all->n, sizeof(*all->sets), by_count);
        for (int w = 0; w < n_walked && going; w++) {
                set_iter i;

                if (!all->sets[w])
                        continue;
                set_iter_begin(&i, all->sets[w]);
                while (going && set_iter_next(&i)) {
                        bool is = true;

                        for (int s = 1; op != UNION && is && s < all->n; s++)
                                is = all->sets[s] && set_has(all->sets[s], i.member) ? op == INTER
                                                                                     : op == DIFF;
                        if (is)
                                going = fn(arg, i.member);
                }
                set_iter_end(&i);
        }
}

/* The result as a set of its own, under no name. */
typedef struct result {
        call *c;
        key *k;
        bool failed;
} result;

static bool collect(void *arg, bytes member) {
        result *r = arg;

        r->failed = set_put(r->c->db, r->k, member) < 0;
        return !r->failed;
}

typedef struct listing {
        call *c;
        size_t n;
} listing;

static bool list_member(void *arg, bytes member) {
        listing *l = arg;

        answer(l->c, member);
        l->n++;
        return true;
}

/* A set that is in no database yet; set_put() needs the configuration only. */
static key *loose_set(void) {
        key *k = mem_zero(sizeof(*k));

        if (!k)
                return NULL;
        k->type = KEY_SET;
        k->encoding = KEY_INTSET;
        k->value = intset_new();
        return k->value ? k : mem_free(k);
}

static key *loose_free(key *k) {
        if (k)
                value_free(k);
        return mem_free(k);
}

static void combine(call *c, operation op) {
        several all;

        if (!open_several(c, 1, c->argc - 1, &all))
                return;
        if (op == UNION) {
                result r = { .c = c, .k = loose_set() };

                if (r.k)
                        each_result(&all, op, collect, &r);
                if (r.k && !r.failed)
                        answer_members(c, r.k);
                else
                        call_fail_memory(c);
                loose_free(r.k);
        } else {
                size_t later = resp_out_later(c->out);
                listing l = { .c = c };

                each_result(&all, op, list_member, &l);
                resp_out_head(c->out, later, RESP_SET, l.n);
        }
        mem_free(all.sets);
}

void cmd_sinter(call *c) {
        combine(c, INTER);
}

void cmd_sunion(call *c) {
        combine(c, UNION);
}

void cmd_sdiff(call *c) {
        combine(c, DIFF);
}

static void combine_and_store(call *c, operation op, const char *event) {
        result r = { .c = c };
        several all;

        if (!open_several(c, 2, c->argc - 2, &all))
                return;
        r.k = loose_set();
        if (r.k)
                each_result(&all, op, collect, &r);
        mem_free(all.sets);
        if (r.k && !r.failed)
                call_keep(c, c->argv[1], r.k, set_count(r.k), NOTIFY_SET, event);
        else
                call_fail_memory(c);
        loose_free(r.k);
}

void cmd_sinterstore(call *c) {
        combine_and_store(c, INTER, "sinterstore");
}

void cmd_sunionstore(call *c) {
        combine_and_store(c, UNION, "sunionstore");
}

void cmd_sdiffstore(call *c) {
        combine_and_store(c, DIFF, "sdiffstore");
}

typedef struct limited {
        int64_t n, max; /* 0: none */
} limited;

static bool count_member(void *arg, bytes member) {
        limited *l = arg;

        (void)member;
        return ++l->n != l->max;
}

void cmd_sintercard(call *c) {
        limited l = { 0 };
        int64_t n_keys;
        several all;

        if (!call_integer_in(c, 1, 1, INT64_MAX, &n_keys, "ERR numkeys should be greater than 0"))
                return;
        if (n_keys > c->argc - 2) {
                call_fail(c, "ERR Number of keys can't be greater than number of args");
                return;
        }
        for (int i = 2 + (int)n_keys; i < c->argc; i++) {
                if (!call_is(c, i, "LIMIT") || i + 1 == c->argc) {
                        call_fail_syntax(c);
                        return;
                }
                if (!call_integer_in(c, ++i, 0, INT64_MAX, &l.max, "ERR LIMIT can't be negative"))
                        return;
        }
        if (!open_several(c, 2, (int)n_keys, &all))
                return;
        each_result(&all, INTER, count_member, &l);
        mem_free(all.sets);
        resp_out_integer(c->out, l.n);
}
