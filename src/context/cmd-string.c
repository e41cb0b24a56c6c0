/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group string. */
#include "context/commands.h"
#include "key-string.h"
#include "store.h"

static void answer_string(call *c, const key *k) {
        char scratch[DECIMAL_MAX];
        bytes text;

        if (!k) {
                resp_out_null(c->out);
                return;
        }
        text = string_get(k, scratch);
        resp_out_bulk(c->out, text.p, text.n);
}

void cmd_get(call *c) {
        key *k;

        if (call_read(c, 1, KEY_STRING, &k))
                answer_string(c, k);
}

void cmd_strlen(call *c) {
        key *k;

        if (call_read(c, 1, KEY_STRING, &k))
                resp_out_integer(c->out, k ? (int64_t)string_length(k) : 0);
}
