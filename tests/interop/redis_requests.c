/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests, as redis-server reads them and as we do
 *
 * The same bytes go to both. Ours is a server of two commands, PING and ECHO; what is
 * none of them is answered with its words, by both alike, so all arguments show. Broken
 * requests have to be refused in the same words at the same place, odd ones let through.
 */

#include "help.h"
#include "redis.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/resp/out.h"
#include "wire/resp/request.h"

#define T(text) text, sizeof(text) - 1

static const char *const password[] = { "--requirepass", "secret", NULL };

/* ours */

/* As printf's %.*s, which Redis quotes with. */
static size_t quoted(bytes arg, size_t max) {
        size_t n = arg.n < max ? arg.n : max;

        return strnlen(arg.p, n);
}

static void unknown(resp_out *o, const resp_request *r) {
        static const char middle[] = "', with args beginning with: ";
        char args[256], text[512];
        size_t n = 0, n_text;

        for (uint32_t i = 1; i < r->argc && n < 128; i++) {
                size_t n_arg = quoted(r->argv[i], 128 - n);

                args[n++] = '\'';
                memcpy(args + n, r->argv[i].p, n_arg);
                n += n_arg;
                args[n++] = '\'';
                args[n++] = ' ';
        }
        n_text = (size_t)sprintf(text, "ERR unknown command '%.*s%s", (int)quoted(r->argv[0], 128),
                                 r->argv[0].p, middle);
        memcpy(text + n_text, args, n);
        resp_out_error_bytes(o, text, n_text + n);
}

static void answer(resp_out *o, const resp_request *r) {
        bool ping = bytes_is(r->argv[0], "ping"), echo = bytes_is(r->argv[0], "echo");

        if (!ping && !echo)
                unknown(o, r);
        else if (echo && r->argc != 2)
                resp_out_error(o, "ERR wrong number of arguments for 'echo' command");
        else if (r->untrusted)
                resp_out_error(o, "NOAUTH Authentication required.");
        else if (ping && r->argc > 2)
                resp_out_error(o, "ERR wrong number of arguments for 'ping' command");
        else if (r->argc == 1)
                resp_out_status(o, "PONG");
        else
                resp_out_bulk(o, r->argv[1].p, r->argv[1].n);
}

static resp_out ours(const char *wire, size_t n, bool untrusted) {
        char *copy = malloc(n ? n : 1), *p = copy, error[RESP_ERROR_TEXT_MAX];
        resp_request r;
        resp_out o;
        int got;

        memcpy(copy, wire, n);
        resp_request_init(&r);
        r.untrusted = untrusted;
        resp_out_init(&o, 2);
        while ((got = resp_request_next(&r, p, n)) > 0) {
                if (r.argc)
                        answer(&o, &r);
                p += r.consumed;
                n -= r.consumed;
        }
        if (got < 0) {
                resp_request_error(&r, error);
                resp_out_error(&o, error);
        }
        resp_request_deinit(&r);
        free(copy);
        return o;
}

/* both */

static void show(const char *who, const void *p, size_t n) {
        char text[2048];
        size_t at = 0;

        for (size_t i = 0; i < n && at + 8 < sizeof(text); i++) {
                unsigned char c = ((const unsigned char *)p)[i];

                at += (size_t)sprintf(text + at, c >= 0x20 && c < 0x7f ? "%c" : "<%02x>", c);
        }
        test_say("%s (%zu bytes): %.*s", who, n, (int)at, text);
}

static void check(const test_redis *redis, const char *wire, size_t n, bool untrusted) {
        static char theirs[1 << 20];
        resp_out o = ours(wire, n, untrusted);
        int fd = test_redis_connect(redis);
        size_t n_theirs;

        /* what was said before the end is still answered */
        test_write(fd, wire, n);
        shutdown(fd, SHUT_WR);
        n_theirs = test_read(fd, theirs, sizeof(theirs));
        close(fd);

        if (!bytes_equal((bytes){ theirs, n_theirs }, (bytes){ (char *)o.p, o.n })) {
                show("request", wire, n);
                show("redis", theirs, n_theirs);
                show("ours", o.p, o.n);
                test_fail("redis answers otherwise");
        }
        resp_out_deinit(&o);
}

