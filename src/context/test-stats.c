/* SPDX-License-Identifier: Apache-2.0 */
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
        ask(c, "config resetstat");
        told = ask(c, "info commandstats errorstats");
        assert_null(strstr(told, "errorstat_"));
        client_free(c);
        store_free(s);
}
