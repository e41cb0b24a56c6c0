/* SPDX-License-Identifier: Apache-2.0 */
#include "start.h"

#include "../../base/mem.h"
#include "../test-ask.h"

#include <stdio.h>

static store *s;
static client *c;

static void begin(void) {
        assert_eq(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_true(c != NULL);
}

static void end(void) {
        client_free(c);
        store_free(s);
}

/* Set it to nothing: which jobs are started then? */
static const char *start(const char *name) {
        char line[64];

        snprintf(line, sizeof(line), "set %s ", name);
        assert_str(ask(c, line), "+OK\n");
        return ask(c, "lrange /jobs/start 0 -1");
}

TEST(a_job_is_started) {
        begin();
        ask(c, "rpush /jobs ls cat");
        assert_str(start("/jobs/1"), "*1\n$1\n1\n");
        assert_str(ask(c, "exists /jobs/1"), ":0\n");
        assert_str(ask(c, "hgetall /beam/jobs/1"), "*2\n$5\nstate\n$7\nstarted\n");
        assert_str(start("/jobs/0"), "*2\n$1\n1\n$1\n0\n");
        end();
}

TEST(once) {
        begin();
        ask(c, "rpush /jobs ls");
        start("/jobs/0");
        assert_str(start("/jobs/0"), "*1\n$1\n0\n");
        assert_str(ask(c, "get /jobs/0"), "$0\n\n");
        end();
}

TEST(what_is_no_job) {
        static const char *const names[] = { "/jobs/1",   "/jobs/-1", "/jobs/00",
                                             "/jobs/",    "/jobs/0/", "/job/0",
                                             "/jobs/0x0", "/jobs/+0", "/jobs/9223372036854775808" };

        begin();
        ask(c, "rpush /jobs ls");
        for (size_t i = 0; i < n_of(names); i++)
                assert_str(start(names[i]), "*0\n");
        assert_str(ask(c, "get /jobs/1"), "$0\n\n");
        end();
}

TEST(what_has_been_removed) {
        begin();
        ask(c, "rpush /jobs ls");
        ask(c, "lset /jobs 0 ");
        assert_str(start("/jobs/0"), "*0\n");
        end();
}

TEST(only_a_plain_set_of_nothing_in_database_0) {
        begin();
        ask(c, "rpush /jobs ls");
        ask(c, "set /jobs/0 x");
        ask(c, "set /jobs/0  keepttl");
        assert_str(ask(c, "exists /jobs/start"), ":0\n");
        ask(c, "select 1");
        ask(c, "rpush /jobs ls");
        assert_str(start("/jobs/0"), "*0\n");
        end();
}

TEST(somebody_waits_for_it) {
        client *worker;

        begin();
        worker = client_new(s);
        assert_eq(client_exec(worker, (bytes[]){ BYTES("BLPOP"), BYTES("/jobs/start"), BYTES("0") },
                              3),
                  0);
        ask(c, "rpush /jobs ls");
        assert_str(start("/jobs/0"), "*0\n");
        assert_eq(worker->flags & CLIENT_BLOCKED, 0);
        client_free(worker);
        end();
}

TEST(in_a_transaction) {
        begin();
        ask(c, "rpush /jobs ls");
        ask(c, "multi");
        ask(c, "set /jobs/0 ");
        ask(c, "get /jobs/0");
        assert_str(ask(c, "exec"), "*2\n+OK\n$-1\n");
        assert_str(ask(c, "lrange /jobs/start 0 -1"), "*1\n$1\n0\n");
        end();
}

TEST(it_cannot_be_queued) {
        begin();
        ask(c, "rpush /jobs ls");
        ask(c, "set /jobs/start x");
        assert_eq(ask(c, "set /jobs/0 ")[0], '-');
        assert_str(ask(c, "exists /beam/jobs/0"), ":0\n");
        end();
}
