/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of a job, against a worker that says by hand what one would. */
#include <beam/context.h>
#include <beam/job.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "help.h"
#include "loop/loop.h"
#include "redis.h"
#include "test.h"

static const char *const ways[] = { "served", "redis", NULL };

/* Redis's own example of a checksum. */
#define NINE "123456789"
#define CRC_OF_NINE "e9c6d914c4b8d9ca"
#define CRC_OF_NONE "0000000000000000"

typedef struct place {
        beam_context *ctx;
        beam_context_server *server;
        test_redis redis;
        beam_client *worker;
        const char *url;
} place;

static place place_begin(const char *way) {
        place p = { 0 };

        if (strcmp(way, "redis") == 0) {
                char text[256];

                p.redis = test_redis_start("redis", NULL);
                snprintf(text, sizeof(text), "unix:%s", p.redis.path);
                p.url = test_text(text, strlen(text));
        } else {
                p.url = test_url("unix:{dir}/served");
                assert_ok(beam_context_new(&p.ctx));
                assert_ok(beam_context_serve(p.ctx, p.url, &p.server));
        }
        assert_ok(beam_client_dial(p.url, &p.worker, test_deadline()));
        return p;
}

static void place_end(place *p) {
        beam_client_free(p->worker);
        if (p->redis.pid)
                test_redis_stop(&p->redis);
        beam_context_server_free(p->server);
        beam_context_free(p->ctx);
}

/* What the worker says, word by word with blanks between them; what it is answered is in the
 * text, as one line: nothing is "-". */
