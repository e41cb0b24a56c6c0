/* SPDX-License-Identifier: Apache-2.0 */
/* What one connection at a time cannot show, and what replicas get. */
#include "../test-ask.h"

#include "base/clock.h"
#include "base/mem.h"

static store *s;
static client *c, *other;

static void note_wake(client *who) {
        ++*(int *)who->owner;
}

static void begin(void) {
        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        other = client_new(s);
}

static void end(void) {
        client_free(c);
        client_free(other);
        store_free(s);
}

/* waiting */

static int n_answers;

/* A command that waits. */
static void wait_for(client *who, const char *line) {
        bytes argv[16];
        int argc = 0;

        for (const char *p = line; *p; p += argv[argc++].n) {
                p += *p == ' ';
                argv[argc] = (bytes){ p, strcspn(p, " ") };
        }
        who->wake = note_wake;
        who->owner = &n_answers;
        n_answers = 0;
        resp_out_cut(&who->out, 0);
        assert_eq(client_exec(who, argv, argc), 0);
}

static void assert_answer(client *who, const char *text) {
        assert_eq(n_answers, 1);
        assert_mem(who->out.p, who->out.n, text, strlen(text));
}

TEST(waiting_for_entries) {
        begin();
        ask(c, "xadd s 1-1 f v");
        wait_for(other, "xread block 0 streams s t $ 0");
        ask(c, "xdel s 1-1");
        ask(c, "xsetid s 1-5");
        ask(c, "set u 1");
        assert_eq(n_answers, 0);
        ask(c, "xadd s 2-1 f v");
        assert_answer(
                other,
                "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n2-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n");

        /* from the stream that came first, though both have some */
        wait_for(other, "xread block 0 streams s t $ 0");
        ask(c, "multi");
        ask(c, "xadd t 3-1 f v");
        ask(c, "xadd s 3-1 f v");
        ask(c, "exec");
        assert_answer(
                other,
                "*1\r\n*2\r\n$1\r\nt\r\n*1\r\n*2\r\n$3\r\n3-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n");

        /* a stream that is gone may come again */
        wait_for(other, "xread block 0 streams s $");
        ask(c, "del s");
        ask(c, "xadd s 1-1 f v");
        assert_eq(n_answers, 0);
        ask(c, "xadd s 9-1 f v");
        assert_eq(n_answers, 1);
        end();
}

TEST(waiting_in_a_group) {
        client *third;

        begin();
        third = client_new(s);
        ask(c, "xgroup create s g $ mkstream");
        wait_for(other, "xreadgroup group g a block 0 streams s >");
        wait_for(third, "xreadgroup group g b block 0 streams s >");
        ask(c, "xadd s 1-1 f v");
        assert_answer(
                other,
                "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
        assert_str(ask(c, "xpending s g"), "*4\n:1\n$3\n1-1\n$3\n1-1\n*1\n*2\n$1\na\n$1\n1\n");
        ask(c, "xadd s 2-1 f v");
        assert_eq(n_answers, 2);
        assert_str(ask(c, "xpending s g"),
                   "*4\n:2\n$3\n1-1\n$3\n2-1\n*2\n*2\n$1\na\n$1\n1\n*2\n$1\nb\n$1\n1\n");

        wait_for(third, "xreadgroup group g b block 0 streams s >");
        ask(c, "xgroup destroy s g");
        assert_answer(
                third,
                "-NOGROUP the consumer group this client was blocked on no longer exists\r\n");
        client_free(third);
        end();
}

TEST(waiting_for_what_goes_away) {
        static const char *const ways[] = { "del s", "set s 1", "rename s t", "flushall",
                                            "pexpire s -1" };

        begin();
        for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
                ask(c, "del s");
                ask(c, "xgroup create s g $ mkstream");
                wait_for(other, "xreadgroup group g a block 0 streams s >");
                ask(c, ways[i]);
                assert_answer(other, "-UNBLOCKED the stream key no longer exists\r\n");
        }
        end();
}

/* what replicas get */

typedef struct log {
        feed_reader reader;
        size_t n;
        char text[8192];
} log;

