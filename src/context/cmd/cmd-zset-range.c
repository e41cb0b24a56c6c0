/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group sorted-set: ranges, by rank, by score and by bytes. */
#include "context/commands.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

#include "../../base/real.h"
#include "../data/longreal.h"
#include "../store.h"
#include "../type/key-zset.h"

typedef enum range_by { BY_RANK, BY_SCORE, BY_LEX } range_by;

typedef struct range {
        range_by by;
        bool reverse, with_scores;
        bool limited;
        int64_t offset, limit; /* below 0: no limit */

        /* the bounds, as they are written */
        int64_t from, to;             /* BY_RANK */
        double min, max;              /* BY_SCORE */
        bytes low, high;              /* BY_LEX; p is NULL for - and + */
        bool no_low, no_high;         /* of those: - as high, + as low: nothing lies within */
        tree_side min_side, max_side; /* whether the bounds themselves are in */
} range;

/* What a bound may be written as is more than a score may: blanks in front, nothing at all
 * for 0, and what is too far for a double is infinity. */
static bool read_bound(bytes text, double *ret) {
        long double wide;
        int r;

        while (text.n > 0 && isspace((unsigned char)text.p[0])) {
                text.p++;
                text.n--;
        }
        *ret = 0;
        r = text.n > 0 ? real_read(text.p, text.n, ret) : 0;
        if (r == -ERANGE && longreal_read(text, &wide)) {
                *ret = (double)wide;
                r = 0;
        }
        return r == 0 && !isnan(*ret);
}

/* "1.5", "(1.5", "-inf" */
static bool read_score(bytes text, double *ret, bool *ret_open) {
        *ret_open = text.n > 0 && text.p[0] == '(';
        return read_bound(*ret_open ? (bytes){ text.p + 1, text.n - 1 } : text, ret);
}

static bool read_scores(call *c, int i, int k, range *r) {
        bool open_min, open_max;

        if (!read_score(c->argv[i], &r->min, &open_min) ||
            !read_score(c->argv[k], &r->max, &open_max)) {
                call_fail(c, "ERR min or max is not a float");
                return false;
        }
        r->min_side = open_min ? TREE_BEHIND : TREE_BEFORE;
        r->max_side = open_max ? TREE_BEFORE : TREE_BEHIND;
        return true;
}

/* "[a", "(a"; "-" and "+" are the ends of all bytes. */
static bool read_lex(bytes text, bytes *ret, bool *ret_open, int *ret_end) {
        *ret_end = 0;
        *ret_open = false;
        if (text.n == 1 && (text.p[0] == '-' || text.p[0] == '+')) {
                *ret_end = text.p[0] == '-' ? -1 : 1;
                return true;
        }
        if (text.n == 0 || (text.p[0] != '[' && text.p[0] != '('))
                return false;
        *ret_open = text.p[0] == '(';
        *ret = (bytes){ text.p + 1, text.n - 1 };
        return true;
}

static bool read_members(call *c, int i, int k, range *r) {
        int end_low, end_high;
        bool open_low, open_high;

        r->low = r->high = (bytes){ 0 };
        if (!read_lex(c->argv[i], &r->low, &open_low, &end_low) ||
            !read_lex(c->argv[k], &r->high, &open_high, &end_high)) {
                call_fail(c, "ERR min or max not valid string range item");
                return false;
        }
        r->no_low = end_low > 0;
        r->no_high = end_high < 0;
        r->min_side = open_low ? TREE_BEHIND : TREE_BEFORE;
        r->max_side = open_high ? TREE_BEFORE : TREE_BEHIND;
        return true;
}

