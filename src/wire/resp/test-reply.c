/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "test-cuts.h"

static char *say(const void *reader, const char *wire, size_t n, resp_cuts cuts) {
        return resp_say_replies(*(const resp_reply *)reader, wire, n, cuts);
}

static resp_reply usual(void) {
        resp_reply r;

        resp_reply_init(&r);
        return r;
}

static void check_cases(resp_reply r, const cuts_case *cases, size_t n) {
        cuts_check_cases(say, &r, cases, n);
}

TEST(version_2) {
        static const cuts_case cases[] = {
                { T("+OK\r\n"), "reply +OK\nok\n" },
                { T("+\r\n"), "reply +%\nok\n" },
                { T("-ERR it is\r\n"), "reply -ERR%20it%20is\nok\n" },
                { T(":0\r\n"), "reply :0\nok\n" },
                { T(":-9223372036854775808\r\n"), "reply :-9223372036854775808\nok\n" },
                { T(":+7\r\n"), "reply :7\nok\n" },
                { T("$5\r\nhello\r\n"), "reply $hello\nok\n" },
                { T("$0\r\n\r\n"), "reply $%\nok\n" },
                { T("$4\r\n\r\n\0$\r\n"), "reply $%0D%0A%00$\nok\n" },
                { T("$-1\r\n"), "reply _\nok\n" },
                { T("*-1\r\n"), "reply _\nok\n" },
                { T("*0\r\n"), "reply *0\nok\n" },
                { T("*3\r\n:1\r\n$1\r\na\r\n+b\r\n"), "reply *3 :1 $a +b\nok\n" },
                { T("*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n*1\r\n$-1\r\n"),
                  "reply *2 *2 :1 *0 *1 *1 _\nok\n" },
                { T("+a\r\n+b\r\n*1\r\n+c\r\n"), "reply +a\nreply +b\nreply *1 +c\nok\n" },
                { T(""), "ok\n" },
        };

        check_cases(usual(), cases, n_of(cases));
}

TEST(version_3) {
        static const cuts_case cases[] = {
                { T("_\r\n"), "reply _\nok\n" },
                { T("#t\r\n#f\r\n"), "reply #1\nreply #0\nok\n" },
                { T(",1.5\r\n,-0\r\n,10\r\n"), "reply ,1.5\nreply ,-0\nreply ,10\nok\n" },
                { T(",inf\r\n,-inf\r\n"), "reply ,inf\nreply ,-inf\nok\n" },
                { T(",nan\r\n"), "reply ,nan\nok\n" },
                { T(",1e5\r\n,+1.25E-2\r\n"), "reply ,100000\nreply ,0.0125\nok\n" },
                { T(",3.0000000000000001e-309\r\n"), "reply ,3e-309\nok\n" },
                { T("(3492890328409238509324850943850943825024385\r\n"),
                  "reply (3492890328409238509324850943850943825024385\nok\n" },
                { T("(-0\r\n"), "reply (-0\nok\n" },
                { T("!5\r\nERR a\r\n"), "reply !ERR%20a\nok\n" },
                { T("=7\r\ntxt:abc\r\n"), "reply =txt:abc\nok\n" },
                { T("=4\r\nmkd:\r\n"), "reply =mkd:%\nok\n" },
                { T("%0\r\n"), "reply %0\nok\n" },
                { T("%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n"), "reply %4 +a :1 +b *1 :2\nok\n" },
                { T("~2\r\n:1\r\n~0\r\n"), "reply ~2 :1 ~0\nok\n" },
                { T(">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n:1\r\n"),
                  "reply >2 +invalidate *1 $k\nreply :1\nok\n" },
                { T("|1\r\n+ttl\r\n:5\r\n$1\r\na\r\n"), "reply |2 +ttl :5 $a\nok\n" },
                { T("|0\r\n:1\r\n"), "reply |0 :1\nok\n" },
                { T("|1\r\n+a\r\n|1\r\n+b\r\n:1\r\n:2\r\n:3\r\n"),
                  "reply |2 +a |2 +b :1 :2 :3\nok\n" },
                { T("|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n*1\r\n:3\r\n"),
                  "reply |2 +a :1 |2 +b :2 *1 :3\nok\n" },
                { T("*2\r\n:1\r\n|1\r\n+a\r\n+b\r\n:2\r\n:3\r\n"),
                  "reply *2 :1 |2 +a +b :2\nreply :3\nok\n" },
                { T("*1\r\n|0\r\n*0\r\n"), "reply *1 |0 *0\nok\n" },
                { T("|1\r\n+a\r\n:1\r\n>1\r\n+b\r\n"), "reply |2 +a :1 >1 +b\nok\n" },
        };

        check_cases(usual(), cases, n_of(cases));
}

