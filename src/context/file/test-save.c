/* SPDX-License-Identifier: Apache-2.0 */
#include "save.h"

#include "help.h"
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../loop/loop.h"
#include "../test-ask.h"
#include "load.h"
#include "snapshot.h"

static const char *path;

static void new (store **ret_s, client **ret_c) {
        assert_r(store_new(NULL, ret_s), 0);
        snprintf((*ret_s)->config.dir, CONFIG_PATH_MAX, "%s", test_dir());
        path = test_file("dump.rdb", "", 0); /* which may stay */
        assert_eq(unlink(path), 0);
        *ret_c = client_new(*ret_s);
}

static void end(store *s, client *c) {
        client_free(c);
        store_free(s);
}

static void fill(client *c, int n) {
        char line[160];

        for (int i = 0; i < n; i++) {
                snprintf(line, sizeof(line), "set key:%d %0100d", i, i);
                assert_str(ask(c, line), "+OK\n");
        }
}

static size_t count_saved(void) {
        size_t n;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        assert_r(load_file(s, path), 0);
        n = db_size(&s->dbs[0]);
        store_free(s);
        return n;
}

static void wait_for_it(store *s) {
        while (s->save.saving)
                loop_turn(loop_get(), CLOCK_NEVER);
}

TEST(at_once) {
        client *c;
        store *s;

        new (&s, &c);
        fill(c, 100);
        assert_str(ask(c, "save"), "+OK\n");
        assert_eq(count_saved(), 100u);
        assert_eq(s->save.n_changes, 100u);
        fill(c, 101);
        assert_str(ask(c, "save"), "+OK\n");
        assert_eq(count_saved(), 101u);
        end(s, c);
}

TEST(in_the_background) {
        client *c;
        store *s;

        new (&s, &c);
        fill(c, 20000);
        assert_str(ask(c, "bgsave"), "+Background saving started\n");
        assert_str(ask(c, "bgsave"), "-ERR Background save already in progress\n");
        assert_str(ask(c, "bgsave schedule"), "-ERR Background save already in progress\n");
        assert_str(ask(c, "save"), "-ERR Background save already in progress\n");
        assert_str(ask(c, "bgsave now"), "-ERR syntax error\n");
        loop_turn(loop_get(), 0);
        ask(c, "flushall");
        fill(c, 7);
        wait_for_it(s);
        assert_eq(count_saved(), 20000u);
        assert_eq(s->n_changes - s->save.n_changes, 8u);
        assert_str(ask(c, "bgsave"), "+Background saving started\n");
        wait_for_it(s);
        assert_eq(count_saved(), 7u);
        end(s, c);
}

TEST(given_up) {
        client *c;
        store *s;

        new (&s, &c);
        fill(c, 20000);
        assert_str(ask(c, "bgsave"), "+Background saving started\n");
        loop_turn(loop_get(), 0);
        save_cancel(s);
        assert_eq(access(path, F_OK), -1);
        end(s, c);
}

TEST(beside_another_snapshot) {
        snapshot *snap;
        client *c;
        store *s;

        new (&s, &c);
        fill(c, 3);
        assert_r(snapshot_new(s, &snap), 0);
        assert_str(ask(c, "save"), "-ERR Background save already in progress\n");
        assert_eq(strncmp(ask(c, "bgsave"), "-ERR Another child", 18), 0);
        assert_str(ask(c, "bgsave schedule"), "+Background saving scheduled\n");
        snapshot_free(snap);
        while (s->save.n_saves == 0) {
                clock_advance(CLOCK_SECOND);
                loop_turn(loop_get(), clock_add(clock_now(), CLOCK_SECOND / 100));
        }
        assert_eq(count_saved(), 3u);
        end(s, c);
}

TEST(by_rule) {
        client *c;
        store *s;

        new (&s, &c);
        assert_str(ask(c, "config set save 100"),
                   "-ERR CONFIG SET failed (possibly related to argument 'save') - Invalid save "
                   "parameters\n");
        snprintf(s->config.save, sizeof(s->config.save), "1000 1 10 5");
        fill(c, 4);
        assert_true(s->save.is_timed);
        clock_advance(20 * CLOCK_SECOND);
        loop_turn(loop_get(), 0);
        assert_eq(s->save.saving, NULL); /* too few for the one rule, too soon for the other */
        fill(c, 1);
        while (s->save.n_saves == 0) {
                clock_advance(CLOCK_SECOND);
                loop_turn(loop_get(), clock_add(clock_now(), CLOCK_SECOND / 100));
        }
        assert_eq(count_saved(), 4u);
        assert_eq(s->save.n_changes, 5u);
        end(s, c);
}

/* What does not fit is no file, and the one before is there. */
TEST(no_room) {
        struct rlimit room = { .rlim_cur = 1 << 16, .rlim_max = RLIM_INFINITY };
        client *c;
        store *s;

        new (&s, &c);
        fill(c, 10);
        assert_str(ask(c, "save"), "+OK\n");
        fill(c, 20000);
        signal(SIGXFSZ, SIG_IGN);
        assert_eq(setrlimit(RLIMIT_FSIZE, &room), 0);
        assert_str(ask(c, "save"), "-ERR\n");
        assert_str(ask(c, "bgsave"), "+Background saving started\n");
        wait_for_it(s);
        assert_true(s->save.has_failed);
        while (s->snapshot)
                loop_turn(loop_get(), CLOCK_NEVER);
        assert_eq(count_saved(), 10u);
        assert_str(ask(c, "set a 1"), "+OK\n");
        assert_str(ask(c, "config set save 1000000"),
                   "-ERR CONFIG SET failed (possibly related to argument 'save') - Invalid save "
                   "parameters\n");
        snprintf(s->config.save, sizeof(s->config.save), "1000000 1");
        assert_eq(strncmp(ask(c, "set a 1"), "-MISCONF Redis is configured to save RDB", 40), 0);
        assert_eq(strncmp(ask(c, "ping"), "-MISCONF ", 9), 0);
        assert_str(ask(c, "get a"), "$1\n1\n");
        assert_str(ask(c, "config set stop-writes-on-bgsave-error no"), "+OK\n");
        assert_str(ask(c, "set a 1"), "+OK\n");
        snprintf(s->config.dir, CONFIG_PATH_MAX, "/nowhere");
        assert_str(ask(c, "bgsave"), "-ERR\n");
        end(s, c);
}

TEST(rules) {
        save_rule rules[SAVE_RULES_MAX];

        assert_eq(save_read_rules(BYTES(""), rules), 0);
        assert_eq(save_read_rules(BYTES("  900 1   300 10 "), rules), 2);
        assert_eq(rules[1].seconds, 300);
        assert_eq(rules[1].n_changes, 10);
        assert_r(save_read_rules(BYTES("900"), rules), -EINVAL);
        assert_r(save_read_rules(BYTES("0 1"), rules), -EINVAL);
        assert_r(save_read_rules(BYTES("1 -1"), rules), -EINVAL);
        assert_r(save_read_rules(BYTES("1 a"), rules), -EINVAL);
        assert_r(save_read_rules(BYTES("1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 "
                                       "1 1 1 1 1"),
                                 rules),
                 -EINVAL);
}
