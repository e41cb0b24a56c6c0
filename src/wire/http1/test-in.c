/* SPDX-License-Identifier: Apache-2.0 */
#include "in.h"

#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "wire/http1/http1-vectors.h"

#define T(text) text, sizeof(text) - 1

static void check(const char *name, http1_in in, const char *wire, size_t n, bool ends,
                  const char *want, http1_cuts cuts) {
        char *got = http1_say(in, wire, n, ends, cuts);

        if (strcmp(got, want))
                test_fail("%s, cut at %zu, then by %zu: it said\n%snot\n%s", name, cuts.first,
                          cuts.step, got, want);
        free(got);
}

/* In pieces of every size, and in two at every place. */
static void check_all(const char *name, http1_in in, const char *wire, size_t n, bool ends,
                      const char *want) {
        for (size_t step = 1; step <= n + 1; step++)
                check(name, in, wire, n, ends, want, (http1_cuts){ step, step });
        for (size_t at = 0; at < n; at++)
                check(name, in, wire, n, ends, want, (http1_cuts){ at, n });
}

/* vectors */

typedef struct vector {
        char name[128], wire[4096], want[4096];
        size_t n;
        http1_in in;
        bool has_text, ends;
} vector;

static void vector_init(vector *v) {
        v->name[0] = v->want[0] = 0;
        v->n = 0;
        v->has_text = v->ends = false;
        http1_in_init(&v->in, false);
}

static void vector_text(vector *v, const char *p) {
        v->has_text = true;
        for (; *p && *p != '\n'; p++) {
                char c = *p;

                if (c == '\\') {
                        unsigned byte = 0;

                        c = *++p;
                        if (c == 'x' && sscanf(p + 1, "%2x", &byte) == 1)
                                p += 2;
                        c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
                        c = c == 'x' ? (char)byte : c;
                }
                assert_lt(v->n, sizeof(v->wire));
                v->wire[v->n++] = c;
        }
}

static void vector_line(vector *v, const char *line) {
        char word[16];

        if (sscanf(line, "name %127[^\n]", v->name) == 1 || line[0] == '#')
                return;
        if (sscanf(line, "role %15s", word) == 1)
                v->in.responses = !strcmp(word, "response");
        else if (sscanf(line, "asked %15s", word) == 1)
                v->in.asked = !strcmp(word, "head")      ? HTTP1_ASKED_HEAD
                              : !strcmp(word, "connect") ? HTTP1_ASKED_CONNECT
                                                         : HTTP1_ASKED_UPGRADE;
        else if (!strcmp(line, "ends\n"))
                v->ends = true;
        else if (!strncmp(line, "text ", 5))
                vector_text(v, line + 5);
        else
                strcat(v->want, line);
}

TEST(vectors, .timeout = 60) {
        static const char *const files[] = { "body", "refused", "request", "response" };
        vector *v = malloc(sizeof(*v));
        size_t n = 0;

        for (size_t i = 0; i < n_of(files); i++) {
                char path[512], line[4096];
                FILE *f;

                snprintf(path, sizeof(path), "%s/%s.txt", HTTP1_VECTORS, files[i]);
                f = fopen(path, "re");
                assert_not_null(f);
                vector_init(v);
                for (bool more = true; more;) {
                        more = fgets(line, sizeof(line), f);
                        if (more && line[0] != '\n') {
                                vector_line(v, line);
                                continue;
                        }
                        if (v->has_text) {
                                check_all(v->name, v->in, v->wire, v->n, v->ends, v->want);
                                n++;
                        }
                        vector_init(v);
                }
                fclose(f);
        }
        free(v);
        assert_gt(n, 150);
}

/* limits: one byte less is taken */

static http1_in limited(void) {
        http1_in in;

        http1_in_init(&in, false);
        return in;
}

TEST(first_line_limit) {
        static const char wire[] = "GET /23456 HTTP/1.1\r\nHost: a\r\n\r\n";
        http1_in in = limited();

        in.max_line = 20;
        check_all("long", in, T(wire), false, "error 414\n");
        in.max_line = 21;
        check_all("not too long", in, T(wire), false,
                  "request method=GET target=/23456 host=a minor=1 body=none keep-alive\n"
                  "field Host=a\nend\nok\n");
        in.responses = true;
        in.max_line = 8;
        check_all("long", in, T("HTTP/1.1 200 OK\r\n\r\n"), false, "error 431\n");
}