TEST(unfinished) {
        static const cuts_case cases[] = {
                { T("+"), "want 2\n" },
                { T("+OK"), "want 4\n" },
                { T("+OK\r"), "want 5\n" },
                { T("$5"), "want 3\n" },
                { T("$5\r\n"), "want 11\n" },
                { T("$5\r\nhello\r"), "want 11\n" },
                { T("$1000000\r\nx"), "want 1000012\n" },
                { T("*1\r\n"), "want 5\n" },
                { T("*2147483646\r\n"), "want 14\n" },
                { T("*2\r\n*1\r\n:1\r\n"), "want 13\n" },
                { T("%1\r\n+a\r\n"), "want 9\n" },
                { T("|1\r\n+a\r\n+b\r\n"), "want 13\n" },
                { T("|0\r\n"), "want 5\n" },
                { T("*1\r\n|0\r\n"), "want 9\n" },
                { T("+OK\rx"), "want 6\n" },
        };

        check_cases(usual(), cases, n_of(cases));
}

#define BAD "error protocol\n"
#define LIMIT "error limit\n"

TEST(bad) {
        static const cuts_case cases[] = {
                /* no type */
                { T("x"), BAD },
                { T("\r\n"), BAD },
                { T("\n"), BAD },
                { T("\0"), BAD },
                { T("PING\r\n"), BAD },
                { T("+OK\r\nOK\r\n"), "reply +OK\n" BAD },
                { T("*1\r\nx\r\n"), BAD },
                { T("*1\r\n\r\n"), BAD },
                { T(";4\r\n"), BAD },

                /* lines */
                { T("+OK\n"), BAD },
                { T("+\n"), BAD },
                { T("+O\rK\r\n"), BAD },
                { T("+OK\r\r\n"), BAD },
                { T("+O\nK\r\n"), BAD },
                { T(":1\n"), BAD },
                { T("*1\n:1\n"), BAD },
                { T("*1\rx:1\r\n"), BAD },
                { T("$1\rxa\r\n"), BAD },

                /* numbers */
                { T(":\r\n"), BAD },
                { T(":-\r\n"), BAD },
                { T(":+\r\n"), BAD },
                { T(":+-1\r\n"), BAD },
                { T(":-+1\r\n"), BAD },
                { T(":01\r\n"), BAD },
                { T(": 1\r\n"), BAD },
                { T(":1 \r\n"), BAD },
                { T(":1.0\r\n"), BAD },
                { T(":9223372036854775808\r\n"), BAD },
                { T(",\r\n"), BAD },
                { T(",-\r\n"), BAD },
                { T(",.5\r\n"), BAD },
                { T(", 1\r\n"), BAD },
                { T(",1 \r\n"), BAD },
                { T(",1.2.3\r\n"), BAD },
                { T(",1e\r\n"), BAD },
                { T(",1e999\r\n"), BAD },
                { T(",0x10\r\n"), BAD },
                { T(",1\0\r\n"), BAD },
                { T(",infinity\r\n"), BAD },
                { T(",Inf\r\n"), BAD },
                { T(",nan(1)\r\n"), BAD },
                { T("(\r\n"), BAD },
                { T("(-\r\n"), BAD },
                { T("(1.5\r\n"), BAD },
                { T("(1e5\r\n"), BAD },
                { T("#\r\n"), BAD },
                { T("#1\r\n"), BAD },
                { T("#true\r\n"), BAD },
                { T("_x\r\n"), BAD },
                { T("_-1\r\n"), BAD },

                /* lengths */
                { T("$\r\n"), BAD },
                { T("$-2\r\n"), BAD },
                { T("$-0\r\n"), BAD },
                { T("$+1\r\na\r\n"), BAD },
                { T("$01\r\na\r\n"), BAD },
                { T("$?\r\n"), BAD },
                { T("$9223372036854775808\r\n"), BAD },
                { T("*\r\n"), BAD },
                { T("*-2\r\n"), BAD },
                { T("*?\r\n"), BAD },
                { T("*x\r\n"), BAD },
                { T("!-1\r\n"), BAD },
                { T("=-1\r\n"), BAD },
                { T("%-1\r\n"), BAD },
                { T("~-1\r\n"), BAD },
                { T(">-1\r\n"), BAD },
                { T("|-1\r\n"), BAD },

                /* bodies */
                { T("$1\r\nab\r\n"), BAD },
                { T("$1\r\na\n\n"), BAD },
                { T("$1\r\na\r\r"), BAD },
                { T("$0\r\nab"), BAD },
                { T("!1\r\na\n\n"), BAD },
                { T("=3\r\ntxt\r\n"), BAD },
                { T("=7\r\ntxtabcd\r\n"), BAD },

                /* only on its own */
                { T("*1\r\n>1\r\n:1\r\n"), BAD },
                { T("|1\r\n>1\r\n"), BAD },
        };

        check_cases(usual(), cases, n_of(cases));
}

