/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../test-ask.h"

/* What was said to @c outside of its commands, with its line ends as "\n". */
static const char *heard(client *c) {
        static char text[4096];
        size_t n = 0;

        for (size_t i = 0; i < c->out.n && n < sizeof(text) - 1; i++)
                if (c->out.p[i] != '\r')
                        text[n++] = (char)c->out.p[i];
        text[n] = '\0';
        resp_out_cut(&c->out, 0);
        return text;
}

static void note_wake(client *c) {
        ++*(int *)c->owner;
}

TEST(channels) {
        client *a, *b;
        int n_woken = 0;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        a = client_new(s);
        b = client_new(s);
        a->wake = note_wake;
        a->owner = &n_woken;
        assert_str(ask(a, "subscribe x y x"), "*3\n$9\nsubscribe\n$1\nx\n:1\n"
                                              "*3\n$9\nsubscribe\n$1\ny\n:2\n"
                                              "*3\n$9\nsubscribe\n$1\nx\n:2\n");
        resp_out_cut(&a->out, 0);
        assert_str(ask(b, "publish x hello"), ":1\n");
        assert_eq(n_woken, 1);
        assert_str(heard(a), "*3\n$7\nmessage\n$1\nx\n$5\nhello\n");
        assert_str(ask(b, "publish z hello"), ":0\n");
        assert_str(ask(b, "pubsub numsub x z"), "*4\n$1\nx\n:1\n$1\nz\n:0\n");
        assert_str(ask(a, "unsubscribe"), "*3\n$11\nunsubscribe\n$1\nx\n:1\n"
                                          "*3\n$11\nunsubscribe\n$1\ny\n:0\n");
        assert_str(ask(a, "unsubscribe"), "*3\n$11\nunsubscribe\n$-1\n:0\n");
        assert_str(ask(b, "pubsub channels"), "*0\n");
        ask(a, "subscribe x");
        client_free(a);
        assert_str(ask(b, "publish x hello"), ":0\n");
        client_free(b);
        store_free(s);
}

TEST(patterns_and_shards) {
        client *a, *b;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        a = client_new(s);
        b = client_new(s);
        ask(a, "psubscribe n?ws");
        ask(a, "subscribe news");
        ask(a, "ssubscribe news");
        resp_out_cut(&a->out, 0);
        assert_str(ask(b, "publish news 1"), ":2\n");
        assert_str(heard(a), "*3\n$7\nmessage\n$4\nnews\n$1\n1\n"
                             "*4\n$8\npmessage\n$4\nn?ws\n$4\nnews\n$1\n1\n");
        assert_str(ask(b, "spublish news 1"), ":1\n");
        assert_str(heard(a), "*3\n$8\nsmessage\n$4\nnews\n$1\n1\n");
        assert_str(ask(b, "pubsub numpat"), ":1\n");
        assert_str(ask(b, "pubsub shardchannels"), "*1\n$4\nnews\n");
        client_free(a);
        client_free(b);
        store_free(s);
}

TEST(only_listening) {
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        ask(c, "subscribe x");
        assert_str(ask(c, "get a"),
                   "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT "
                   "/ RESET are allowed in this context\n");
        assert_str(ask(c, "ping"), "*2\n$4\npong\n$0\n\n");
        assert_str(ask(c, "reset"), "+RESET\n");
        assert_str(ask(c, "get a"), "$-1\n");
        /* in version 3 pushes are told from replies */
        ask(c, "hello 3");
        ask(c, "subscribe x");
        assert_str(ask(c, "publish x 1"), ">3\n$7\nmessage\n$1\nx\n$1\n1\n:1\n");
        /* and come to one that wants no replies too */
        ask(c, "client reply off");
        assert_str(ask(c, "publish x 2"), ">3\n$7\nmessage\n$1\nx\n$1\n2\n");
        client_free(c);
        store_free(s);
}

