/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group sorted-set: members and their scores. */
#include "context/commands.h"

#include <math.h>

#include "../../base/random.h"
#include "../../base/real.h"
#include "../block.h"
#include "../store.h"
#include "../type/key-zset.h"
#include "mpop.h"
#include "pick.h"
#include "scan.h"

static void answer(call *c, bytes text) {
        resp_out_bulk(c->out, text.p, text.n);
}

/* putting in */

typedef struct add_flags {
        bool nx, xx, gt, lt, ch, incr;
} add_flags;

/* The flags from argument 2 on; returns the place of the first score, 0 if they are wrong,
 * and that has been answered. */
static int read_flags(call *c, add_flags *f) {
        int i = 2;

        for (; i < c->argc; i++) {
                if (call_is(c, i, "NX"))
                        f->nx = true;
                else if (call_is(c, i, "XX"))
                        f->xx = true;
                else if (call_is(c, i, "GT"))
                        f->gt = true;
                else if (call_is(c, i, "LT"))
                        f->lt = true;
                else if (call_is(c, i, "CH"))
                        f->ch = true;
                else if (call_is(c, i, "INCR"))
                        f->incr = true;
                else
                        break;
        }
        if (i == c->argc || (c->argc - i) % 2)
                call_fail_syntax(c);
        else if (f->nx && f->xx)
                call_fail(c, "ERR XX and NX options at the same time are not compatible");
        else if ((f->gt && f->nx) || (f->lt && f->nx) || (f->gt && f->lt))
                call_fail(c, "ERR GT, LT, and/or NX options at the same time are not compatible");
        else if (f->incr && c->argc - i > 2)
                call_fail(c, "ERR INCR option supports a single increment-element pair");
        else
                return i;
        return 0;
}

typedef struct added {
        int64_t n_new, n_moved;
        bool done; /* the last one was put in, or found as it should be */
        double score;
} added;

/* One member. Returns false, and has answered, when the sum is no number or memory has
 * run out. */
static bool add_one(call *c, key **k, const add_flags *f, double score, bytes member, added *ret) {
        double old = 0;
        bool there = zset_score(*k, member, &old);
        int r;

        ret->done = false;
        if (there ? f->nx : f->xx)
                return true;
        if (there && f->incr)
                score += old;
        if (isnan(score)) {
                call_fail(c, "ERR resulting score is not a number (NaN)");
                return false;
        }
        if (there && ((f->gt && score <= old) || (f->lt && score >= old)))
                return true;
        r = zset_put(c->db, k, member, score);
        if (r < 0) {
                call_fail_memory(c);
                return false;
        }
        ret->done = true;
        ret->score = score;
        ret->n_new += r;
        ret->n_moved += there && score != old;
        return true;
}

static void add(call *c, add_flags f, int first) {
        bytes name = c->argv[1];
        added sum = { 0 };
        bool is_new, good = true;
        key *k;

        for (int i = first; i < c->argc; i += 2) {
                double score;

                if (!call_double(c, i, &score, NULL))
                        return;
        }
        if (!call_write(c, 1, KEY_ZSET, &k))
                return;
        is_new = !k;
        if (is_new && f.xx) {
                if (f.incr)
                        resp_out_null(c->out);
                else
                        resp_out_integer(c->out, 0);
                return;
        }
        if (is_new && !(k = zset_add(c->db, name))) {
                call_fail_memory(c);
                return;
        }
        for (int i = first; i < c->argc && good; i += 2) {
                double score;

                real_read(c->argv[i].p, c->argv[i].n, &score);
                good = add_one(c, &k, &f, score, c->argv[i + 1], &sum);
        }
        if (is_new && zset_count(k) == 0)
                db_remove(c->db, k);
        if (sum.n_new + sum.n_moved > 0) {
                db_changed(c->db, name, NOTIFY_ZSET, f.incr ? "zincr" : "zadd");
                call_count_changes(c, sum.n_new + sum.n_moved - 1);
        }
        if (!good)
                return;
        if (!f.incr)
                resp_out_integer(c->out, f.ch ? sum.n_new + sum.n_moved : sum.n_new);
        else if (sum.done)
                resp_out_double(c->out, sum.score);
        else
                resp_out_null(c->out);
}

