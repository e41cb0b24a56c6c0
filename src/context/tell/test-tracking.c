/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "../../base/mem.h"
#include "../../loop/loop.h"
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

typedef struct two {
        store *store;
        client *a, *b;
} two;

static two begin(const char *how) {
        two t;

        assert_r(store_new(NULL, &t.store), 0);
        t.a = client_new(t.store);
        t.b = client_new(t.store);
        ask(t.a, "hello 3");
        assert_str(ask(t.a, how), "+OK\n");
        resp_out_cut(&t.a->out, 0);
        return t;
}

static void end(two *t) {
        client_free(t->a);
        client_free(t->b);
        store_free(t->store);
}

TEST(told_once) {
        two t = begin("client tracking on");

        ask(t.a, "mget k l");
        resp_out_cut(&t.a->out, 0);
        assert_eq(t.store->tracking.n_items, 2u);
        ask(t.b, "set k 1");
        assert_str(heard(t.a), ">2\n$10\ninvalidate\n*1\n$1\nk\n");
        ask(t.b, "set k 2");
        assert_str(heard(t.a), "");
        /* its own changes behind the answer */
        assert_str(ask(t.a, "set l 1"), "+OK\n>2\n$10\ninvalidate\n*1\n$1\nl\n");
        assert_eq(t.store->tracking.n_items, 0u);
        ask(t.a, "get k");
        assert_str(ask(t.a, "flushall"), "+OK\n>2\n$10\ninvalidate\n_\n");
        end(&t);
}

TEST(what_does_not_pair_is_no_key) {
        two t = begin("client tracking on");

        ask(t.a, "xread streams k 1-1 2-2");
        resp_out_cut(&t.a->out, 0);
        assert_eq(t.store->tracking.n_items, 0u);
        ask(t.a, "xread streams k l 1-1 2-2");
        resp_out_cut(&t.a->out, 0);
        assert_eq(t.store->tracking.n_items, 2u);
        end(&t);
}

TEST(what_was_read_before_it_left_is_nobodys) {
        two t = begin("client tracking on");
        client *c = client_new(t.store);

        ask(c, "client tracking on");
        for (int i = 0; i < 3; i++) {
                ask(t.a, "get k");
                ask(c, "get k");
        }
        resp_out_cut(&t.a->out, 0);
        assert_eq(t.store->tracking.n_items, 2u);
        client_free(c);
        ask(t.b, "set k 1");
        assert_str(heard(t.a), ">2\n$10\ninvalidate\n*1\n$1\nk\n");
        assert_eq(t.store->tracking.n_items, 0u);
        end(&t);
}

TEST(no_more_keys_than_are_allowed) {
        two t = begin("client tracking on");
        size_t n_told = 0;
        char line[32];

        ask(t.b, "config set tracking-table-max-keys 10");
        for (int i = 0; i < 50; i++) {
                snprintf(line, sizeof(line), "get k%d", i);
                ask(t.a, line);
                n_told += strstr(heard(t.a), "invalidate") != NULL;
                assert_true(table_count(&t.store->tracking.keys) <= 10);
        }
        assert_eq(n_told, 40u); /* one is let go of for each that is too many */
        end(&t);
}

TEST(broadcast_once_a_round) {
        two t = begin("client tracking on bcast prefix a noloop");

        ask(t.b, "mset a1 1 b 1");
        ask(t.b, "del a1");
        ask(t.a, "set a2 1");
        assert_str(heard(t.a), "+OK\n");
        loop_turn(loop_get(), 0);
        assert_str(heard(t.a), ">2\n$10\ninvalidate\n*1\n$2\na1\n");
        /* for all keys, said twice, is said once */
        ask(t.b, "client tracking on bcast");
        ask(t.b, "client tracking on bcast");
        assert_str(ask(t.b, "client trackinginfo"),
                   "*6\n$5\nflags\n*2\n$2\non\n$5\nbcast\n$8\nredirect\n:0\n"
                   "$8\nprefixes\n*1\n$0\n\n");
        ask(t.b, "set a1 1");
        ask(t.a, "client tracking off");
        resp_out_cut(&t.a->out, 0);
        loop_turn(loop_get(), 0);
        assert_str(heard(t.a), "");
        end(&t);
}

/* A program that never turns its loop is told all the same. */
TEST(broadcast_when_there_is_much) {
        two t = begin("client tracking on bcast");
        char line[32];

        for (int i = 0; i < 1001; i++) {
                assert_eq(t.a->out.n, 0u);
                snprintf(line, sizeof(line), "set k%d 1", i);
                ask(t.b, line);
        }
        assert_true(t.a->out.n > 1000);
        assert_eq(t.store->tracking.n_changes, 0u);
        end(&t);
}

/* Whatever cannot be noted is told too early, so that nothing old is kept. */
TEST(no_memory) {
        for (unsigned nth = 1;; nth++) {
                two t = begin("client tracking on");
                bool failed;

                ask(t.b, "client tracking on");
                ask(t.b, "get k");
                mem_fail_at(nth);
                ask(t.a, "get k");
                failed = mem_has_failed();
                mem_fail_at(0);
                if (failed && t.a->out.failed)
                        resp_out_cut(&t.a->out, 0);
                else if (failed)
                        assert_true(strstr(heard(t.a), "invalidate") != NULL);
                end(&t);
                if (!failed)
                        break;
        }
}

TEST(no_memory_to_begin_with) {
        for (unsigned nth = 1;; nth++) {
                bool failed;
                client *c;
                store *s;

                assert_r(store_new(NULL, &s), 0);
                c = client_new(s);
                mem_fail_at(nth);
                ask(c, "client tracking on bcast prefix a prefix b");
                failed = mem_has_failed();
                mem_fail_at(0);
                assert_eq(c->tracker != NULL, !failed || c->out.failed);
                assert_eq(table_count(&s->tracking.prefixes), c->tracker ? 2u : 0u);
                client_free(c);
                store_free(s);
                if (!failed)
                        break;
        }
}