TEST(notifications) {
        client *a, *b;
        char name[300];
        store *s;

        assert_r(store_new(NULL, &s), 0);
        a = client_new(s);
        b = client_new(s);
        ask(a, "psubscribe *");
        resp_out_cut(&a->out, 0);
        ask(b, "set k 1");
        assert_str(heard(a), "");
        assert_str(ask(b, "config set notify-keyspace-events KEl$n"), "+OK\n");
        ask(b, "set k 2");
        assert_str(heard(a), "*4\n$8\npmessage\n$1\n*\n$16\n__keyspace@0__:k\n$3\nset\n"
                             "*4\n$8\npmessage\n$1\n*\n$18\n__keyevent@0__:set\n$1\nk\n");
        ask(b, "del k");
        assert_str(heard(a), "");
        ask(b, "config set notify-keyspace-events Knm");
        ask(b, "select 3");
        ask(b, "lpush l 1");
        ask(b, "get k");
        assert_str(heard(a), "*4\n$8\npmessage\n$1\n*\n$16\n__keyspace@3__:l\n$3\nnew\n"
                             "*4\n$8\npmessage\n$1\n*\n$16\n__keyspace@3__:k\n$7\nkeymiss\n");
        memset(name, 'x', sizeof(name) - 1);
        memcpy(name, "get ", 4);
        name[sizeof(name) - 1] = '\0';
        ask(b, name);
        assert_eq(strlen(heard(a)), strlen("*4\n$8\npmessage\n$1\n*\n$310\n__keyspace@3__:\n"
                                           "$7\nkeymiss\n") +
                                            295u);
        client_free(a);
        client_free(b);
        store_free(s);
}

/* Each allocation fails in turn, and nothing is left half joined. */
TEST(no_memory) {
        for (unsigned nth = 1;; nth++) {
                store *s;
                client *c;
                int r;

                assert_r(store_new(NULL, &s), 0);
                c = client_new(s);
                mem_fail_at(nth);
                r = pubsub_join(c, PUBSUB_CHANNEL, BYTES("x"));
                mem_fail_at(0);
                assert_eq(pubsub_count(c, PUBSUB_CHANNEL), r == 0 ? 1u : 0u);
                assert_eq(pubsub_listeners(&s->pubsub, PUBSUB_CHANNEL, BYTES("x")),
                          r == 0 ? 1u : 0u);
                assert_eq((c->flags & CLIENT_PUBSUB) != 0, r == 0);
                client_free(c);
                store_free(s);
                if (r == 0)
                        break;
        }
}

/* Words that have blanks in them. */
static void set_limit(client *c, const char *limit) {
        resp_out_cut(&c->out, 0);
        client_exec(c,
                    (bytes[]){ BYTES("config"),
                               BYTES("set"),
                               BYTES("client-output-buffer-limit"),
                               { limit, strlen(limit) } },
                    4);
}

TEST(too_much_unread) {
        client *a, *b;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        a = client_new(s);
        b = client_new(s);
        set_limit(b, "pubsub 400 100 60");
        assert_str(heard(b), "+OK\n");
        ask(a, "subscribe x");
        resp_out_cut(&a->out, 0);
        for (int i = 0; i < 3; i++)
                assert_str(ask(b, "publish x 12345678901234567890123456789"), ":1\n");
        assert_true(client_hears(a) && a->out.n > 100);
        /* above the soft limit for too long */
        clock_advance(30 * CLOCK_SECOND);
        ask(b, "publish x 1");
        assert_true(client_hears(a));
        clock_advance(31 * CLOCK_SECOND);
        ask(b, "publish x 1");
        assert_true(!client_hears(a));
        /* and nothing more is said to it */
        resp_out_cut(&a->out, 0);
        ask(b, "publish x 1");
        assert_eq(a->out.n, 0u);
        client_free(a);

        /* above the hard one */
        a = client_new(s);
        set_limit(b, "pubsub 200 0 0");
        ask(a, "subscribe x");
        for (int i = 0; i < 4; i++)
                ask(b, "publish x 12345678901234567890123456789");
        assert_true(!client_hears(a));
        client_free(a);
        client_free(b);
        store_free(s);
}

TEST(limits_are_configured) {
        static const char *const bad[] = {
                "pubsub 1mb 512kb", "foo 1 2 3",       "pubsub x 2 3",
                "pubsub 1 2 -3",    "pubsub  7   8 9", "pubsub 1 2 3 4",
                "pubsub -1 2 3",    "master 1 2 3",    "normal 1 2 3 pubsub",
        };
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_true(
                strstr(ask(c, "config get client-output-buffer-limit"),
                       "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60\n"));
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                set_limit(c, bad[i]);
                assert_true(heard(c)[0] == '-');
        }
        set_limit(c, "replica 1mb 2k 3 PUBSUB 0 0 0");
        assert_str(heard(c), "+OK\n");
        set_limit(c, "");
        assert_str(heard(c), "+OK\n");
        assert_true(strstr(ask(c, "config get client-output-buffer-limit"),
                           "normal 0 0 0 slave 1048576 2000 3 pubsub 0 0 0\n"));
        client_free(c);
        store_free(s);
}