/* Each is refused, or a little odd. */
static const struct {
        const char *wire;
        size_t n;
} cases[] = {
        { T("*1\r\n$4\r\nPING\r\n") },
        { T("PING\r\n*2\r\n$4\r\nping\r\n$3\r\na\0b\r\nECHO x\n") },
        { T("*0\r\n*-1\r\n\r\n\n  \r\nPING\r\n") },
        { T("*\r\n") },
        { T("*-\r\n") },
        { T("*-0\r\nPING\r\n") },
        { T("*+1\r\n") },
        { T("*01\r\n") },
        { T("* 1\r\n") },
        { T("*1 \r\n") },
        { T("*x\r\n") },
        { T("*1\n$4\nPING\n\r\n") },
        { T("*11\r\n") },
        { T("*10\r\n") },
        { T("*1048577\r\n") },
        { T("*2147483647\r\n") },
        { T("*2147483648\r\n") },
        { T("*-2147483649\r\nPING\r\n") },
        { T("*9223372036854775807\r\n") },
        { T("*9223372036854775808\r\n") },
        { T("*-9223372036854775808\r\nPING\r\n") },
        { T("*-9223372036854775809\r\nPING\r\n") },
        { T("*99999999999999999999999\r\n") },
        { T("*1\r\n$\r\n") },
        { T("*1\r\n$-1\r\n") },
        { T("*1\r\n$-0\r\n") },
        { T("*1\r\n$04\r\nPING\r\n") },
        { T("*1\r\n$4 \r\nPING\r\n") },
        { T("*1\r\n$16384\r\n") },
        { T("*1\r\n$16385\r\n") },
        { T("*1\r\n$536870912\r\n") },
        { T("*1\r\n$536870913\r\n") },
        { T("*1\r\n$99999999999999999999999\r\n") },
        { T("*1\r\n\r\n") },
        { T("*1\r\n\n\r\n") },
        { T("*1\r\nx\r\n") },
        { T("*1\r\nx\r") },
        { T("*1\r\n\xff\r\n") },
        { T("*1\r\nPING\r\n") },
        { T("*2\r\n$4\r\nECHO\r\n$3\r\nhello\r\nPING\r\n") },
        { T("*2\r\n$3\r\nECHO\r\n$3\r\nabc\r\n") },
        { T("*1\rx$4\ryPINGzzPING\r\n") },
        { T("*1\0\r\n$4\r\nPING\r\n") },
        { T("PING\0\r\nPING\r\n") },
        { T("PING\r\r\n") },
        { T("ECHO a\rb\r\n") },
        { T("ECHO \"a b\"\n") },
        { T("ECHO \"\\n\\r\\t\\b\\a\\q\\\\\\\"\"\r\n") },
        { T("ECHO \"\\x41\\xfF\\x00\\x4\\xg0\"\r\n") },
        { T("ECHO 'a\\'b\\n\"'\r\n") },
        { T("ECHO a\"b\"\r\n") },
        { T("ECHO \"\"\r\n") },
        { T("ECHO a\vb\r\n") },
        { T("ECHO \v\fa\v\f\r\n") },
        { T("ECHO \"a\"\v\r\n") },
        { T("ECHO \"a\"b\r\n") },
        { T("ECHO \"a\"\"b\"\r\n") },
        { T("ECHO 'a\r\n") },
        { T("ECHO \"a\\\r\n") },
        { T("ECHO \"a\\\"\r\n") },
        { T("PING\r\nECHO \"\r\nPING\r\n") },
        { T("\"\" a\r\n") },
        { T("a b c d e f g h i j k l m\r\n") },
};

static void check_cases(bool untrusted) {
        test_redis redis = test_redis_start("redis", untrusted ? password : NULL);

        for (size_t i = 0; i < n_of(cases); i++)
                check(&redis, cases[i].wire, cases[i].n, untrusted);
        test_redis_stop(&redis);
}

TEST(same_words) {
        check_cases(false);
}

TEST(same_words_before_auth) {
        check_cases(true);
}

/* Where a line is at its limit, what Redis makes of the byte that ends it depends on how
 * its reads fell; so these have no end. */
