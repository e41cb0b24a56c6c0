/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of this process that jobs run, in a context of it, at one that is served, and at a
 * Redis; and over a channel. */
#include <beam/job.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "help.h"
#include "redis.h"
#include "test.h"

static const char *const ways[] = { "here", "served", "redis", "direct", NULL };
static const char *const keys[] = { "here", "served", "redis", NULL };

typedef struct place {
        beam_context *ctx;
        beam_context_server *server;
        beam_desk *desk;
        test_redis redis;
        const char *url;
        beam_worker *w;
} place;

/* What a function leaves for the test to see. */
typedef struct trace {
        atomic_size_t n_written;
        atomic_bool has_returned;
        int go; /* a gate, or 0 */
} trace;

/* the functions */

static void print(const beam_work *work, int stream, const char *text) {
        (void)!write(work->fds[stream], text, strlen(text));
}

static int tell(void *data, beam_work *work) {
        char line[256];

        (void)data;
        for (size_t i = 0; work->argv[i]; i++) {
                snprintf(line, sizeof(line), "<%s>", work->argv[i]);
                print(work, 1, line);
        }
        for (size_t i = 0; work->env[i]; i++)
                if (strncmp(work->env[i], "ASKED=", 6) == 0 ||
                    strncmp(work->env[i], "BEAM_JOB=", 9) == 0)
                        print(work, 1, work->env[i]);
        snprintf(line, sizeof(line), "job %llu, context %s, streams %zu",
                 (unsigned long long)work->id, work->url ? "there" : "here", work->n_fds);
        print(work, 2, line);
        return 3;
}

static int copy(void *data, beam_work *work) {
        char buf[4096];
        ssize_t n;

        (void)data;
        while ((n = read(work->fds[0], buf, sizeof(buf))) > 0)
                if (write(work->fds[1], buf, (size_t)n) != n)
                        return 1;
        close(work->fds[1]);
        work->fds[1] = -1;
        print(work, 2, "all of it");
        return 0;
}

static int give_number(void *data, beam_work *work) {
        (void)data;
        return atoi(work->argv[1]);
}

/* Says which signals it is sent, and returns once it is cancelled. */
static int listen(void *data, beam_work *work) {
        char byte, line[32];

        (void)data;
        print(work, 1, "ready");
        while (read(work->told, &byte, 1) == 1) {
                snprintf(line, sizeof(line), " %d", byte);
                print(work, 1, line);
        }
        return 7;
}

/* Writes for as long as it may. */
static int pour(void *data, beam_work *work) {
        static const char block[1000];
        trace *t = data;
        ssize_t n;

        while ((n = write(work->fds[1], block, sizeof(block))) > 0)
                atomic_fetch_add(&t->n_written, (size_t)n);
        atomic_store(&t->has_returned, errno == EPIPE);
        return 0;
}

/* Does not look at anything until the test lets it. */
static int muse(void *data, beam_work *work) {
        trace *t = data;

        print(work, 1, "ready");
        test_gate_wait(t->go);
        atomic_store(&t->has_returned, true);
        return 5;
}

/* where they are run */

static beam_worker *work(const place *p, const char *way, trace *t,
                         const beam_worker_options *opt) {
        beam_worker *w;

        assert_ok(beam_worker_new(opt, &w));
        assert_ok(beam_worker_allow_function(w, "tell", tell, NULL));
        assert_ok(beam_worker_allow_function(w, "copy", copy, NULL));
        assert_ok(beam_worker_allow_function(w, "number", give_number, NULL));
        assert_ok(beam_worker_allow_function(w, "listen", listen, NULL));
        assert_ok(beam_worker_allow_function(w, "pour", pour, t));
        assert_ok(beam_worker_allow_function(w, "muse", muse, t));
        assert_ok(beam_worker_allow(w, "echo"));
        if (strcmp(way, "here") == 0 || p->desk)
                assert_ok(beam_worker_join(w, p->ctx));
        else
                assert_ok(beam_worker_dial(w, p->url));
        return w;
}

