/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "../base/clock.h"
#include "test-ask.h"

static void assert_has(const char *text, const char *part) {
        if (!strstr(text, part))
                assert_str(text, part); /* which shows both */
}

TEST(slow_commands_are_kept) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        c->flags |= CLIENT_TIMED;
        ask(c, "config set slowlog-log-slower-than 0 slowlog-max-len 2");
        ask(c, "slowlog reset");
        ask(c, "client setname me");
        ask(c, "multi");
        ask(c, "sadd s 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3");
        ask(c, "exec"); /* not kept itself */
        assert_eq(s->slowlog.n, 2u);
        {
                const slow *last = container_of(list_first(&s->slowlog.entries), slow, node);

                assert_eq(last->id, 4);
                assert_str(last->name, "me");
                assert_str(last->address, "");
                assert_eq(last->argc, 32);
                assert_true(bytes_equal(last->argv[30], BYTES("9")));
                assert_true(bytes_equal(last->argv[31], BYTES("... (4 more arguments)")));
        }
        ask(c, "config set slowlog-log-slower-than 1000000");
        assert_str(ask(c, "slowlog len"), ":2\n");
        assert_str(ask(c, "slowlog get 0"), "*0\n");
        assert_str(ask(c, "slowlog get -2"), "-ERR count should be greater than or equal to -1\n");
        assert_str(ask(c, "slowlog get 1 2"),
                   "-ERR unknown subcommand or wrong number of arguments "
                   "for 'get'. Try SLOWLOG HELP.\n");
        ask(c, "slowlog reset");
        assert_str(ask(c, "slowlog get"), "*0\n");
        client_free(c);
        store_free(s);
}

TEST(what_happened_is_counted) {
        store *s;
        client *c;
        const char *told;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        ask(c, "set a 1");
        ask(c, "lpush a 1");
        ask(c, "lpush");
        ask(c, "client what");
        told = ask(c, "info commandstats errorstats");
        assert_has(told, "cmdstat_set:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,"
                         "failed_calls=0");
        assert_has(told, "cmdstat_lpush:calls=1,usec=0,usec_per_call=0.00,rejected_calls=1,"
                         "failed_calls=1");
        assert_has(told, "cmdstat_client:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,"
                         "failed_calls=0");
        assert_has(told, "errorstat_ERR:count=2");
        assert_has(told, "errorstat_WRONGTYPE:count=1");
        clock_advance(1000 * CLOCK_SECOND);
        for (int i = 0; i < 1500;
             i++) /* one and a half: what the loop takes itself is nothing to that */
                ask(c, "set a 1");
        assert_has(ask(c, "info stats"), "instantaneous_ops_per_sec:1\n");
        ask(c, "config resetstat");
        told = ask(c, "info commandstats errorstats");
        assert_null(strstr(told, "errorstat_"));
        client_free(c);
        store_free(s);
}

TEST(what_took_long) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        c->flags |= CLIENT_TIMED;
        assert_str(ask(c, "latency latest"), "*0\n");
        assert_str(ask(c, "latency history command"), "*0\n");
        ask(c, "config set latency-monitor-threshold 5");
        ask(c, "debug sleep 0.005");
        assert_ge(s->latency.n[LATENCY_COMMAND], 1u);
        ask(c, "config set latency-monitor-threshold 1000000"); /* nothing here takes that */
        ask(c, "latency reset");
        store_note_latency(s, LATENCY_COMMAND, 999 * CLOCK_SECOND);
        assert_eq(s->latency.n[LATENCY_COMMAND], 0u);
        store_note_latency(s, LATENCY_COMMAND, 1000 * CLOCK_SECOND);
        assert_eq(s->latency.n[LATENCY_COMMAND], 1u);
        for (int i = 0; i < 200; i++)
                latency_put(&s->latency, LATENCY_EXPIRE_CYCLE, 1000 + i / 2, i);
        assert_str(ask(c, "latency reset command what"), ":1\n");
        assert_str(ask(c, "latency latest"), "*1\n*4\n$12\nexpire-cycle\n:1099\n:199\n:199\n");
        for (int i = 0; i < 200; i++)
                latency_put(&s->latency, LATENCY_EXPIRE_CYCLE, 2000 + i, i);
        assert_has(ask(c, "latency history expire-cycle"), "*160\n*2\n:2040\n:40\n");
        assert_has(ask(c, "latency graph expire-cycle"), " 199 ####");
        assert_has(ask(c, "latency doctor"), "expire-cycle: in 300 seconds it took long");
        assert_str(ask(c, "latency reset"), ":1\n");
        assert_str(ask(c, "latency graph expire-cycle"),
                   "-ERR No samples available for event 'expire-cycle'\n");
        ask(c, "get a");
        assert_has(ask(c, "latency histogram get"), "$3\nget\n*4\n$5\ncalls\n:1\n");
        client_free(c);
        store_free(s);
}

