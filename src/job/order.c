/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "../base/decimal.h"
#include "../base/mem.h"
#include "trace.h"

static void words_free(words *w) {
        for (size_t i = 0; i < w->n; i++)
                mem_free(w->p[i]);
        mem_free(w->p);
        *w = (words){ 0 };
}

/* @a, or @a=@b if there is a @b. */
static int words_add(words *w, bytes a, const bytes *b) {
        size_t n = a.n + (b ? 1 + b->n : 0);
        char **grown, *text;

        if ((w->n & (w->n + 1)) == 0) { /* 2^k places, of which NULL has one */
                grown = mem_resize(w->p, 2 * (w->n + 1) * sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                w->p = grown;
        }
        text = mem_new(n + 1);
        if (!text)
                return -ENOMEM;
        memcpy(text, a.p, a.n);
        if (b) {
                text[a.n] = '=';
                memcpy(text + a.n + 1, b->p, b->n);
        }
        text[n] = '\0';
        w->p[w->n++] = text;
        w->p[w->n] = NULL;
        w->n_bytes += n + 1;
        return 0;
}

void order_init(order *o) {
        *o = (order){
                .inputs = streams_usual(false),
                .outputs = streams_usual(true),
                .keep = ORDER_KEEP,
                .grace_ms = ORDER_GRACE_MS,
        };
}

void order_deinit(order *o) {
        words_free(&o->argv);
        words_free(&o->env);
        o->cwd = mem_free(o->cwd);
        o->user = mem_free(o->user);
}

void order_refuse(order *o, const char *format, ...) {
        va_list args;

        if (*o->why)
                return;
        va_start(args, format);
        vsnprintf(o->why, sizeof(o->why), format, args);
        va_end(args);
}

/* Where the variable stands; n if there is none. */
static size_t env_find(const order *o, bytes name) {
        size_t i = 0;

        while (i < o->env.n &&
               (strncmp(o->env.p[i], name.p, name.n) != 0 || o->env.p[i][name.n] != '='))
                i++;
        return i;
}

int order_give(order *o, const char *name, const char *value) {
        size_t at = env_find(o, bytes_of(name));
        bytes v = bytes_of(value);
        int r = words_add(&o->env, bytes_of(name), &v);

        if (r < 0 || at == o->env.n - 1)
                return r;
        /* The last becomes the one that it was. */
        o->env.n--;
        o->env.n_bytes -= strlen(o->env.p[at]) + 1;
        mem_free(o->env.p[at]);
        o->env.p[at] = o->env.p[o->env.n];
        o->env.p[o->env.n] = NULL;
        return 0;
}

int order_give_text(order *o, const char *text) {
        return words_add(&o->env, bytes_of(text), NULL);
}

int order_inherit(order *o, const order *from) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < from->env.n; i++)
                r = order_give_text(o, from->env.p[i]);
        return r;
}

/* The values of an array of texts, @what. Returns how many there are; 0 also where it is
 * refused, as something else lies there. */
static size_t open_list(order *o, resp_cursor *reply, const char *what) {
        resp_value head, v;
        resp_cursor within;

        if (!resp_cursor_next(reply, &head) || head.type != RESP_ARRAY) {
                order_refuse(o, "%s: %.*s", what, head.text.n < 100 ? (int)head.text.n : 100,
                             head.text.p);
                return 0;
        }
        for (within = *reply; resp_cursor_next(&within, &v);)
                if (v.type != RESP_BULK) {
                        order_refuse(o, "%s: not all of them are texts", what);
                        return 0;
                }
        return head.n;
}

/* Whether @text can be handed to a program, which takes a zero for the end of it. */
static bool fits(order *o, const words *w, bytes text, const char *what) {
        if (memchr(text.p, '\0', text.n))
                order_refuse(o, "%s: there is a zero byte in them", what);
        else if (w->n >= ORDER_WORDS_MAX)
                order_refuse(o, "%s: more than %d", what, ORDER_WORDS_MAX);
        else if (text.n > ORDER_BYTES_MAX - w->n_bytes)
                order_refuse(o, "%s: more than %d bytes", what, ORDER_BYTES_MAX);
        return !*o->why;
}

