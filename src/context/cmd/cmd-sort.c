/* SPDX-License-Identifier: Apache-2.0 */
/* SORT and SORT_RO: elements in order, by themselves or by what other keys say of them. */
#include "context/commands.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "../../base/mem.h"
#include "../../base/real.h"
#include "../store.h"
#include "../type/key-hash.h"
#include "../type/key-list.h"
#include "../type/key-set.h"
#include "../type/key-string.h"
#include "../type/key-zset.h"
#include "../type/value.h"

typedef struct options {
        bool descends, alpha;
        bool keeps_order; /* BY what is the same for all: they stay as they are */
        const bytes *by;
        const bytes *store;
        int64_t offset, limit; /* below 0: no limit */
        int n_gets;            /* GET patterns: every argument behind that word */
} options;

/* An element, and what it is compared by. Its bytes, and those of its weight, lie in the
 * work's. */
typedef struct item {
        size_t at, n;
        size_t weight_at, n_weight;
        bool has_weight;
        double score;
        size_t number; /* in the order in which they were found, which those keep that are equal */
} item;

typedef struct work {
        call *c;
        options o;
        item *items;
        size_t n;
        char *p; /* the bytes */
        size_t n_bytes, cap_bytes;
        size_t from, to; /* those that are answered */
} work;

/* arguments */

