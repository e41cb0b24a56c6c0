/* SPDX-License-Identifier: Apache-2.0 */
#include "in.h"

#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "lzf.h"
#include "say.h"

#define T(text) text, sizeof(text) - 1

typedef struct say_case {
        const char *data;
        size_t n;
        const char *want;
} say_case;

static void check(bool is_payload, const say_case *c, rdb_cuts cuts) {
        char *got = rdb_say(is_payload, c->data, c->n, cuts);

        if (strcmp(got, c->want))
                test_fail("cut at %zu, then by %zu: it said\n%snot\n%s", cuts.first, cuts.step, got,
                          c->want);
        free(got);
}

/* Whole, in pieces of every size, and in two at every place. */
static void check_cases(bool is_payload, const say_case *cases, size_t n_cases) {
        for (const say_case *c = cases; c < cases + n_cases; c++) {
                check(is_payload, c, (rdb_cuts){ c->n, c->n + 1 });
                for (size_t step = 1; step <= c->n; step++)
                        check(is_payload, c, (rdb_cuts){ step, step });
                for (size_t at = 0; at < c->n; at++)
                        check(is_payload, c, (rdb_cuts){ at, c->n });
        }
}

/* The later ones as redis-server 7.0.15 dumps them, the older ones as it restores them. */
TEST(values, .timeout = 60) {
        static const say_case cases[] = {
                /* zipmap */
                { T("\x09\x0e\x02\x01"
                    "a\x01\x00"
                    "1\x02"
                    "bb\x00\x02xx\xff"),
                  "hash %\n"
                  "  a 1\n"
                  "  bb %\n"
                  "over\n" },
                /* list ziplist */
                { T("\x0a@yy\x00\x00\x00v\x00\x00\x00\x0a\x00\x00\x01"
                    "a\x03\xf1\x02\xfd\x02\xfe\xff\x03\xc0,"
                    "\x01\x04\xf0\x90\xee\xfe\x05\xd0\x00\x00\x00@"
                    "\x06\xe0\x00\x00\x00\x00\x00\xff\xff\xff\x0a@"
                    "FqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqI\x00"
                    "\xff"),
                  "list %\n"
                  "  a\n"
                  "  0\n"
                  "  12\n"
                  "  -1\n"
                  "  300\n"
                  "  -70000\n"
                  "  1073741824\n"
                  "  -1099511627776\n"
                  "  qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq\n"
                  "  %\n"
                  "over\n" },
                /* intset16 */
                { T("\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\xfb\xff,\x01"), "set %\n"
                                                                              "  -5\n"
                                                                              "  300\n"
                                                                              "over\n" },
                /* intset64 */
                { T("\x0b\x18\x08\x00\x00\x00\x02\x00\x00\x00\xfb\xff\xff\xff\xff\xff\xff\xff\x00"
                    "\x00\x00\x00\x00\x01\x00\x00"),
                  "set %\n"
                  "  -5\n"
                  "  1099511627776\n"
                  "over\n" },
                /* zset ziplist */
                { T("\x0c  \x00\x00\x00\x1a\x00\x00\x00\x06\x00\x00\x01"
                    "a\x03\xf2\x02\x01"
                    "b\x03\x03"
                    "1.5\x05\x01"
                    "c\x03\x03inf\xff"),
                  "zset %\n"
                  "  a 1\n"
                  "  b 1.5\n"
                  "  c inf\n"
                  "over\n" },
                /* hash ziplist */
                { T("\x0d\x16\x16\x00\x00\x00\x12\x00\x00\x00\x04\x00\x00\x01"
                    "a\x03\xf2\x02\x01"
                    "b\x03\x01x\xff"),
                  "hash %\n"
                  "  a 1\n"
                  "  b x\n"
                  "over\n" },
                /* quicklist */
                { T("\x0e\x02\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01"
                    "a\x03\xf2\xff\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01"
                    "b\xff"),
                  "list %\n"
                  "  a\n"
                  "  1\n"
                  "  b\n"
                  "over\n" },
                /* zset text */
                { T("\x03\x04\x01"
                    "a\x03"
                    "1.5\x01"
                    "b\xfe\x01"
                    "c\xff\x01"
                    "d\x01"
                    "2"),
                  "zset %\n"
                  "  a 1.5\n"
                  "  b inf\n"
                  "  c -inf\n"
                  "  d 2\n"
                  "over\n" },
                /* zset */
                { T("\x05\x02\x01"
                    "a\x00\x00\x00\x00\x00\x00\xf8"
                    "?\x01"
                    "b\x00\x00\x00\x00\x00\x00\xf0\xff"),
                  "zset %\n"
                  "  a 1.5\n"
                  "  b -inf\n"
                  "over\n" },
                /* hash */
                { T("\x04\x02\x01"
                    "a\x01"
                    "1\xc0\x05\xc1\x00\x01"),
                  "hash %\n"
                  "  a 1\n"
                  "  5 256\n"
                  "over\n" },
                /* set */
                { T("\x02\x02\x01"
                    "a\xc2\xff\xff\xff\x7f"),
                  "set %\n"
                  "  a\n"
                  "  2147483647\n"
                  "over\n" },
                /* list */
                { T("\x01\x02\x01"
                    "a\x00"),
                  "list %\n"
                  "  a\n"
                  "  %\n"
                  "over\n" },
                /* list listpacks */
                { T("\x12\x01\x02\xc3"
                    "6@p\x1ap\x00\x00\x00\x0a\x00\x81"
                    "a\x02\x05\x01\xcf\xff\x02\xd0\x00\x02\xf1\xff\x7f\x03\xf2\x00\x00\x80\x04\xf3 "
                    "\x19\x02@\x05\xf4 \x05\x08\x00\x00\x01\x00\x00\x09\xe0@s\xe0"
                    "6\x00\x03"
                    "B\x80\x01\xff"),
                  "list %\n"
                  "  a\n"
                  "  5\n"
                  "  4095\n"
                  "  -4096\n"
                  "  32767\n"
                  "  -8388608\n"
                  "  1073741824\n"
                  "  1099511627776\n"
                  "  ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss\n"
                  "  %\n"
                  "over\n" },
                /* hash listpack */
                { T("\x10\x12\x12\x00\x00\x00\x04\x00\x81"
                    "a\x02\x01\x01\x81"
                    "b\x02\x81x\x02\xff"),
                  "hash %\n"
                  "  a 1\n"
                  "  b x\n"
                  "over\n" },
                /* zset listpack */
                { T("\x11\x1c\x1c\x00\x00\x00\x06\x00\x81"
                    "a\x02\x01\x01\x81"
                    "b\x02\x83"
                    "1.5\x04\x81"
                    "c\x02\x83inf\x04\xff"),
                  "zset %\n"
                  "  a 1\n"
                  "  b 1.5\n"
                  "  c inf\n"
                  "over\n" },
                /* lzf */
                { T("\x00\xc3\x0b@Z\x03"
                    "abca\xe0K\x02\x01"
                    "bc"),
                  "string %\n"
                  "  "
                  "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcab"
                  "cabcabcabc\n"
                  "over\n" },
                /* stream */
                { T("\x13\x02\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01"
                    "\xc3"
                    "6<\x12<\x00\x00\x00\x18\x00\x02\x01\x01\x01\x02\x01\x81"
                    "f\x02\x81g\x02\x00 \x09\x00\x00 \x01\x07\x01\x01\x81v\x02\x05\x01\x03 "
                    "\x08@\x12`\x0c\x00\x02 \x01\x00\x00 "
                    "\x12@"
                    "\x0c\x01\x01\xff\x10\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00"
                    "\x00\x02\xc3"
                    "16\x10"
                    "6\x00\x00\x00\x15\x00\x02\x01\x00\x01\x01\x01\x81"
                    "f\x02\x00\x01@\x0a@\x0c\x00\x04`\x05\x00\x03 \x01 "
                    "\x16\x0f\x02\x01\x81g\x02\x81w\x02\x81h\x02\x01\x01\x0a\x01\xff\x04\x04\x05"
                    "\x01\x01\x02\x01\x05\x02\x03grp\x03\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff"
                    "\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01O\x12\xfd"
                    "\xfe\xa1\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00"
                    "\x00\x00\x01O\x12\xfd\xfe\xa1\x01\x00\x00\x01\x02\x02"
                    "c1O\x12\xfd\xfe\xa1\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00"
                    "\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00"
                    "\x00\x00\x01\x04idleO\x12\xfd\xfe\xa1\x01\x00\x00\x00\x05other\x04\x05\x81\xff"
                    "\xff\xff\xff\xff\xff\xff\xff\x00\x00"),
                  "stream %\n"
                  "  entry 1-1 2\n"
                  "  field f 1\n"
                  "  field g v\n"
                  "  entry 3-1 2\n"
                  "  field f 3\n"
                  "  field g v\n"
                  "  entry 3-2 1\n"
                  "  field f 1\n"
                  "  entry 4-5 3\n"
                  "  field f 2\n"
                  "  field g w\n"
                  "  field h 1\n"
                  "  stream 4-5 1-1 2-1 5\n"
                  "  group grp 3-1 -1\n"
                  "  pending 1-1 1795279360591 1\n"
                  "  pending 3-1 1795279360591 1\n"
                  "  consumer c1 1795279360591 -1\n"
                  "  owned 1-1\n"
                  "  owned 3-1\n"
                  "  consumer idle 1795279360591 -1\n"
                  "  group other 4-5 -1\n"
                  "over\n" },
        };

        check_cases(true, cases, n_of(cases));
}

