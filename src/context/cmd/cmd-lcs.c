/* SPDX-License-Identifier: Apache-2.0 */
/* LCS: what two strings have in common, in order but not in a row. */
#include "context/commands.h"

#include "../../base/mem.h"
#include "../store.h"
#include "../type/key-string.h"

typedef struct options {
        bool length, places, with_lengths;
        int64_t least; /* of a match that is shown */
} options;

static bool read_options(call *c, options *ret) {
        *ret = (options){ 0 };
        for (int i = 3; i < c->argc; i++) {
                if (call_is(c, i, "IDX")) {
                        ret->places = true;
                } else if (call_is(c, i, "LEN")) {
                        ret->length = true;
                } else if (call_is(c, i, "WITHMATCHLEN")) {
                        ret->with_lengths = true;
                } else if (call_is(c, i, "MINMATCHLEN") && i + 1 < c->argc) {
                        if (!call_integer(c, ++i, &ret->least, NULL))
                                return false;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        if (ret->places && ret->length) {
                call_fail(c, "ERR If you want both the length and indexes, please just use IDX.");
                return false;
        }
        return true;
}

/* lengths of what the first i and the first j bytes have in common, row by row */
typedef struct lengths {
        bytes a, b;
        uint32_t *at; /* (a.n + 1) * (b.n + 1) */
} lengths;

static uint32_t *row(const lengths *l, size_t i) {
        return l->at + i * (l->b.n + 1);
}

static bool work_out(call *c, lengths *l) {
        uint64_t n = (uint64_t)(l->a.n + 1) * (l->b.n + 1);

        if (n > c->store->config.proto_max_bulk_len / sizeof(*l->at)) {
                call_fail(c, "ERR Insufficient memory, transient memory for LCS exceeds "
                             "proto-max-bulk-len");
                return false;
        }
        l->at = mem_new((size_t)n * sizeof(*l->at));
        if (!l->at) {
                call_fail(c, "ERR Insufficient memory, failed allocating transient memory for LCS");
                return false;
        }
        memset(l->at, 0, (l->b.n + 1) * sizeof(*l->at));
        for (size_t i = 1; i <= l->a.n; i++) {
                const uint32_t *above = row(l, i - 1);
                uint32_t *here = row(l, i);

                here[0] = 0;
                for (size_t j = 1; j <= l->b.n; j++) {
                        uint32_t most = above[j] > here[j - 1] ? above[j] : here[j - 1];

                        here[j] = l->a.p[i - 1] == l->b.p[j - 1] ? above[j - 1] + 1 : most;
                }
        }
        return true;
}

/* A match: @n bytes that end before @i in one and before @j in the other. */
typedef struct match {
        size_t i, j, n;
} match;

/* The next match, from the end on; begin with one of no bytes at the ends. Where a byte
 * could be left out of either, it is left out of the second. */
static bool next_match(const lengths *l, match *m) {
        size_t i = m->i - m->n, j = m->j - m->n;

        while (i > 0 && j > 0 && l->a.p[i - 1] != l->b.p[j - 1]) {
                if (row(l, i - 1)[j] > row(l, i)[j - 1])
                        i--;
                else
                        j--;
        }
        if (i == 0 || j == 0)
                return false;
        *m = (match){ .i = i, .j = j };
        while (m->n < i && m->n < j && l->a.p[i - m->n - 1] == l->b.p[j - m->n - 1])
                m->n++;
        return true;
}

static void answer_range(call *c, size_t end, size_t n) {
        resp_out_array(c->out, 2);
        resp_out_integer(c->out, (int64_t)(end - n));
        resp_out_integer(c->out, (int64_t)end - 1);
}

static void answer_places(call *c, const lengths *l, const options *o) {
        match m = { .i = l->a.n, .j = l->b.n };
        size_t later, n = 0;

        resp_out_map(c->out, 2);
        resp_out_bulk_text(c->out, "matches");
        later = resp_out_later(c->out);
        while (next_match(l, &m)) {
                if ((int64_t)m.n < o->least)
                        continue;
                resp_out_array(c->out, o->with_lengths ? 3 : 2);
                answer_range(c, m.i, m.n);
                answer_range(c, m.j, m.n);
                if (o->with_lengths)
                        resp_out_integer(c->out, (int64_t)m.n);
                n++;
        }
        resp_out_head(c->out, later, RESP_ARRAY, n);
        resp_out_bulk_text(c->out, "len");
        resp_out_integer(c->out, row(l, l->a.n)[l->b.n]);
}

static void answer_bytes(call *c, const lengths *l) {
        match m = { .i = l->a.n, .j = l->b.n };
        size_t n = row(l, l->a.n)[l->b.n];
        char *common = mem_new(n + 1);

        if (!common) {
                call_fail_memory(c);
                return;
        }
        for (size_t at = n; next_match(l, &m);) {
                at -= m.n;
                memcpy(common + at, l->a.p + m.i - m.n, m.n);
        }
        resp_out_bulk(c->out, common, n);
        mem_free(common);
}

void cmd_lcs(call *c) {
        /* both stay where they are: nothing goes away by being read that is there */
        const key *a = db_read(c->db, c->argv[1]), *b = db_read(c->db, c->argv[2]);
        char scratch[2][DECIMAL_MAX];
        lengths l = { .a = { "", 0 }, .b = { "", 0 } };
        options o;

        if ((a && a->type != KEY_STRING) || (b && b->type != KEY_STRING)) {
                call_fail(c, "ERR The specified keys must contain string values");
                return;
        }
        if (!read_options(c, &o))
                return;
        if (a)
                l.a = string_get(a, scratch[0]);
        if (b)
                l.b = string_get(b, scratch[1]);
        if (!work_out(c, &l))
                return;
        if (o.places)
                answer_places(c, &l, &o);
        else if (o.length)
                resp_out_integer(c->out, row(&l, l.a.n)[l.b.n]);
        else
                answer_bytes(c, &l);
        mem_free(l.at);
}