TEST(head_limit) {
        static const char wire[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        http1_in in = limited();

        for (uint32_t max = 1; max < sizeof(wire) - 1; max++) {
                in.max_head = max;
                check_all("long", in, T(wire), false, "error 431\n");
        }
        in.max_head = sizeof(wire) - 1;
        check_all("not too long", in, T(wire), false,
                  "request method=GET target=/ host=a minor=1 body=none keep-alive\n"
                  "field Host=a\nend\nok\n");
        in.max_head = 30;
        check_all("no end in sight", in, T("GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                  false, "error 431\n");
}

TEST(field_limit) {
        http1_in in = limited();

        in.max_fields = 1;
        check_all("many", in, T("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n"), false, "error 431\n");
        check_all("many behind", in,
                  T("POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n"),
                  false,
                  "request method=POST target=/ host= minor=0 body=length:0\n"
                  "field Content-Length=0\nend\nerror closed\n");
}

TEST(body_limit) {
        http1_in in = limited();

        in.max_body = 3;
        check_all("length", in, T("PUT / HTTP/1.0\r\nContent-Length: 4\r\n\r\nabcd"), false,
                  "request method=PUT target=/ host= minor=0 body=length:4\n"
                  "field Content-Length=4\nerror 413\n");
        check_all("length", in, T("PUT / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"), false,
                  "request method=PUT target=/ host= minor=0 body=length:3\n"
                  "field Content-Length=3\nbody abc\nend\nok\n");
        in.responses = true;
        check_all("chunks", in,
                  T("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\n"), false,
                  "response status=200 reason=OK minor=1 body=chunked keep-alive\n"
                  "field Transfer-Encoding=chunked\nbody ab\nerror 413\n");
        check_all("to the end", in, T("HTTP/1.0 200 OK\r\n\r\nabcd"), true,
                  "response status=200 reason=OK minor=0 body=to-end\nbody abc\nerror 413\n");
        check_all("to the end", in, T("HTTP/1.0 200 OK\r\n\r\nabc"), true,
                  "response status=200 reason=OK minor=0 body=to-end\nbody abc\nend\nok\n");
}

/* A route may allow more, or less, than the server does. */
TEST(body_limit_of_a_route) {
        static const char wire[] = "PUT / HTTP/1.0\r\nContent-Length: 4\r\n\r\nabcd";
        http1_in in = limited();
        size_t n = sizeof(wire) - 1;

        in.max_body = 3;
        assert_r(http1_in_next(&in, wire, n), 1);
        assert_eq(in.event, HTTP1_HEAD);
        in.max_body = 4;
        assert_r(http1_in_next(&in, wire + in.consumed, n - in.consumed), 1);
        assert_eq(in.event, HTTP1_PIECE);
        assert_mem(in.payload.p, in.payload.n, "abcd", 4);
}

/* Chunks of a byte with a lot beside them, without end. */
TEST(chunk_notes_limit) {
        static const char chunk[] = "1;abcdefghijklmnopqrstuvwxyz\r\nx\r\n";
        http1_in in = limited();
        size_t n_body = 0;
        int r;

        r = http1_in_next(&in,
                          T("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
        assert_r(r, 1);
        while ((r = http1_in_next(&in, T(chunk))) == 1) {
                assert_eq(in.event, HTTP1_PIECE);
                n_body++;
                assert_r(http1_in_next(&in, "\r\n", 2), 0);
                assert_eq(in.consumed, 2);
        }
        assert_r(r, -EMSGSIZE);
        assert_eq(in.answer, 413);
        assert_eq(n_body, HTTP1_HEAD_MAX / (sizeof(chunk) - 1 - 6));
}

TEST(chunk_line_limit) {
        char wire[1024] = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;";
        size_t n_head = strlen(wire), n = n_head;

        memset(wire + n, 'x', 300);
        check_all("no end", limited(), wire, n + 300, false,
                  "request method=PUT target=/ host=a minor=1 body=chunked keep-alive\n"
                  "field Host=a\nfield Transfer-Encoding=chunked\nerror 400\n");
        strcpy(wire + n_head - 2 + HTTP1_CHUNK_LINE_MAX - 2, "\r\na\r\n0\r\n\r\n");
        check_all("just so", limited(), wire, strlen(wire), false,
                  "request method=PUT target=/ host=a minor=1 body=chunked keep-alive\n"
                  "field Host=a\nfield Transfer-Encoding=chunked\nbody a\nend\nok\n");
}

/* What the caller looks at. */

TEST(fields) {
        static const char wire[] = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, WebSocket\r\n"
                                   "Cookie: a\r\ncookie: b\r\nConnection: x,upgrade\r\n\r\n";
        http1_in in = limited();
        bytes value = { 0 };

        assert_r(http1_in_next(&in, T(wire)), 1);
        assert_eq(in.n_fields, 5);
        assert_true(bytes_equal(http1_in_field(&in, 3).name, BYTES("cookie")));
        assert_eq(http1_in_find(&in, "COOKIE", &value), 2);
        assert_mem(value.p, value.n, "a", 1);
        assert_eq(http1_in_find(&in, "cooki", &value), 0);
        assert_true(http1_in_lists(&in, "upgrade", "websocket"));
        assert_false(http1_in_lists(&in, "upgrade", "web"));
        assert_false(http1_in_lists(&in, "cookie", "c"));
        assert_true(in.has_upgrade);
}

/* One is read only when it is asked for: answers keep the order. */
TEST(one_at_a_time) {
        static const char wire[] =
                "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
        http1_in in = limited();
        const char *p = wire;
        size_t n = sizeof(wire) - 1;

        for (int i = 0; i < 4; i++) {
                assert_r(http1_in_next(&in, p, n), 1);
                assert_eq(in.event, i & 1 ? HTTP1_END : HTTP1_HEAD);
                if (!(i & 1))
                        assert_eq(in.host.p[0], i ? 'b' : 'a');
                p += in.consumed;
                n -= in.consumed;
        }
        assert_eq(n, 0);
        assert_r(http1_in_next(&in, p, n), 0);
        assert_r(http1_in_end(&in), 0);
}

TEST(the_end_of_a_body_that_was_told) {
        http1_in in = limited();

        assert_r(http1_in_next(&in, T("PUT / HTTP/1.0\r\nContent-Length: 1\r\n\r\n")), 1);
        assert_r(http1_in_end(&in), -ECONNRESET);
        assert_r(http1_in_next(&in, "x", 1), 1);
        assert_r(http1_in_end(&in), 1);
        assert_eq(in.event, HTTP1_END);
        assert_r(http1_in_end(&in), 0);
}