int order_take_args(order *o, resp_cursor reply) {
        size_t n = open_list(o, &reply, "arguments");
        resp_value v;
        int r = 0;

        while (r == 0 && n-- > 0 && resp_cursor_next(&reply, &v) &&
               fits(o, &o->argv, v.text, "arguments"))
                r = words_add(&o->argv, v.text, NULL);
        return r;
}

static bool begins(bytes text, const char *with) {
        return text.n >= strlen(with) && memcmp(text.p, with, strlen(with)) == 0;
}

/* Whether a client may set it: not what the worker says itself, which a program believes, nor
 * what makes the loader run something else than the program that is allowed. */
static bool may_set(order *o, bytes name) {
        bool is_given = env_find(o, name) < o->env.n || bytes_equal(name, BYTES("BEAM_DEADLINE")) ||
                        bytes_equal(name, BYTES("BEAM_JOB_MARK"));

        if (name.n == 0 || memchr(name.p, '=', name.n))
                order_refuse(o, "environment: %.*s is no name of a variable",
                             name.n < 100 ? (int)name.n : 100, name.p);
        else if (is_given || begins(name, "LD_") || bytes_equal(name, BYTES("GLIBC_TUNABLES")))
                order_refuse(o, "environment: %.*s may not be set",
                             name.n < 100 ? (int)name.n : 100, name.p);
        return !*o->why;
}

int order_take_env(order *o, resp_cursor reply) {
        size_t n = open_list(o, &reply, "environment");
        resp_value name, value;
        int r = 0;

        for (; r == 0 && n >= 2; n -= 2) {
                resp_cursor_next(&reply, &name);
                resp_cursor_next(&reply, &value);
                if (!fits(o, &o->env, name.text, "environment") ||
                    !fits(o, &o->env, value.text, "environment") || !may_set(o, name.text))
                        break;
                /* one that is malformed is to be taken for none, says its specification */
                if (bytes_equal(name.text, BYTES("TRACEPARENT")) && !trace_is_parent(value.text))
                        continue;
                r = words_add(&o->env, name.text, &value.text);
        }
        return r;
}

static bool read_number(bytes text, int64_t max, int64_t *ret) {
        int64_t n;

        if (!decimal_read(text.p, text.n, &n) || n < 0 || n > max)
                return false;
        *ret = n;
        return true;
}

/* As a point of the clock. */
static bool read_ms(bytes text, int64_t *ret) {
        return read_number(text, INT64_MAX / 1000000 / 2, ret);
}

/* One that the kernel takes, not empty. */
static int copy_text(bytes text, size_t max, char **ret) {
        if (text.n == 0 || text.n > max || memchr(text.p, '\0', text.n))
                return -EINVAL;
        mem_free(*ret); /* a server that is none may say one twice */
        *ret = mem_new(text.n + 1);
        if (!*ret)
                return -ENOMEM;
        memcpy(*ret, text.p, text.n);
        (*ret)[text.n] = '\0';
        return 0;
}

/* The fields. These return 0; -EINVAL: that is not understood; -ENOMEM. */

static int take_output(order *o, bytes value) {
        o->is_log = bytes_equal(value, BYTES("log"));
        return o->is_log || bytes_equal(value, BYTES("list")) ? 0 : -EINVAL;
}

static int take_keep(order *o, bytes value) {
        int64_t n;

        if (!read_number(value, ORDER_KEEP_MAX, &n) || n == 0)
                return -EINVAL;
        o->keep = (size_t)n;
        return 0;
}

static int take_timeout(order *o, bytes value) {
        return read_ms(value, &o->timeout_ms) ? 0 : -EINVAL;
}