TEST(long_lines) {
        static const struct {
                const char *before;
                char c;
                size_t n;
        } lines[] = {
                { "", 'x', RESP_LINE_MAX },           { "", 'x', RESP_LINE_MAX + 1 },
                { "", 0, RESP_LINE_MAX + 1 },         { "PING\r\n", 'x', RESP_LINE_MAX + 1 },
                { "*", '1', RESP_LINE_MAX - 1 },      { "*", '1', RESP_LINE_MAX },
                { "*", '\n', RESP_LINE_MAX },         { "*1\r\n$", '1', RESP_LINE_MAX - 1 },
                { "*1\r\n$", '1', RESP_LINE_MAX },    { "*1\r\n", 'x', RESP_LINE_MAX },
                { "*1\r\n", 'x', RESP_LINE_MAX + 1 },
        };
        test_redis redis = test_redis_start("redis", NULL);

        for (size_t i = 0; i < n_of(lines); i++) {
                size_t n_before = strlen(lines[i].before);
                char *wire = malloc(n_before + lines[i].n);

                memcpy(wire, lines[i].before, n_before);
                memset(wire + n_before, lines[i].c, lines[i].n);
                check(&redis, wire, n_before + lines[i].n, false);
                free(wire);
        }
        test_redis_stop(&redis);
}

/* random ones */

typedef struct text {
        char p[4096];
        size_t n;
} text;

static void put(text *t, const char *p, size_t n) {
        memcpy(t->p + t->n, p, n);
        t->n += n;
}

static void put_random(text *t) {
        static const char *const lines[] = {
                "PING\r\n", "ECHO \"a b\"\r\n", "echo 'c d'\n",      "\r\n",
                "*0\r\n",   "ECHO \\x41\r\n",   "nothing of it\r\n", "ECHO \"\\x41\\n\" \r\n",
                "*-1\r\n",
        };
        static const char *const names[] = { "PING", "echo", "ECHO", "NONE" };
        char array[512];
        int n, n_args;

        if (test_random() % 3 == 0) {
                const char *line = lines[test_random() % n_of(lines)];

                put(t, line, strlen(line));
                return;
        }
        n_args = (int)(test_random() % 4);
        n = sprintf(array, "*%d\r\n$4\r\n%s\r\n", n_args + 1, names[test_random() % n_of(names)]);
        for (int i = 0; i < n_args; i++) {
                int n_arg = (int)(test_random() % 30);

                n += sprintf(array + n, "$%d\r\n", n_arg);
                for (int k = 0; k < n_arg; k++)
                        array[n++] = (char)(test_random() % 4 ? 'a' + test_random() % 26
                                                              : test_random());
                n += sprintf(array + n, "\r\n");
        }
        put(t, array, (size_t)n);
}

static void break_somewhere(text *t) {
        static const char odd[] = "\r\n\0$*0123456789-+\"'\\ \t\vx\xff";
        size_t at = test_random() % t->n, from = test_random() % t->n;
        char c = odd[test_random() % (sizeof(odd) - 1)];

        switch (test_random() % 4) {
        case 0:
                t->p[at] = c;
                break;
        case 1:
                memmove(t->p + at, t->p + at + 1, t->n - at - 1);
                t->n--;
                break;
        case 2:
                memmove(t->p + at + 1, t->p + at, t->n - at);
                t->p[at] = c;
                t->n++;
                break;
        case 3:
                t->p[at] = t->p[from];
                break;
        }
}

static void check_random(bool untrusted) {
        test_redis redis = test_redis_start("redis", untrusted ? password : NULL);

        for (int i = 0; i < 3000 / test_slowness(); i++) {
                text t = { .n = 0 };

                for (uint32_t n = 1 + test_random() % 4; n > 0; n--)
                        put_random(&t);
                for (uint32_t n = test_random() % 4; n > 0 && t.n > 1; n--)
                        break_somewhere(&t);
                check(&redis, t.p, t.n, untrusted);
        }
        test_redis_stop(&redis);
}

TEST(random_ones, .timeout = 60) {
        check_random(false);
}

TEST(random_ones_before_auth, .timeout = 60) {
        check_random(true);
}