/* The options behind the bounds, from argument @i on. */
static bool read_options(call *c, int i, bool stores, bool free_form, range *r) {
        for (; i < c->argc; i++) {
                if (!stores && call_is(c, i, "WITHSCORES")) {
                        r->with_scores = true;
                } else if (call_is(c, i, "LIMIT") && i + 2 < c->argc) {
                        if (!call_integer(c, i + 1, &r->offset, NULL) ||
                            !call_integer(c, i + 2, &r->limit, NULL))
                                return false;
                        r->limited = true;
                        i += 2;
                } else if (free_form && !r->reverse && call_is(c, i, "REV")) {
                        r->reverse = true;
                } else if (free_form && r->by == BY_RANK && call_is(c, i, "BYLEX")) {
                        r->by = BY_LEX;
                } else if (free_form && r->by == BY_RANK && call_is(c, i, "BYSCORE")) {
                        r->by = BY_SCORE;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        if (r->limited && r->limit != -1 && r->by == BY_RANK) {
                call_fail(c, "ERR syntax error, LIMIT is only supported in combination with either "
                             "BYSCORE or BYLEX");
                return false;
        }
        if (r->with_scores && r->by == BY_LEX) {
                call_fail(c,
                          "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
                return false;
        }
        return true;
}

/* The bounds in arguments @i and @i + 1, the higher one first if reversed. */
static bool read_bounds(call *c, int i, range *r) {
        int low = r->reverse ? i + 1 : i, high = r->reverse ? i : i + 1;

        switch (r->by) {
        case BY_RANK:
                return call_integer(c, i, &r->from, NULL) && call_integer(c, i + 1, &r->to, NULL);
        case BY_SCORE:
                return read_scores(c, low, high, r);
        case BY_LEX:
                return read_members(c, low, high, r);
        }
        return false;
}

/* The ranks that the range is in @k: from *@ret_from on; returns how many. */
static size_t resolve(const key *k, const range *r, size_t *ret_from) {
        int64_t n = (int64_t)zset_count(k), from = 0, to = 0;

        switch (r->by) {
        case BY_RANK:
                from = r->from < 0 ? r->from + n : r->from;
                to = r->to < 0 ? r->to + n : r->to;
                if (from < 0)
                        from = 0;
                to = to < n ? to + 1 : n;
                if (r->reverse && from < to) {
                        int64_t mirrored = n - to;

                        to = n - from;
                        from = mirrored;
                }
                break;
        case BY_SCORE:
                from = (int64_t)zset_rank_of_score(k, r->min, r->min_side);
                to = (int64_t)zset_rank_of_score(k, r->max, r->max_side);
                break;
        case BY_LEX:
                from = r->low.p    ? (int64_t)zset_rank_of_member(k, r->low, r->min_side)
                       : r->no_low ? n
                                   : 0;
                to = r->high.p    ? (int64_t)zset_rank_of_member(k, r->high, r->max_side)
                     : r->no_high ? 0
                                  : n;
                break;
        }
        if (r->limited && r->by != BY_RANK && from < to) {
                int64_t all = to - from, skip = r->offset, most;

                if (skip < 0 || skip > all)
                        skip = all;
                most = r->limit < 0 || r->limit > all - skip ? all - skip : r->limit;
                if (r->reverse)
                        to -= skip, from = to - most;
                else
                        from += skip, to = from + most;
        }
        *ret_from = (size_t)from;
        return from < to ? (size_t)(to - from) : 0;
}

static void answer_range(call *c, const key *k, const range *r) {
        size_t from = 0, n = k ? resolve(k, r, &from) : 0;
        bool nested = r->with_scores && c->out->version > 2, there;
        zset_iter i;

        resp_out_array(c->out, r->with_scores && !nested ? 2 * n : n);
        if (n == 0)
                return;
        there = zset_iter_at(&i, k, r->reverse ? from + n - 1 : from);
        for (; n > 0 && there; n--) {
                if (nested)
                        resp_out_array(c->out, 2);
                resp_out_bulk(c->out, i.member.p, i.member.n);
                if (r->with_scores)
                        resp_out_double(c->out, i.score);
                there = r->reverse ? zset_iter_prev(&i) : zset_iter_next(&i);
        }
}

static void show_range(call *c, range r, bool free_form) {
        key *k;

        if (read_options(c, 4, false, free_form, &r) && read_bounds(c, 2, &r) &&
            call_read(c, 1, KEY_ZSET, &k))
                answer_range(c, k, &r);
}

void cmd_zrange(call *c) {
        show_range(c, (range){ .limit = -1 }, true);
}

void cmd_zrevrange(call *c) {
        show_range(c, (range){ .limit = -1, .reverse = true }, false);
}

void cmd_zrangebyscore(call *c) {
        show_range(c, (range){ .limit = -1, .by = BY_SCORE }, false);
}

void cmd_zrevrangebyscore(call *c) {
        show_range(c, (range){ .limit = -1, .by = BY_SCORE, .reverse = true }, false);
}

void cmd_zrangebylex(call *c) {
        show_range(c, (range){ .limit = -1, .by = BY_LEX }, false);
}

void cmd_zrevrangebylex(call *c) {
        show_range(c, (range){ .limit = -1, .by = BY_LEX, .reverse = true }, false);
}

/* A copy of the range, not yet kept. NULL without memory. */
static key *copy_range(call *c, const key *k, const range *r) {
        key *copy = zset_new();
        size_t from = 0, n = copy && k ? resolve(k, r, &from) : 0;
        zset_iter i;

        for (bool there = n > 0 && zset_iter_at(&i, k, from); copy && there && n > 0; n--) {
                if (zset_put(c->db, &copy, i.member, i.score) < 0)
                        copy = zset_delete(copy);
                there = zset_iter_next(&i);
        }
        return copy;
}

void zset_store(call *c, key *loose, const char *event) {
        call_keep(c, c->argv[1], loose, zset_count(loose), NOTIFY_ZSET, event);
        zset_delete(loose);
}

void cmd_zrangestore(call *c) {
        range r = { .limit = -1 };
        key *k, *copy;

        if (!read_options(c, 5, true, true, &r) || !read_bounds(c, 3, &r) ||
            !call_read(c, 2, KEY_ZSET, &k))
                return;
        copy = copy_range(c, k, &r);
        if (copy)
                zset_store(c, copy, "zrangestore");
        else
                call_fail_memory(c);
}

/* counting and removing */

static void count_range(call *c, range_by by) {
        range r = { .by = by };
        size_t from;
        key *k;

        if (read_bounds(c, 2, &r) && call_read(c, 1, KEY_ZSET, &k))
                resp_out_integer(c->out, k ? (int64_t)resolve(k, &r, &from) : 0);
}

void cmd_zcount(call *c) {
        count_range(c, BY_SCORE);
}

void cmd_zlexcount(call *c) {
        count_range(c, BY_LEX);
}

static void remove_range(call *c, range_by by, const char *event) {
        range r = { .by = by };
        size_t from = 0, n;
        key *k;

        if (!read_bounds(c, 2, &r) || !call_write(c, 1, KEY_ZSET, &k))
                return;
        n = k ? resolve(k, &r, &from) : 0;
        resp_out_integer(c->out, (int64_t)n);
        if (n == 0)
                return;
        k = zset_cut(c->db, k, from, n);
        db_changed(c->db, c->argv[1], NOTIFY_ZSET, event);
        call_count_changes(c, (int64_t)n - 1);
        db_remove_if_empty(c->db, k);
}

void cmd_zremrangebyrank(call *c) {
        remove_range(c, BY_RANK, "zremrangebyrank");
}

void cmd_zremrangebyscore(call *c) {
        remove_range(c, BY_SCORE, "zremrangebyscore");
}

void cmd_zremrangebylex(call *c) {
        remove_range(c, BY_LEX, "zremrangebylex");
}