TEST(opcodes) {
        static const say_case cases[] = {
                { T("REDIS0009\xff\0\0\0\0\0\0\0\0"), "end\nover\n" },
                { T("REDIS0004\xff"), "end\nover\n" },
                { T("REDIS0004\xff"
                    "more"),
                  "end\nleft 4\n" },
                { T("REDIS0009\xff\1\0\0\0\0\0\0\0"), "error checksum\n" },
                { T("REDIS0009\xfa\1a\xc0\x05\xfe\x03\xfb\x02\x01\xf4\x01\x02\x03\xf5\x01x"
                    "\xfc\1\0\0\0\0\0\0\0\x00\1k\1v\xfd\2\0\0\0\x01\1l\x00\xf8\x05\xf9\x07\x02\1s"
                    "\x00"
                    "\x00\1t\xc0\x01\xff\0\0\0\0\0\0\0\0"),
                  "aux a 5\nselect 3\nresize 2 1\nfunction x\nstring k expires 1\n  v\n"
                  "list l expires 2000\nset s idle 5 freq 7\nstring t\n  1\nend\nover\n" },
        };

        check_cases(false, cases, n_of(cases));
}

TEST(unfinished) {
        static const say_case cases[] = {
                { T(""), "want 9\n" },
                { T("REDIS"), "want 9\n" },
                { T("REDIS0009"), "want 1\n" },
                { T("REDIS0009\xfe"), "want 2\n" },
                { T("REDIS0009\xff\0\0"), "want 9\n" },
                { T("REDIS0009\0\1k\x80\x10\0\0\0x"), "string k\nwant 268435461\n" },
                { T("REDIS0009\4\1k\2\1a\1b\1c"), "hash k\n  a b\nwant 3\n" },
                { T("REDIS0009\4\1k\x81\xff\xff\xff\xff\xff\xff\xff\xff"), "hash k\nwant 1\n" },
        };

        check_cases(false, cases, n_of(cases));
}

