/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include "help.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/decimal.h"
#include "../../base/mem.h"
#include "../../wire/rdb/out.h"
#include "../test-ask.h"
#include "dump.h"
#include "snapshot.h"

static void fill(client *c) {
        for (int i = 0; i < 400; i++) {
                say(c, "select %d", i % 3);
                say(c, "set string:%d %d", i, i * 12345);
                say(c, "append text:%d %0*d", i % 5, i, i);
                say(c, "rpush list:%d a %d %0100d", i % 7, i, i);
                say(c, "hset hash:%d a:%d %d", i % 8, i, -i);
                say(c, "sadd numbers %d", i * i * i);
                say(c, "zadd zset:%d %d.25 %d", i % 5, i, i);
                say(c, "hset hash %d %d", i, i);
                say(c, "zadd zset %d.5 %d", -i, i);
                say(c, "sadd set a:%d", i % 50);
                say(c, "set dies:%d 1 ex %d", i, i + 1);
                say(c, "xadd stream:%d %d-1 a %d %d b", i % 2, i + 1, i, i / 100);
        }
        say(c, "xgroup create stream:1 g 0");
        say(c, "xreadgroup group g ada count 10 streams stream:1 >");
        say(c, "xreadgroup group g bob count 3 streams stream:1 >");
}

/* One key, in a sum that does not depend on the order of what has none. */
static uint64_t digest_key(const key *k, int number) {
        bool has_order = k->type == KEY_LIST || k->type == KEY_ZSET;
        uint64_t sum[2] = { 0 };
        rdb_out out = { 0 };
        size_t n = 0;
        dump d;

        rdb_out_select(&out, (unsigned)number);
        dump_head(&out, k);
        dump_begin(&d, &out, k);
        sum[0] = hash_bytes(out.p, out.n);
        do {
                out.n = 0;
                dump_next(&d, 1);
                sum[1] += hash_bytes(out.p, out.n) * (has_order ? ++n : 1);
        } while (out.n > 0);
        dump_end(&d);
        rdb_out_deinit(&out);
        return hash_bytes(sum, sizeof(sum));
}

static uint64_t digest(store *s) {
        uint64_t sum = 0;

        for (int i = 0; i < s->n_dbs; i++) {
                table_iter each;
                const key *k;

                table_iter_begin(&each, &s->dbs[i].keys);
                while ((k = table_iter_next(&each)))
                        sum += digest_key(k, i);
                table_iter_end(&each);
        }
        return sum;
}

static rdb_out save(store *s) {
        rdb_out out = { 0 };
        snapshot *snap;
        bytes piece;
        int r;

        assert_r(snapshot_new(s, &snap), 0);
        do {
                r = snapshot_next(snap, 1000, &piece);
                assert_ge(r, 0);
                rdb_out_raw(&out, piece.p, piece.n);
        } while (r > 0);
        snapshot_free(snap);
        assert_false(out.failed);
        return out;
}

/* In pieces of @step bytes, each in a block of its own. */
static int load_pieces(store *s, const rdb_out *out, size_t step, uint64_t *ret_keys) {
        size_t rest = 0;
        load l;
        int r = 0;

        load_init(&l, s);
        for (size_t at = 0; at < out->n && r == 0; at += step) {
                size_t n = out->n - at < step ? out->n - at : step;
                uint8_t *piece = malloc(n);

                memcpy(piece, out->p + at, n);
                r = load_feed(&l, piece, n, &rest);
                free(piece);
        }
        if (r > 0)
                assert_eq(rest, 0u);
        *ret_keys = l.n_keys;
        load_deinit(&l);
        load_deinit(&l);
        return r;
}

TEST(what_was_saved, .timeout = 60) {
        static const size_t steps[] = { 1, 2, 3, 7, 64, 1000, 100000, 1 << 30 };
        uint64_t want, n;
        store *s, *t;
        rdb_out out;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        fill(c);
        want = digest(s);
        out = save(s);
        for (size_t i = 0; i < n_of(steps); i++) {
                assert_r(store_new(NULL, &t), 0);
                t->now = s->now;
                assert_r(load_pieces(t, &out, steps[i], &n), 1);
                assert_eq(digest(t), want);
                assert_eq(n, db_size(&s->dbs[0]) + db_size(&s->dbs[1]) + db_size(&s->dbs[2]));
                store_free(t);
        }
        rdb_out_deinit(&out);
        client_free(c);
        store_free(s);
}