static place begin(const char *way, trace *t) {
        place p = { 0 };

        if (strcmp(way, "redis") == 0) {
                char url[256];

                p.redis = test_redis_start("redis", NULL);
                snprintf(url, sizeof(url), "unix:%s", p.redis.path);
                p.url = test_text(url, strlen(url));
        } else {
                p.url = test_url("unix:{dir}/context");
                assert_ok(beam_context_new(&p.ctx));
                assert_ok(beam_context_serve(p.ctx, p.url, &p.server));
        }
        if (strcmp(way, "direct") == 0)
                assert_ok(beam_desk_open(p.ctx, &p.desk));
        p.w = work(&p, way, t, NULL);
        return p;
}

static void end(place *p) {
        beam_worker_free(p->w);
        beam_desk_free(p->desk);
        beam_context_server_free(p->server);
        beam_context_free(p->ctx);
        if (p->redis.pid)
                test_redis_stop(&p->redis);
}

static beam_job *start(const place *p, beam_job_options o) {
        beam_job *j;

        o.size = sizeof(o);
        o.direct = p->desk;
        assert_ok(beam_job_start(p->url, &o, &j, test_deadline()));
        return j;
}

/* All that it puts out on both streams, and how it ends. */
typedef struct whole {
        char out[256], err[256]; /* the beginning */
        uint64_t n_out;
        beam_job_event end;
} whole;

static whole finish(beam_job *j) {
        whole w = { 0 };

        do {
                char *to = NULL;

                assert_ok(beam_job_next(j, &w.end, test_deadline()));
                if (w.end.kind == BEAM_JOB_OUTPUT)
                        to = w.end.stream == 1 ? w.out : w.err;
                if (to)
                        strncat(to, w.end.data,
                                w.end.n < sizeof(w.out) - 1 - strlen(to)
                                        ? (size_t)w.end.n
                                        : sizeof(w.out) - 1 - strlen(to));
                if (to == w.out)
                        w.n_out += w.end.n;
        } while (w.end.kind != BEAM_JOB_ENDED);
        assert_true(w.end.is_whole || w.end.exit == BEAM_JOB_LOST);
        assert_ok(beam_job_leave(j, test_deadline()));
        beam_job_free(j);
        return w;
}

/* Until it has said so much. */
static void expect(beam_job *j, const char *want) {
        beam_job_event e;

        for (size_t n = 0; n < strlen(want); n += e.n) {
                assert_ok(beam_job_next(j, &e, test_deadline()));
                assert_eq(e.kind, BEAM_JOB_OUTPUT);
                assert_eq(e.stream, 1u);
                assert_le(n + e.n, strlen(want));
                assert_mem(e.data, e.n, want + n, (size_t)e.n);
        }
}

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

TEST_EACH(runs, way, ways) {
        place p = begin(way, NULL);
        beam_job *j = start(&p, (beam_job_options){ .argv = ARGV("tell", "a b", ""),
                                                    .env = ARGV("ASKED=yes") });
        char want[128];
        whole w;

        snprintf(want, sizeof(want), "job 0, context %s, streams 3",
                 strcmp(way, "here") == 0 || p.desk ? "here" : "there");
        w = finish(j);
        assert_eq(w.end.exit, BEAM_JOB_EXITED);
        assert_eq(w.end.status, 3);
        assert_not_null(strstr(w.out, "<tell><a b><>"));
        assert_not_null(strstr(w.out, "ASKED=yes"));
        assert_not_null(strstr(w.out, "BEAM_JOB=0"));
        assert_str(w.err, want);
        /* and beside it a program */
        w = finish(start(&p, (beam_job_options){ .argv = ARGV("echo", "hello") }));
        assert_str(w.out, "hello\n");
        end(&p);
}

