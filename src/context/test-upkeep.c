/* SPDX-License-Identifier: Apache-2.0 */
#include "upkeep.h"

#include <stdio.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "../loop/loop.h"
#include "test-ask.h"

static const int64_t tenth = CLOCK_SECOND / 10;

static void fill(client *c, const char *format, int n) {
        char line[64];

        for (int i = 0; i < n; i++) {
                snprintf(line, sizeof(line), format, i);
                ask(c, line);
        }
}

TEST(nobody_asks_for_what_expired) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_true(s->due == INT64_MAX);
        fill(c, "set short:%d x px 100", 50);
        fill(c, "set long:%d x px 100000", 50);
        ask(c, "select 3");
        fill(c, "set other:%d x px 100", 5);
        ask(c, "select 0");
        assert_str(ask(c, "dbsize"), ":100\n");
        assert_true(s->due < INT64_MAX);

        clock_advance(2 * tenth);
        for (int i = 0; i < 20 && s->stats.n_expired < 55; i++) {
                clock_advance(tenth);
                ask(c, "ping");
        }
        assert_str(ask(c, "dbsize"), ":50\n");
        assert_eq(db_size(&s->dbs[3]), 0u);
        assert_eq(s->stats.n_expired, 55u);
        client_free(c);
        store_free(s);
}

TEST(the_loop_is_enough) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        fill(c, "set short:%d x px 1", 5);
        while (db_size(c->db) > 0)
                loop_turn(loop_get(), CLOCK_NEVER);
        assert_true(s->due == INT64_MAX);
        assert_eq(loop_get()->n_timers, 0);
        client_free(c);
        store_free(s);
}

TEST(whoever_follows_is_told) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        fill(c, "set short:%d x px 1", 5);
        s->follows = true;
        clock_advance(tenth);
        s->now = clock_wall_ms();
        upkeep_run(s);
        assert_str(ask(c, "dbsize"), ":5\n");
        assert_str(ask(c, "get short:1"), "$-1\n");
        s->follows = false;
        upkeep_run(s);
        assert_str(ask(c, "dbsize"), ":0\n");
        client_free(c);
        store_free(s);
}

TEST(without_a_loop_no_timers_pile_up) {
        mem_stats before;
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        fill(c, "set long:%d x px 100000000", 50);
        clock_advance(tenth);
        ask(c, "ping");
        before = mem_get_stats();
        for (int i = 0; i < 100; i++) {
                clock_advance(2 * tenth);
                ask(c, "ping");
        }
        assert_le(mem_get_stats().n_live, before.n_live + 2);
        client_free(c);
        store_free(s);
}
