/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs as any client of Redis has them run, in a context of this process and at a Redis. */
#include <beam/job.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "help.h"
#include "redis.h"
#include "test.h"

static const char *const ways[] = { "here", "served", "redis", NULL };

static const char *const contexts[] = { "here", "served", NULL };

typedef struct place {
        const char *way;
        beam_context *ctx;
        beam_context_server *server;
        test_redis redis;
        const char *url;
        beam_client *c;
} place;

static place begin(const char *way) {
        place p = { .way = way };

        if (strcmp(way, "redis") == 0) {
                char url[256];

                p.redis = test_redis_start("redis", NULL);
                snprintf(url, sizeof(url), "unix:%s", p.redis.path);
                p.url = test_text(url, strlen(url));
        } else {
                p.url = test_url("unix:{dir}/context");
                assert_r(beam_context_new(&p.ctx), 0);
                assert_r(beam_context_serve(p.ctx, p.url, &p.server), 0);
        }
        assert_r(beam_client_dial(p.url, &p.c, test_deadline()), 0);
        return p;
}

static void end(place *p) {
        beam_client_free(p->c);
        beam_context_server_free(p->server);
        beam_context_free(p->ctx);
        if (p->redis.pid)
                test_redis_stop(&p->redis);
}

static void on_stopped(void *data) {
        *(bool *)data = true;
        beam_loop_stop();
}

static beam_worker *work(const place *p, const beam_worker_options *opt) {
        beam_worker *w;

        assert_r(beam_worker_new(opt, &w), 0);
        assert_r(beam_worker_allow(w, "sh"), 0);
        assert_r(beam_worker_allow(w, "cat"), 0);
        assert_r(beam_worker_allow(w, "echo"), 0);
        assert_r(beam_worker_allow(w, "loud=yes"), 0);
        if (strcmp(p->way, "here") == 0)
                assert_r(beam_worker_join(w, p->ctx), 0);
        else
                assert_r(beam_worker_dial(w, p->url), 0);
        return w;
}

static void add_words(char *text, size_t size, beam_result *r) {
        size_t n = strlen(text);
        beam_result within;

        if (r->kind == BEAM_RESULT_INTEGER)
                snprintf(text + n, size - n, " %jd", (intmax_t)r->integer);
        else if (r->data)
                snprintf(text + n, size - n, " %.*s", (int)r->n, r->data);
        else if (r->kind == BEAM_RESULT_NULL)
                snprintf(text + n, size - n, " null");
        while (r->count > 0 && beam_result_next(r, &within))
                add_words(text, size, &within);
}

/* The words of a command, up to NULL; and the words of what is answered. */
static const char *ask(const place *p, ...) {
        static char text[1 << 17];
        beam_result result;
        beam_arg argv[16];
        size_t argc = 0;
        va_list args;

        va_start(args, p);
        for (const char *word; (word = va_arg(args, const char *));)
                argv[argc++] = (beam_arg){ word, strlen(word) };
        va_end(args);
        assert_r(beam_client_exec(p->c, argv, argc, &result, test_deadline()), 0);
        *text = '\0';
        add_words(text, sizeof(text), &result);
        return *text ? text + 1 : text;
}

/* Key @what of job @id. */
static const char *key(const char *id, const char *what) {
        char text[128];

        snprintf(text, sizeof(text), "/jobs/%s%s", id, what);
        return test_text(text, strlen(text));
}

static const char *ours(const char *id, const char *what) {
        char text[128];

        snprintf(text, sizeof(text), "/beam/jobs/%s%s", id, what);
        return test_text(text, strlen(text));
}

/* A new job of that name; its ID. */
static const char *make(const place *p, const char *name) {
        char id[24];

        snprintf(id, sizeof(id), "%lld",
                 strtoll(ask(p, "RPUSH", "/jobs", name, NULL), NULL, 10) - 1);
        return test_text(id, strlen(id));
}

static void start(const place *p, const char *id) {
        ask(p, "RPUSH", "/jobs/start", id, NULL);
}

/* A job that runs @script in a shell. */
static const char *make_script(const place *p, const char *script) {
        const char *id = make(p, "sh");

        ask(p, "RPUSH", key(id, "/args"), "sh", "-c", script, NULL);
        return id;
}