static bool read_options(call *c, bool only_reads, options *ret) {
        options o = { .limit = -1 };

        for (int i = 2; i < c->argc; i++) {
                int left = c->argc - i - 1;

                if (call_is(c, i, "ASC")) {
                        o.descends = false;
                } else if (call_is(c, i, "DESC")) {
                        o.descends = true;
                } else if (call_is(c, i, "ALPHA")) {
                        o.alpha = true;
                } else if (call_is(c, i, "LIMIT") && left >= 2) {
                        if (!call_integer(c, i + 1, &o.offset, NULL) ||
                            !call_integer(c, i + 2, &o.limit, NULL))
                                return false;
                        i += 2;
                } else if (!only_reads && call_is(c, i, "STORE") && left >= 1) {
                        o.store = &c->argv[++i];
                } else if (call_is(c, i, "BY") && left >= 1) {
                        o.by = &c->argv[++i];
                        o.keeps_order |= !memchr(o.by->p, '*', o.by->n);
                } else if (call_is(c, i, "GET") && left >= 1) {
                        o.n_gets++;
                        i++;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        *ret = o;
        return true;
}

/* The next GET pattern, from argument *@i on, which is moved behind it. */
static bool next_get(const call *c, int *i, bytes *ret) {
        for (; *i < c->argc; ++*i) {
                if (call_is(c, *i, "LIMIT")) {
                        *i += 2;
                } else if (call_is(c, *i, "STORE") || call_is(c, *i, "BY")) {
                        ++*i;
                } else if (call_is(c, *i, "GET")) {
                        *ret = c->argv[*i + 1];
                        *i += 2;
                        return true;
                }
        }
        return false;
}

/* elements */

/* There is no block yet if all that was put in is empty. */
static bytes bytes_at(const work *w, size_t at, size_t n) {
        return (bytes){ w->p ? w->p + at : "", n };
}

static bytes element_of(const work *w, const item *i) {
        return bytes_at(w, i->at, i->n);
}

static bytes weight_of(const work *w, const item *i) {
        return bytes_at(w, i->weight_at, i->n_weight);
}

static int put_bytes(work *w, bytes b, size_t *ret_at) {
        if (w->cap_bytes - w->n_bytes < b.n) {
                size_t cap = 2 * (w->n_bytes + b.n);
                char *p = mem_resize(w->p, cap);

                if (!p)
                        return -ENOMEM;
                w->p = p;
                w->cap_bytes = cap;
        }
        if (b.n > 0)
                memcpy(w->p + w->n_bytes, b.p, b.n);
        *ret_at = w->n_bytes;
        w->n_bytes += b.n;
        return 0;
}

static int put_element(work *w, bytes element) {
        item *i = &w->items[w->n];

        *i = (item){ .n = element.n, .number = w->n };
        w->n++;
        return put_bytes(w, element, &i->at);
}

/* @n elements from @from on, in the order that they have, or backwards from the end. */
static int put_list(work *w, const key *k, size_t from, size_t n, bool backwards) {
        chain_place at;
        bool there = n > 0 && chain_seek(list_of(k), backwards ? -(long)from - 1 : (long)from, &at);
        int r = 0;

        for (; r == 0 && there && n > 0; n--) {
                char scratch[DECIMAL_MAX];
                pack_value v;

                chain_get(&at, &v);
                r = put_element(w, list_text(&v, scratch));
                there = chain_move_on(list_of(k), &at, backwards ? CHAIN_HEAD : CHAIN_TAIL);
        }
        return r;
}

static int put_zset(work *w, const key *k, size_t from, size_t n, bool backwards) {
        zset_iter i;
        bool there = n > 0 && zset_iter_at(&i, k, backwards ? zset_count(k) - 1 - from : from);
        int r = 0;

        for (; r == 0 && there && n > 0; n--) {
                r = put_element(w, i.member);
                there = backwards ? zset_iter_prev(&i) : zset_iter_next(&i);
        }
        return r;
}

static int put_set(work *w, const key *k) {
        set_iter i;
        int r = 0;

        set_iter_begin(&i, k);
        while (r == 0 && set_iter_next(&i))
                r = put_element(w, i.member);
        set_iter_end(&i);
        return r;
}

/* The elements that are to be sorted; those of what keeps its order are only the ones that are
 * answered. */
static int collect(work *w, const key *k) {
        bool keeps = w->o.keeps_order && k->type != KEY_SET, backwards = keeps && w->o.descends;
        int64_t all = (int64_t)value_count(k), from = w->o.offset, n = w->o.limit;
        size_t first, n_first;

        from = from < 0 ? 0 : from > all ? all : from;
        n = n < 0 || n > all - from ? all - from : n;
        w->from = keeps ? 0 : (size_t)from;
        w->to = w->from + (size_t)n;
        first = keeps ? (size_t)from : 0;
        n_first = (size_t)(keeps ? n : all);
        w->items = mem_array(n_first, sizeof(*w->items));
        if (n_first > 0 && !w->items)
                return -ENOMEM;
        switch ((key_type)k->type) {
        case KEY_LIST:
                return put_list(w, k, first, n_first, backwards);
        case KEY_ZSET:
                return put_zset(w, k, first, n_first, backwards);
        default:
                return put_set(w, k);
        }
}

/* what other keys say of an element */

/* The string that @pattern names with @element in place of the *, or with "->" behind it a
 * field of a hash. False if there is none; -ENOMEM. */
static int look_up(work *w, bytes pattern, bytes element, char scratch[static DECIMAL_MAX],
                   bytes *ret) {
        const char *star = memchr(pattern.p, '*', pattern.n), *arrow;
        bytes before, behind, field = { NULL, 0 };
        char *name;
        size_t n;
        key *k;

        if (bytes_equal(pattern, BYTES("#"))) {
                *ret = element;
                return 1;
        }
        if (!star)
                return 0;
        before = (bytes){ pattern.p, (size_t)(star - pattern.p) };
        behind = (bytes){ star + 1, pattern.n - before.n - 1 };
        arrow = memmem(behind.p, behind.n, "->", 2);
        if (arrow && arrow + 2 < pattern.p + pattern.n) {
                field = (bytes){ arrow + 2, (size_t)(pattern.p + pattern.n - arrow) - 2 };
                behind.n = (size_t)(arrow - behind.p);
        }
        n = before.n + element.n + behind.n;
        name = mem_new(n + 1);
        if (!name)
                return -ENOMEM;
        memcpy(name, before.p, before.n);
        memcpy(name + before.n, element.p, element.n);
        memcpy(name + before.n + element.n, behind.p, behind.n);
        k = db_read(w->c->db, (bytes){ name, n });
        mem_free(name);
        if (!k || k->type != (field.p ? KEY_HASH : KEY_STRING))
                return 0;
        if (field.p)
                return hash_get(k, field, scratch, ret);
        *ret = string_get(k, scratch);
        return 1;
}

/* Blanks in front and nothing at all are read too, as in bounds of sorted sets, and a zero is
 * the end. */
static bool read_score(bytes text, double *ret) {
        text.n = strnlen(text.p, text.n);
        while (text.n > 0 && isspace((unsigned char)text.p[0])) {
                text.p++;
                text.n--;
        }
        *ret = 0;
        return text.n == 0 || (real_read(text.p, text.n, ret) == 0 && !isnan(*ret));
}

static int weigh(work *w, item *i, bool *ret_good) {
        bytes weight = element_of(w, i);
        char scratch[DECIMAL_MAX];

        if (w->o.by) {
                int r = look_up(w, *w->o.by, weight, scratch, &weight);

                if (r <= 0)
                        return r;
                i->has_weight = true;
        }
        if (!w->o.alpha) {
                *ret_good &= read_score(weight, &i->score);
        } else if (w->o.by) {
                i->n_weight = weight.n;
                return put_bytes(w, weight, &i->weight_at);
        }
        return 0;
}

/* Numbers by what they are and then by their bytes; what has no weight is first. */
static int compare(const void *left, const void *right, void *arg) {
        const work *w = arg;
        const item *a = left, *b = right;
        int order;

        if (!w->o.alpha)
                order = (a->score > b->score) - (a->score < b->score);
        else if (w->o.by && a->has_weight && b->has_weight)
                order = bytes_compare(weight_of(w, a), weight_of(w, b));
        else
                order = w->o.by ? a->has_weight - b->has_weight : 0;
        if (order == 0 && !(w->o.alpha && w->o.by))
                order = bytes_compare(element_of(w, a), element_of(w, b));
        if (order != 0)
                return w->o.descends ? -order : order;
        return (a->number > b->number) - (a->number < b->number);
}

/* Returns 0 if a weight is no number, and that has been answered. */
static int sort_items(work *w) {
        bool good = true;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < w->n; i++)
                r = weigh(w, &w->items[i], &good);
        if (r < 0)
                return r;
        if (!good) {
                call_fail(w->c, "ERR One or more scores can't be converted into double");
                return 0;
        }
        if (w->n > 0)
                qsort_r(w->items, w->n, sizeof(*w->items), compare, w);
        return 1;
}

/* the result */

/* What is asked of each element to @fn; NULL is nothing. */
static int each_value(work *w, int (*fn)(void *arg, const bytes *value), void *arg) {
        char scratch[DECIMAL_MAX];
        int r = 0;

        for (size_t n = w->from; r >= 0 && n < w->to; n++) {
                bytes element = element_of(w, &w->items[n]), pattern, value;

                if (w->o.n_gets == 0)
                        r = fn(arg, &element);
                for (int i = 2; r >= 0 && next_get(w->c, &i, &pattern);) {
                        r = look_up(w, pattern, element, scratch, &value);
                        if (r >= 0)
                                r = fn(arg, r > 0 ? &value : NULL);
                }
        }
        return r;
}

static int answer_value(void *arg, const bytes *value) {
        resp_out *out = arg;

        if (value)
                resp_out_bulk(out, value->p, value->n);
        else
                resp_out_null(out);
        return 0;
}

static int push_value(void *arg, const bytes *value) {
        return chain_push(arg, CHAIN_TAIL, value ? value->p : "", value ? value->n : 0);
}

static int store_values(work *w, size_t n) {
        call *c = w->c;
        key *loose = list_new(c->db);
        int r = loose ? each_value(w, push_value, list_of(loose)) : -ENOMEM;

        if (r >= 0)
                call_keep(c, *w->o.store, loose, n, NOTIFY_LIST, "sortstore");
        if (r >= 0 && n > 1)
                call_count_changes(c, (int64_t)n - 1);
        if (loose)
                value_free(loose);
        mem_free(loose);
        return r;
}

static int answer_values(work *w, size_t n) {
        size_t begin = w->c->out->n;
        int r;

        resp_out_array(w->c->out, n);
        r = each_value(w, answer_value, w->c->out);
        if (r < 0)
                resp_out_cut(w->c->out, begin);
        return r;
}

static void sort(call *c, bool only_reads) {
        work w = { .c = c };
        size_t n;
        int r = 1;
        key *k;

        if (!read_options(c, only_reads, &w.o))
                return;
        k = db_read(c->db, c->argv[1]);
        if (k && k->type != KEY_LIST && k->type != KEY_SET && k->type != KEY_ZSET) {
                call_fail_type(c);
                return;
        }
        /* a set has no order that a replica has too, so what is kept gets one */
        if (k && k->type == KEY_SET && w.o.keeps_order && w.o.store) {
                w.o.keeps_order = false;
                w.o.alpha = true;
                w.o.by = NULL;
        }
        /* as Redis does to sort it, which OBJECT ENCODING tells */
        if (k && k->type == KEY_ZSET) {
                k = db_write(c->db, c->argv[1]);
                r = zset_enlarge(c->db, &k);
        }
        if (k && r >= 0)
                r = collect(&w, k);
        if (r >= 0)
                r = w.o.keeps_order ? 1 : sort_items(&w);
        if (r > 0) {
                n = (w.to - w.from) * (size_t)(w.o.n_gets ? w.o.n_gets : 1);
                r = w.o.store ? store_values(&w, n) : answer_values(&w, n);
        }
        if (r < 0)
                call_fail_memory(c);
        mem_free(w.items);
        mem_free(w.p);
}

void cmd_sort(call *c) {
        sort(c, false);
}

void cmd_sort_ro(call *c) {
        sort(c, true);
}
