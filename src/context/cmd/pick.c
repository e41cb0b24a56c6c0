/* SPDX-License-Identifier: Apache-2.0 */
#include "pick.h"

#include "../../base/random.h"

/* The count in argument 2, and the word behind it. */
static bool read_count(call *c, const char *word, int64_t *ret_n, bool *ret_word) {
        int64_t n;

        if (!word && c->argc > 3) {
                call_fail_syntax(c);
                return false;
        }
        if (!call_integer(c, 2, &n, NULL))
                return false;
        if (n < -INT64_MAX) {
                call_fail(c, "ERR value is out of range, value must between "
                             "-9223372036854775807 and 9223372036854775807");
                return false;
        }
        if (c->argc > 4 || (c->argc == 4 && !call_is(c, 3, word))) {
                call_fail_syntax(c);
                return false;
        }
        if ((n < -INT64_MAX / 2 || n > INT64_MAX / 2) && (c->argc == 4 || n < 0)) {
                call_fail(c, "ERR value is out of range");
                return false;
        }
        *ret_n = n;
        *ret_word = c->argc == 4;
        return true;
}

static void pick_one(call *c, const pick_source *s) {
        key *k;

        if (!call_read(c, 1, s->type, &k))
                return;
        if (k)
                s->any(c, k, false);
        else
                resp_out_null(c->out);
}

void pick_run(call *c, const pick_source *s) {
        pick p = { .c = c };
        int64_t n;
        size_t n_all, n_picked;
        key *k;

        if (c->argc == 2) {
                pick_one(c, s);
                return;
        }
        if (!read_count(c, s->word, &n, &p.with_second) || !call_read(c, 1, s->type, &k))
                return;
        n_all = k ? s->count(k) : 0;
        n_picked = (size_t)(n < 0 ? -n : n);
        if (n_all == 0 || (n > 0 && n_picked > n_all))
                n_picked = n_all;
        resp_out_array(c->out, p.with_second && c->out->version == 2 ? 2 * n_picked : n_picked);
        if (n < 0) {
                for (; n_picked > 0; n_picked--)
                        s->any(c, k, p.with_second);
        } else if (n_picked > 0) {
                p.wanted = n_picked;
                p.left = n_all;
                s->walk(&p, k);
        }
}

bool pick_shown(pick *p) {
        if (p->wanted == 0 || random_below(p->left--) >= p->wanted)
                return false;
        p->wanted--;
        return true;
}
