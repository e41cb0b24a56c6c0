/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/decimal.h"
#include "base/mem.h"
#include "line.h"
#include "split.h"

enum { NEW, LINE, COUNT, LENGTH, BODY, DONE, FAILED };

enum {
        CAP_FIRST = 8,  /* nearly every command */
        CAP_KEPT = 128, /* 2 KiB: more than that is given back after the request */
        GLANCE_MAX = 8, /* arguments: to look at them twice costs less than what it is for */
};

static const char out_of_memory[] = "ERR out of memory";
static const char expected_dollar[] = "ERR Protocol error: expected '$', got '";

void resp_request_init(resp_request *r) {
        *r = (resp_request){ .max_bulk = RESP_BULK_MAX, .max_args = RESP_ARGS_MAX };
}

void resp_request_deinit(resp_request *r) {
        r->argv = mem_free(r->argv);
        r->argc = r->cap = 0;
        r->state = FAILED;
        r->error = -ECANCELED;
        r->words = "ERR closed";
}

static int fail(resp_request *r, int error, const char *words) {
        r->argc = 0;
        r->state = FAILED;
        r->error = error;
        r->words = words;
        return error;
}

static int want(resp_request *r, size_t n) {
        r->want = n;
        return 0;
}

/* argv */

static bool args_grow(resp_request *r) {
        uint32_t cap = r->cap ? r->cap * 2 : CAP_FIRST;
        bytes *argv = mem_resize(r->argv, cap * sizeof(*argv));

        if (!argv)
                return false;
        r->argv = argv;
        r->cap = cap;
        return true;
}

static inline bool args_put(resp_request *r, const char *p, size_t n) {
        if (__builtin_expect(r->argc == r->cap, 0) && !args_grow(r))
                return false;
        r->argv[r->argc++] = (bytes){ p, n };
        return true;
}

/* The input has moved with what was found in it. That costs less than the move did. */
static void args_move(resp_request *r, const char *buf) {
        for (uint32_t i = 0; i < r->argc; i++)
                r->argv[i].p = buf + ((uintptr_t)r->argv[i].p - (uintptr_t)r->buf);
}

static void args_trim(resp_request *r) {
        r->argv = mem_free(r->argv);
        r->cap = 0;
}

void resp_request_trim(resp_request *r) {
        if (r->state != NEW && r->state != DONE)
                return;
        r->argc = 0;
        args_trim(r);
}

/* lines */

/* Look for the end of the line that began at r->at, from where that was left off.
 * Returns 1 with its place, 0 if it has not come. Like strchr(3), which Redis uses, it
 * does not look past a 0. */
static int find_end(resp_request *r, const char *buf, size_t n, char c, const char *too_big,
                    size_t *ret) {
        size_t max = r->at + RESP_LINE_MAX + 1, n_look = (n < max ? n : max) - r->seen;
        const char *from = buf + r->seen, *end = NULL, *zero = NULL;

        if (n_look && *from) {
                end = memchr(from, c, n_look);
                if (end)
                        n_look = (size_t)(end - from);
                zero = memchr(from, 0, n_look);
                r->seen += zero ? (size_t)(zero - from) : n_look;
        }
        if (end && !zero) {
                *ret = r->seen;
                return 1;
        }
        if (n >= max)
                return fail(r, -EPROTO, too_big);
        return want(r, n + 1);
}

/* The number of the line at r->at, once that has come with the byte after its CR.
 * Returns 1, and is behind the line then; 0; or the error. */
static int read_number(resp_request *r, const char *buf, size_t n, const char *too_big,
                       const char *invalid, int64_t *ret) {
        size_t short_number, end, n_line = line_short(buf + r->at, n - r->at, &short_number);

        if (n_line) {
                end = r->at + n_line - 2;
        } else {
                int got = find_end(r, buf, n, '\r', too_big, &end);

                if (got <= 0)
                        return got;
                if (n - end < 2)
                        return want(r, end + 2);
        }
        if (r->state == LENGTH && buf[r->at] != '$') {
                r->got = buf[r->at];
                return fail(r, -EPROTO, expected_dollar);
        }
        if (n_line)
                *ret = (int64_t)short_number;
        else if (!decimal_read(buf + r->at + 1, end - r->at - 1, ret))
                return fail(r, -EPROTO, invalid);
        r->at = r->seen = end + 2;
        return 1;
}

/* the long states */

static int line_next(resp_request *r, char *buf, size_t n) {
        size_t end;
        bytes word;
        int got = find_end(r, buf, n, '\n', "ERR Protocol error: too big inline request", &end);

        if (got <= 0)
                return got;

        resp_split split = { buf, buf + end }; /* a CR before the end is a blank */
        while ((got = resp_split_next(&split, &word)) > 0)
                if (!args_put(r, word.p, word.n))
                        return fail(r, -ENOMEM, out_of_memory);
        if (got < 0)
                return fail(r, -EPROTO, "ERR Protocol error: unbalanced quotes in request");
        r->at = end + 1;
        r->state = DONE;
        return 1;
}