void cmd_zadd(call *c) {
        add_flags f = { 0 };
        int first = read_flags(c, &f);

        if (first)
                add(c, f, first);
}

void cmd_zincrby(call *c) {
        add(c, (add_flags){ .incr = true }, 2);
}

void cmd_zrem(call *c) {
        int n = 0;
        key *k;

        if (!call_write(c, 1, KEY_ZSET, &k))
                return;
        for (int i = 2; k && i < c->argc && zset_count(k) > 0; i++)
                n += zset_remove(c->db, &k, c->argv[i]);
        if (n > 0) {
                db_changed(c->db, c->argv[1], NOTIFY_ZSET, "zrem");
                call_count_changes(c, n - 1);
                db_remove_if_empty(c->db, k);
        }
        resp_out_integer(c->out, n);
}

/* looking */

void cmd_zcard(call *c) {
        key *k;

        if (call_read(c, 1, KEY_ZSET, &k))
                resp_out_integer(c->out, k ? (int64_t)zset_count(k) : 0);
}

static void answer_score(call *c, const key *k, bytes member) {
        double score;

        if (k && zset_score(k, member, &score))
                resp_out_double(c->out, score);
        else
                resp_out_null(c->out);
}

void cmd_zscore(call *c) {
        key *k;

        if (call_read(c, 1, KEY_ZSET, &k))
                answer_score(c, k, c->argv[2]);
}

void cmd_zmscore(call *c) {
        key *k;

        if (!call_read(c, 1, KEY_ZSET, &k))
                return;
        resp_out_array(c->out, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++)
                answer_score(c, k, c->argv[i]);
}

static void answer_rank(call *c, bool from_end) {
        double score;
        size_t rank;
        key *k;

        if (!call_read(c, 1, KEY_ZSET, &k))
                return;
        if (!k || !zset_score(k, c->argv[2], &score)) {
                resp_out_null(c->out);
                return;
        }
        rank = zset_rank(k, c->argv[2]);
        resp_out_integer(c->out, (int64_t)(from_end ? zset_count(k) - 1 - rank : rank));
}

void cmd_zrank(call *c) {
        answer_rank(c, false);
}

void cmd_zrevrank(call *c) {
        answer_rank(c, true);
}

static void scan_member(scan *s, bytes member, double score) {
        char text[REAL_MAX];

        if (!scan_wants(s, member))
                return;
        resp_out_bulk(&s->out, member.p, member.n);
        resp_out_bulk(&s->out, text, real_print(score, text));
        scan_has(s, 2);
}

static void scan_entry(void *arg, void *entry) {
        const scored *m = entry;

        scan_member(arg, (bytes){ m->member, m->n }, m->score);
}

void cmd_zscan(call *c) {
        zset_iter i;
        scan s;
        key *k;

        if (!scan_read_key(&s, c, KEY_ZSET, &k))
                return;
        if (zset_table(k)) {
                scan_table(&s, zset_table(k), scan_entry);
                return;
        }
        scan_begin(&s);
        for (bool there = zset_iter_at(&i, k, 0); there; there = zset_iter_next(&i))
                scan_member(&s, i.member, i.score);
        scan_end(&s, 0);
}

/* any of them */

static void answer_picked(call *c, const zset_iter *i, bool with_score) {
        if (with_score)
                pick_pair(c);
        answer(c, i->member);
        if (with_score)
                resp_out_double(c->out, i->score);
}

static void answer_any(call *c, const key *k, bool with_score) {
        zset_iter i;

        zset_iter_at(&i, k, (size_t)random_below(zset_count(k)));
        answer_picked(c, &i, with_score);
}

static void answer_some(pick *p, const key *k) {
        zset_iter i;

        for (bool there = zset_iter_at(&i, k, 0); there; there = zset_iter_next(&i))
                if (pick_shown(p))
                        answer_picked(p->c, &i, p->with_second);
}

void cmd_zrandmember(call *c) {
        static const pick_source members = { KEY_ZSET, "WITHSCORES", zset_count, answer_any,
                                             answer_some };

        pick_run(c, &members);
}

/* taking out */

typedef enum end { LOWEST, HIGHEST } end;

/* Answer with @n members from an end, each as two values or as an array of two; then take
 * them out. */
