/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group sorted-set: several together. Sets take part, with scores of 1. */
#include "context/commands.h"

#include <math.h>
#include <stdlib.h>

#include "../../base/mem.h"
#include "../store.h"
#include "../type/key-set.h"
#include "../type/key-zset.h"

typedef enum operation { INTER, UNION, DIFF } operation;
typedef enum aggregate { SUM, MIN, MAX } aggregate;

typedef struct source {
        const key *k; /* NULL: nothing of that name */
        double weight;
} source;

typedef struct sources {
        source *each;
        int n;
        aggregate how;
        bool with_scores;
        int64_t limit; /* of ZINTERCARD; 0 for none */
} sources;

/* a source of either type */

static size_t source_count(const source *s) {
        return !s->k ? 0 : s->k->type == KEY_SET ? set_count(s->k) : zset_count(s->k);
}

static bool source_score(const source *s, bytes member, double *ret) {
        if (!s->k)
                return false;
        if (s->k->type == KEY_ZSET)
                return zset_score(s->k, member, ret);
        *ret = 1;
        return set_has(s->k, member);
}

/* Each member to @fn, until it returns false; returns whether it never did. */
static bool source_each(const source *s, bool (*fn)(void *arg, bytes member, double score),
                        void *arg) {
        bool going = true;

        if (s->k && s->k->type == KEY_SET) {
                set_iter i;

                set_iter_begin(&i, s->k);
                while (going && set_iter_next(&i))
                        going = fn(arg, i.member, 1);
                set_iter_end(&i);
        } else if (s->k) {
                zset_iter i;

                for (bool there = zset_iter_at(&i, s->k, 0); there && going;
                     there = zset_iter_next(&i))
                        going = fn(arg, i.member, i.score);
        }
        return going;
}

/* arguments */

static bool read_weights(call *c, int i, sources *ret) {
        for (int s = 0; s < ret->n; s++)
                if (!call_double(c, i + s, &ret->each[s].weight, "ERR weight value is not a float"))
                        return false;
        return true;
}

static bool read_aggregate(call *c, int i, aggregate *ret) {
        if (call_is(c, i, "SUM")) {
                *ret = SUM;
        } else if (call_is(c, i, "MIN")) {
                *ret = MIN;
        } else if (call_is(c, i, "MAX")) {
                *ret = MAX;
        } else {
                call_fail_syntax(c);
                return false;
        }
        return true;
}

