/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/clock.h"
#include "../loop/loop.h"
#include "test-ask.h"

static int begin(client *c, bytes *argv, int argc) {
        resp_out_cut(&c->out, 0);
        return client_exec(c, argv, argc);
}

#define BEGIN(c, ...) \
        begin(c, (bytes[]){ __VA_ARGS__ }, (int)(sizeof((bytes[]){ __VA_ARGS__ }) / sizeof(bytes)))

TEST(what_changes_is_held) {
        client *a, *b;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        a = client_new(s);
        b = client_new(s);
        ask(a, "client pause 100000 write");
        assert_str(ask(a, "get k"), "$-1\n");
        assert_eq(BEGIN(a, BYTES("set"), BYTES("k"), BYTES("1")), 0);
        assert_eq(s->n_blocked, 1u);
        assert_str(ask(b, "client unblock 1"), ":0\n");
        assert_str(ask(b, "client pause 1 write"), "+OK\n"); /* not sooner */
        loop_turn(loop_get(), 0);
        assert_eq(a->out.n, 0u);
        assert_str(ask(b, "client unpause"), "+OK\n");
        assert_str(ask(b, "get k"), "$-1\n");
        loop_turn(loop_get(), 0);
        assert_eq(a->out.n, strlen("+OK\r\n"));
        assert_str(ask(b, "get k"), "$1\n1\n");
        client_free(a);
        client_free(b);
        store_free(s);
}

TEST(held_in_order_until_it_is_over) {
        client *a, *b, *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        a = client_new(s);
        b = client_new(s);
        c = client_new(s);
        ask(a, "client pause 1");
        assert_eq(BEGIN(a, BYTES("rpush"), BYTES("l"), BYTES("1")), 0);
        assert_eq(BEGIN(b, BYTES("rpush"), BYTES("l"), BYTES("2")), 0);
        assert_eq(BEGIN(c, BYTES("ping")), 0);
        client_free(c); /* whoever leaves has done nothing */
        while (s->n_blocked > 0)
                loop_turn(loop_get(), CLOCK_NEVER);
        assert_str(ask(a, "lrange l 0 -1"), "*2\n$1\n1\n$1\n2\n");
        /* and some that are never released */
        ask(a, "client pause 100000");
        assert_eq(BEGIN(a, BYTES("ping")), 0);
        client_free(a);
        client_free(b);
        store_free(s);
}

TEST(nothing_expires_meanwhile) {
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        ask(c, "set k 1 px 1");
        ask(c, "client pause 100000 write");
        do
                loop_turn(loop_get(), clock_now() + CLOCK_SECOND / 1000);
        while (strcmp(ask(c, "get k"), "$-1\n") != 0);
        assert_str(ask(c, "dbsize"), ":1\n");
        ask(c, "client unpause");
        loop_turn(loop_get(), 0);
        assert_str(ask(c, "get k"), "$-1\n");
        assert_str(ask(c, "dbsize"), ":0\n");
        /* over, though not yet for those whose commands were held: a new one in its place */
        ask(c, "set k 1 px 1");
        ask(c, "client pause 100000 write");
        do
                loop_turn(loop_get(), clock_now() + CLOCK_SECOND / 1000);
        while (strcmp(ask(c, "get k"), "$-1\n") != 0);
        ask(c, "client unpause");
        ask(c, "set k 2");
        assert_str(ask(c, "dbsize"), ":1\n");
        assert_str(ask(c, "get k"), "$1\n2\n");
        /* also where keys expire when another says so */
        s->follows = true;
        s->config.replica_read_only = false;
        ask(c, "set k 1 px 1");
        do
                loop_turn(loop_get(), clock_now() + CLOCK_SECOND / 1000);
        while (strcmp(ask(c, "get k"), "$-1\n") != 0);
        ask(c, "append k 3");
        assert_str(ask(c, "dbsize"), ":1\n");
        s->follows = false;
        client_free(c);
        store_free(s);
}
