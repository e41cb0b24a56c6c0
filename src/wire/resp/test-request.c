/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "test-cuts.h"

static char *say(const void *reader, const char *wire, size_t n, resp_cuts cuts) {
        return resp_say_requests(*(const resp_request *)reader, wire, n, cuts);
}

static resp_request trusted(void) {
        resp_request r;

        resp_request_init(&r);
        return r;
}

static void check_cases(resp_request r, const cuts_case *cases, size_t n) {
        cuts_check_cases(say, &r, cases, n);
}

TEST(good) {
        static const cuts_case cases[] = {
                { T("*1\r\n$4\r\nPING\r\n"), "request PING\nok\n" },
                { T("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n"), "request SET k value\nok\n" },
                { T("*2\r\n$0\r\n\r\n$0\r\n\r\n"), "request % %\nok\n" },
                { T("*1\r\n$10\r\n\r\n\0$1\r\n*1\n\r\n"), "request %0D%0A%00$1%0D%0A*1%0A\nok\n" },
                { T("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n"), "request a\nrequest b\nok\n" },
                { T("*1\r\n$1\r\na\r\nPING\r\n*1\r\n$1\r\nb\r\n"),
                  "request a\nline PING\nrequest b\nok\n" },
                { T("*12\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n"
                    "$1\r\ng\r\n$1\r\nh\r\n$1\r\ni\r\n$1\r\nj\r\n$1\r\nk\r\n$1\r\nl\r\n"),
                  "request a b c d e f g h i j k l\nok\n" },

                /* nothing to do, and nothing to answer */
                { T(""), "ok\n" },
                { T("*0\r\n"), "request\nok\n" },
                { T("*-1\r\n"), "request\nok\n" },
                { T("*-9223372036854775808\r\n"), "request\nok\n" },
                { T("\r\n\n \n"), "line\nline\nline\nok\n" },
                { T("*0\r\nPING\r\n"), "request\nline PING\nok\n" },

                /* what Redis lets through */
                { T("*1\rx$4\ryPINGzz"), "request PING\nok\n" },
                { T("*1\r\n$4\r\nPING\0\0"), "request PING\nok\n" },
                { T("*1\r\r$1\r\ra\r\r"), "request a\nok\n" },
        };

        check_cases(trusted(), cases, n_of(cases));
}