TEST_EACH(statuses, way, ways) {
        static const struct {
                const char *returned;
                int status;
        } cases[] = { { "0", 0 }, { "1", 1 }, { "255", 255 }, { "256", 255 }, { "-22", 255 } };
        place p = begin(way, NULL);

        for (size_t i = 0; i < n_of(cases); i++) {
                whole w = finish(
                        start(&p, (beam_job_options){ .argv = ARGV("number", cases[i].returned) }));

                assert_eq(w.end.exit, BEAM_JOB_EXITED);
                assert_eq(w.end.status, cases[i].status);
        }
        end(&p);
}

TEST_EACH(input, way, ways) {
        place p = begin(way, NULL);
        beam_job *j = start(&p, (beam_job_options){ .argv = ARGV("copy") });
        whole w;

        assert_ok(beam_job_write(j, 0, "some ", 5, test_deadline()));
        assert_ok(beam_job_write(j, 0, "input", 5, test_deadline()));
        assert_ok(beam_job_write(j, 0, NULL, 0, test_deadline()));
        w = finish(j);
        assert_eq(w.end.status, 0);
        assert_str(w.out, "some input");
        assert_str(w.err, "all of it");
        end(&p);
}

TEST_EACH(told, way, ways) {
        place p = begin(way, NULL);
        beam_job *j = start(&p, (beam_job_options){ .argv = ARGV("listen") });
        whole w;

        expect(j, "ready");
        assert_ok(beam_job_signal(j, SIGTERM));
        assert_ok(beam_job_signal(j, SIGUSR1));
        expect(j, " 15 10");
        assert_ok(beam_job_cancel(j));
        w = finish(j);
        assert_eq(w.end.exit, BEAM_JOB_EXITED);
        assert_eq(w.end.status, 7);
        end(&p);
}

/* Its input comes to an end that was not its client's: that it says so is not believed. */
TEST_EACH(cancelled, way, ways) {
        place p = begin(way, NULL);
        beam_job *j = start(&p, (beam_job_options){ .argv = ARGV("copy") });
        whole w;

        assert_ok(beam_job_write(j, 0, "half", 4, test_deadline()));
        expect(j, "half");
        assert_ok(beam_job_cancel(j));
        w = finish(j);
        assert_eq(w.end.exit, BEAM_JOB_SIGNALLED);
        assert_eq(w.end.status, 128 + SIGTERM);
        assert_str(w.err, "all of it");
        end(&p);
}

/* Who listens to nothing is held up by his streams at last. */
TEST_EACH(deaf, way, ways) {
        trace t = { 0 };
        place p = begin(way, &t);
        const beam_job_options o = { .argv = ARGV("pour"), .grace = BEAM_SECOND / 100 };
        beam_job *j = start(&p, o);
        whole w;

        beam_job_cancel(j);
        w = finish(j);
        assert_true(w.end.exit == BEAM_JOB_SIGNALLED || w.end.exit == BEAM_JOB_CANCELLED);

        atomic_store(&t.n_written, 0);
        j = start(&p, o);
        while (!atomic_load(&t.n_written))
                assert_r(beam_loop_run(beam_after(BEAM_SECOND / 1000)), -ETIMEDOUT);
        assert_ok(beam_job_cancel(j));
        w = finish(j);
        assert_eq(w.end.exit, BEAM_JOB_SIGNALLED);
        assert_eq(w.end.signal, SIGKILL);
        assert_true(atomic_load(&t.has_returned));

        /* at once */
        atomic_store(&t.n_written, 0);
        j = start(&p, (beam_job_options){ .argv = ARGV("pour"), .grace = 1000 * BEAM_SECOND });
        while (!atomic_load(&t.n_written))
                assert_r(beam_loop_run(beam_after(BEAM_SECOND / 1000)), -ETIMEDOUT);
        assert_ok(beam_job_signal(j, SIGKILL));
        assert_eq(finish(j).end.status, 128 + SIGKILL);

        j = start(&p, (beam_job_options){ .argv = ARGV("listen"), .timeout = BEAM_SECOND / 50 });
        w = finish(j);
        assert_eq(w.end.exit, BEAM_JOB_TIMED_OUT);
        end(&p);
}