static const char *status_of(const place *p, const char *id) {
        ask(p, "BLMOVE", key(id, "/wait"), key(id, "/wait"), "LEFT", "LEFT", "0", NULL);
        return ask(p, "GET", key(id, "/status"), NULL);
}

static const char *run(const place *p, const char *script) {
        const char *id = make_script(p, script);

        start(p, id);
        status_of(p, id);
        return id;
}

/* All that it put out, each stream by itself, as they come in any order beside one another. */
static void assert_output(const place *p, const char *id, const char *one, const char *two) {
        char text[2][256] = { "", "" };

        for (;;) {
                const char *frame = ask(p, "LPOP", key(id, "/out"), NULL);

                if (strcmp(frame, "null") == 0)
                        break;
                strncat(text[frame[0] - '1'], frame + 1, sizeof(text[0]) / 2);
        }
        assert_str(text[0], one);
        assert_str(text[1], two);
}

static const char *field(const place *p, const char *id, const char *name) {
        return ask(p, "HGET", ours(id, ""), name, NULL);
}

TEST_EACH(runs, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = run(&p, "echo out; echo err >&2; exit 3");

        assert_str(status_of(&p, id), "3");
        assert_output(&p, id, ":out\n:", ":err\n:");
        assert_str(field(&p, id, "exit"), "exited");
        assert_str(field(&p, id, "state"), "ended");
        assert_str(field(&p, id, "out.1.bytes"), "4");
        assert_str(field(&p, id, "out.2.bytes"), "4");
        assert_eq(strlen(field(&p, id, "out.1.crc")), 16u);
        assert_str(field(&p, id, "signal"), "null");
        /* the worker is done with it */
        assert_str(ask(&p, "GET", key(id, ""), NULL), "ended");
        assert_str(ask(&p, "LLEN", test_text("/jobs/start", 11), NULL), "0");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(name_is_the_argument, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make(&p, "echo");

        start(&p, id);
        assert_str(status_of(&p, id), "0");
        assert_output(&p, id, ":\n:", ":");
        beam_worker_free(w);
        end(&p);
}

/* The other way to start one, which a context has and a Redis does not. */
TEST_EACH(started_by_its_key, way, contexts) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make(&p, "echo");

        ask(&p, "SET", key(id, ""), "", NULL);
        assert_str(status_of(&p, id), "0");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(input, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make(&p, "cat");

        ask(&p, "RPUSH", key(id, "/in"), "0:early ", NULL);
        start(&p, id);
        assert_str(ask(&p, "BLPOP", key(id, "/out"), "0", NULL), "/jobs/0/out 1:early ");
        ask(&p, "RPUSH", key(id, "/in"), "stdin:la:te", "7:bad", "none", NULL);
        ask(&p, "RPUSH", key(id, "/in"), "0:", NULL);
        assert_str(status_of(&p, id), "0");
        assert_str(field(&p, id, "out.1.bytes"), "11");
        assert_str(field(&p, id, "in.bad"), "2");
        beam_worker_free(w);
        end(&p);
}

/* All that stream @n put out. */
static const char *printed(const place *p, const char *id, const char *n) {
        size_t n_head = strlen(n);
        char text[256] = "";

        for (int i = 0;; i++) {
                char at[24];
                const char *frame;

                snprintf(at, sizeof(at), "%d", i);
                frame = ask(p, "LINDEX", key(id, "/out"), at, NULL);
                if (strcmp(frame, "null") == 0)
                        return test_text(text, strlen(text));
                if (strncmp(frame, n, n_head) == 0 && frame[n_head] == ':')
                        strncat(text, frame + n_head + 1, sizeof(text) / 2);
        }
}

TEST_EACH(streams_of_any_number, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make_script(&p, "cat <&3 >&5; read x <&7; echo got $x >&7;"
                                         "cat <&7 >/dev/fd/255; echo one;"
                                         "[ -e /dev/fd/0 ] || [ -e /dev/fd/2 ] || echo none >&9");

        ask(&p, "HSET", ours(id, ""), "inputs", "3,7", "outputs", "1,5,7,9,255", NULL);
        ask(&p, "RPUSH", key(id, "/in"), "3:three", "7:seven\n", "7:more", "3:", "0:none", "5:bad",
            "7:", "7:late", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "0");
        assert_str(printed(&p, id, "1"), "one\n");
        assert_str(printed(&p, id, "2"), "");
        assert_str(printed(&p, id, "5"), "three");
        assert_str(printed(&p, id, "7"), "got seven\n");
        assert_str(printed(&p, id, "255"), "more");
        assert_str(printed(&p, id, "9"), "none\n");
        assert_str(field(&p, id, "out.255.bytes"), "4");
        assert_str(field(&p, id, "out.2.bytes"), "null");
        assert_str(field(&p, id, "in.bad"), "3");

        id = make(&p, "echo");
        ask(&p, "HSET", ours(id, ""), "outputs", "", "inputs", "", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "1"); /* there is nowhere to write to */
        assert_str(ask(&p, "EXISTS", key(id, "/out"), NULL), "0");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(signals, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = run(&p, "kill -SEGV $$"), *other;

        assert_str(status_of(&p, id), "139");
        assert_str(field(&p, id, "exit"), "signalled");
        assert_str(field(&p, id, "signal"), "11");
        other = make_script(&p,
                            "trap 'echo told; exit 7' USR1; echo ready; while :; do read x; done");
        start(&p, other);
        assert_str(ask(&p, "BLPOP", key(other, "/out"), "0", NULL), "/jobs/1/out 1:ready\n");
        ask(&p, "RPUSH", ours(other, "/control"), "nonsense", "signal x", "signal 10", NULL);
        assert_str(status_of(&p, other), "7");
        assert_str(ask(&p, "LINDEX", key(other, "/out"), "0", NULL), "1:told\n");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(cancelled, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make_script(&p, "trap '' TERM; echo ready; while :; do sleep 0.01; done");
        const char *before = make_script(&p, "echo never");

        ask(&p, "HSET", ours(id, ""), "grace", "10", NULL);
        start(&p, id);
        ask(&p, "BLPOP", key(id, "/out"), "0", NULL);
        ask(&p, "RPUSH", ours(id, "/control"), "cancel", NULL);
        assert_str(status_of(&p, id), "137");
        ask(&p, "RPUSH", ours(before, "/control"), "cancel", NULL);
        start(&p, before);
        assert_str(status_of(&p, before), "cancelled");
        assert_str(ask(&p, "LRANGE", key(before, "/out"), "0", "-1", NULL), "1: 2:");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(timed_out, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make_script(&p, "trap 'exit 0' TERM; while :; do sleep 0.01; done");

        ask(&p, "HSET", ours(id, ""), "timeout", "30", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "timed out");
        assert_str(field(&p, id, "exit"), "timed out");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(refused, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make(&p, "rm");

        start(&p, id);
        assert_str(status_of(&p, id), "refused");
        assert_str(field(&p, id, "why"), "no such name: rm");
        assert_str(field(&p, id, "exit"), "refused");
        assert_output(&p, id, ":", ":");

        id = make(&p, "/bin/sh");
        start(&p, id);
        assert_str(status_of(&p, id), "refused");

        id = make(&p, "echo");
        ask(&p, "HSET", ours(id, ""), "pty", "1", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "refused");
        assert_str(field(&p, id, "why"), "the field pty, or what it says, is not understood");

        id = make(&p, "echo");
        ask(&p, "HSET", key(id, "/env"), "LD_PRELOAD", "x", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "refused");
        assert_str(field(&p, id, "why"), "environment: LD_PRELOAD may not be set");

        id = make(&p, "echo");
        ask(&p, "SET", key(id, "/args"), "no list", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "refused");

        /* what is no job, or another's, is left alone */
        ask(&p, "RPUSH", "/jobs/start", "nonsense", "99", "-1", "007", "", NULL);
        id = make(&p, "echo");
        ask(&p, "SET", key(id, ""), "somebody", NULL);
        start(&p, id);
        run(&p, "true");
        assert_str(ask(&p, "EXISTS", key(id, "/status"), key("99", ""), NULL), "0");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(environment, way, ways) {
        place p = begin(way);
        const char *const env[] = { "PATH=/usr/bin:/bin", "GIVEN=yes", NULL };
        beam_worker *w = work(&p, &(beam_worker_options){ .size = sizeof(beam_worker_options),
                                                          .env = env,
                                                          .cwd = test_dir() });
        const char *id = make_script(&p, "echo $GIVEN $ASKED $BEAM_JOB $HOME; pwd");
        char want[256];

        ask(&p, "HSET", key(id, "/env"), "ASKED", "a=b c", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "0");
        snprintf(want, sizeof(want), "%zu", strlen("yes a=b c 0\n\n") + strlen(test_dir()));
        assert_str(field(&p, id, "out.1.bytes"), want);
        id = make(&p, "echo");
        ask(&p, "HSET", key(id, "/env"), "GIVEN", "no", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "refused");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(deadline_in_the_environment, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make_script(&p, "echo $BEAM_DEADLINE");
        long long deadline, began;

        ask(&p, "HSET", ours(id, ""), "timeout", "50000", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "0");
        deadline = strtoll(ask(&p, "LINDEX", key(id, "/out"), "0", NULL) + 2, NULL, 10);
        began = strtoll(field(&p, id, "began"), NULL, 10);
        assert_le(deadline, began + 50000);
        assert_gt(deadline, began + 20000);
        beam_worker_free(w);
        end(&p);
}

/* Where it runs, what its files may be, how much it may use. */
TEST_EACH(how_it_is_run, way, ways) {
        const char *const limits[] = { "nofile=64", "core=0", NULL };
        place p = begin(way);
        beam_worker *w = work(&p, &(beam_worker_options){ .size = sizeof(beam_worker_options),
                                                          .limits = limits,
                                                          .cwd = test_dir() });
        const char *id = make_script(&p, "echo $(pwd; umask; ulimit -n; ulimit -c)");
        char want[256];

        assert_ok(mkdirat(AT_FDCWD, test_path("below"), 0700));
        ask(&p, "HSET", ours(id, ""), "cwd", "below", "umask", "027", "limit.nofile", "32", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "0");
        snprintf(want, sizeof(want), ":%s/below 0027 32 0\n:", test_dir());
        assert_output(&p, id, want, ":");

        id = make_script(&p, "pwd");
        ask(&p, "HSET", ours(id, ""), "cwd", "/no/such", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "refused");
        assert_str(field(&p, id, "why"), "its directory: No such file or directory");

        id = make_script(&p, "pwd");
        ask(&p, "HSET", ours(id, ""), "limit.nofile", "65", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "refused");
        assert_str(field(&p, id, "why"), "limit.nofile: it is more than is permitted");

        id = make_script(&p, "pwd");
        ask(&p, "HSET", ours(id, ""), "user", "nobody", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "refused");
        assert_str(field(&p, id, "why"), "user: nobody is not permitted");
        assert_ok(rmdir(test_path("below")));
        beam_worker_free(w);
        end(&p);
}

TEST(as_another_user) {
        const char *const users[] = { "nobody", NULL };
        place p;
        beam_worker *w;
        const char *id;

        if (getuid() != 0)
                test_skip("only root may become another");
        p = begin("here");
        w = work(&p, &(beam_worker_options){
                             .size = sizeof(beam_worker_options), .users = users, .cwd = "/" });
        id = make_script(&p, "echo $(id -un; id -ur; echo $USER $LOGNAME; id -Gn)");
        ask(&p, "HSET", ours(id, ""), "user", "nobody", NULL);
        start(&p, id);
        assert_str(status_of(&p, id), "0");
        assert_output(&p, id, ":nobody 65534 nobody nobody nogroup\n:", ":");
        beam_worker_free(w);
        end(&p);
}

/* What nobody reads holds the process up, and goes on when somebody does. */
static void hold_up(const char *way, const char *output) {
        bool is_log = strcmp(output, "log") == 0;
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make_script(&p, "yes | head -c 3000000; echo done >&2");
        const char *at = is_log ? ours(id, "/log") : key(id, "/out");
        long long n_before = -1, n = 0;

        ask(&p, "HSET", ours(id, ""), "keep", "1000000", "output", output, NULL);
        start(&p, id);
        /* until there is no more than there was */
        while (n == 0 || n != n_before) {
                n_before = n;
                ask(&p, "BLPOP", "nothing", "0.05", NULL);
                n = strtoll(ask(&p, is_log ? "XLEN" : "LLEN", at, NULL), NULL, 10);
        }
        assert_lt(n, 1100000 / 512);
        assert_str(ask(&p, "EXISTS", key(id, "/status"), NULL), "0");
        while (strcmp(ask(&p, "EXISTS", key(id, "/status"), NULL), "0") == 0) {
                if (is_log)
                        ask(&p, "XTRIM", at, "MAXLEN", "0", NULL);
                else
                        ask(&p, "LPOP", at, "100", NULL);
        }
        assert_str(status_of(&p, id), "0");
        assert_str(field(&p, id, "out.1.bytes"), "3000000");
        assert_str(field(&p, id, "out.2.bytes"), "5");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(held_up_by_a_list, way, ways) {
        hold_up(way, "list");
}

TEST_EACH(held_up_by_a_log, way, ways) {
        hold_up(way, "log");
}

TEST_EACH(log_entries, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make_script(&p, "printf abc; read x; printf de");
        const char *log = ours(id, "/log"), *got;

        ask(&p, "HSET", ours(id, ""), "output", "log", NULL);
        start(&p, id);
        ask(&p, "XREAD", "BLOCK", "0", "STREAMS", log, "0", NULL);
        ask(&p, "RPUSH", key(id, "/in"), "0:\n", NULL);
        assert_str(status_of(&p, id), "0");
        got = ask(&p, "XRANGE", log, "-", "+", NULL);
        assert_not_null(strstr(got, "n 1 at 0 d abc"));
        assert_not_null(strstr(got, "n 1 at 3 d de"));
        assert_not_null(strstr(got, "n 1 at 5 d "));
        assert_not_null(strstr(got, "n 2 at 0 d "));
        assert_not_null(strstr(got, "end 0"));
        beam_worker_free(w);
        end(&p);
}

/* Nobody reads the first: the process is told as a pipe would. */
TEST_EACH(closed_output, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make(&p, "loud");

        start(&p, id);
        ask(&p, "BLPOP", key(id, "/out"), "0", NULL);
        ask(&p, "RPUSH", ours(id, "/control"), "close 1", NULL);
        assert_str(status_of(&p, id), "141");
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(more_than_places, way, ways) {
        enum { N = 40 };
        place p = begin(way);
        beam_worker *w = work(
                &p, &(beam_worker_options){ .size = sizeof(beam_worker_options), .n_jobs = 2 });

        for (int i = 0; i < N; i++)
                start(&p, make(&p, "echo"));
        for (int i = 0; i < N; i++) {
                char id[24];

                snprintf(id, sizeof(id), "%d", i);
                assert_str(status_of(&p, id), "0");
        }
        beam_worker_free(w);
        end(&p);
}

TEST_EACH(stops_in_order, way, ways) {
        place p = begin(way);
        bool is_stopped = false;
        beam_worker *w = work(&p, &(beam_worker_options){ .size = sizeof(beam_worker_options),
                                                          .stopped = on_stopped,
                                                          .data = &is_stopped });
        const char *id = make_script(&p, "echo ready; read x; exit 5"), *token;

        start(&p, id);
        ask(&p, "BLPOP", key(id, "/out"), "0", NULL);
        token = ask(&p, "SMEMBERS", "/beam/workers", NULL);
        assert_eq(strlen(token), 32u);
        token = test_text(token, strlen(token));
        assert_r(beam_worker_stop(w), 0);
        assert_str(ask(&p, "EXISTS", key(id, "/status"), NULL), "0");
        ask(&p, "RPUSH", key(id, "/in"), "0:\n", NULL);
        assert_str(status_of(&p, id), "5");
        if (!is_stopped)
                assert_r(beam_loop_run(test_deadline()), 0);
        assert_true(is_stopped);
        beam_worker_free(w);
        end(&p);
}

/* What a worker leaves behind that goes without a word. */
TEST_EACH(lost, way, ways) {
        place p = begin(way);
        beam_worker *w = work(&p, NULL);
        const char *id = make_script(&p, "echo ready; read x"), *token;
        char lease[128];

        ask(&p, "HSET", ours(id, ""), "outputs", "1,40", NULL);
        start(&p, id);
        ask(&p, "BLPOP", key(id, "/out"), "0", NULL);
        token = ask(&p, "SMEMBERS", "/beam/workers", NULL);
        snprintf(lease, sizeof(lease), "/beam/workers/%s", token);
        beam_worker_free(w);
        /* one that had been taken, and not begun */
        ask(&p, "DEL", lease, NULL);
        strcat(lease, "/taken");
        ask(&p, "RPUSH", lease, make(&p, "echo"), NULL);
        w = work(&p, NULL);
        assert_str(status_of(&p, id), "lost");
        assert_str(field(&p, id, "why"), "its worker was lost");
        assert_str(field(&p, id, "out.1.bytes"), "null");
        assert_str(status_of(&p, "1"), "0");
        assert_str(ask(&p, "LRANGE", key(id, "/out"), "0", "-1", NULL), "1: 40:");
        beam_worker_free(w);
        end(&p);
}

static void on_told(void *data, int r) {
        if (r == 0)
                beam_worker_stop(*(beam_worker **)data);
        else
                beam_loop_stop();
}

static void on_end(void *data) {
        (void)data;
        beam_loop_stop();
}

/* Each allocation fails once, while a worker comes, takes a job, runs it and goes: whatever
 * that is in the midst of, all is closed and freed, and no status is one that it did not have. */
static bool come_and_go(const place *p, uint64_t nth, bool is_tried) {
        bool has_failed;
        const char *id = make_script(p, "read x; echo $x; exit 3"), *status;
        beam_worker *w = NULL;
        const beam_worker_options opt = {
                .size = sizeof(opt), .told = on_told, .stopped = on_end, .data = &w
        };

        ask(p, "RPUSH", key(id, "/in"), "0:hello\n", NULL);
        if (is_tried)
                ask(p, "HSET", ours(id, ""), "retry", "1", "backoff", "1", "at", "1", NULL);
        start(p, id);
        if (is_tried)
                ask(p, "ZADD", "/beam/later", "1", make_script(p, "exit 3"), NULL);
        mem_fail_at(nth);
        if (beam_worker_new(&opt, &w) == 0 && beam_worker_allow(w, "sh") == 0 &&
            beam_worker_join(w, p->ctx) == 0)
                assert_r(beam_loop_run(test_deadline()), 0);
        beam_worker_free(w);
        has_failed = mem_has_failed();
        mem_fail_at(0);
        status = ask(p, "GET", key(id, "/status"), NULL);
        assert_true(strcmp(status, "null") == 0 || strcmp(status, "3") == 0 ||
                    strcmp(status, "refused") == 0 || strcmp(status, "lost") == 0);
        ask(p, "FLUSHALL", NULL);
        return has_failed;
}

TEST(no_memory, .timeout = 60) {
        place p = begin("here");
        uint64_t nth = 1;

        while (come_and_go(&p, nth, false))
                nth++;
        assert_gt(nth, 100u);
        end(&p);
}

TEST(no_memory_for_what_is_due, .timeout = 60) {
        place p = begin("here");
        uint64_t nth = 1;

        while (come_and_go(&p, nth, true))
                nth++;
        assert_gt(nth, 100u);
        end(&p);
}

TEST(allow) {
        beam_worker *w;

        assert_r(beam_worker_new(NULL, &w), 0);
        assert_r(beam_worker_dial(w, "tcp://127.0.0.1:1"), -EINVAL);
        assert_r(beam_worker_allow(w, "sh"), 0);
        assert_r(beam_worker_allow(w, "sh=cat"), -EEXIST);
        assert_r(beam_worker_allow(w, "no-such-program-here"), -ENOENT);
        assert_r(beam_worker_allow(w, "x=/no/such/program"), -ENOENT);
        assert_r(beam_worker_allow(w, "x=/"), -EACCES);
        assert_r(beam_worker_allow(w, "x=/etc/passwd"), -EACCES);
        assert_r(beam_worker_allow(w, "/bin/sh"), -EINVAL);
        assert_r(beam_worker_allow(w, "=sh"), -EINVAL);
        assert_r(beam_worker_allow(w, "x="), -EINVAL);
        assert_r(beam_worker_allow(w, ""), -EINVAL);
        assert_r(beam_worker_dial(w, "mem:x"), -EINVAL);
        assert_r(beam_worker_dial(w, "nonsense"), -EINVAL);
        beam_worker_free(w);
}