/* Whatever is done to the store meanwhile. */
TEST(what_was_when_it_began, .timeout = 60) {
        for (int round = 0; round < 20; round++) {
                rdb_out out = { 0 };
                snapshot *snap;
                uint64_t want, n;
                store *s, *t;
                bytes piece;
                client *c;
                int r;

                assert_r(store_new(NULL, &s), 0);
                c = client_new(s);
                srandom((unsigned)round);
                fill(c);
                want = digest(s);
                assert_r(snapshot_new(s, &snap), 0);
                do {
                        r = snapshot_next(snap, (size_t)random() % 2000, &piece);
                        assert_ge(r, 0);
                        rdb_out_raw(&out, piece.p, piece.n);
                        for (int k = (int)random() % 20; k > 0; k--) {
                                int i = (int)random() % 400;

                                say(c, "select %d", i % 3);
                                say(c, "hset hash %d new", i);
                                say(c, "hdel hash %d", i / 2);
                                say(c, "hset hash new:%d 1", i);
                                say(c, "rename string:%d string:%d", i, i / 2);
                                say(c, "set other:%d 1", i);
                                say(c, "set zset:%d 1", i % 5);
                                say(c, "zincrby zset 3 %d", i);
                                say(c, "zremrangebyrank zset %d %d", i, i + 1);
                                say(c, "spop numbers");
                                say(c, "sadd set x:%d", i);
                                say(c, "lpop list:%d", i % 7);
                                say(c, "lset list:%d 1 x", i % 7);
                                say(c, "append text:%d x", i % 5);
                                say(c, "xadd stream:%d * a b", i % 2);
                                say(c, "xdel stream:1 %d-1", i);
                                say(c, "xack stream:1 g %d-1", i / 8);
                                say(c, "expire hash:%d %d", i % 8, i + 10);
                                say(c, "persist dies:%d", i);
                                say(c, "move dies:%d %d", i, (i + 1) % 3);
                                if (i == 7)
                                        say(c, "del hash");
                                if (i == 8)
                                        say(c, "swapdb 0 2");
                                if (i == 9)
                                        say(c, "flushdb");
                                if (i == 10)
                                        say(c, "unlink zset");
                        }
                } while (r > 0);
                snapshot_free(snap);
                assert_r(store_new(NULL, &t), 0);
                t->now = 0;
                assert_r(load_pieces(t, &out, 4096, &n), 1);
                if (digest(t) != want)
                        test_fail("round %d", round);
                store_free(t);
                rdb_out_deinit(&out);
                client_free(c);
                store_free(s);
        }
}

static int load_text(const char *text, size_t n, uint64_t *ret_keys) {
        rdb_out out = { .p = (uint8_t *)text, .n = n };
        store *s;
        int r;

        assert_r(store_new(NULL, &s), 0);
        s->now = 5;
        r = load_pieces(s, &out, n, ret_keys);
        store_free(s);
        return r;
}

#define T(text) text, sizeof(text) - 1

TEST(bad) {
        static const struct {
                const char *text;
                size_t n;
                int r;
                uint64_t n_keys;
        } cases[] = {
                /* what has expired, what is empty, and functions are left out */
                { T("REDIS0004\xfc\1\0\0\0\0\0\0\0\0\1a\1b\1\1l\0\xf5\1x\0\1c\1d\xff"), 1, 1 },
                { T("REDIS0004\0\1a\1b"), 0, 1 }, /* not whole */
                /* two of the same name, in one database and in two */
                { T("REDIS0004\0\1a\1b\0\1a\1b\xff"), -EPROTO, 1 },
                { T("REDIS0004\0\1a\1b\xfe\1\0\1a\1b\xff"), 1, 2 },
                /* two elements that are the same */
                { T("REDIS0004\2\1a\2\1x\1x\xff"), -EPROTO, 0 },
                { T("REDIS0004\4\1a\2\1x\1y\1x\1y\xff"), -EPROTO, 0 },
                { T("REDIS0004\3\1a\2\1x\xfe\1x\xff\xff"), -EPROTO, 0 },
                /* a database that there is not */
                { T("REDIS0004\xfe\x10\xff"), -ERANGE, 0 },
                { T("REDIS0012"), -ENOTSUP, 0 },
        };
        uint64_t n;

        for (size_t i = 0; i < n_of(cases); i++) {
                assert_r(load_text(cases[i].text, cases[i].n, &n), cases[i].r);
                assert_eq(n, cases[i].n_keys);
        }
}

TEST(files) {
        store *s;

        assert_r(store_new(NULL, &s), 0);
        assert_r(load_file(s, "nothing"), -ENOENT);
        assert_r(load_file(s, "."), -EISDIR);
        assert_r(load_file(s, test_file("empty", "", 0)), -EPROTO);
        assert_r(load_file(s, test_file("short", T("REDIS0004\0\1a\1b"))), -EPROTO);
        assert_r(load_file(s, test_file("good", T("REDIS0004\0\1c\1b\xff"))), 0);
        assert_eq(db_size(&s->dbs[0]), 2u);
        store_free(s);
}

/* Every allocation fails in turn. */
TEST(without_memory) {
        uint64_t n;
        store *s, *t;
        rdb_out out;
        client *c;
        int r = -ENOMEM;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        say(c, "set a 1 ex 1000");
        say(c, "hset h a 1");
        say(c, "rpush l a");
        say(c, "sadd s a");
        say(c, "zadd z 1 a");
        out = save(s);
        for (uint64_t nth = 1; r == -ENOMEM; nth++) {
                assert_r(store_new(NULL, &t), 0);
                mem_fail_at(nth);
                r = load_pieces(t, &out, SIZE_MAX / 2, &n);
                mem_fail_at(0);
                store_free(t);
        }
        assert_r(r, 1);
        rdb_out_deinit(&out);
        client_free(c);
        store_free(s);
}

