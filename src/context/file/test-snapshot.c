/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include "test.h"

#include <errno.h>
#include <stdio.h>

#include "../../base/mem.h"
#include "../../loop/loop.h"
#include "../../wire/rdb/crc64.h"
#include "../../wire/rdb/out.h"
#include "../test-ask.h"

/* Commands none of which is an error. */
#define must(c, ...) assert_ne(say(c, __VA_ARGS__).p[0], '-')

/* The rest of a snapshot, in pieces of @n bytes, behind what is in @out. */
static void fetch(snapshot *snap, size_t n, rdb_out *out) {
        bytes piece;
        int r;

        do {
                r = snapshot_next(snap, n, &piece);
                assert_ge(r, 0);
                assert_le(piece.n, n);
                rdb_out_raw(out, piece.p, piece.n);
        } while (r > 0);
}

static void check_sum(const rdb_out *out) {
        assert_false(out->failed);
        assert_eq(crc64(0, out->p, out->n), 0u);
}

TEST(small_ones) {
        rdb_out out = { 0 };
        snapshot *snap;
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_r(snapshot_new(s, &snap), 0);
        fetch(snap, 1000, &out);
        check_sum(&out);
        snapshot_free(snap);
        rdb_out_deinit(&out);
        client_free(c);
        store_free(s);
}

static void fill(client *c) {
        for (int i = 0; i < 2000; i++) {
                must(c, "select %d", i % 3);
                must(c, "set string:%d %d", i, i);
                must(c, "rpush list:%d a %d", i % 100, i);
                must(c, "hset hash:%d a:%d %d", i % 10, i, i);
                must(c, "sadd set:%d %d", i % 2, i);
                must(c, "zadd zset:%d %d %d", i % 3, i, i);
                must(c, "hset hash %d %d", i, i);
                must(c, "zadd zset %d.5 %d", i, i);
                must(c, "sadd set a:%d", i);
                must(c, "rpush list %d", i);
                must(c, "set dies:%d 1 ex 100", i);
        }
}

TEST(ended_early) {
        snapshot *snap, *other;
        rdb_out out = { 0 };
        bytes piece;
        client *c;
        store *s;
        int r;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        fill(c);
        for (size_t n = 1; n < 200000; n *= 3) {
                assert_r(snapshot_new(s, &snap), 0);
                assert_r(snapshot_new(s, &other), -EBUSY);
                assert_r(snapshot_next(snap, n, &piece), 1);
                must(c, "select 1");
                must(c, "del zset");
                must(c, "flushdb");
                must(c, "swapdb 1 2");
                snapshot_free(snap);
                must(c, "flushdb");
                while ((r = snapshot_new(s, &snap)) == -EBUSY)
                        loop_turn(loop_get(), 0);
                assert_r(r, 0);
                fetch(snap, 100000, &out);
                check_sum(&out);
                out.n = 0;
                snapshot_free(snap);
                fill(c);
        }
        rdb_out_deinit(&out);
        client_free(c);
        assert_r(snapshot_new(s, &snap), 0);
        snapshot_free(snap);
        store_free(s);
}

static int try(client *c, const char *name, const char *field, const char *value) {
        bytes argv[] = { BYTES("hset"), bytes_of(name), bytes_of(field), bytes_of(value) };

        resp_out_cut(&c->out, 0);
        return client_exec(c, argv, 4);
}

/* Who would have much written at once waits until that has been done, and nobody else does. */
TEST(large_ones_are_waited_for) {
        client *a, *b, *c;
        rdb_out out = { 0 };
        snapshot *snap;
        bytes piece;
        store *s;
        int r;

        assert_r(store_new(NULL, &s), 0);
        a = client_new(s);
        b = client_new(s);
        c = client_new(s);
        a->address = b->address = "from outside";
        for (int i = 0; i < 20000; i++) {
                say(c, "hset large %d old", i);
                say(c, "hset other %d old", i);
        }
        for (int round = 0; round < 3; round++) {
                assert_r(snapshot_new(s, &snap), 0);
                assert_eq(try(a, "large", "1", "new"), 0);
                assert_eq(try(b, "other", "1", "new"), 0);
                say(c, "set small 1");
                if (round == 1)
                        say(c, "del other"); /* what is waited for goes */
                if (round == 2) {
                        snapshot_free(snap);
                } else {
                        do {
                                r = snapshot_next(snap, 1000, &piece);
                                assert_ge(r, 0);
                                rdb_out_raw(&out, piece.p, piece.n);
                                loop_turn(loop_get(), 0);
                        } while (r > 0);
                        check_sum(&out);
                        assert_null(memmem(out.p, out.n, "new", 3));
                        out.n = 0;
                        snapshot_free(snap);
                }
                while (s->n_blocked > 0)
                        loop_turn(loop_get(), 0);
                assert_eq(a->out.p[0], ':');
                assert_eq(b->out.p[0], ':');
                say(c, "hset large 1 old");
                for (int i = 0; round == 1 && i < 20000; i++)
                        say(c, "hset other %d old", i);
                say(c, "hset other 1 old");
        }
        /* who executes here does not wait, and who leaves has done nothing */
        while (snapshot_new(s, &snap) == -EBUSY)
                loop_turn(loop_get(), 0);
        assert_eq(try(a, "large", "2", "new"), 0);
        client_free(a);
        assert_eq(try(c, "large", "1", "new"), 1);
        fetch(snap, 100000, &out);
        assert_null(memmem(out.p, out.n, "new", 3));
        snapshot_free(snap);
        client_free(b);
        client_free(c);
        rdb_out_deinit(&out);
        store_free(s);
}

/* Without memory for what has changed there is no snapshot, but the change is made. */
TEST(without_memory) {
        snapshot *snap;
        bytes piece;
        client *c;
        store *s;
        int r = 1;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        fill(c);
        must(c, "select 0");
        assert_r(snapshot_new(s, &snap), 0);
        for (int i = 0; r > 0; i++) {
                assert_lt(i, 600);
                mem_fail_at(1);
                must(c, "del string:%d", 3 * i);
                mem_fail_at(0);
                r = snapshot_next(snap, 1, &piece);
        }
        assert_r(r, -ENOMEM);
        assert_r(snapshot_next(snap, 1, &piece), -ENOMEM);
        snapshot_free(snap);
        snapshot_clear(s);
        assert_r(snapshot_new(s, &snap), 0);
        snapshot_free(snap);
        client_free(c);
        store_free(s);
}

/* More has changed than is kept for who fetches it: the change is made, and the snapshot ends. */
TEST(nobody_fetches) {
        snapshot *snap;
        bytes piece;
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        must(c, "setbit large %zu 1", 8 * SNAPSHOT_MAX);
        assert_r(snapshot_new(s, &snap), 0);
        must(c, "setbit large 0 1");
        assert_r(snapshot_next(snap, 1, &piece), -ENOBUFS);
        assert_r(snapshot_next(snap, 1, &piece), -ENOBUFS);
        must(c, "set small 1");
        snapshot_free(snap);
        snapshot_clear(s);
        must(c, "del large");
        assert_r(snapshot_new(s, &snap), 0);
        snapshot_free(snap);
        client_free(c);
        store_free(s);
}