TEST(bad) {
        static const say_case files[] = {
                { T("redis0009"), "error broken\n" },
                { T("REDIS00 9"), "error broken\n" },
                { T("REDIS0000"), "error unknown\n" },
                { T("REDIS0012"), "error unknown\n" },
                { T("REDIS0009\xf6"), "error unknown\n" },
                { T("REDIS0009\xf7"), "error unknown\n" },
                { T("REDIS0009\x07"), "error unknown\n" },
                { T("REDIS0009\x08"), "error broken\n" },
                { T("REDIS0009\x16"), "error broken\n" },
                { T("REDIS0009\xfe\xc0"), "error broken\n" },
                { T("REDIS0009\xfe\x82"), "error broken\n" },
        };
        static const say_case values[] = {
                /* strings */
                { T("\0\xc4"), "string %\nerror broken\n" },
                { T("\0\x80\x20\0\0\1"), "string %\nerror too large\n" },
                { T("\0\xc3\1\x80\xff\xff\xff\xff"), "string %\nerror too large\n" },
                { T("\0\xc3\1\x40\x59"), "string %\nerror broken\n" },
                { T("\0\xc3\3\0\0\0\0"), "string %\nerror broken\n" },
                /* scores */
                { T("\x05\1\1a\0\0\0\0\0\0\xf8\x7f"), "zset %\nerror broken\n" },
                { T("\x03\1\1a\xfd"), "zset %\nerror broken\n" },
                { T("\x03\1\1a\1x"), "zset %\nerror broken\n" },
                { T("\x11\x0d\x0d\0\0\0\2\0\x81"
                    "a\2\x81"
                    "b\2\xff"),
                  "zset %\nerror broken\n" },
                /* intsets */
                { T("\x0b\x07\2\0\0\0\0\0\0"), "set %\nerror broken\n" },
                { T("\x0b\x08\3\0\0\0\0\0\0\0"), "set %\nerror broken\n" },
                { T("\x0b\x09\2\0\0\0\1\0\0\0x"), "set %\nerror broken\n" },
                { T("\x0b\xc0\x05"), "set %\nerror broken\n" },
                /* listpacks: the size, the end, the count, an item beyond it, half a pair */
                { T("\x14\x07\x08\0\0\0\0\0\xff"), "set %\nerror broken\n" },
                { T("\x14\x07\x07\0\0\0\0\0\xfe"), "set %\nerror broken\n" },
                { T("\x14\x07\x07\0\0\0\1\0\xff"), "set %\nerror broken\n" },
                { T("\x14\x09\x09\0\0\0\1\0\x85\1\xff"), "set %\nerror broken\n" },
                { T("\x14\x09\x09\0\0\0\1\0\xf0\1\xff"), "set %\nerror broken\n" },
                { T("\x14\x0a\x0a\0\0\0\1\0\xff\1\1\xff"), "set %\nerror broken\n" },
                { T("\x10\x09\x09\0\0\0\1\0\x05\1\xff"), "hash %\nerror broken\n" },
                { T("\x12\1\3\0"), "list %\nerror broken\n" },
                /* ziplists */
                { T("\x0a\x0a\x0a\0\0\0\x0a\0\0\0\0\0"), "list %\nerror broken\n" },
                { T("\x0a\x0d\x0d\0\0\0\x0a\0\0\0\1\0\0\5\xff"), "list %\nerror broken\n" },
                { T("\x0a\x0d\x0d\0\0\0\x0a\0\0\0\1\0\xfe\5\xff"), "list %\nerror broken\n" },
                { T("\x0a\x0d\x0d\0\0\0\x0a\0\0\0\1\0\0\xc5\xff"), "list %\nerror broken\n" },
                /* zipmaps */
                { T("\x09\x02\0\0"), "hash %\nerror broken\n" },
                { T("\x09\x03\1\1\xff"), "hash %\nerror broken\n" },
                { T("\x09\x05\1\1a\1\xff"), "hash %\nerror broken\n" },
                { T("\x09\x07\1\1a\1\xff"
                    "b\xff"),
                  "hash %\nerror broken\n" },
                { T("\x09\x07\1\xfe\xff\xff\xff\xff\xff"), "hash %\nerror broken\n" },
        };

        check_cases(false, files, n_of(files));
        check_cases(true, values, n_of(values));
}

