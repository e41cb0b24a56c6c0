/* SPDX-License-Identifier: Apache-2.0 */
#include "evict.h"

#include <stdio.h>
#include <stdlib.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "test-ask.h"

enum { N_KEYS = 400 };

/* Keys k:<i> of 1,000 bytes each, half of them with a time to live. */
static void fill(client *c) {
        static char value[1000];
        char name[16];

        memset(value, 'v', sizeof(value));
        for (int i = 0; i < N_KEYS; i++) {
                bytes argv[] = { BYTES("set"),
                                 { name, (size_t)snprintf(name, sizeof(name), "k:%d", i) },
                                 { value, sizeof(value) },
                                 BYTES("ex"),
                                 i % 4 ? BYTES("1000") : BYTES("100") };

                resp_out_cut(&c->out, 0);
                assert_eq(client_exec(c, argv, i % 2 ? 3 : 5), 1);
        }
}

static bool is_there(client *c, int i) {
        char name[16];
        bytes at = { name, (size_t)snprintf(name, sizeof(name), "k:%d", i) };

        return db_peek(c->db, at) != NULL;
}

static void limit(client *c, const char *policy, int64_t less) {
        char line[128];

        snprintf(line, sizeof(line), "config set maxmemory %lld maxmemory-policy %s",
                 (long long)(mem_used() - less), policy);
        assert_str(ask(c, line), "+OK\n");
}

static size_t count(client *c, int first, int step) {
        size_t n = 0;

        for (int i = first; i < N_KEYS; i += step)
                n += is_there(c, i);
        return n;
}

static void make_room(store *s) {
        for (int i = 0; i < 10000 && evict_is_over(s) && evict_make_room(s); i++)
                ;
        assert_false(evict_is_over(s));
}

static const char *const policies[] = {
        "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
        "allkeys-lru",  "allkeys-lfu",  "allkeys-random",  NULL,
};

TEST_EACH(there_is_room_again, policy, policies) {
        bool is_volatile = policy[0] == 'v';
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        fill(c);
        limit(c, policy, 100 * 1000);
        make_room(s);
        assert_ge(s->stats.n_evicted, 90u);
        assert_le(s->stats.n_evicted, 120u);
        assert_eq(count(c, 0, 1) + s->stats.n_evicted, (size_t)N_KEYS);
        assert_str(ask(c, "set one more"), "+OK\n");
        if (is_volatile)
                assert_eq(count(c, 1, 2), (size_t)N_KEYS / 2);
        if (strcmp(policy, "volatile-ttl") == 0)
                assert_lt(count(c, 0, 4), count(c, 2, 4) / 3);
        client_free(c);
        store_free(s);
}

TEST(what_was_used_stays) {
        store *s;
        client *c;
        size_t kept;

        for (int by_use = 0; by_use < 2; by_use++) {
                assert_r(store_new(NULL, &s), 0);
                c = client_new(s);
                ask(c, by_use ? "config set maxmemory-policy allkeys-lfu" : "ping");
                fill(c);
                clock_advance(20 * CLOCK_SECOND);
                for (int i = 0; i < N_KEYS; i += 2) {
                        char line[32];

                        snprintf(line, sizeof(line), "touch k:%d", i);
                        for (int n = 0; n < 10; n++)
                                ask(c, line);
                }
                limit(c, by_use ? "allkeys-lfu" : "allkeys-lru", 100 * 1000);
                make_room(s);
                kept = count(c, 0, 2);
                assert_gt(kept, (size_t)N_KEYS / 2 - 15);
                client_free(c);
                store_free(s);
        }
}

TEST(nothing_goes_without_a_policy) {
        store *s;
        client *c, *other;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        other = client_new(s);
        ask(other, "multi");
        ask(other, "set a 1");
        ask(c, "set b 1");
        assert_str(ask(c, "config set maxmemory 1"), "+OK\n");
        assert_str(ask(c, "set a 1"), "-OOM command not allowed when used memory > 'maxmemory'.\n");
        assert_str(ask(c, "get b"), "$1\n1\n");
        assert_str(ask(c, "del b"), ":1\n");
        assert_str(ask(c, "multi"), "+OK\n");
        assert_str(ask(c, "get b"), "-OOM command not allowed when used memory > 'maxmemory'.\n");
        assert_str(ask(c, "exec"),
                   "-EXECABORT Transaction discarded because of previous errors.\n");
        assert_str(ask(other, "exec"),
                   "-EXECABORT Transaction discarded because of: OOM command not allowed when used "
                   "memory > 'maxmemory'.\n");
        assert_str(ask(c, "config set maxmemory 0"), "+OK\n");
        assert_str(ask(other, "set a 1"), "+OK\n");
        client_free(c);
        client_free(other);
        store_free(s);
}

TEST(objects_tell_how_they_are_used) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        ask(c, "set a 1");
        clock_advance(100 * CLOCK_SECOND);
        assert_le(abs(atoi(ask(c, "object idletime a") + 1) - 100), 20);
        assert_str(ask(c, "get a"), "$1\n1\n");
        assert_le(atoi(ask(c, "object idletime a") + 1), 20);
        assert_str(ask(c, "object idletime b"), "$-1\n");
        assert_true(strncmp(ask(c, "object freq a"), "-ERR An LFU maxmemory policy is not", 35) ==
                    0);

        ask(c, "config set maxmemory-policy volatile-lfu");
        ask(c, "set b 1");
        assert_str(ask(c, "object freq b"), ":5\n");
        for (int i = 0; i < 200; i++)
                ask(c, "get b");
        assert_gt(atoi(ask(c, "object freq b") + 1), 6);
        assert_lt(atoi(ask(c, "object freq b") + 1), 30);
        clock_advance(250 * 60 * CLOCK_SECOND);
        assert_str(ask(c, "object freq b"), ":0\n");
        assert_true(strncmp(ask(c, "object idletime a"), "-ERR An LFU maxmemory policy is sel",
                            35) == 0);
        client_free(c);
        store_free(s);
}
