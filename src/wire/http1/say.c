/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG
#include "say.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"

typedef struct say {
        FILE *words; /* what is said; of a message that is written again NULL */
        http1_in in;
        char *input;
        size_t n_input;

        /* The message in progress. */
        FILE *body;
        char *body_p;
        size_t body_n;
        http1_in head; /* as it was at HEAD */
        char *kept;    /* and the bytes that it points into */
} say;

static void say_escaped(FILE *out, bytes text) {
        for (size_t i = 0; i < text.n; i++) {
                uint8_t c = (uint8_t)text.p[i];

                if (c > 0x20 && c < 0x7f && c != '%')
                        fputc(c, out);
                else
                        fprintf(out, "%%%02X", c);
        }
}

static void say_value(FILE *out, const char *name, bytes value) {
        fprintf(out, " %s=", name);
        say_escaped(out, value);
}

static void say_fields(FILE *out, const char *word, const http1_in *in) {
        for (uint32_t i = 0; i < in->n_fields; i++) {
                http1_field f = http1_in_field(in, i);

                fprintf(out, "%s ", word);
                say_escaped(out, f.name);
                fputc('=', out);
                say_escaped(out, f.value);
                fputc('\n', out);
        }
}

static void say_head(FILE *out, const http1_in *in) {
        static const char *const bodies[] = {
                [HTTP1_NO_BODY] = "none",
                [HTTP1_LENGTH] = "length",
                [HTTP1_CHUNKED] = "chunked",
                [HTTP1_TO_END] = "to-end",
        };

        if (in->responses) {
                fprintf(out, "response status=%u", in->status);
                say_value(out, "reason", in->reason);
        } else {
                fputs("request", out);
                say_value(out, "method", in->method);
                say_value(out, "target", in->target);
                say_value(out, "host", in->host);
        }
        fprintf(out, " minor=%u body=%s", in->minor, bodies[in->body]);
        if (in->body == HTTP1_LENGTH)
                fprintf(out, ":%" PRIu64, in->length);
        if (in->keep_alive)
                fputs(" keep-alive", out);
        if (in->waits)
                fputs(" waits", out);
        if (in->has_upgrade)
                fputs(" upgrade", out);
        fputc('\n', out);
        say_fields(out, "field", in);
}

/* a message that is over is written again, and read */

static bool is_ours(bytes name) {
        return bytes_is(name, "connection") || bytes_is(name, "content-length") ||
               bytes_is(name, "transfer-encoding") || bytes_is(name, "upgrade");
}

static size_t keep_fields(const http1_in *in, http1_field *ret) {
        size_t n = 0;

        for (uint32_t i = 0; i < in->n_fields; i++) {
                http1_field f = http1_in_field(in, i);

                if (!is_ours(f.name))
                        ret[n++] = f;
        }
        return n;
}

static void check_fields(const http1_in *in, const http1_field *want, size_t n) {
        http1_field got[HTTP1_FIELDS_MAX];

        assert(keep_fields(in, got) == n);
        for (size_t i = 0; i < n; i++)
                assert(bytes_equal(got[i].name, want[i].name) &&
                       bytes_equal(got[i].value, want[i].value));
}

static void write_again(http1_out *out, const say *s, const http1_field *fields, size_t n_fields,
                        const http1_field *after, size_t n_after) {
        const http1_in *h = &s->head;
        http1_message m = {
                .method = h->method,
                .target = h->target,
                .status = h->status,
                .reason = h->reason,
                .body = h->body,
                .length = h->length,
                .closes = !h->keep_alive,
                .fields = fields,
                .n_fields = n_fields,
        };

        if (h->status == 101)
                m.upgrade = BYTES("x"); /* the field may be a list, of which one is written */
        assert(http1_out_head(out, &m) == 0);
        assert(http1_out_piece(out, s->body_p, s->body_n) == 0);
        assert(http1_out_end(out, after, n_after) == 0);
        assert(!out->failed);
}

static void check_written(say *s) {
        http1_field fields[HTTP1_FIELDS_MAX], after[HTTP1_FIELDS_MAX];
        size_t n_fields = keep_fields(&s->head, fields), n_after = keep_fields(&s->in, after);
        const http1_in *h = &s->head;
        http1_out out;
        http1_in in;
        size_t at = 0, n_body = 0;
        int r;

        /* not all that may be read can be written: a request of 1.0 without a Host */
        assert(n_after == s->in.n_fields);
        if (n_fields + 3 > HTTP1_FIELDS_MAX ||
            (!h->responses && (h->minor == 0 || http1_in_find(h, "host", NULL) == 0)))
                return;
        http1_out_init(&out);
        write_again(&out, s, fields, n_fields, after, n_after);
        http1_in_init(&in, h->responses);
        in.max_body = UINT64_MAX;
        in.asked = h->asked;
        in.max_head = UINT16_MAX;
        while ((r = http1_in_next(&in, (char *)out.p + at, out.n - at)) > 0 ||
               (r = http1_in_end(&in)) > 0) {
                switch (in.event) {
                case HTTP1_HEAD:
                        assert(bytes_equal(in.method, h->method));
                        assert(bytes_equal(in.target, h->target));
                        assert(bytes_equal(in.host, h->host));
                        assert(bytes_equal(in.reason, h->reason) && in.status == h->status);
                        assert(in.body == h->body && in.keep_alive == h->keep_alive);
                        check_fields(&in, fields, n_fields);
                        break;
                case HTTP1_PIECE:
                        assert(n_body + in.payload.n <= s->body_n);
                        assert(!memcmp(in.payload.p, s->body_p + n_body, in.payload.n));
                        n_body += in.payload.n;
                        break;
                default:
                        assert(n_body == s->body_n);
                        check_fields(&in, after, n_after);
                        break;
                }
                at += in.consumed;
        }
        assert(r == 0 && at == out.n);
        http1_out_deinit(&out);
}