static bool read_options(call *c, int i, operation op, bool stores, bool counts, sources *ret) {
        for (; i < c->argc; i++) {
                int left = c->argc - i - 1;

                if (!counts && op != DIFF && left >= ret->n && call_is(c, i, "WEIGHTS")) {
                        if (!read_weights(c, i + 1, ret))
                                return false;
                        i += ret->n;
                } else if (!counts && op != DIFF && left >= 1 && call_is(c, i, "AGGREGATE")) {
                        if (!read_aggregate(c, ++i, &ret->how))
                                return false;
                } else if (!counts && !stores && call_is(c, i, "WITHSCORES")) {
                        ret->with_scores = true;
                } else if (counts && left >= 1 && call_is(c, i, "LIMIT")) {
                        if (!call_integer_in(c, ++i, 0, INT64_MAX, &ret->limit,
                                             "ERR LIMIT can't be negative"))
                                return false;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        return true;
}

/* From argument @i on: numkeys key... and options. False, and it has been answered. */
static bool open_sources(call *c, int i, operation op, bool stores, bool counts, sources *ret) {
        int64_t n;

        if (!call_integer(c, i, &n, NULL))
                return false;
        if (n < 1) {
                call_failf(c, "ERR at least 1 input key is needed for '%s' command", c->cmd->name);
                return false;
        }
        if (n > c->argc - i - 1) {
                call_fail_syntax(c);
                return false;
        }
        *ret = (sources){ .n = (int)n, .each = mem_array((size_t)n, sizeof(*ret->each)) };
        if (!ret->each) {
                call_fail_memory(c);
                return false;
        }
        for (int s = 0; s < n; s++) {
                key *k = db_read(c->db, c->argv[i + 1 + s]);

                if (k && k->type != KEY_ZSET && k->type != KEY_SET) {
                        call_fail_type(c);
                        mem_free(ret->each);
                        return false;
                }
                ret->each[s] = (source){ .k = k, .weight = 1 };
        }
        if (!read_options(c, i + 1 + (int)n, op, stores, counts, ret)) {
                mem_free(ret->each);
                return false;
        }
        return true;
}

/* the result */

/* Infinity times zero, and infinity less infinity, are 0 here. */
static double number(double score) {
        return isnan(score) ? 0 : score;
}

static double combine(aggregate how, double a, double b) {
        switch (how) {
        case SUM:
                return number(a + b);
        case MIN:
                return a < b ? a : b;
        case MAX:
                return a > b ? a : b;
        }
        return a;
}

static int by_count(const void *a, const void *b) {
        size_t x = source_count(a), y = source_count(b);

        return (x > y) - (x < y);
}

typedef struct work {
        call *c;
        const sources *all;
        const source *walked;
        operation op;
        key *result; /* NULL: only count, up to the limit */
        int64_t n;
        bool failed;
} work;

static bool put(work *w, bytes member, double score) {
        w->n++;
        if (!w->result)
                return w->n != w->all->limit;
        w->failed = zset_put(w->c->db, &w->result, member, score) < 0;
        return !w->failed;
}

/* A member of the first source, which the others are asked about. */
static bool try_member(void *arg, bytes member, double score) {
        work *w = arg;
        double sum = number(score * w->walked->weight);

        for (int s = 0; s < w->all->n; s++) {
                const source *other = &w->all->each[s];
                double there;

                if (other == w->walked)
                        continue;
                if (source_score(other, member, &there) != (w->op == INTER))
                        return true;
                if (w->op == INTER)
                        sum = combine(w->all->how, sum, number(there * other->weight));
        }
        return put(w, member, sum);
}

static bool join_member(void *arg, bytes member, double score) {
        work *w = arg;
        double sum = number(score * w->walked->weight), old;

        if (zset_score(w->result, member, &old))
                sum = combine(w->all->how, old, sum);
        return put(w, member, sum);
}

/* Returns false when memory has run out. */
static bool work_out(work *w, sources *all) {
        w->all = all;
        if (w->op != DIFF)
                qsort(all->each, (size_t)all->n, sizeof(*all->each), by_count);
        for (int s = 0; s < (w->op == UNION ? all->n : 1) && !w->failed; s++) {
                w->walked = &all->each[s];
                source_each(w->walked, w->op == UNION ? join_member : try_member, w);
        }
        return !w->failed;
}

static void answer_result(call *c, const key *k, bool with_scores) {
        size_t n = zset_count(k);
        bool nested = with_scores && c->out->version > 2;
        zset_iter i;

        resp_out_array(c->out, with_scores && !nested ? 2 * n : n);
        for (bool there = zset_iter_at(&i, k, 0); there; there = zset_iter_next(&i)) {
                if (nested)
                        resp_out_array(c->out, 2);
                resp_out_bulk(c->out, i.member.p, i.member.n);
                if (with_scores)
                        resp_out_double(c->out, i.score);
        }
}

/* @event is of those that keep the result, in argument 1. */
static void run(call *c, operation op, const char *event) {
        work w = { .c = c, .op = op };
        sources all;
        bool good;

        if (!open_sources(c, event ? 2 : 1, op, event, false, &all))
                return;
        w.result = zset_new();
        good = w.result && work_out(&w, &all);
        mem_free(all.each);
        if (!good) {
                zset_delete(w.result);
                call_fail_memory(c);
        } else if (event) {
                zset_store(c, w.result, event);
        } else {
                answer_result(c, w.result, all.with_scores);
                zset_delete(w.result);
        }
}

void cmd_zunion(call *c) {
        run(c, UNION, NULL);
}

void cmd_zinter(call *c) {
        run(c, INTER, NULL);
}

void cmd_zdiff(call *c) {
        run(c, DIFF, NULL);
}

void cmd_zunionstore(call *c) {
        run(c, UNION, "zunionstore");
}

void cmd_zinterstore(call *c) {
        run(c, INTER, "zinterstore");
}

void cmd_zdiffstore(call *c) {
        run(c, DIFF, "zdiffstore");
}

void cmd_zintercard(call *c) {
        work w = { .c = c, .op = INTER };
        sources all;

        if (!open_sources(c, 1, INTER, false, true, &all))
                return;
        work_out(&w, &all);
        mem_free(all.each);
        resp_out_integer(c->out, w.n);
}