/* What is not seen at a glance is no loss; what is has to be right, as say.c checks. */
TEST(glances) {
        static const struct {
                const char *wire;
                size_t n, seen;
        } cases[] = {
                { T("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n"), 20 },
                { T("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n"), 31 },
                { T("*1\r\n$4\r\nPING\r\n"), 0 },
                { T("*9\r\n$1\r\na\r\n$1\r\nk\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n"
                    "$1\r\ng\r\n$1\r\nh\r\n$1\r\ni\r\n"),
                  0 },
                { T("$2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), 0 },
                { T("GET k\r\n"), 0 },
                { T(""), 0 },
        };

        for (size_t i = 0; i < n_of(cases); i++) {
                bytes key = { 0 };

                assert_eq(resp_request_glance(cases[i].wire, cases[i].n, &key), cases[i].seen);
                if (cases[i].seen)
                        assert_mem(key.p, key.n, "k", 1);
        }
}

TEST(unfinished) {
        static const cuts_case cases[] = {
                { T("*"), "want 2\n" },
                { T("*1"), "want 3\n" },
                { T("*1\r"), "want 4\n" },
                { T("*1\n"), "want 4\n" }, /* a CR has to come */
                { T("*1\r\n"), "want 5\n" },
                { T("*1\r\nx"), "want 6\n" },
                { T("*1\r\nx\r"), "want 7\n" },
                { T("*1\r\n$"), "want 6\n" },
                { T("*1\r\n$4"), "want 7\n" },
                { T("*1\r\n$4\r"), "want 8\n" },
                { T("*1\r\n$4\r\n"), "want 14\n" },
                { T("*1\r\n$4\r\nPING\r"), "want 14\n" },
                { T("*1\r\n$1000000\r\nx"), "want 1000016\n" },
                { T("*1\r\n$536870912\r\n"), "want 536870930\n" },
                { T("*2147483647\r\n"), "want 14\n" },
                { T("PING"), "want 5\n" },
                { T("PING\r"), "want 6\n" },
                { T("PI\0NG\r\n"), "want 8\n" }, /* a 0 hides the rest */
                { T("*1\0\r\n"), "want 6\n" },
                { T("*1\r\n$1\0\r\n"), "want 10\n" },
                { T("*1\r\n\0"
                    "13\r\n"),
                  "want 10\n" },
                { T("\0"), "want 2\n" },
                { T("*1\r\n$1\r\na\r\n*"), "request a\nwant 2\n" },
        };

        check_cases(trusted(), cases, n_of(cases));
}

#define ERROR(words) "error ERR Protocol error: " words "\n"
#define BAD_COUNT ERROR("invalid multibulk length")
#define BAD_BULK ERROR("invalid bulk length")

TEST(bad) {
        static const cuts_case cases[] = {
                { T("*\r\n"), BAD_COUNT },
                { T("*-\r\n"), BAD_COUNT },
                { T("*-0\r\n"), BAD_COUNT },
                { T("*+1\r\n"), BAD_COUNT },
                { T("*01\r\n"), BAD_COUNT },
                { T("* 1\r\n"), BAD_COUNT },
                { T("*1 \r\n"), BAD_COUNT },
                { T("*1x\r\n"), BAD_COUNT },
                { T("*x\r\n"), BAD_COUNT },
                { T("*1.0\r\n"), BAD_COUNT },
                { T("*0x1\r\n"), BAD_COUNT },
                { T("**1\r\n"), BAD_COUNT },
                { T("*1\n$4\nPING\r\n"), BAD_COUNT },
                { T("*2147483648\r\n"), BAD_COUNT },
                { T("*9223372036854775807\r\n"), BAD_COUNT },
                { T("*9223372036854775808\r\n"), BAD_COUNT },
                { T("*-9223372036854775809\r\n"), BAD_COUNT },
                { T("*18446744073709551617\r\n"), BAD_COUNT },
                { T("*99999999999999999999999999\r\n"), BAD_COUNT },

                { T("*1\r\n$\r\n"), BAD_BULK },
                { T("*1\r\n$-1\r\n"), BAD_BULK },
                { T("*1\r\n$-0\r\n"), BAD_BULK },
                { T("*1\r\n$+1\r\n"), BAD_BULK },
                { T("*1\r\n$01\r\n"), BAD_BULK },
                { T("*1\r\n$ 1\r\n"), BAD_BULK },
                { T("*1\r\n$4 \r\n"), BAD_BULK },
                { T("*1\r\n$4x\r\n"), BAD_BULK },
                { T("*1\r\n$x\r\n"), BAD_BULK },
                { T("*1\r\n$4\nPING\r\n"), BAD_BULK },
                { T("*1\r\n$536870913\r\n"), BAD_BULK },
                { T("*1\r\n$9223372036854775807\r\n"), BAD_BULK },
                { T("*1\r\n$9223372036854775808\r\n"), BAD_BULK },
                { T("*1\r\n$-9223372036854775808\r\n"), BAD_BULK },

                { T("*1\r\nx\r\n"), ERROR("expected '$', got 'x'") },
                { T("*1\r\n*1\r\n"), ERROR("expected '$', got '*'") },
                { T("*1\r\n\r\n"), ERROR("expected '$', got ' '") },
                { T("*1\r\n\n\r\n"), ERROR("expected '$', got ' '") },
                { T("*1\r\n4\r\nPING\r\n"), ERROR("expected '$', got '4'") },
                { T("*2\r\n$4\r\nECHO\r\nhello\r\n"), ERROR("expected '$', got 'h'") },
                { T("*2\r\n$4\r\nECHO\r\n$3\r\nhello\r\n"), "request ECHO hel\nline\nok\n" },
                { T("*2\r\n$3\r\nECHO\r\n$3\r\nabc\r\n"), ERROR("expected '$', got ' '") },
                { T("*1\r\n\xff\r\n"), ERROR("expected '$', got '\xff'") },

                /* the good ones before are still served, and nothing after */
                { T("*1\r\n$1\r\na\r\n*x\r\n*1\r\n$1\r\nb\r\n"), "request a\n" BAD_COUNT },
                { T("PING\r\n*1\r\n$x\r\nPING\r\n"), "line PING\n" BAD_BULK },
        };

        check_cases(trusted(), cases, n_of(cases));
}

#define UNBALANCED ERROR("unbalanced quotes in request")

TEST(lines) {
        static const cuts_case cases[] = {
                { T("PING\r\n"), "line PING\nok\n" },
                { T("PING\n"), "line PING\nok\n" },
                { T("PING\r\r\n"), "line PING\nok\n" },
                { T("a\rb\n"), "line a b\nok\n" },
                { T("  set\t a  b \r\n"), "line set a b\nok\n" },
                { T("\v\f a\r\n"), "line a\nok\n" },
                { T("a\vb c\f\r\n"), "line a%0Bb c%0C\nok\n" },
                { T("$4\r\n"), "line $4\nok\n" },
                { T("\xff\x80\r\n"), "line %FF%80\nok\n" },
                { T("a*1\r\n"), "line a*1\nok\n" },

                { T("\"a b\" 'c d'\r\n"), "line a%20b c%20d\nok\n" },
                { T("\"\" ''\r\n"), "line % %\nok\n" },
                { T("a\"b c\"\r\n"), "line ab%20c\nok\n" },
                { T("a'b c'\td\r\n"), "line ab%20c d\nok\n" },
                { T("\"a\"\vb\r\n"), "line a b\nok\n" },
                { T("\"\\n\\r\\t\\b\\a\\q\\\\\\\"\"\r\n"), "line %0A%0D%09%08%07q\\\"\nok\n" },
                { T("\"\\x41\\xfF\\x00\"\r\n"), "line A%FF%00\nok\n" },
                { T("\"\\x4\\x\\xg0\\x0g\\X41\"\r\n"), "line x4xxg0x0gX41\nok\n" },
                { T("'\\x41\\n\\'\\\\ '\r\n"), "line \\x41\\n'\\\\%20\nok\n" },
                { T("'\\\\'\r\n"), UNBALANCED },
                { T("'\"' \"'\"\r\n"), "line \" '\nok\n" },
                { T("a\\nb\r\n"), "line a\\nb\nok\n" },
                { T("\"a\" b \"c\"\n\"d\"\n"), "line a b c\nline d\nok\n" },

                { T("\"\r\n"), UNBALANCED },
                { T("'\r\n"), UNBALANCED },
                { T("a \"\r\n"), UNBALANCED },
                { T("a\"\r\n"), UNBALANCED },
                { T("\"a\r\n\"\r\n"), UNBALANCED },
                { T("\"a\\\r\n"), UNBALANCED },
                { T("\"a\\\"\r\n"), UNBALANCED },
                { T("'a\\'\r\n"), UNBALANCED },
                { T("\"a'\r\n"), UNBALANCED },
                { T("'a\"\r\n"), UNBALANCED },
                { T("\"a\"b\r\n"), UNBALANCED },
                { T("'a'b\r\n"), UNBALANCED },
                { T("\"a\"\"b\"\r\n"), UNBALANCED },
                { T("\"a\"'b'\r\n"), UNBALANCED },
                { T("''''\r\n"), UNBALANCED },
                { T("a b c \"d\" 'e\r\n"), UNBALANCED },
                { T("\"\\x4\r\n"), UNBALANCED },
                { T("a\n\"b\nc\n"), "line a\n" UNBALANCED },
        };

        check_cases(trusted(), cases, n_of(cases));
}

TEST(untrusted) {
        static const cuts_case cases[] = {
                { T("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n"), "request AUTH x\nok\n" },
                { T("*10\r\n"), "want 6\n" },
                { T("*11\r\n"), ERROR("unauthenticated multibulk length") },
                { T("*2147483647\r\n"), ERROR("unauthenticated multibulk length") },
                { T("*2147483648\r\n"), BAD_COUNT },
                { T("*-5\r\n"), "request\nok\n" },
                { T("*1\r\n$16384\r\n"), "want 16398\n" },
                { T("*1\r\n$16385\r\n"), ERROR("unauthenticated bulk length") },
                { T("*1\r\n$536870912\r\n"), ERROR("unauthenticated bulk length") },
                { T("*1\r\n$536870913\r\n"), BAD_BULK },
                { T("a b c d e f g h i j k l\r\n"), "line a b c d e f g h i j k l\nok\n" },
        };
        resp_request r = trusted();

        r.untrusted = true;
        check_cases(r, cases, n_of(cases));
}

TEST(limits_of_the_owner) {
        static const cuts_case cases[] = {
                { T("*3\r\n$1\r\na\r\n$1\r\nb\r\n$4\r\n1234\r\n"), "request a b 1234\nok\n" },
                { T("*4\r\n"), BAD_COUNT },
                { T("*2\r\n$5\r\n"), BAD_BULK },
                { T("*2\r\n$0\r\n\r\n$5\r\n12345\r\n"), BAD_BULK },
        };
        static const cuts_case any[] = {
                { T("*1\r\n$536870913\r\n"), "want 536870931\n" },
                { T("*1\r\n$9223372036854775806\r\n"), "want 9223372036854775834\n" },
        };
        resp_request r = trusted();

        r.max_args = 3;
        r.max_bulk = 4;
        check_cases(r, cases, n_of(cases));

        /* who follows a master takes what it sends */
        r = trusted();
        r.max_bulk = UINT64_MAX;
        check_cases(r, any, n_of(any));
}

/* A password said in the middle of what is pipelined counts from the next request on. */
TEST(trust_comes) {
        char wire[] = "*1\r\n$1\r\na\r\n*11\r\n";
        resp_request r = trusted();

        r.untrusted = true;
        assert_r(resp_request_next(&r, wire, sizeof(wire) - 1), 1);
        r.untrusted = false;
        assert_r(resp_request_next(&r, wire + r.consumed, sizeof(wire) - 1 - r.consumed), 0);
        resp_request_deinit(&r);
}

/* long lines */

/* @before, @n times @c, @after */
static char *long_text(const char *before, char c, size_t n, const char *after, size_t *ret_n) {
        size_t n_before = strlen(before), n_after = strlen(after);
        char *text = malloc(n_before + n + n_after + 1);

        memcpy(text, before, n_before);
        memset(text + n_before, c, n);
        memcpy(text + n_before + n, after, n_after + 1);
        *ret_n = n_before + n + n_after;
        return text;
}

static void check_long(const char *before, char c, size_t n, const char *after, const char *want) {
        static const resp_cuts cuts[] = { { 70000, 70000 }, { 65535, 1 }, { 65536, 1 },
                                          { 65537, 1 },     { 1, 70000 }, { 0, 4096 } };
        size_t n_text;
        char *text = long_text(before, c, n, after, &n_text);
        resp_request r = trusted();

        for (size_t i = 0; i < n_of(cuts); i++)
                cuts_check(say, &r, (cuts_case){ text, n_text, want }, cuts[i]);
        free(text);
}

TEST(long_lines) {
        enum { MAX = RESP_LINE_MAX };
        static const char big_line[] = ERROR("too big inline request");
        static const char big_count[] = ERROR("too big mbulk count string");
        static const char big_bulk[] = ERROR("too big bulk count string");
        size_t n;
        char *want = long_text("line ", 'x', MAX, "\nok\n", &n);

        check_long("", 'x', MAX, "\n", want);
        free(want);
        want = long_text("line ", 'x', MAX - 1, "\nok\n", &n);
        check_long("", 'x', MAX - 1, "\r\n", want);
        free(want);

        check_long("", 'x', MAX, "", "want 65537\n");
        check_long("", 'x', MAX + 1, "", big_line);
        check_long("", 'x', MAX + 1, "\n", big_line);
        check_long("", 'x', MAX, "\r\n", big_line);
        check_long("", 0, MAX + 1, "\n", big_line);
        check_long("", 0, MAX, "\n", big_line); /* does not see the end */
        check_long("PING\n", 'x', MAX + 1, "\n", ("line PING\n" ERROR("too big inline request")));

        check_long("*", '1', MAX - 1, "", "want 65537\n");
        check_long("*", '1', MAX - 1, "\r\n", BAD_COUNT);
        check_long("*", '1', MAX, "", big_count);
        check_long("*", '1', MAX, "\r\n", big_count);
        check_long("*", '\n', MAX, "", big_count);
        check_long("*1\r\n", '1', MAX, "", "want 65541\n");
        check_long("*1\r\n$", '1', MAX - 1, "\r\n", BAD_BULK);
        check_long("*1\r\n$", '1', MAX, "", big_bulk);
        check_long("*1\r\n", '1', MAX + 1, "", big_bulk);
        check_long("*1\r\n$", '1', MAX, "\r\n", big_bulk);
}

/* 300,000 bytes that come one by one would be a day's work if each was looked at again
 * with those before. */
TEST(bytes_one_by_one) {
        enum { N = 50000 };
        char *wire = malloc(6 * N + 16);
        resp_request r = trusted();
        size_t n = (size_t)sprintf(wire, "*%d\r\n", N);

        for (size_t i = 0; i < N; i++) {
                memcpy(wire + n, "$0\r\n\r\n", 6);
                n += 6;
        }
        for (size_t i = 0; i < n; i++)
                assert_r(resp_request_next(&r, wire, i), 0);
        assert_r(resp_request_next(&r, wire, n), 1);
        assert_eq(r.argc, N);
        assert_true(r.argv[N - 1].p == wire + n - 2);
        resp_request_deinit(&r);
        free(wire);
}

/* Arguments that were found before the input moved. */
TEST(input_moves) {
        char *wire = NULL, want[64];
        resp_request r = trusted();
        size_t n = 0, n_args = 300;

        for (size_t i = 0; i <= n_args; i++) {
                char arg[32], *moved;
                int n_arg = i ? sprintf(arg, "$3\r\n%03zu\r\n", i) : sprintf(arg, "*300\r\n");

                moved = malloc(n + (size_t)n_arg);
                if (n)
                        memcpy(moved, wire, n);
                memcpy(moved + n, arg, (size_t)n_arg);
                if (n)
                        memset(wire, '?', n);
                free(wire);
                wire = moved;
                n += (size_t)n_arg;
                assert_r(resp_request_next(&r, wire, n), i == n_args);
        }
        for (size_t i = 0; i < n_args; i++) {
                sprintf(want, "%03zu", i + 1);
                assert_mem(r.argv[i].p, r.argv[i].n, want, 3);
        }
        resp_request_deinit(&r);
        free(wire);
}

/* memory */

TEST(memory_grows_with_what_came) {
        char wire[4096] = "*2147483647\r\n";
        resp_request r = trusted();
        size_t n = strlen(wire);

        mem_watch(true);
        assert_r(resp_request_next(&r, wire, n), 0);
        assert_eq(mem_get_stats().n_live, 0);
        while (n + 6 < sizeof(wire)) {
                memcpy(wire + n, "$0\r\n\r\n", 6);
                n += 6;
                assert_r(resp_request_next(&r, wire, n), 0);
                assert_le(mem_get_stats().n_bytes, (int64_t)(6 * n + 256));
        }
        resp_request_trim(&r); /* not while one is in progress */
        assert_eq(mem_get_stats().n_live, 1);
        resp_request_deinit(&r);
        assert_eq(mem_get_stats().n_live, 0);
        mem_watch(false);
}

TEST(memory_is_given_back) {
        char small[] = "*1\r\n$1\r\na\r\n", large[8192];
        resp_request r = trusted();
        size_t n = 0;

        while (n < sizeof(large) - 2) {
                large[n++] = 'x';
                large[n++] = ' ';
        }
        large[n++] = '\n';

        mem_watch(true);
        assert_r(resp_request_next(&r, large, n), 1);
        assert_eq(r.argc, 4095);
        int64_t n_bytes = mem_get_stats().n_bytes;
        assert_ge(n_bytes, 65536);
        assert_r(resp_request_next(&r, small, sizeof(small) - 1), 1);
        assert_lt(mem_get_stats().n_bytes, 1024);

        /* kept for the next one, until nobody expects one */
        uint64_t n_new = mem_get_stats().n_new;
        assert_r(resp_request_next(&r, small, sizeof(small) - 1), 1);
        assert_eq(mem_get_stats().n_new, n_new);
        resp_request_trim(&r);
        assert_eq(mem_get_stats().n_live, 0);
        assert_eq(r.argc, 0);
        assert_r(resp_request_next(&r, small, sizeof(small) - 1), 1);
        resp_request_deinit(&r);
        mem_watch(false);
}

TEST(memory_runs_out) {
        char array[] = "*9\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n"
                       "$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n";
        char line[] = "a a a a a a a a a\r\n", text[RESP_ERROR_TEXT_MAX];

        for (uint64_t nth = 1; nth <= 2; nth++)
                for (int is_line = 0; is_line < 2; is_line++) {
                        char *wire = is_line ? line : array;
                        size_t n = strlen(wire);
                        resp_request r = trusted();

                        mem_fail_at(nth);
                        assert_r(resp_request_next(&r, wire, n), -ENOMEM);
                        assert_true(mem_has_failed());
                        assert_r(resp_request_next(&r, wire, n), -ENOMEM);
                        resp_request_error(&r, text);
                        assert_str(text, "ERR out of memory");
                        resp_request_deinit(&r);
                        assert_eq(mem_get_stats().n_live, 0);
                        mem_watch(false);
                }
}