TEST(limits) {
        static const cuts_case cases[] = {
                { T("*5\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n"), "reply *5 :1 :2 :3 :4 :5\nok\n" },
                { T("%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n"), "reply %4 :1 :2 :3 :4\nok\n" },
                { T("*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n:3\r\n"), "reply *2 *2 :1 :2 *1 :3\nok\n" },
                { T("*1\r\n*1\r\n*1\r\n*0\r\n"), "reply *1 *1 *1 *0\nok\n" },
                { T("$34\r\n0123456789012345678901234567890123\r\n"),
                  "reply $0123456789012345678901234567890123\nok\n" },
                { T("+012345678901234567890123456789012345678\r\n"), LIMIT },
                { T("+01234567890123456789012345678901234567890123"), LIMIT },
                { T("+0123456789012345678901234567890123456789\n"), LIMIT },
                { T(",xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"), LIMIT },
                { T("*2\r\n$30\r\n012345678901234567890123456789\r\nx"), LIMIT },
                { T("*2\r\n$28\r\n0123456789012345678901234567\r\n=1\r\n"), LIMIT },
                { T("*2\r\n$28\r\n0123456789012345678901234567\r\n+\r\n"), LIMIT },
                { T("$35\r\n"), LIMIT },
                { T("$35\r\n01234567890123456789012345678901234\r\n"), LIMIT },
                { T("$1000000000000000000\r\n"), LIMIT },
                { T("$9223372036854775807\r\n"), LIMIT },
                { T("*2\r\n$15\r\n012345678901234\r\n$16\r\n"), LIMIT },
                { T("*6\r\n"), LIMIT },
                { T("*9223372036854775807\r\n"), LIMIT },
                { T("%3\r\n"), LIMIT },
                { T("%4611686018427387904\r\n"), LIMIT },
                { T("%9223372036854775807\r\n"), LIMIT },
                { T("*3\r\n:1\r\n*3\r\n"), LIMIT },
                { T("*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n"), LIMIT },
                { T("*1\r\n*1\r\n*1\r\n*1\r\n"), LIMIT },
                { T("*1\r\n*1\r\n*1\r\n|1\r\n"), LIMIT },
                { T("|2\r\n"), "want 5\n" },
                { T("|3\r\n"), LIMIT },
                { T("|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n"), LIMIT },
        };
        resp_reply r = usual();

        r.max_bytes = 41;
        r.max_values = 6;
        r.max_depth = 3;
        check_cases(r, cases, n_of(cases));
}