/* As LATENCY HISTOGRAM of a redis-server 7.0 has them. */
TEST(times_are_told_as_redis_tells_them) {
        static const struct {
                int64_t ns;
                const char *us;
        } cases[] = {
                { 0, ":1" },
                { 1031, ":1" },
                { 1032, ":2" },
                { 33000, ":33" },
                { 33024, ":66" },
                { 10000000, ":16908" },
                { 99000000, ":135266" },
                { 999000000, ":1082130" },
                { INT64_MAX, ":1082130" },
        };
        char wanted[64];
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        for (size_t i = 0; i < n_of(cases); i++) {
                ask(c, "config resetstat");
                stats_note_time(&s->stats, command_find(BYTES("get")), cases[i].ns, true);
                snprintf(wanted, sizeof(wanted), "histogram_usec\n*2\n%s\n:1\n", cases[i].us);
                assert_has(ask(c, "latency histogram get"), wanted);
        }
        client_free(c);
        store_free(s);
}

TEST(what_takes_how_much) {
        store *s;
        client *c;
        int with_five, with_all;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_str(ask(c, "memory usage a"), "$-1\n");
        for (int i = 0; i < 2000; i++) {
                char line[32];

                snprintf(line, sizeof(line), "sadd s member:%d", i);
                ask(c, line);
        }
        with_five = atoi(ask(c, "memory usage s") + 1);
        with_all = atoi(ask(c, "memory usage s samples 0") + 1);
        assert_gt(with_all, 2000 * 20);
        assert_lt(abs(with_all - with_five), with_all / 10);
        assert_str(ask(c, "memory usage s samples -1"), "-ERR syntax error\n");
        assert_has(ask(c, "memory stats"), "keys.count\n:1\n");
        assert_has(ask(c, "memory doctor"), "bytes are used");
        assert_str(ask(c, "memory purge"), "+OK\n");
        client_free(c);
        store_free(s);
}

TEST(debugging) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_str(ask(c, "debug populate 3 p 10"), "+OK\n");
        assert_str(ask(c, "dbsize"), ":3\n");
        assert_str(ask(c, "strlen p:2"), ":10\n");
        assert_has(ask(c, "debug object p:2"), "encoding:embstr serializedlength:11 ");
        assert_str(ask(c, "debug object q"), "-ERR no such key\n");
        assert_str(ask(c, "debug error what"), "-what\n");
        ask(c, "hset h f v");
        ask(c, "expire h 100");
        assert_str(ask(c, "debug reload"), "+OK\n");
        assert_str(ask(c, "dbsize"), ":4\n");
        assert_str(ask(c, "hget h f"), "$1\nv\n");
        assert_gt(atoi(ask(c, "ttl h") + 1), 50);
        assert_str(ask(c, "debug set-active-expire 0"), "+OK\n");
        assert_true(s->leaves_expired);
        assert_str(ask(c, "debug protocol map"), "*6\n:0\n:0\n:1\n:1\n:2\n:0\n");
        assert_str(ask(c, "debug object"), "-ERR unknown subcommand or wrong number of arguments "
                                           "for 'object'. Try DEBUG HELP.\n");
        client_free(c);
        store_free(s);
}