/* Nobody reads: it waits, with no more than what may lie there, and the pipe. */
TEST_EACH(held_up, way, keys) {
        trace t = { 0 };
        place p = begin(way, &t);
        beam_job *j = start(&p, (beam_job_options){ .argv = ARGV("pour"),
                                                    .grace = BEAM_SECOND / 100,
                                                    .keep = 200000 });
        size_t before;
        whole w;

        do {
                before = atomic_load(&t.n_written);
                assert_r(beam_loop_run(beam_after(BEAM_SECOND / 20)), -ETIMEDOUT);
        } while (before == 0 || before != atomic_load(&t.n_written));
        assert_lt(before, 200000 + 4 * 65536);
        assert_ok(beam_job_cancel(j));
        w = finish(j);
        assert_le(w.n_out, atomic_load(&t.n_written));
        end(&p);
}

TEST_EACH(many_at_once, way, ways) {
        place p = begin(way, NULL);
        beam_job *jobs[64];

        for (size_t i = 0; i < n_of(jobs); i++) {
                char n[8];

                snprintf(n, sizeof(n), "%zu", i);
                jobs[i] = start(&p, (beam_job_options){ .argv = ARGV("number", n) });
        }
        for (size_t i = 0; i < n_of(jobs); i++)
                assert_eq(finish(jobs[i]).end.status, (int)i);
        end(&p);
}

/* What only a process has. */
TEST_EACH(refused, way, keys) {
        static const char *const fields[] = { "cwd /", "umask 077", "limit.nofile 10",
                                              "user root" };
        place p = begin(way, NULL);
        beam_client *c;
        char text[64];

        assert_ok(beam_client_dial(p.url, &c, test_deadline()));
        for (size_t i = 0; i < n_of(fields); i++) {
                beam_result result;
                beam_arg argv[4];
                size_t n = 0;
                beam_job *j;

                snprintf(text, sizeof(text), "HSET /beam/jobs/%zu %s", i, fields[i]);
                for (char *rest = text, *word; (word = strsep(&rest, " "));)
                        argv[n++] = (beam_arg){ word, strlen(word) };
                assert_ok(beam_client_exec(c, argv, n, &result, test_deadline()));
                j = start(&p, (beam_job_options){ .argv = ARGV("tell") });
                assert_eq(beam_job_id(j), i);
                assert_eq(finish(j).end.exit, BEAM_JOB_REFUSED);
        }
        beam_client_free(c);
        end(&p);
}

static void on_stopped(void *data) {
        *(bool *)data = true;
        beam_loop_stop();
}

TEST_EACH(stopped_when_it_has_returned, way, ways) {
        trace t = { .go = test_gate() };
        bool is_stopped = false;
        place p = begin(way, &t);
        beam_job *j;

        beam_worker_free(p.w);
        p.w = work(&p, way, &t,
                   &(beam_worker_options){ .size = sizeof(beam_worker_options),
                                           .stopped = on_stopped,
                                           .data = &is_stopped });
        j = start(&p, (beam_job_options){ .argv = ARGV("muse") });
        expect(j, "ready");
        assert_ok(beam_worker_stop(p.w));
        assert_r(beam_loop_run(beam_after(BEAM_SECOND / 50)), -ETIMEDOUT);
        assert_false(is_stopped);
        test_gate_open(t.go);
        if (!is_stopped)
                assert_ok(beam_loop_run(test_deadline()));
        assert_true(is_stopped);
        assert_eq(finish(j).end.status, 5);
        close(t.go);
        end(&p);
}

/* Freeing waits for the function, whose thread would else see its data go. */
TEST_EACH(freed_when_it_has_returned, way, ways) {
        trace t = { 0 };
        place p = begin(way, &t);
        beam_job *j = start(&p, (beam_job_options){ .argv = ARGV("pour") });

        while (!atomic_load(&t.n_written))
                assert_r(beam_loop_run(beam_after(BEAM_SECOND / 1000)), -ETIMEDOUT);
        p.w = beam_worker_free(p.w);
        assert_true(atomic_load(&t.has_returned));
        beam_job_free(j);
        end(&p);
}

