/* SPDX-License-Identifier: Apache-2.0 */
/* Results, and what is the same for all clients. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include "../base/fork.h"
#include "../wire/resp/cursor.h"
#include "api.h"

static beam_result_kind kind_of(const resp_value *v) {
        switch (v->type) {
        case RESP_STATUS:
                return BEAM_RESULT_STATUS;
        case RESP_ERROR:
        case RESP_BULK_ERROR:
                return BEAM_RESULT_ERROR;
        case RESP_INTEGER:
                return BEAM_RESULT_INTEGER;
        case RESP_DOUBLE:
                return BEAM_RESULT_REAL;
        case RESP_BOOL:
                return BEAM_RESULT_BOOL;
        case RESP_BULK:
        case RESP_BIGNUM:
        case RESP_VERBATIM:
                return BEAM_RESULT_BYTES;
        case RESP_ARRAY:
        case RESP_PUSH:
                return BEAM_RESULT_ARRAY;
        case RESP_SET:
                return BEAM_RESULT_SET;
        case RESP_MAP:
        case RESP_ATTRIBUTE:
                return BEAM_RESULT_MAP;
        case RESP_NULL:
                break;
        }
        return BEAM_RESULT_NULL;
}

/* The next value of @c; what it says about it first is passed over. */
static int take(resp_cursor *c, beam_result *ret) {
        resp_value v;

        do {
                if (!resp_cursor_next(c, &v))
                        return 0;
                if (v.type == RESP_ATTRIBUTE)
                        for (size_t n = v.n; n > 0; n--) {
                                resp_value in;

                                resp_cursor_next(c, &in);
                                resp_cursor_skip(c, &in);
                        }
        } while (v.type == RESP_ATTRIBUTE);
        *ret = (beam_result){ .kind = kind_of(&v), .data = v.text.p, .n = v.text.n };
        if (v.type == RESP_INTEGER)
                ret->integer = v.integer;
        else if (v.type == RESP_BOOL)
                ret->integer = v.truth;
        else if (v.type == RESP_DOUBLE)
                ret->real = v.real;
        else if (resp_value_has_values(&v))
                ret->count = ret->n_left = v.n;
        ret->at = c->p;
        resp_cursor_skip(c, &v);
        ret->end = c->p;
        return 1;
}

int beam_result_next(beam_result *parent, beam_result *ret) {
        resp_cursor c = { parent->at, parent->end };

        if (parent->n_left == 0)
                return 0;
        parent->n_left--;
        take(&c, ret);
        parent->at = c.p;
        return 1;
}

void result_of(bytes text, beam_result *ret) {
        resp_cursor c = { text.p, text.p + text.n };

        *ret = (beam_result){ 0 };
        take(&c, ret);
}

int beam_client_exec(beam_client *c, const beam_arg *argv, size_t argc, beam_result *ret,
                     int64_t deadline) {
        bytes reply;
        int r;

        if (c->forks != fork_count())
                return -ECHILD;
        if (argc == 0 || argc > INT_MAX)
                return -EINVAL;
        r = c->calls->exec(c, (const bytes *)argv, (int)argc, &reply, deadline);
        if (r < 0)
                return r;
        result_of(reply, ret);
        return 0;
}

bool result_answers(bytes text, const bytes *argv, int argc) {
        resp_cursor at = { text.p, text.p + text.n };
        resp_value push, verb, name;

        if (!resp_cursor_next(&at, &push) || push.type != RESP_PUSH)
                return true;
        if (push.n < 2 || !resp_cursor_next(&at, &verb) || !resp_cursor_next(&at, &name))
                return false;
        if (verb.text.n != argv[0].n || strncasecmp(verb.text.p, argv[0].p, argv[0].n) != 0)
                return false;
        return argc == 1 || bytes_equal(name.text, argv[1]);
}

int beam_client_next(beam_client *c, beam_result *ret, int64_t deadline) {
        bytes told;
        int r;

        if (c->forks != fork_count())
                return -ECHILD;
        r = c->calls->next(c, &told, deadline);
        if (r == 0)
                result_of(told, ret);
        return r;
}

beam_client *beam_client_free(beam_client *c) {
        if (c)
                c->calls->free(c);
        return NULL;
}