static void pop(call *c, key *k, bytes name, end from, size_t n, bool nested) {
        size_t all = zset_count(k);
        zset_iter i;
        bool there = zset_iter_at(&i, k, from == LOWEST ? 0 : all - 1);

        for (size_t left = n; left > 0 && there; left--) {
                if (nested)
                        resp_out_array(c->out, 2);
                answer(c, i.member);
                resp_out_double(c->out, i.score);
                there = from == LOWEST ? zset_iter_next(&i) : zset_iter_prev(&i);
        }
        k = zset_cut(c->db, k, from == LOWEST ? 0 : all - n, n);
        db_changed(c->db, name, NOTIFY_ZSET, from == LOWEST ? "zpopmin" : "zpopmax");
        call_count_changes(c, (int64_t)n - 1);
        db_remove_if_empty(c->db, k);
}

static void pop_some(call *c, end from) {
        int64_t n;
        bool nested;
        key *k;

        if (!mpop_read_count(c, &n) || !call_write(c, 1, KEY_ZSET, &k))
                return;
        if (!k || n == 0) {
                resp_out_array(c->out, 0);
                return;
        }
        if ((uint64_t)n > zset_count(k))
                n = (int64_t)zset_count(k);
        nested = c->argc == 3 && c->out->version > 2;
        resp_out_array(c->out, (size_t)(nested ? n : 2 * n));
        pop(c, k, c->argv[1], from, (size_t)n, nested);
}

void cmd_zpopmin(call *c) {
        pop_some(c, LOWEST);
}

void cmd_zpopmax(call *c) {
        pop_some(c, HIGHEST);
}

static void send_pop(call *c, bytes name, end from, int64_t n) {
        char text[DECIMAL_MAX];

        call_send_instead(c,
                          (bytes[]){ from == LOWEST ? BYTES("ZPOPMIN") : BYTES("ZPOPMAX"),
                                     name,
                                     { text, decimal_print(n, text) } },
                          3);
}

static void pop_or_wait(call *c, end from) {
        int64_t deadline;

        if (!block_deadline(c, c->argc - 1, &deadline))
                return;
        for (int i = 1; i < c->argc - 1; i++) {
                key *k;

                if (!call_write(c, i, KEY_ZSET, &k))
                        return;
                if (!k)
                        continue;
                resp_out_array(c->out, 3);
                answer(c, c->argv[i]);
                pop(c, k, c->argv[i], from, 1, false);
                send_pop(c, c->argv[i], from, 1);
                return;
        }
        call_wait(c, KEY_ZSET, &c->argv[1], c->argc - 2, deadline, BLOCK_NULL_ARRAY);
}

void cmd_bzpopmin(call *c) {
        pop_or_wait(c, LOWEST);
}

void cmd_bzpopmax(call *c) {
        pop_or_wait(c, HIGHEST);
}

/* The arguments of ZMPOP from @i on. */
static bool read_mpop(call *c, int i, mpop *ret) {
        return mpop_read(c, i, "MIN", "MAX", ret);
}

/* From the first of the keys that is there. False if none is, and nothing is answered. */
static bool pop_first(call *c, int i, const mpop *m) {
        end from = m->is_second ? HIGHEST : LOWEST;

        for (int left = m->n_keys; left > 0; i++, left--) {
                size_t n = (size_t)m->n;
                key *k;

                if (!call_write(c, i, KEY_ZSET, &k))
                        return true;
                if (!k)
                        continue;
                if (n > zset_count(k))
                        n = zset_count(k);
                resp_out_array(c->out, 2);
                answer(c, c->argv[i]);
                resp_out_array(c->out, n);
                pop(c, k, c->argv[i], from, n, true);
                send_pop(c, c->argv[i], from, (int64_t)n);
                return true;
        }
        return false;
}

void cmd_zmpop(call *c) {
        mpop m;

        if (read_mpop(c, 1, &m) && !pop_first(c, 2, &m))
                resp_out_null_array(c->out);
}

void cmd_bzmpop(call *c) {
        int64_t deadline;
        mpop m;

        if (!read_mpop(c, 2, &m) || !block_deadline(c, 1, &deadline) || pop_first(c, 3, &m))
                return;
        call_wait(c, KEY_ZSET, &c->argv[3], m.n_keys, deadline, BLOCK_NULL_ARRAY);
}