static const char *say(place *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *say(place *p, const char *format, ...) {
        char line[512], answer[512];
        beam_arg argv[32];
        beam_result result, one;
        size_t argc = 0, n = 0;
        va_list args;

        va_start(args, format);
        vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        for (char *rest = line, *word; (word = strsep(&rest, " "));)
                argv[argc++] = (beam_arg){ word, strlen(word) };
        assert_ok(beam_client_exec(p->worker, argv, argc, &result, test_deadline()));
        if (result.kind == BEAM_RESULT_NULL)
                return "-";
        if (result.kind == BEAM_RESULT_INTEGER)
                n = (size_t)snprintf(answer, sizeof(answer), "%" PRId64, result.integer);
        else if (result.kind == BEAM_RESULT_ARRAY || result.kind == BEAM_RESULT_MAP ||
                 result.kind == BEAM_RESULT_SET)
                while (beam_result_next(&result, &one) == 1)
                        n += (size_t)snprintf(answer + n, sizeof(answer) - n, "%s%.*s",
                                              n ? " " : "", (int)one.n, one.data);
        else
                n = (size_t)snprintf(answer, sizeof(answer), "%.*s", (int)result.n, result.data);
        return test_text(answer, n);
}

static beam_job *start(place *p, const beam_job_options *more) {
        static const char *const argv[] = { "prog", "a b", "", NULL };
        beam_job_options o = more ? *more : (beam_job_options){ .size = sizeof(o) };
        beam_job *j;

        o.argv = argv;
        assert_ok(beam_job_start(p->url, &o, &j, test_deadline()));
        return j;
}

static beam_job_event next(beam_job *j) {
        beam_job_event e;

        assert_r(beam_job_next(j, &e, test_deadline()), 0);
        return e;
}

static void expect(beam_job *j, beam_job_kind kind, unsigned stream, const char *data, size_t n) {
        beam_job_event e = next(j);

        assert_eq(e.kind, kind);
        assert_eq(e.stream, stream);
        if (data)
                assert_mem(e.data, e.n, data, n);
        else
                assert_eq(e.n, n);
}

/* Everything about a good end of one that printed NINE. */
static void finish(place *p, int id) {
        say(p, "XADD /beam/jobs/%d/log * n 1 at 9 d ", id);
        say(p, "XADD /beam/jobs/%d/log * n 2 at 0 d ", id);
        say(p,
            "HSET /beam/jobs/%d exit exited out.1.bytes 9 out.1.crc " CRC_OF_NINE
            " out.2.bytes 0 out.2.crc " CRC_OF_NONE,
            id);
        say(p, "SET /jobs/%d/status 3", id);
        say(p, "XADD /beam/jobs/%d/log * end 3", id);
        say(p, "RPUSH /jobs/%d/wait %d", id, id);
}

TEST_EACH(from_start_to_end, way, ways) {
        static const char *const env[] = { "A=1", "B=x=y", "C=", NULL };
        place p = place_begin(way);
        beam_job *j = start(&p, &(beam_job_options){ .size = sizeof(beam_job_options),
                                                     .env = env,
                                                     .timeout = 1500 * (BEAM_SECOND / 1000),
                                                     .keep = 100 });
        beam_job_event e;

        assert_eq(beam_job_id(j), 0);
        assert_str(say(&p, "BLPOP /jobs/start 0"), "/jobs/start 0");
        assert_str(say(&p, "LINDEX /jobs 0"), "prog");
        assert_str(say(&p, "LRANGE /jobs/0/args 0 -1"), "prog a b ");
        assert_str(say(&p, "HMGET /jobs/0/env A B C"), "1 x=y ");
        assert_str(say(&p, "HMGET /beam/jobs/0 output keep timeout owner"),
                   "log 100 1500 /beam/jobs/0/owner");
        assert_str(say(&p, "EXISTS /beam/jobs/0/owner"), "1");
        assert_r(beam_job_next(j, &e, BEAM_NOW), -ETIMEDOUT);

        assert_ok(beam_job_write(j, 0, "in:put", 6, test_deadline()));
        assert_ok(beam_job_write(j, 0, NULL, 0, test_deadline()));
        assert_r(beam_job_write(j, 0, "more", 4, test_deadline()), -EPIPE);
        assert_ok(beam_job_signal(j, 15));
        assert_r(beam_job_signal(j, 0), -EINVAL);
        assert_ok(beam_job_cancel(j));
        assert_ok(beam_job_be_away(j, 100 * BEAM_SECOND, test_deadline()));
        assert_str(say(&p, "LRANGE /jobs/0/in 0 -1"), "0:in:put 0:");
        assert_str(say(&p, "LRANGE /beam/jobs/0/control 0 -1"), "signal 15 cancel");

        say(&p, "XADD /beam/jobs/0/log * n 1 at 0 d 1234");
        expect(j, BEAM_JOB_OUTPUT, 1, "1234", 4);
        say(&p, "XADD /beam/jobs/0/log * n 1 at 4 d 56789 other field");
        expect(j, BEAM_JOB_OUTPUT, 1, "56789", 5);
        finish(&p, 0);
        expect(j, BEAM_JOB_OUTPUT, 1, "", 0);
        expect(j, BEAM_JOB_OUTPUT, 2, "", 0);
        e = next(j);
        assert_eq(e.kind, BEAM_JOB_ENDED);
        assert_eq(e.exit, BEAM_JOB_EXITED);
        assert_eq(e.status, 3);
        assert_true(e.is_whole);
        assert_r(beam_job_next(j, &e, BEAM_NOW), -EPIPE);
        assert_r(beam_job_write(j, 3, "x", 1, test_deadline()), -EPIPE);

        assert_ok(beam_job_leave(j, test_deadline()));
        assert_str(say(&p, "KEYS *"), "/jobs");
        assert_str(say(&p, "LINDEX /jobs 0"), "");
        beam_job_free(j);
        place_end(&p);
}

TEST_EACH(what_is_missing_is_told, way, ways) {
        place p = place_begin(way);
        beam_job *j = start(&p, NULL);

        say(&p, "XADD /beam/jobs/0/log * n 1 at 4 d 56789");
        finish(&p, 0);
        expect(j, BEAM_JOB_GAP, 1, NULL, 4);
        expect(j, BEAM_JOB_OUTPUT, 1, "56789", 5);
        expect(j, BEAM_JOB_OUTPUT, 1, "", 0);
        expect(j, BEAM_JOB_OUTPUT, 2, "", 0);
        assert_false(next(j).is_whole);
        beam_job_free(j);

        j = start(&p, NULL);
        say(&p, "XADD /beam/jobs/1/log * n 1 at 0 d 1234");
        say(&p, "XADD /beam/jobs/1/log * n 1 at 4 d 56780");
        finish(&p, 1);
        for (int i = 0; i < 4; i++)
                assert_eq(next(j).kind, BEAM_JOB_OUTPUT);
        assert_false(next(j).is_whole);
        beam_job_free(j);

        /* what nobody wants any more is no loss */
        j = start(&p, NULL);
        assert_ok(beam_job_close_output(j, 1));
        finish(&p, 2);
        expect(j, BEAM_JOB_GAP, 1, NULL, 9);
        for (int i = 0; i < 2; i++)
                assert_eq(next(j).kind, BEAM_JOB_OUTPUT);
        assert_true(next(j).is_whole);
        beam_job_free(j);
        place_end(&p);
}

/* What the tries before have printed was told, and is no part of what the last is measured by. */
TEST_EACH(tried_again, way, ways) {
        place p = place_begin(way);
        beam_job *j = start(&p, &(beam_job_options){ .size = sizeof(beam_job_options),
                                                     .delay = BEAM_SECOND / 2,
                                                     .retry = 2,
                                                     .backoff = 1 });

        assert_str(say(&p, "HMGET /beam/jobs/0 delay retry backoff"), "500 2 1");
        say(&p, "XADD /beam/jobs/0/log * n 1 at 0 d 1234");
        say(&p, "XADD /beam/jobs/0/log * tries 1");
        say(&p, "XADD /beam/jobs/0/log * n 1 at 0 d " NINE);
        finish(&p, 0);
        expect(j, BEAM_JOB_OUTPUT, 1, "1234", 4);
        expect(j, BEAM_JOB_AGAIN, 0, NULL, 1);
        expect(j, BEAM_JOB_OUTPUT, 1, NINE, 9);
        expect(j, BEAM_JOB_OUTPUT, 1, "", 0);
        expect(j, BEAM_JOB_OUTPUT, 2, "", 0);
        assert_true(next(j).is_whole);
        beam_job_free(j);
        place_end(&p);
}

/* Who takes it back need not wait until it is due. */
TEST_EACH(withdrawn_before_its_time, way, ways) {
        place p = place_begin(way);
        beam_job *j = start(&p, NULL);

        say(&p, "LPOP /jobs/start");
        say(&p, "ZADD /beam/later 1e15 0");
        assert_ok(beam_job_withdraw(j));
        assert_eq(next(j).exit, BEAM_JOB_CANCELLED);
        assert_str(say(&p, "ZCARD /beam/later"), "0");
        beam_job_free(j);
        place_end(&p);
}

TEST_EACH(ends_of_all_kinds, way, ways) {
        static const struct {
                const char *exit, *status;
                beam_job_exit kind;
                int number;
        } cases[] = {
                { "exited", "0", BEAM_JOB_EXITED, 0 },
                { "exited", "255", BEAM_JOB_EXITED, 255 },
                { "signalled", "139", BEAM_JOB_SIGNALLED, 139 },
                { "lost", "lost", BEAM_JOB_LOST, -1 },
                { "refused", "refused", BEAM_JOB_REFUSED, -1 },
                { "timed_out", "timed out", BEAM_JOB_TIMED_OUT, -1 },
                { "cancelled", "cancelled", BEAM_JOB_CANCELLED, -1 },
                { "exited", "256", BEAM_JOB_LOST, -1 },
                { "exited", "-1", BEAM_JOB_LOST, -1 },
                { "exited", "00", BEAM_JOB_LOST, -1 },
        };
        place p = place_begin(way);

        for (int i = 0; i < (int)n_of(cases); i++) {
                beam_job *j = start(&p, NULL);
                beam_arg set[] = { BEAM_ARG("SET"), { 0 }, { 0 } };
                beam_job_event e;
                beam_result result;
                char key[32];

                say(&p, "HSET /beam/jobs/%d exit %s signal 11 why words", i, cases[i].exit);
                snprintf(key, sizeof(key), "/jobs/%d/status", i);
                set[1] = (beam_arg){ key, strlen(key) };
                set[2] = (beam_arg){ cases[i].status, strlen(cases[i].status) };
                assert_ok(beam_client_exec(p.worker, set, 3, &result, test_deadline()));
                say(&p, "XADD /beam/jobs/%d/log * end ?", i);
                e = next(j);
                assert_eq(e.kind, BEAM_JOB_ENDED);
                assert_eq(e.exit, cases[i].kind);
                assert_eq(e.status, cases[i].number);
                assert_eq(e.signal, cases[i].kind == BEAM_JOB_SIGNALLED ? 11 : 0);
                assert_str(e.why, "words");
                assert_true(e.is_whole);
                beam_job_free(j);
        }
        place_end(&p);
}

/* Another client trims as it likes. */
TEST_EACH(an_end_that_another_trimmed, way, ways) {
        place p = place_begin(way);
        beam_job *j = start(&p, NULL);
        beam_job_event e;

        say(&p, "SET /jobs/0/status 0");
        assert_r(beam_job_next(j, &e, BEAM_NOW), -ETIMEDOUT);
        loop_advance(loop_get(), 4 * CLOCK_SECOND);
        assert_eq(next(j).kind, BEAM_JOB_ENDED);
        beam_job_free(j);
        place_end(&p);
}

TEST_EACH(input_waits_for_who_reads_it, way, ways) {
        static char data[BEAM_JOB_WRITE_MAX + 1];
        place p = place_begin(way);
        beam_job *j = start(&p, NULL);
        int n = 0, r;

        assert_r(beam_job_write(j, 0, data, sizeof(data), test_deadline()), -EMSGSIZE);
        assert_r(beam_job_write(j, 256, data, 1, test_deadline()), -EINVAL);
        while ((r = beam_job_write(j, 0, data, BEAM_JOB_WRITE_MAX, beam_after(BEAM_SECOND / 5))) ==
               0)
                n++;
        assert_r(r, -ETIMEDOUT);
        assert_eq(n, 64);
        assert_str(say(&p, "LLEN /jobs/0/in"), "64");
        say(&p, "LTRIM /jobs/0/in 2 -1");
        assert_ok(beam_job_write(j, 0, data, 1, test_deadline()));
        beam_job_free(j);
        place_end(&p);
}

/* The log is trimmed by what the slowest has dealt with. */
TEST_EACH(several_readers, way, ways) {
        place p = place_begin(way);
        beam_job *one =
                start(&p, &(beam_job_options){ .size = sizeof(beam_job_options), .keep = 4 });
        beam_job *two;
        beam_job_event e;

        say(&p, "XADD /beam/jobs/0/log 1-1 n 1 at 0 d 1234");
        expect(one, BEAM_JOB_OUTPUT, 1, "1234", 4);
        assert_ok(beam_job_attach(p.url, 0, NULL, &two, test_deadline()));
        assert_r(beam_job_next(one, &e, BEAM_NOW), -ETIMEDOUT);
        assert_ok(beam_job_be_away(one, 100 * BEAM_SECOND, test_deadline()));
        assert_str(say(&p, "XLEN /beam/jobs/0/log"), "1");

        expect(two, BEAM_JOB_OUTPUT, 1, "1234", 4);
        assert_r(beam_job_next(two, &e, BEAM_NOW), -ETIMEDOUT);
        /* it reads little of what could be kept, and leaves it there; the other trims */
        assert_ok(beam_job_be_away(two, 100 * BEAM_SECOND, test_deadline()));
        loop_advance(loop_get(), 4 * CLOCK_SECOND);
        while (strcmp(say(&p, "XLEN /beam/jobs/0/log"), "0") != 0)
                assert_r(beam_job_next(one, &e, beam_after(BEAM_SECOND / 100)), -ETIMEDOUT);

        say(&p, "XADD /beam/jobs/0/log 1-2 n 1 at 4 d 56789");
        finish(&p, 0);
        expect(two, BEAM_JOB_OUTPUT, 1, "56789", 5);
        expect(two, BEAM_JOB_OUTPUT, 1, "", 0);
        expect(two, BEAM_JOB_OUTPUT, 2, "", 0);
        assert_true(next(two).is_whole);
        assert_ok(beam_job_leave(two, test_deadline()));
        beam_job_free(two);
        assert_str(say(&p, "LINDEX /jobs 0"), "prog");

        expect(one, BEAM_JOB_OUTPUT, 1, "56789", 5);
        expect(one, BEAM_JOB_OUTPUT, 1, "", 0);
        expect(one, BEAM_JOB_OUTPUT, 2, "", 0);
        assert_true(next(one).is_whole);
        assert_ok(beam_job_leave(one, test_deadline()));
        beam_job_free(one);
        assert_str(say(&p, "LINDEX /jobs 0"), "");
        assert_r(beam_job_attach(p.url, 0, NULL, &one, test_deadline()), -ESRCH);
        assert_r(beam_job_attach(p.url, UINT64_MAX, NULL, &one, test_deadline()), -ESRCH);
        place_end(&p);
}

TEST_EACH(one_that_goes_on_and_stays, way, ways) {
        place p = place_begin(way);
        beam_job *j = start(&p, &(beam_job_options){ .size = sizeof(beam_job_options),
                                                     .goes_on = true,
                                                     .stays = true });

        assert_ok(beam_job_leave(j, test_deadline()));
        beam_job_free(j);
        assert_str(say(&p, "EXISTS /beam/jobs/0/owner"), "0");
        say(&p, "XADD /beam/jobs/0/log * n 1 at 0 d " NINE);
        finish(&p, 0);
        for (int i = 0; i < 2; i++) {
                assert_ok(beam_job_attach(p.url, 0, NULL, &j, test_deadline()));
                expect(j, BEAM_JOB_OUTPUT, 1, NINE, 9);
                expect(j, BEAM_JOB_OUTPUT, 1, "", 0);
                expect(j, BEAM_JOB_OUTPUT, 2, "", 0);
                assert_true(next(j).is_whole);
                assert_ok(beam_job_leave(j, test_deadline()));
                beam_job_free(j);
        }
        assert_str(say(&p, "LINDEX /jobs 0"), "prog");
        place_end(&p);
}

TEST_EACH(one_that_nobody_has_is_taken_back, way, ways) {
        static const char *const queues[] = { "/jobs/start", "/beam/queue/prog" };
        place p = place_begin(way);

        for (int i = 0; i < 2; i++) {
                beam_job *j = start(&p, NULL);
                beam_job_event e;

                assert_eq(beam_job_id(j), i);
                say(&p, "LMOVE /jobs/start %s LEFT RIGHT", queues[i]);
                assert_ok(beam_job_withdraw(j));
                e = next(j);
                assert_eq(e.kind, BEAM_JOB_ENDED);
                assert_eq(e.exit, BEAM_JOB_CANCELLED);
                assert_str(say(&p, "LLEN %s", queues[i]), "0");
                assert_str(say(&p, "GET /jobs/%d/status", i), "cancelled");
                assert_ok(beam_job_leave(j, test_deadline()));
                beam_job_free(j);
        }
        place_end(&p);
}

TEST_EACH(a_log_that_is_none, way, ways) {
        static const char *const entries[] = {
                "n 1 at 0", "n 256 at 0 d x", "n x at 0 d x", "n 1 at -1 d x",
                "at 0 d x", "n 1 d x",        "a b",
        };
        place p = place_begin(way);

        for (int i = 0; i < (int)n_of(entries); i++) {
                beam_job *j = start(&p, NULL);
                beam_job_event e;

                say(&p, "XADD /beam/jobs/%d/log * %s", i, entries[i]);
                assert_r(beam_job_next(j, &e, test_deadline()), -EPROTO);
                beam_job_free(j);
        }
        place_end(&p);
}

TEST_EACH(a_context_that_refuses, way, ways) {
        static const char *const argv[] = { "prog", NULL };
        const beam_job_options o = { .size = sizeof(o), .argv = argv };
        place p = place_begin(way);
        beam_job *j;

        say(&p, "SET /jobs/0/args x");
        assert_r(beam_job_start(p.url, &o, &j, test_deadline()), -EPROTO);
        say(&p, "CONFIG SET requirepass secret");
        assert_r(beam_job_start(p.url, &o, &j, test_deadline()), -EACCES);
        say(&p, "CONFIG SET requirepass ");
        say(&p, "SET /jobs x");
        assert_r(beam_job_start(p.url, &o, &j, test_deadline()), -EPROTO);
        assert_r(beam_job_attach(p.url, 0, NULL, &j, test_deadline()), -EPROTO);
        place_end(&p);
}

TEST(misuse) {
        static const char *const none[] = { NULL }, *const prog[] = { "prog", NULL };
        static const char *const env[] = { "A", NULL }, *const unnamed[] = { "=A", NULL };
        const beam_job_options no_argv = { .size = sizeof(no_argv), .argv = none };
        const beam_job_options bad_env = { .size = sizeof(bad_env), .argv = prog, .env = env };
        const beam_job_options no_name = { .size = sizeof(no_name), .argv = prog, .env = unnamed };
        const beam_job_options good = { .size = sizeof(good), .argv = prog };
        const char *nobody = test_url("unix:{dir}/nobody");
        beam_job *j;

        assert_r(beam_job_start(nobody, &no_argv, &j, test_deadline()), -EINVAL);
        assert_r(beam_job_start(nobody, &bad_env, &j, test_deadline()), -EINVAL);
        assert_r(beam_job_start(nobody, &no_name, &j, test_deadline()), -EINVAL);
        assert_r(beam_job_start("fd:3", &good, &j, test_deadline()), -EINVAL);
        assert_r(beam_job_start(nobody, &good, &j, test_deadline()), -ENOENT);
        assert_r(beam_job_attach(nobody, 1, NULL, &j, test_deadline()), -ENOENT);
        beam_job_free(NULL);
}

/* A link that is lost says so, after all that had come. */
TEST(a_link_that_is_lost) {
        place p = place_begin("served");
        beam_job *j = start(&p, NULL);
        beam_job_event e;

        say(&p, "XADD /beam/jobs/0/log 1-1 n 1 at 0 d " NINE);
        expect(j, BEAM_JOB_OUTPUT, 1, NINE, 9);
        p.server = beam_context_server_free(p.server);
        assert_r(beam_job_next(j, &e, test_deadline()), -ECONNRESET);
        assert_r(beam_job_write(j, 0, "x", 1, test_deadline()), -ECONNRESET);
        assert_r(beam_job_leave(j, test_deadline()), -ECONNRESET);
        beam_job_free(j);
        place_end(&p);
}

static int return_three(void *data, beam_work *work) {
        (void)data;
        (void)!write(work->fds[1], NINE, strlen(NINE));
        return 3;
}

/* What becomes of a call while one allocation fails; late, where it was the worker's, who comes
 * back in a second, or the context's. */
static bool may_be(int r) {
        return r == 0 || r == -ENOMEM || r == -ECONNRESET || r == -EPROTO || r == -ETIMEDOUT ||
               r == -ESRCH;
}

/* From the start of a job to its removal, with the @nth allocation failing in whoever has a part
 * in it. What is told of it then is true. */
static bool start_to_end(const place *p, uint64_t nth) {
        const beam_job_options o = { .size = sizeof(o),
                                     .argv = (const char *const[]){ "three", NULL } };
        int64_t deadline = clock_add(clock_now(), BEAM_SECOND / 4 * test_slowness());
        beam_job_event e = { .kind = BEAM_JOB_OUTPUT };
        char got[16] = "";
        beam_job *j = NULL;
        bool has_failed;
        int r;

        mem_fail_at(nth);
        r = beam_job_start(p->url, &o, &j, deadline);
        assert_true(may_be(r));
        while (r == 0 && e.kind != BEAM_JOB_ENDED) {
                r = beam_job_next(j, &e, deadline);
                assert_true(may_be(r));
                if (r == 0 && e.kind == BEAM_JOB_OUTPUT && e.stream == 1)
                        strncat(got, e.data, (size_t)e.n);
        }
        if (r == 0 && e.exit == BEAM_JOB_EXITED)
                assert_eq(e.status, 3);
        if (r == 0 && e.exit == BEAM_JOB_EXITED && e.is_whole)
                assert_str(got, NINE);
        if (r == 0)
                assert_true(may_be(beam_job_leave(j, deadline)));
        beam_job_free(j);
        has_failed = mem_has_failed();
        mem_fail_at(0);
        /* a worker that is away does not come as far as the allocation that is to fail */
        return has_failed || r < 0 || e.exit != BEAM_JOB_EXITED;
}

TEST(no_memory, .timeout = 120) {
        place p = place_begin("served");
        uint64_t nth = 1;
        beam_worker *w;

        assert_ok(beam_worker_new(NULL, &w));
        assert_ok(beam_worker_allow_function(w, "three", return_three, NULL));
        assert_ok(beam_worker_join(w, p.ctx));
        while (start_to_end(&p, nth))
                nth++;
        assert_gt(nth, 50u);
        beam_worker_free(w);
        place_end(&p);
}
