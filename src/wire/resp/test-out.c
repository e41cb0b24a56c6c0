/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "cursor.h"
#include "reply.h"

#define T(text) text, sizeof(text) - 1

/* @fn writes @want, and it is whole replies. */
static void check(void (*fn)(resp_out *o), uint8_t version, const char *want, size_t n_want) {
        resp_reply reply;
        resp_out o;
        size_t at = 0;

        resp_out_init(&o, version);
        fn(&o);
        assert_false(o.failed);
        assert_mem((char *)o.p, o.n, want, n_want);

        resp_reply_init(&reply);
        while (at < o.n) {
                assert_r(resp_reply_next(&reply, (char *)o.p + at, o.n - at), 1);
                at += reply.consumed;
        }
        resp_out_deinit(&o);
        resp_out_deinit(&o);
}

static void same(resp_out *o) {
        resp_out_ok(o);
        resp_out_status(o, "QUEUED");
        resp_out_integer(o, 0);
        resp_out_integer(o, -12);
        resp_out_integer(o, INT64_MIN);
        resp_out_bulk(o, "a\r\n\0b", 5);
        resp_out_bulk(o, NULL, 0);
        resp_out_bulk(o, "0123456789ab", 12);
        resp_out_bulk_text(o, "text");
        resp_out_bulk_integer(o, 1234567890123456789);
        resp_out_raw(o, NULL, 0);
        resp_out_raw(o, "+x\r\n", 4);
        resp_out_array(o, 0);
        resp_out_array(o, 2);
        resp_out_array(o, 1);
        resp_out_integer(o, 7);
        resp_out_integer(o, 10);
}

TEST(same_in_both) {
        static const char want[] = "+OK\r\n+QUEUED\r\n:0\r\n:-12\r\n:-9223372036854775808\r\n"
                                   "$5\r\na\r\n\0b\r\n$0\r\n\r\n$12\r\n0123456789ab\r\n"
                                   "$4\r\ntext\r\n$19\r\n1234567890123456789\r\n+x\r\n"
                                   "*0\r\n*2\r\n*1\r\n:7\r\n:10\r\n";

        check(same, 2, T(want));
        check(same, 3, T(want));
}

static void errors(resp_out *o) {
        resp_out_error(o, "ERR no");
        resp_out_error(o, "ERR no\r\n");
        resp_out_error(o, "ERR a\r\nb\nc\rd\n\r\n");
        resp_out_error_bytes(o, "ERR \0!", 6);
        resp_out_error_bytes(o, NULL, 0);
        resp_out_error(o, "\n");
}

TEST(errors_are_one_line) {
        check(errors, 2, T("-ERR no\r\n-ERR no\r\n-ERR a  b c d\r\n-ERR \0!\r\n-\r\n-\r\n"));
}

static void apart(resp_out *o) {
        resp_out_null(o);
        resp_out_null_array(o);
        resp_out_bool(o, true);
        resp_out_bool(o, false);
        resp_out_double(o, 1.5);
        resp_out_double(o, 0.1);
        resp_out_double(o, -INFINITY);
        resp_out_double(o, NAN);
        resp_out_double_bytes(o, "1.50", 4);
        resp_out_bignum(o, "123", 3);
        resp_out_verbatim(o, "txt", "abc", 3);
        resp_out_verbatim(o, "mkd", NULL, 0);
        resp_out_map(o, 1);
        resp_out_ok(o);
        resp_out_set(o, 1);
        resp_out_ok(o);
        resp_out_push(o, 1);
        resp_out_ok(o);
}

TEST(nearest_in_version_2) {
        check(apart, 2,
              T("$-1\r\n*-1\r\n:1\r\n:0\r\n$3\r\n1.5\r\n$19\r\n0.10000000000000001\r\n"
                "$4\r\n-inf\r\n$3\r\nnan\r\n$4\r\n1.50\r\n$3\r\n123\r\n$3\r\nabc\r\n$0\r\n\r\n"
                "*2\r\n+OK\r\n*1\r\n+OK\r\n*1\r\n+OK\r\n"));
        check(apart, 3,
              T("_\r\n_\r\n#t\r\n#f\r\n,1.5\r\n,0.10000000000000001\r\n"
                ",-inf\r\n,nan\r\n,1.50\r\n(123\r\n=7\r\ntxt:abc\r\n=4\r\nmkd:\r\n"
                "%1\r\n+OK\r\n~1\r\n+OK\r\n>1\r\n+OK\r\n"));
}

static void attribute(resp_out *o) {
        resp_out_attribute(o, 1);
        resp_out_status(o, "ttl");
        resp_out_integer(o, 5);
        resp_out_bulk_text(o, "v");
}

TEST(attributes) {
        check(attribute, 3, T("|1\r\n+ttl\r\n:5\r\n$1\r\nv\r\n"));
}

/* heads that are told late */