TEST(payload) {
        /* DUMP of "1" */
        static const char dump[] = "\x00\xc0\x01\x0a\x00\x26\x78\xe7\xb6\xd1\x01\x11\xfc";
        char copy[sizeof(dump) - 1];
        bytes value;

        assert_r(rdb_payload(BYTES(""), &value), -EBADMSG);
        assert_r(rdb_payload(BYTES("123456789"), &value), -EBADMSG);
        assert_r(rdb_payload((bytes){ dump, sizeof(dump) - 1 }, &value), 0);
        assert_eq(value.n, 3u);
        for (size_t i = 0; i < sizeof(copy); i++) {
                memcpy(copy, dump, sizeof(copy));
                copy[i] ^= 0x40;
                assert_lt(rdb_payload((bytes){ copy, sizeof(copy) }, &value), 0);
        }
}

TEST(lzf) {
        static const struct {
                const char *from;
                size_t n_from, n;
                int r;
        } cases[] = {
                { T("\0a"), 1, 0 },
                { T("\0a\x20\0"), 4, 0 },
                { T("\0a\xe0\x01\0"), 11, 0 },
                { T("\0a\x20\0"), 3, -EPROTO },
                { T("\0a\x20\0"), 5, -EPROTO },
                { T("\0a\x20\1"), 4, -EPROTO },
                { T("\0a\x20"), 4, -EPROTO },
                { T("\0a\xe0"), 4, -EPROTO },
                { T("\0a\xe0\1"), 11, -EPROTO },
                { T("\1a"), 2, -EPROTO },
                { T("\0"), 1, -EPROTO },
        };

        for (size_t i = 0; i < n_of(cases); i++) {
                uint8_t to[16];
                int r = lzf_unpack((const uint8_t *)cases[i].from, cases[i].n_from, to, cases[i].n);

                assert_eq(r, cases[i].r);
                for (size_t k = 0; r == 0 && k < cases[i].n; k++)
                        assert_eq(to[k], 'a');
        }
}

TEST(without_memory) {
        static const uint8_t packed[] = "\x00\xc3\x04\x0b\0a\xe0\x01\0";
        rdb_in in;

        rdb_in_init_payload(&in);
        assert_r(rdb_in_next(&in, packed, sizeof(packed) - 1), 1);
        mem_fail_at(1);
        assert_r(rdb_in_next(&in, packed + in.consumed, sizeof(packed) - 1 - in.consumed), -ENOMEM);
        rdb_in_deinit(&in);
}