static int take_grace(order *o, bytes value) {
        return read_ms(value, &o->grace_ms) ? 0 : -EINVAL;
}

static int take_owner(order *o, bytes value) {
        if (value.n > ORDER_OWNER_MAX || memchr(value.p, '\0', value.n))
                return -EINVAL;
        memcpy(o->owner, value.p, value.n);
        o->owner[value.n] = '\0';
        return 0;
}

/* By a server that it was started at, or a worker that put it off: J6, J26. */
static int take_state(order *o, bytes value) {
        (void)o;
        return bytes_equal(value, BYTES("started")) || bytes_equal(value, BYTES("waiting"))
                       ? 0
                       : -EINVAL;
}

static int take_cwd(order *o, bytes value) {
        return copy_text(value, ORDER_PATH_MAX, &o->cwd);
}

static int take_user(order *o, bytes value) {
        return copy_text(value, ORDER_USER_MAX, &o->user);
}

static int take_inputs(order *o, bytes value) {
        return streams_read(value, &o->inputs) ? 0 : -EINVAL;
}

static int take_outputs(order *o, bytes value) {
        return streams_read(value, &o->outputs) ? 0 : -EINVAL;
}

static int take_umask(order *o, bytes value) {
        mode_t mask = 0;

        if (value.n == 0 || value.n > 4)
                return -EINVAL;
        for (size_t i = 0; i < value.n; i++) {
                if (value.p[i] < '0' || value.p[i] > '7')
                        return -EINVAL;
                mask = mask << 3 | (mode_t)(value.p[i] - '0');
        }
        if (mask > 0777)
                return -EINVAL;
        o->has_umask = true;
        o->umask = mask;
        return 0;
}

static int take_limit(order *o, bytes name, bytes value) {
        process_limit limit = { .name = limit_name(name) };

        if (!limit.name || !limit_read_value(value, &limit))
                return -EINVAL;
        for (size_t i = 0; i < o->n_limits; i++)
                if (o->limits[i].name == limit.name)
                        return -EINVAL;
        o->limits[o->n_limits++] = limit;
        return 0;
}

static int take_field(order *o, bytes field, bytes value) {
        static const struct {
                const char *name;
                int (*take)(order *o, bytes value);
        } fields[] = {
                { "cwd", take_cwd },       { "grace", take_grace },   { "keep", take_keep },
                { "inputs", take_inputs }, { "output", take_output }, { "outputs", take_outputs },
                { "owner", take_owner },   { "state", take_state },   { "timeout", take_timeout },
                { "umask", take_umask },   { "user", take_user },
        };
        const bytes limit = BYTES("limit.");
        int r = ticket_take(&o->ticket, field, value);

        if (r != 0)
                return r < 0 ? r : 0;
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
                if (bytes_equal(field, bytes_of(fields[i].name)))
                        return fields[i].take(o, value);
        if (!begins(field, limit.p))
                return -EINVAL;
        return take_limit(o, (bytes){ field.p + limit.n, field.n - limit.n }, value);
}

int order_take_fields(order *o, resp_cursor reply) {
        size_t n = open_list(o, &reply, "fields");
        resp_value field, value;
        int r = 0;

        for (; r == 0 && n >= 2; n -= 2) {
                resp_cursor_next(&reply, &field);
                resp_cursor_next(&reply, &value);
                r = take_field(o, field.text, value.text);
        }
        if (r != -EINVAL)
                return r;
        order_refuse(o, "the field %.*s, or what it says, is not understood",
                     field.text.n < 100 ? (int)field.text.n : 100, field.text.p);
        return 0;
}

void order_fit_function(order *o) {
        if (o->cwd || o->user || o->has_umask || o->n_limits)
                order_refuse(o,
                             "a function has the directory, user, umask and limits of its program");
}

int order_close(order *o, const char *name) {
        return o->argv.n > 0 ? 0 : words_add(&o->argv, bytes_of(name), NULL);
}