static void late(resp_out *o) {
        size_t outer = resp_out_later(o), inner;

        inner = resp_out_later(o);
        resp_out_head(o, inner, RESP_ARRAY, 0);
        inner = resp_out_later(o);
        for (int i = 0; i < 10; i++)
                resp_out_integer(o, i);
        resp_out_head(o, inner, RESP_SET, 10);
        inner = resp_out_later(o);
        for (int i = 0; i < 10; i++)
                resp_out_integer(o, i);
        resp_out_head(o, inner, RESP_MAP, 5);
        resp_out_head(o, outer, RESP_PUSH, 3);
        resp_out_ok(o);
}

TEST(late_heads) {
        check(late, 2,
              T("*3\r\n*0\r\n*10\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n"
                "*10\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n+OK\r\n"));
        check(late, 3,
              T(">3\r\n*0\r\n~10\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n"
                "%5\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n+OK\r\n"));
}

TEST(late_head_of_any_length) {
        for (size_t n = 0; n <= 12345; n = n * 3 + 1) {
                resp_cursor c;
                resp_value v;
                resp_out o;

                resp_out_init(&o, 2);
                resp_out_ok(&o);
                size_t later = resp_out_later(&o);
                for (size_t i = 0; i < n; i++)
                        resp_out_bulk_integer(&o, (int64_t)i);
                resp_out_head(&o, later, RESP_ARRAY, n);

                c = (resp_cursor){ (char *)o.p, (char *)o.p + o.n };
                assert_r(resp_cursor_next(&c, &v), 1);
                assert_r(resp_cursor_next(&c, &v), 1);
                assert_eq(v.n, n);
                for (size_t i = 0; i < n; i++) {
                        char text[32];

                        snprintf(text, sizeof(text), "%zu", i);
                        assert_r(resp_cursor_next(&c, &v), 1);
                        assert_mem(v.text.p, v.text.n, text, strlen(text));
                }
                assert_r(resp_cursor_next(&c, &v), 0);
                resp_out_deinit(&o);
        }
}

static void request(resp_out *o) {
        static const bytes argv[] = { { "SET", 3 }, { NULL, 0 }, { "a\0b", 3 } };

        resp_out_request(o, argv, 3);
        resp_out_request(o, argv, 1);
}

TEST(requests) {
        check(request, 2, T("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$3\r\na\0b\r\n*1\r\n$3\r\nSET\r\n"));
}

/* memory */

static void all(resp_out *o) {
        char *text = malloc(10000);

        memset(text, 'x', 10000);
        size_t later = resp_out_later(o);
        for (int i = 0; i < 20; i++) {
                apart(o);
                errors(o);
                late(o);
                resp_out_bulk(o, text, 10000);
                resp_out_raw(o, text, 300);
        }
        resp_out_head(o, later, RESP_ARRAY, 1234567);
        free(text);
}

/* Whichever block it is that is not there, it is noted once, and nothing is written from
 * then on. */
TEST(memory_runs_out) {
        for (uint64_t nth = 1;; nth++) {
                resp_out o;

                resp_out_init(&o, 3);
                mem_fail_at(nth);
                all(&o);
                if (!mem_has_failed()) {
                        assert_false(o.failed);
                        assert_gt(nth, 5);
                        resp_out_deinit(&o);
                        break;
                }
                assert_true(o.failed);
                assert_le(o.n, o.cap);

                /* what there is room for is not written either: it would follow on a hole */
                size_t n = o.n;
                resp_out_ok(&o);
                resp_out_error(&o, "ERR x\n");
                resp_out_head(&o, resp_out_later(&o), RESP_ARRAY, 1);
                assert_null(resp_out_room(&o, 1));
                assert_eq(o.n, n);

                resp_out_cut(&o, 0);
                resp_out_error(&o, "OOM");
                assert_mem((char *)o.p, o.n, "-OOM\r\n", 6);
                resp_out_deinit(&o);
                assert_eq(mem_get_stats().n_live, 0);
        }
        mem_watch(false);
}

TEST(sizes_that_cannot_be) {
        resp_out o;

        resp_out_init(&o, 2);
        resp_out_ok(&o);
        assert_null(resp_out_room(&o, SIZE_MAX));
        assert_true(o.failed);
        resp_out_cut(&o, o.n);
        assert_null(resp_out_room(&o, SIZE_MAX / 2 + 2));
        resp_out_cut(&o, 2);
        assert_mem((char *)o.p, o.n, "+O", 2);
        resp_out_deinit(&o);
}

/* Whole replies are handed on without a copy. */
TEST(buffer_is_taken) {
        _cleanup_(mem_freep) uint8_t *p = NULL;
        resp_out o;

        resp_out_init(&o, 2);
        resp_out_ok(&o);
        p = take_ptr(&o.p);
        o.n = o.cap = 0;
        resp_out_ok(&o);
        assert_mem((char *)o.p, o.n, "+OK\r\n", 5);
        assert_mem((char *)p, 5, "+OK\r\n", 5);
        resp_out_deinit(&o);
}