static int count_next(resp_request *r, const char *buf, size_t n) {
        static const char invalid[] = "ERR Protocol error: invalid multibulk length";
        int64_t v;
        int got = read_number(r, buf, n, "ERR Protocol error: too big mbulk count string", invalid,
                              &v);

        if (got <= 0)
                return got;
        if (v > r->max_args)
                return fail(r, -EPROTO, invalid);
        if (v > RESP_UNTRUSTED_ARGS_MAX && r->untrusted)
                return fail(r, -EPROTO, "ERR Protocol error: unauthenticated multibulk length");
        r->n_args = v > 0 ? (uint32_t)v : 0;
        r->state = v > 0 ? LENGTH : DONE;
        return 1;
}

static int length_next(resp_request *r, const char *buf, size_t n) {
        static const char invalid[] = "ERR Protocol error: invalid bulk length";
        int64_t v;
        int got = read_number(r, buf, n, "ERR Protocol error: too big bulk count string", invalid,
                              &v);

        if (got <= 0)
                return got;
        if (v < 0 || (uint64_t)v > r->max_bulk || (uint64_t)v > SIZE_MAX / 2)
                return fail(r, -EPROTO, invalid);
        if (v > RESP_UNTRUSTED_BULK_MAX && r->untrusted)
                return fail(r, -EPROTO, "ERR Protocol error: unauthenticated bulk length");
        r->n_body = (size_t)v;
        r->state = BODY;
        return 1;
}

static int body_next(resp_request *r, const char *buf, size_t n) {
        if (n - r->at < 2 || n - r->at - 2 < r->n_body)
                return want(r, r->at + r->n_body + 2);
        if (!args_put(r, buf + r->at, r->n_body))
                return fail(r, -ENOMEM, out_of_memory);
        r->at = r->seen = r->at + r->n_body + 2;
        r->state = r->argc < r->n_args ? LENGTH : DONE;
        return 1;
}

/* Arguments that are short, all there, and have room in argv: nearly all are, and taken
 * without a state in between they cost a third. */
static void take_short(resp_request *r, const char *buf, size_t n) {
        uint32_t argc = r->argc, n_args = r->n_args < r->cap ? r->n_args : r->cap;
        size_t at = r->at, n_line, n_body;

        for (; argc < n_args && at < n && buf[at] == '$'; argc++) {
                n_line = line_short(buf + at, n - at, &n_body);
                if (!n_line || n_body > r->max_bulk || n - at - n_line < n_body + 2)
                        break;
                r->argv[argc] = (bytes){ buf + at + n_line, n_body };
                at += n_line + n_body + 2;
        }
        r->argc = argc;
        if (at > r->at)
                r->at = r->seen = at;
        if (argc == r->n_args)
                r->state = DONE;
}

static void start(resp_request *r) {
        r->state = NEW;
        r->argc = 0;
        r->at = r->seen = 0;
        if (r->cap > CAP_KEPT)
                args_trim(r);
}

int resp_request_next(resp_request *r, char *buf, size_t n) {
        int got = 1;

        if (r->state == DONE)
                start(r);
        else if (r->argc && buf != r->buf)
                args_move(r, buf);
        r->buf = buf;

        while (got > 0 && r->state != DONE)
                switch (r->state) {
                case NEW:
                        if (n == 0)
                                return want(r, 1);
                        r->is_line = buf[0] != '*';
                        r->state = r->is_line ? LINE : COUNT;
                        break;
                case LINE:
                        got = line_next(r, buf, n);
                        break;
                case COUNT:
                        got = count_next(r, buf, n);
                        break;
                case LENGTH:
                        take_short(r, buf, n);
                        if (r->state == LENGTH)
                                got = length_next(r, buf, n);
                        break;
                case BODY:
                        got = body_next(r, buf, n);
                        break;
                default:
                        return r->error;
                }
        if (got > 0)
                r->consumed = r->at;
        return got;
}

size_t resp_request_glance(const char *p, size_t n, bytes *ret) {
        size_t n_args, n_body, at = line_short(p, n, &n_args);
        bytes second = { NULL, 0 };

        if (!at || p[0] != '*' || n_args < 2 || n_args > GLANCE_MAX)
                return 0;
        for (size_t i = 0; i < n_args; i++) {
                size_t n_line = line_short(p + at, n - at, &n_body);

                if (!n_line || p[at] != '$' || n - at - n_line < n_body + 2)
                        return 0;
                if (i == 1)
                        second = (bytes){ p + at + n_line, n_body };
                at += n_line + n_body + 2;
        }
        *ret = second;
        return at;
}

size_t resp_request_error(const resp_request *r, char out[static RESP_ERROR_TEXT_MAX]) {
        size_t n = strlen(r->words);

        assert(r->state == FAILED);
        memcpy(out, r->words, n);
        if (r->words == expected_dollar) {
                /* a reply is a line, whatever it speaks of */
                out[n++] = r->got == '\r' || r->got == '\n' ? ' ' : r->got;
                out[n++] = '\'';
        }
        out[n] = 0;
        return n;
}