static void write_down(feed_reader *r, db *d, const bytes *argv, int argc) {
        log *l = container_of(r, log, reader);

        (void)d;
        assert_gt(argc, 0);
        for (int i = 0; i < argc; i++) {
                memcpy(l->text + l->n, argv[i].p, argv[i].n);
                l->n += argv[i].n;
                l->text[l->n++] = i + 1 < argc ? ' ' : '\n';
        }
        l->text[l->n] = '\0';
}

TEST(what_replicas_get) {
        log l = { .reader.fn = write_down };
        static const struct {
                const char *command, *sent;
        } cases[] = {
                { "xadd s 1-* f v", "xadd s 1-0 f v\n" },
                { "xadd s maxlen ~ 100 limit 5 2 f v", "xadd s maxlen = 2 limit 5 2 f v\n" },
                { "xadd s minid ~ 1 3 f v", "xadd s minid = 1-0 3 f v\n" },
                { "xadd s maxlen 3 4 f v", "xadd s maxlen 3 4 f v\n" },
                { "xtrim s maxlen ~ 0", "xtrim s maxlen = 0\n" },
                { "xadd s 5 f v", "xadd s 5 f v\n" },
                { "xgroup create s g 0", "xgroup create s g 0\n" },
                { "xreadgroup group g a noack streams s >",
                  "MULTI\nXGROUP CREATECONSUMER s g a\nXGROUP SETID s g 5-0 ENTRIESREAD "
                  "5\nEXEC\n" },
                { "xreadgroup group g a streams s 0", "" },
                { "xclaim s g b 0 5 time 7 force",
                  "XCLAIM s g b 0 5-0 TIME 7 RETRYCOUNT 2 FORCE JUSTID LASTID 5-0\n" },
                { "xclaim s g b 0 6 lastid 9", "XGROUP SETID s g 9-0 ENTRIESREAD 5\n" },
                { "xclaim s g b 0 6", "" },
                { "xdel s 5", "xdel s 5\n" },
                { "xautoclaim s g b 0 0",
                  "XCLAIM s g b 0 5-0 TIME 7 RETRYCOUNT 2 FORCE JUSTID LASTID 9-0\n" },
                { "xack s g 5", "" },
        };

        begin();
        feed_join(&s->feed, &l.reader);
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                l.n = 0;
                l.text[0] = '\0';
                ask(c, cases[i].command);
                assert_str(l.text, cases[i].sent);
        }
        feed_leave(&l.reader);
        end();
}

TEST(what_a_master_says) {
        static const char limited[] = "xadd s maxlen = 1 limit 5 * f v";

        begin();
        assert_str(ask(c, limited), "-ERR syntax error, LIMIT cannot be used without the special ~ "
                                    "option\n");
        c->flags |= CLIENT_MASTER;
        ask(c, "xadd s 1 f v");
        ask(c, limited);
        assert_str(ask(c, "xlen s"), ":1\n");
        end();
}

/* memory that runs out */

static const char *const setting[] = {
        "flushall",     "xadd s 1 f v",        "xadd s 2 f v",
        "xadd s 3 f v", "xgroup create s g 0", "xreadgroup group g a count 2 streams s >",
};

TEST(without_memory) {
        static const char *const commands[] = {
                "xadd s 9 f v",
                "xadd new 9 f v",
                "xgroup create new g 0 mkstream",
                "xgroup create s h 0",
                "xgroup createconsumer s g b",
                "xreadgroup group g b streams s >",
                "xclaim s g b 0 1 2",
                "xautoclaim s g b 0 0",
        };

        begin();
        for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
                bool has_failed = true;

                for (uint64_t nth = 1; has_failed; nth++) {
                        const char *answer;

                        for (size_t k = 0; k < sizeof(setting) / sizeof(*setting); k++)
                                ask(c, setting[k]);
                        mem_fail_at(nth);
                        answer = ask(c, commands[i]);
                        has_failed = mem_has_failed();
                        mem_fail_at(0);
                        if (*answer != '-')
                                continue;
                        assert_str(answer, "-OOM out of memory\n");
                        /* nothing is left of it */
                        assert_str(ask(c, "exists new"), ":0\n");
                        assert_str(ask(c, "xlen s"), ":3\n");
                        assert_str(ask(c, "xpending s g"),
                                   "*4\n:2\n$3\n1-0\n$3\n2-0\n*1\n*2\n$1\na\n$1\n2\n");
                }
        }
        end();
}