/* As deep as the reader goes, and one more. */
TEST(depth) {
        for (int n = RESP_DEPTH_MAX; n <= RESP_DEPTH_MAX + 1; n++) {
                char wire[8 * RESP_DEPTH_MAX] = "", want[8 * RESP_DEPTH_MAX] = "reply";

                for (int i = 0; i < n; i++) {
                        strcat(wire, "*1\r\n");
                        strcat(want, " *1");
                }
                strcat(wire, "+x\r\n");
                strcat(want, " +x\nok\n");
                resp_reply r = usual();

                cuts_check_all(
                        say, &r,
                        (cuts_case){ wire, strlen(wire), n == RESP_DEPTH_MAX ? want : LIMIT });
        }
}

TEST(long_lines) {
        enum { MAX = RESP_REPLY_LINE_MAX };
        static const resp_cuts cuts[] = {
                { 70000, 70000 }, { 65534, 1 }, { 65535, 1 }, { 65536, 1 }, { 0, 4096 },
        };
        char *wire = malloc(MAX + 1), *want = malloc(MAX + 64);
        resp_reply r = usual();

        memset(wire, 'x', MAX + 1);
        wire[0] = '+';
        memcpy(wire + MAX - 2, "\r\n", 2);
        sprintf(want, "reply +%.*s\nok\n", MAX - 3, wire + 1);
        for (size_t i = 0; i < n_of(cuts); i++)
                cuts_check(say, &r, (cuts_case){ wire, MAX, want }, cuts[i]);

        memcpy(wire + MAX - 2, "x\r\n", 3);
        for (size_t i = 0; i < n_of(cuts); i++)
                cuts_check(say, &r, (cuts_case){ wire, MAX + 1, LIMIT }, cuts[i]);
        memset(wire + MAX - 2, 'x', 3);
        for (size_t i = 0; i < n_of(cuts); i++) {
                cuts_check(say, &r, (cuts_case){ wire, MAX - 1, "want 65536\n" }, cuts[i]);
                cuts_check(say, &r, (cuts_case){ wire, MAX, LIMIT }, cuts[i]);
        }
        free(wire);
        free(want);
}

/* Byte by byte, as a day's work if each was looked at again with those before. */
TEST(bytes_one_by_one) {
        enum { N = 50000 };
        char *wire = malloc(6 * N + 16);
        resp_reply r = usual();
        size_t n = (size_t)sprintf(wire, "*%d\r\n", N);

        for (size_t i = 0; i < N; i++) {
                memcpy(wire + n, "$0\r\n\r\n", 6);
                n += 6;
        }
        for (size_t i = 0; i < n; i++)
                assert_r(resp_reply_next(&r, wire, i), 0);
        assert_r(resp_reply_next(&r, wire, n), 1);
        assert_eq(r.consumed, n);
        free(wire);
}

TEST(skip) {
        static const char wire[] = "*4\r\n"
                                   "*2\r\n:1\r\n*1\r\n:2\r\n"
                                   "%1\r\n+k\r\n|1\r\n+a\r\n+b\r\n*2\r\n:3\r\n:4\r\n"
                                   "|1\r\n+c\r\n*1\r\n:5\r\n$3\r\nabc\r\n"
                                   ":6\r\n";
        resp_cursor c = { wire, wire + sizeof(wire) - 1 };
        resp_value v;

        assert_r(resp_cursor_next(&c, &v), 1);
        assert_eq(v.n, 4);
        assert_r(resp_cursor_next(&c, &v), 1);
        assert_eq(v.n, 2);
        resp_cursor_skip(&c, &v);
        assert_r(resp_cursor_next(&c, &v), 1);
        assert_eq(v.type, RESP_MAP);
        resp_cursor_skip(&c, &v);
        assert_r(resp_cursor_next(&c, &v), 1);
        assert_eq(v.type, RESP_ATTRIBUTE);
        resp_cursor_skip(&c, &v);
        assert_r(resp_cursor_next(&c, &v), 1);
        assert_mem(v.text.p, v.text.n, "abc", 3);
        resp_cursor_skip(&c, &v); /* nothing within: stays */
        assert_r(resp_cursor_next(&c, &v), 1);
        assert_eq(v.integer, 6);
        assert_r(resp_cursor_next(&c, &v), 0);
}
