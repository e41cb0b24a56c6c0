/* SPDX-License-Identifier: Apache-2.0 */
#include "lazy.h"

#include <stdio.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "../loop/loop.h"
#include "test-ask.h"

static const char *const fills[] = {
        "rpush k member:%d:%d",  "hset k member:%d:%d 1", "sadd k member:%d:%d",
        "zadd k 1 member:%d:%d", "zadd k %d member:%d",   NULL,
};

static void fill(client *c, const char *format, int n) {
        char line[64];

        for (int i = 0; i < n; i++) {
                snprintf(line, sizeof(line), format, i, i);
                ask(c, line);
        }
}

TEST_EACH(large_values_wait, format, fills) {
        int64_t before;
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        ask(c, "config set zset-max-listpack-entries 10 hash-max-listpack-entries 10");
        before = mem_used();
        fill(c, format, 5000);
        assert_gt(mem_used() - before, 50000);
        assert_str(ask(c, "del k"), ":1\n");
        assert_eq(s->lazy.n_keys, 1u);
        assert_str(ask(c, "exists k"), ":0\n");
        fill(c, format, 10);
        while (lazy_run(s, 0))
                ;
        assert_eq(s->lazy.n_keys, 0u);
        assert_eq(s->lazy.n_freed, 1u);
        assert_lt(mem_used() - before, 20000);
        assert_str(ask(c, "exists k"), ":1\n");

        /* another value in its place, and one whose time comes */
        fill(c, format, 5000);
        assert_str(ask(c, "set k x"), "+OK\n");
        assert_eq(s->lazy.n_keys, 1u);
        assert_str(ask(c, "get k"), "$1\nx\n");
        ask(c, "del k");
        fill(c, format, 5000);
        ask(c, "pexpire k 1");
        clock_advance(CLOCK_SECOND);
        assert_str(ask(c, "exists k"), ":0\n");
        client_free(c);
        store_free(s); /* some of it waits still */
}

/* What a group has pending, though the stream itself is small. */
TEST(pending_entries_wait) {
        int64_t before;
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        before = mem_used();
        for (int round = 0; round < 2; round++) {
                ask(c, "xgroup create k g 0 mkstream");
                fill(c, "xadd k * a %d", 5000);
                fill(c, "xreadgroup group g someone count 500 streams k >", 10);
                ask(c, "xtrim k maxlen 0");
                assert_str(ask(c, round ? "del k" : "xgroup destroy k g"), ":1\n");
                assert_eq(s->lazy.n_keys, 1u);
                while (lazy_run(s, 0))
                        ;
                assert_str(ask(c, "exists k"), round ? ":0\n" : ":1\n");
        }
        assert_lt(mem_used() - before, 100000); /* what the client was answered lies there yet */
        client_free(c);
        store_free(s);
}

TEST(databases_wait) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        fill(c, "sadd k member:%d", 1000);
        fill(c, "set s:%d x", 1000);
        fill(c, "set e:%d x ex 1000", 1000);
        assert_str(ask(c, "flushall"), "+OK\n");
        assert_eq(s->lazy.n_keys, 2001u);
        assert_str(ask(c, "dbsize"), ":0\n");
        fill(c, "set t:%d x", 100);
        while (lazy_has(&s->lazy))
                loop_turn(loop_get(), CLOCK_NEVER);
        assert_eq(s->lazy.n_keys, 0u);
        assert_eq(s->lazy.n_freed, 2001u);
        assert_str(ask(c, "dbsize"), ":100\n");
        client_free(c);
        store_free(s);
}

TEST(without_memory_it_is_at_once) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        fill(c, "sadd k member:%d", 1000);
        mem_fail_at(1);
        assert_str(ask(c, "del k"), ":1\n");
        assert_true(mem_has_failed());
        assert_false(lazy_has(&s->lazy));
        client_free(c);
        store_free(s);
}
