/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG
#include "say.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "out.h"

static void say_bytes(FILE *out, bytes text) {
        if (text.n == 0)
                fputs("%", out);
        for (size_t i = 0; i < text.n; i++) {
                unsigned char c = (unsigned char)text.p[i];

                if (c > 0x20 && c < 0x7f && c != '%')
                        fputc(c, out);
                else
                        fprintf(out, "%%%02X", c);
        }
}

/* The input of a reader: what it has not consumed, in a block of just that size. */
typedef struct input {
        char *p;
        size_t n;
} input;

static void input_set(input *in, const char *p, size_t n, const char *more, size_t n_more) {
        char *block = malloc(n + n_more ? n + n_more : 1);

        assert(block);
        if (n)
                memcpy(block, p, n);
        if (n_more)
                memcpy(block + n, more, n_more);
        free(in->p);
        in->p = block;
        in->n = n + n_more;
}

/* A reader of either kind. */
typedef struct reader {
        resp_request request;
        resp_reply reply;
        bool is_reply;
        size_t want; /* what it last said, of what it is at */
        FILE *out;
} reader;

/* What was seen at a glance is what is then read, unless a limit is against it. */
static void check_glance(const resp_request *r, int got, size_t seen, bytes second) {
        if (seen == 0 || got < 0)
                return;
        assert(got == 1 && r->consumed == seen && r->argc > 1);
        assert(r->argv[1].p == second.p && r->argv[1].n == second.n);
}

static int read_next(reader *r, const input *in, size_t *ret_consumed) {
        bytes second;
        size_t seen = r->is_reply ? 0 : resp_request_glance(in->p, in->n, &second);
        int got = r->is_reply ? resp_reply_next(&r->reply, in->p, in->n)
                              : resp_request_next(&r->request, in->p, in->n);

        if (!r->is_reply)
                check_glance(&r->request, got, seen, second);
        if (got == 0) {
                size_t want = r->is_reply ? r->reply.want : r->request.want;

                assert(want > in->n && want >= r->want);
                r->want = want;
        }
        if (got > 0) {
                *ret_consumed = r->is_reply ? r->reply.consumed : r->request.consumed;
                assert(*ret_consumed > 0 && *ret_consumed <= in->n);
                assert(*ret_consumed >= r->want);
                r->want = 0;
        }
        return got;
}

/* requests */

/* Written as an array and read again, it is the same. */
static void check_written(const resp_request *r) {
        resp_request again;
        resp_out out;

        resp_request_init(&again);
        resp_out_init(&out, 3);
        resp_out_request(&out, r->argv, r->argc);
        assert(!out.failed);
        assert(resp_request_next(&again, (char *)out.p, out.n) == 1);
        assert(again.consumed == out.n && again.argc == r->argc && !again.is_line);
        for (uint32_t i = 0; i < r->argc; i++)
                assert(again.argv[i].n == r->argv[i].n &&
                       !memcmp(again.argv[i].p, r->argv[i].p, r->argv[i].n));
        resp_request_deinit(&again);
        resp_out_deinit(&out);
}

static void say_request(FILE *out, const resp_request *r, const input *in) {
        fputs(r->is_line ? "line" : "request", out);
        for (uint32_t i = 0; i < r->argc; i++) {
                assert(r->argv[i].p >= in->p);
                assert(r->argv[i].p + r->argv[i].n <= in->p + r->consumed);
                fputc(' ', out);
                say_bytes(out, r->argv[i]);
        }
        fputc('\n', out);
        check_written(r);
}

/* replies */

static void say_value(FILE *out, const resp_value *v) {
        fprintf(out, " %c", v->type);
        switch (v->type) {
        case RESP_INTEGER:
                fprintf(out, "%" PRId64, v->integer);
                break;
        case RESP_DOUBLE:
                fprintf(out, "%g", v->real);
                break;
        case RESP_BOOL:
                fprintf(out, "%d", v->truth);
                break;
        case RESP_NULL:
                break;
        case RESP_VERBATIM:
                say_bytes(out, (bytes){ v->format, 3 });
                fputc(':', out);
                say_bytes(out, v->text);
                break;
        default:
                if (resp_value_has_values(v))
                        fprintf(out, "%zu", v->n);
                else
                        say_bytes(out, v->text);
                break;
        }
}

static void say_reply(FILE *out, const char *p, size_t n) {
        resp_cursor c = { p, p + n }, skip = c;
        resp_value v;

        fputs("reply", out);
        while (resp_cursor_next(&c, &v))
                say_value(out, &v);
        fputc('\n', out);

        /* notes, and then the one value that it is */
        do {
                assert(resp_cursor_next(&skip, &v) == 1);
                resp_cursor_skip(&skip, &v);
        } while (v.type == RESP_ATTRIBUTE);
        assert(skip.p == skip.end);
}

static char *say(reader *r, const char *wire, size_t n, resp_cuts cuts) {
        input in = { 0 };
        size_t at = 0, n_text, consumed;
        char *text = NULL, error[RESP_ERROR_TEXT_MAX];
        int got = 0;

        r->out = open_memstream(&text, &n_text);
        assert(r->out);
        for (bool first = true; (first || at < n) && got >= 0; first = false) {
                size_t n_piece = first ? cuts.first : cuts.step;

                if (n_piece > n - at)
                        n_piece = n - at;
                input_set(&in, in.p, in.n, wire + at, n_piece);
                at += n_piece;
                while ((got = read_next(r, &in, &consumed)) > 0) {
                        if (r->is_reply)
                                say_reply(r->out, in.p, consumed);
                        else
                                say_request(r->out, &r->request, &in);
                        input_set(&in, in.p + consumed, in.n - consumed, NULL, 0);
                }
        }

        if (got == 0 && in.n == 0) {
                fputs("ok\n", r->out);
        } else if (got == 0) {
                fprintf(r->out, "want %zu\n", r->want);
        } else {
                if (r->is_reply)
                        snprintf(error, sizeof(error), "%s",
                                 got == -EPROTO     ? "protocol"
                                 : got == -EMSGSIZE ? "limit"
                                                    : "?");
                else
                        assert(resp_request_error(&r->request, error) == strlen(error));
                fprintf(r->out, "error %s\n", error);
                assert(read_next(r, &in, &consumed) == got);
        }
        free(in.p);
        assert(fclose(r->out) == 0);
        return text;
}

char *resp_say_requests(resp_request r, const char *wire, size_t n, resp_cuts cuts) {
        reader it = { .request = r };
        char *text = say(&it, wire, n, cuts);

        resp_request_deinit(&it.request);
        resp_request_deinit(&it.request);
        return text;
}

char *resp_say_replies(resp_reply r, const char *wire, size_t n, resp_cuts cuts) {
        reader it = { .reply = r, .is_reply = true };

        return say(&it, wire, n, cuts);
}