/* events */

static void on_head(say *s) {
        say_head(s->words, &s->in);
        s->body = open_memstream(&s->body_p, &s->body_n);
        assert(s->body);

        /* copied as it is, with its texts where the head is copied to */
        s->head = s->in;
        s->kept = malloc(s->in.consumed);
        assert(s->kept);
        memcpy(s->kept, s->input, s->in.consumed);
        for (size_t i = 0; i < 4; i++) {
                bytes *t[] = { &s->head.method, &s->head.target, &s->head.host, &s->head.reason };

                if (t[i]->n)
                        t[i]->p = s->kept + (t[i]->p - s->input);
        }
        s->head.buf = s->kept;
}

static void drop_message(say *s) {
        if (!s->body)
                return;
        fclose(s->body);
        s->body = NULL;
        free(s->body_p);
        free(s->kept);
}

static void say_body(say *s) {
        fflush(s->body);
        if (s->body_n) {
                fputs("body ", s->words);
                say_escaped(s->words, (bytes){ s->body_p, s->body_n });
                fputc('\n', s->words);
        }
}

static void on_event(say *s) {
        switch (s->in.event) {
        case HTTP1_HEAD:
                on_head(s);
                break;
        case HTTP1_PIECE:
                assert(s->in.payload.n > 0);
                assert(s->in.payload.p >= s->input);
                assert(s->in.payload.p + s->in.payload.n == s->input + s->in.consumed);
                fwrite(s->in.payload.p, 1, s->in.payload.n, s->body);
                break;
        case HTTP1_END:
        case HTTP1_UPGRADE:
                say_body(s);
                say_fields(s->words, "after", &s->in);
                fputs(s->in.event == HTTP1_END ? "end\n" : "upgrade\n", s->words);
                check_written(s);
                drop_message(s);
                break;
        }
}

static void input_set(say *s, size_t n_used, const char *more, size_t n_more) {
        size_t n = s->n_input - n_used;
        char *block = malloc(n + n_more ? n + n_more : 1);

        assert(block);
        if (n)
                memcpy(block, s->input + n_used, n);
        if (n_more)
                memcpy(block + n, more, n_more);
        free(s->input);
        s->input = block;
        s->n_input = n + n_more;
}

static int read_all(say *s) {
        int r;

        while ((r = http1_in_next(&s->in, s->input, s->n_input)) > 0) {
                assert(s->in.consumed <= s->n_input);
                on_event(s);
                input_set(s, s->in.consumed, NULL, 0);
        }
        if (r == 0)
                input_set(s, s->in.consumed, NULL, 0);
        return r;
}

static void say_error(say *s, int r) {
        if (s->body)
                say_body(s);
        if (r == -EPIPE || r == -ECONNRESET) {
                fputs(r == -EPIPE ? "error closed\n" : "error cut\n", s->words);
                return;
        }
        assert(r == (s->in.answer == 413 || s->in.answer == 414 || s->in.answer == 431 ? -EMSGSIZE
                                                                                       : -EPROTO));
        fprintf(s->words, "error %u\n", s->in.answer);
        assert(s->in.why && http1_in_next(&s->in, s->input, s->n_input) == r);
}

/* Where the bytes stopped: in a message; between two, or where another protocol begins. */
static void say_rest(say *s) {
        bool switched = s->in.event == HTTP1_UPGRADE;

        if (s->body)
                say_body(s);
        fputs(s->body || (s->n_input && !switched) ? "cut" : "ok", s->words);
        if (s->n_input && switched)
                say_value(s->words, "rest", (bytes){ s->input, s->n_input });
        fputc('\n', s->words);
}

char *http1_say(http1_in in, const char *wire, size_t n, bool ends, http1_cuts cuts) {
        say s = { .in = in };
        size_t at = 0, n_text;
        char *text = NULL;
        int r = 0;

        s.words = open_memstream(&text, &n_text);
        assert(s.words);
        for (bool first = true; (first || at < n) && r >= 0; first = false) {
                size_t n_piece = first ? cuts.first : cuts.step;

                if (n_piece > n - at)
                        n_piece = n - at;
                input_set(&s, 0, wire + at, n_piece);
                at += n_piece;
                r = read_all(&s);
        }
        if (r == 0 && ends) {
                while ((r = http1_in_end(&s.in)) > 0)
                        on_event(&s);
        }

        if (r < 0) {
                say_error(&s, r);
        } else {
                say_rest(&s);
        }
        drop_message(&s);
        free(s.input);
        assert(fclose(s.words) == 0);
        return text;
}