static void on_here(void *data, int r) {
        (void)data;
        if (r == 0)
                beam_loop_stop();
}

/* A worker whose link is lost does not wait for one: it is told, and its place is taken until
 * it returns. */
TEST(left) {
        trace t = { .go = test_gate() };
        place p = begin("served", &t);
        beam_job *j;

        beam_worker_free(p.w);
        p.w = work(&p, "served", &t,
                   &(beam_worker_options){
                           .size = sizeof(beam_worker_options), .n_jobs = 1, .told = on_here });
        assert_ok(beam_loop_run(test_deadline()));
        j = start(&p, (beam_job_options){ .argv = ARGV("muse") });
        expect(j, "ready");
        beam_job_free(j);
        beam_context_server_free(p.server);
        assert_ok(beam_context_serve(p.ctx, p.url, &p.server));
        assert_ok(beam_loop_run(test_deadline()));
        j = start(&p, (beam_job_options){ .argv = ARGV("number", "9") });
        assert_r(beam_loop_run(beam_after(BEAM_SECOND / 50)), -ETIMEDOUT);
        assert_false(atomic_load(&t.has_returned));
        test_gate_open(t.go);
        assert_eq(finish(j).end.status, 9);
        assert_true(atomic_load(&t.has_returned));
        close(t.go);
        end(&p);
}

TEST(allow) {
        beam_worker *w;

        assert_ok(beam_worker_new(NULL, &w));
        assert_r(beam_worker_allow_function(w, "", tell, NULL), -EINVAL);
        assert_r(beam_worker_allow_function(w, "a/b", tell, NULL), -EINVAL);
        assert_r(beam_worker_allow_function(w, "a=b", tell, NULL), -EINVAL);
        assert_ok(beam_worker_allow_function(w, "a", tell, NULL));
        assert_r(beam_worker_allow_function(w, "a", tell, NULL), -EEXIST);
        assert_r(beam_worker_allow(w, "a=sh"), -EEXIST);
        assert_ok(beam_worker_dial(w, "tcp://127.0.0.1:1"));
        assert_r(beam_worker_allow_function(w, "b", tell, NULL), -EALREADY);
        beam_worker_free(w);
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

/* Each allocation fails once, while a worker comes, has a function called, and goes. */
static bool come_and_go(const place *p, uint64_t nth) {
        beam_job *j = start(p, (beam_job_options){ .argv = ARGV("number", "3") });
        beam_worker *w = NULL;
        beam_job_event e = { 0 };
        bool has_failed;
        const beam_worker_options opt = {
                .size = sizeof(opt), .told = on_told, .stopped = on_end, .data = &w
        };

        mem_fail_at(nth);
        if (beam_worker_new(&opt, &w) == 0 &&
            beam_worker_allow_function(w, "number", give_number, NULL) == 0 &&
            beam_worker_join(w, p->ctx) == 0)
                /* what failed in the context is tried again with the next beat */
                while (beam_loop_run(beam_after(BEAM_SECOND / 10)) == -ETIMEDOUT)
                        clock_advance(3 * BEAM_SECOND);
        beam_worker_free(w);
        has_failed = mem_has_failed();
        mem_fail_at(0);
        while (beam_job_next(j, &e, BEAM_NOW) == 0 && e.kind != BEAM_JOB_ENDED)
                continue;
        if (e.kind == BEAM_JOB_ENDED)
                assert_true(e.exit == BEAM_JOB_REFUSED || e.exit == BEAM_JOB_LOST || e.status == 3);
        beam_job_free(j);
        return has_failed;
}

TEST(no_memory, .timeout = 60) {
        place p = begin("here", NULL);
        uint64_t nth = 1;

        p.w = beam_worker_free(p.w);
        while (come_and_go(&p, nth))
                nth++;
        assert_gt(nth, 50u);
        end(&p);
}