/* RESTORE name ttl dump more...: what is answered, without the line end. */
static const char *restore(client *c, const char *name, const char *ttl, bytes payload,
                           const char *more) {
        bytes argv[16] = { BYTES("RESTORE"), bytes_of(name), bytes_of(ttl), payload };
        int argc = 4;

        for (const char *p = more; *p; p += *p == ' ') {
                argv[argc] = (bytes){ p, strcspn(p, " ") };
                p += argv[argc++].n;
        }
        resp_out_cut(&c->out, 0);
        assert_eq(client_exec(c, argv, argc), 1);
        return test_text((char *)c->out.p, c->out.n - 2);
}

TEST(dump_and_restore) {
        char copy[64], bad[64];
        bytes payload = { copy, 0 }, said;
        int64_t seconds;
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        say(c, "hset a b c");
        said = say(c, "dump a");
        payload.n = said.n - 7; /* $NN CR LF, CR LF */
        memcpy(copy, said.p + 5, payload.n);
        assert_str(restore(c, "a", "0", payload, ""), "-BUSYKEY Target key name already exists.");
        assert_str(restore(c, "a", "x", payload, ""), "-BUSYKEY Target key name already exists.");
        assert_str(restore(c, "x", "x", payload, ""),
                   "-ERR value is not an integer or out of range");
        assert_str(restore(c, "x", "-1", payload, ""), "-ERR Invalid TTL value, must be >= 0");
        assert_str(restore(c, "x", "0", payload, "what"), "-ERR syntax error");
        assert_str(restore(c, "x", "0", payload, "IDLETIME"), "-ERR syntax error");
        assert_str(restore(c, "x", "0", payload, "FREQ 1 IDLETIME 1"), "-ERR syntax error");
        assert_str(restore(c, "x", "0", payload, "FREQ 256"),
                   "-ERR Invalid FREQ value, must be >= 0 and <= 255");
        assert_str(restore(c, "x", "0", payload, "IDLETIME -1"),
                   "-ERR Invalid IDLETIME value, must be >= 0");
        assert_str(restore(c, "x", "0", BYTES("123456789"), ""),
                   "-ERR DUMP payload version or checksum are wrong");
        for (size_t i = 0; i < payload.n; i++) {
                memcpy(bad, copy, payload.n);
                bad[i] ^= 1;
                assert_str(restore(c, "x", "0", (bytes){ bad, payload.n }, ""),
                           "-ERR DUMP payload version or checksum are wrong");
        }
        assert_str(restore(c, "x", "0", payload, "idletime 5000"), "+OK");
        said = say(c, "object idletime x");
        assert_true(decimal_read(said.p + 1, said.n - 3, &seconds)); /* :4980 */
        assert_ge(seconds, 4000);                                    /* in coarse steps */
        assert_mem(say(c, "hget x b").p, 7, "$1\r\nc\r\n", 7);
        assert_str(restore(c, "x", "1000", payload, "replace"), "+OK");
        assert_eq(say(c, "ttl x").p[0], ':');
        assert_str(restore(c, "x", "1", payload, "replace absttl"), "+OK");
        assert_mem(say(c, "exists x").p, 4, ":0\r\n", 4);
        client_free(c);
        store_free(s);
}

/* A checksum that is right says nothing of what it is of. */
static void check_bad(client *c, const char *value, size_t n) {
        rdb_out out = { 0 };

        rdb_out_raw(&out, value, n);
        rdb_out_footer(&out);
        say(c, "set x 1");
        assert_str(restore(c, "x", "0", (bytes){ (char *)out.p, out.n }, "replace"),
                   "-ERR Bad data format");
        assert_mem(say(c, "get x").p, 7, "$1\r\n1\r\n", 7);
        rdb_out_deinit(&out);
}

TEST(bad_values) {
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        check_bad(c, T(""));
        check_bad(c, T("\x16"));
        check_bad(c, T("\x07\1"));
        check_bad(c, T("\0\5abc"));
        check_bad(c, T("\1\0"));
        check_bad(c, T("\1\2\1a"));
        check_bad(c, T("\2\2\1a\1a"));
        check_bad(c, T("\x10\x07\x07\0\0\0\0\0\xff"));
        client_free(c);
        store_free(s);
}

TEST(restoring_without_memory) {
        char copy[64];
        bytes payload = { copy, 0 }, said;
        const char *answer;
        client *c;
        store *s;
        uint64_t nth = 0;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        say(c, "rpush a b c");
        said = say(c, "dump a");
        payload.n = said.n - 7;
        memcpy(copy, said.p + 5, payload.n);
        say(c, "set x 1");
        do {
                mem_fail_at(++nth);
                answer = restore(c, "x", "1000", payload, "replace");
                mem_fail_at(0);
                if (answer[0] == '-') {
                        assert_str(answer, "-OOM out of memory");
                        assert_mem(say(c, "get x").p, 7, "$1\r\n1\r\n", 7);
                }
        } while (answer[0] == '-');
        assert_gt(nth, 4u);
        assert_mem(say(c, "llen x").p, 4, ":2\r\n", 4);
        client_free(c);
        store_free(s);
}
