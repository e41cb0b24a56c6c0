/* SPDX-License-Identifier: Apache-2.0 */
#include "pick.h"

#include "../base/random.h"

bool pick_read(call *c, int i, const char *word, pick *ret, bool *ret_word) {
        int64_t n;

        if (!call_integer_in(c, i, -INT64_MAX, INT64_MAX, &n, NULL))
                return false;
        if (c->argc > i + 2 || (c->argc == i + 2 && !(word && call_is(c, i + 1, word)))) {
                call_fail_syntax(c);
                return false;
        }
        if (ret_word)
                *ret_word = c->argc == i + 2;
        if (n < -INT64_MAX / 2 || n > INT64_MAX / 2) {
                if (c->argc == i + 2 || n < 0) {
                        call_fail(c, "ERR value is out of range");
                        return false;
                }
        }
        *ret = (pick){ .repeats = n < 0, .wanted = (size_t)(n < 0 ? -n : n) };
        return true;
}

void pick_begin(pick *p) {
        p->n = p->wanted;
        if (p->n_all == 0 || (!p->repeats && p->n > p->n_all))
                p->n = p->n_all;
        p->wanted = p->n;
        p->left = p->n_all;
}

bool pick_next(pick *p) {
        if (p->wanted == 0 || random_below(p->left--) >= p->wanted)
                return false;
        p->wanted--;
        return true;
}
