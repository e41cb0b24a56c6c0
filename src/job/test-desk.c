/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs over channels, over each kind of link: a desk, a worker and a client in one thread. */
#include <beam/job.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "help.h"
#include "test.h"

static const char *const links[] = { "unix:{dir}/context", "tcp://127.0.0.1:0", "mem:{id}", NULL };

typedef struct place {
        beam_context *ctx;
        beam_context_server *server;
        beam_desk *desk;
        beam_worker *worker;
        const char *url;
        beam_client *c;
} place;

static beam_worker *work(size_t n_jobs) {
        beam_worker *w;

        assert_ok(beam_worker_new(
                &(beam_worker_options){ .size = sizeof(beam_worker_options), .n_jobs = n_jobs },
                &w));
        assert_ok(beam_worker_allow(w, "sh"));
        assert_ok(beam_worker_allow(w, "cat"));
        assert_ok(beam_worker_allow(w, "sleep"));
        return w;
}

static place begin_at(const char *link, size_t n_jobs) {
        place p = { 0 };

        assert_ok(beam_context_new(&p.ctx));
        assert_ok(beam_context_serve(p.ctx, test_url(link), &p.server));
        p.url = beam_context_server_url(p.server);
        assert_ok(beam_desk_open(p.ctx, &p.desk));
        assert_ok(beam_client_new(p.ctx, &p.c));
        if (n_jobs > 0) {
                p.worker = work(n_jobs);
                assert_ok(beam_worker_join(p.worker, p.ctx));
        }
        return p;
}

static void end(place *p) {
        beam_worker_free(p->worker);
        beam_client_free(p->c);
        beam_desk_free(p->desk);
        beam_context_server_free(p->server);
        beam_context_free(p->ctx);
}

/* What the context says, in a line of words with blanks between them. */
static const char *ask(place *p, const char *line) {
        char copy[256], answer[512] = "-";
        beam_arg argv[16];
        beam_result result, one;
        size_t argc = 0, n = 0;

        snprintf(copy, sizeof(copy), "%s", line);
        for (char *rest = copy, *word; (word = strsep(&rest, " "));)
                argv[argc++] = (beam_arg){ word, strlen(word) };
        assert_ok(beam_client_exec(p->c, argv, argc, &result, test_deadline()));
        if (result.kind == BEAM_RESULT_INTEGER)
                n = (size_t)snprintf(answer, sizeof(answer), "%" PRId64, result.integer);
        else if (result.count > 0)
                while (beam_result_next(&result, &one) == 1)
                        n += (size_t)snprintf(answer + n, sizeof(answer) - n, "%s%.*s",
                                              n ? " " : "", (int)one.n, one.n ? one.data : "");
        else if (result.kind != BEAM_RESULT_NULL)
                n = (size_t)snprintf(answer, sizeof(answer), "%.*s", (int)result.n,
                                     result.n ? result.data : "");
        return test_text(answer, strlen(answer));
}

/* A line about that job, whose number is %. */
static const char *of_job(beam_job *j, const char *line) {
        const char *at = strchr(line, '%');
        char text[256];

        snprintf(text, sizeof(text), "%.*s%" PRIu64 "%s", (int)(at - line), line, beam_job_id(j),
                 at + 1);
        return test_text(text, strlen(text));
}

static void wait_until(place *p, const char *line, const char *answer) {
        while (strcmp(ask(p, line), answer) != 0)
                assert_r(beam_loop_run(beam_after(BEAM_SECOND / 1000)), -ETIMEDOUT);
}

static int try_start(place *p, const beam_job_options *more, const char *name, const char *script,
                     beam_job **ret) {
        const char *argv[] = { name, "-c", script, NULL };
        beam_job_options o = more ? *more : (beam_job_options){ 0 };

        o.size = sizeof(o);
        o.direct = true;
        o.argv = argv;
        if (!script)
                argv[1] = NULL;
        return beam_job_start(p->url, &o, ret, test_deadline());
}

static beam_job *start(place *p, const beam_job_options *more, const char *script) {
        beam_job *j;

        assert_ok(try_start(p, more, "sh", script, &j));
        return j;
}

/* All that it prints, of either stream, and its end. */
typedef struct heard {
        char text[3][4096];
        size_t n[3];
        unsigned n_ends[3];
        beam_job_event end;
} heard;

static heard *hear(beam_job *j) {
        static heard h;
        beam_job_event e;

        memset(&h, 0, sizeof(h));
        for (;;) {
                assert_r(beam_job_next(j, &e, test_deadline()), 0);
                if (e.kind == BEAM_JOB_ENDED)
                        break;
                assert_eq(e.kind, BEAM_JOB_OUTPUT);
                assert_lt(e.stream, 3);
                h.n_ends[e.stream] += e.n == 0;
                if (h.n[e.stream] + e.n < sizeof(h.text[0]))
                        memcpy(h.text[e.stream] + h.n[e.stream], e.data, e.n);
                h.n[e.stream] += e.n;
        }
        assert_r(beam_job_next(j, &(beam_job_event){ 0 }, BEAM_NOW), -EPIPE);
        h.end = e;
        return &h;
}

TEST_EACH(streams_and_status, link, links) {
        place p = begin_at(link, 2);
        beam_job *j = start(&p, NULL, "echo out; echo err >&2; exit 3");
        heard *h = hear(j);

        assert_eq(beam_job_id(j), 0);
        assert_str(h->text[1], "out\n");
        assert_str(h->text[2], "err\n");
        assert_eq(h->n_ends[1], 1);
        assert_eq(h->n_ends[2], 1);
        assert_eq(h->end.exit, BEAM_JOB_EXITED);
        assert_eq(h->end.status, 3);
        assert_true(h->end.is_whole);
        assert_null(beam_job_free(j));

        j = start(&p, NULL, "kill -SEGV $$");
        h = hear(j);
        assert_eq(beam_job_id(j), 1);
        assert_eq(h->end.exit, BEAM_JOB_SIGNALLED);
        assert_eq(h->end.signal, SIGSEGV);
        assert_eq(h->end.status, 128 + SIGSEGV);
        beam_job_free(j);
        end(&p);
}

/* Both ways at once, more than any pipe or window holds. */
TEST_EACH(there_and_back, link, links) {
        enum { N = 5 << 20 };
        place p = begin_at(link, 2);
        static char data[BEAM_JOB_WRITE_MAX];
        uint64_t n_in = 0, n_out = 0;
        beam_job_event e = { 0 };
        beam_job *j;

        assert_ok(try_start(&p, NULL, "cat", NULL, &j));
        while (e.kind != BEAM_JOB_ENDED) {
                size_t n = N - n_in < sizeof(data) ? N - n_in : sizeof(data);
                int r;

                for (size_t i = 0; i < n; i++)
                        data[i] = (char)((n_in + i) % 251);
                r = n_in > N ? -EPIPE : beam_job_write(j, 0, data, n, BEAM_NOW);
                if (r == 0)
                        n_in += n ? n : 1; /* the end counts for one */
                else
                        assert_true(r == -ETIMEDOUT || r == -EPIPE);
                r = beam_job_next(j, &e, r == 0 ? BEAM_NOW : test_deadline());
                if (r < 0 || e.kind != BEAM_JOB_OUTPUT || e.stream != 1)
                        continue;
                for (size_t i = 0; i < e.n; i++)
                        if (e.data[i] != (char)((n_out + i) % 251))
                                test_fail("byte %" PRIu64, n_out + i);
                n_out += e.n;
        }
        assert_eq(n_out, N);
        assert_eq(e.status, 0);
        assert_true(e.is_whole);
        assert_r(beam_job_write(j, 0, "x", 1, BEAM_NOW), -EPIPE);
        beam_job_free(j);
        end(&p);
}

/* What cannot be passed is bridged, and is the same to the program. */
TEST_EACH(descriptors, link, links) {
        place p = begin_at(link, 2);
        int in[2], out[2], more[2];
        char text[64] = "";
        beam_job *j;
        heard *h;

        assert_ok(pipe2(in, O_CLOEXEC));
        assert_ok(pipe2(out, O_CLOEXEC));
        assert_ok(pipe2(more, O_CLOEXEC));
        assert_eq(write(in[1], "hello", 5), 5);
        close(in[1]);
        j = start(&p,
                  &(beam_job_options){ .fds = (const int[]){ in[0], out[1], -1, more[1] },
                                       .n_fds = 4 },
                  "cat; echo err >&2; echo more >&3; exit 4");
        close(in[0]);
        close(out[1]);
        close(more[1]);
        h = hear(j);
        assert_eq(h->end.status, 4);
        assert_true(h->end.is_whole);
        assert_eq(h->n[1], 0);
        assert_str(h->text[2], "err\n");
        assert_eq(read(out[0], text, sizeof(text)), 5);
        assert_mem(text, 5, "hello", 5);
        assert_eq(read(out[0], text, sizeof(text)), 0);
        assert_eq(read(more[0], text, sizeof(text)), 5);
        close(out[0]);
        close(more[0]);
        beam_job_free(j);
        end(&p);
}

TEST_EACH(words, link, links) {
        place p = begin_at(link, 2);
        beam_job_event e;
        beam_job *j = start(&p, NULL, "trap 'exit 7' USR1; echo; while :; do sleep 0.01; done");

        assert_r(beam_job_next(j, &e, test_deadline()), 0);
        assert_ok(beam_job_signal(j, SIGUSR1));
        assert_eq(hear(j)->end.status, 7);
        assert_ok(beam_job_signal(j, SIGUSR1));
        beam_job_free(j);

        j = start(&p, NULL, "sleep 1000 & sleep 1000");
        assert_ok(beam_job_withdraw(j)); /* too late */
        assert_ok(beam_job_cancel(j));
        e = hear(j)->end;
        assert_eq(e.exit, BEAM_JOB_SIGNALLED);
        assert_eq(e.signal, SIGTERM);
        beam_job_free(j);

        j = start(&p, NULL, "trap '' TERM; echo; while :; do sleep 1000; done");
        assert_r(beam_job_next(j, &e, test_deadline()), 0);
        assert_ok(beam_job_signal(j, SIGKILL));
        assert_eq(hear(j)->end.signal, SIGKILL);
        beam_job_free(j);
        end(&p);
}

TEST_EACH(limits_of_time, link, links) {
        place p = begin_at(link, 2);
        beam_job *j = start(&p, &(beam_job_options){ .timeout = 1 }, "sleep 1000");

        assert_eq(hear(j)->end.exit, BEAM_JOB_TIMED_OUT);
        beam_job_free(j);
        end(&p);
}

/* Who is gone has no use for it; but may have said otherwise. */
TEST_EACH(a_client_that_goes, link, links) {
        place p = begin_at(link, 2);
        beam_job *j = start(&p, &(beam_job_options){ .stays = true }, "sleep 1000");

        wait_until(&p, "HGET /beam/jobs/0 state", "running");
        beam_job_free(j);
        wait_until(&p, "GET /jobs/0/status", "143");

        j = start(&p, &(beam_job_options){ .stays = true, .goes_on = true },
                  "while ! [ -e here ]; do sleep 0.01; done; exit 5");
        wait_until(&p, "HGET /beam/jobs/1 state", "running");
        beam_job_free(j);
        close(open("here", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        wait_until(&p, "GET /jobs/1/status", "5");
        unlink("here");
        end(&p);
}

TEST_EACH(output_that_nobody_reads, link, links) {
        place p = begin_at(link, 2);
        beam_job *j = start(&p, NULL, "yes | head -c 100000000");
        beam_job_event e;
        heard *h;

        assert_r(beam_job_next(j, &e, test_deadline()), 0);
        assert_ok(beam_job_close_output(j, 1));
        h = hear(j);
        assert_eq(h->end.exit, BEAM_JOB_EXITED);
        assert_true(h->end.is_whole);
        beam_job_free(j);
        end(&p);
}

TEST_EACH(refusals, link, links) {
        place p = begin_at(link, 2);
        beam_job *j;
        heard *h;

        assert_ok(try_start(&p, NULL, "nobody", NULL, &j));
        h = hear(j);
        assert_eq(h->end.exit, BEAM_JOB_REFUSED);
        assert_str(h->end.why, "no such name: nobody");
        beam_job_free(j);
        j = start(&p, &(beam_job_options){ .env = (const char *const[]){ "LD_PRELOAD=x", NULL } },
                  "exit 0");
        h = hear(j);
        assert_eq(h->end.exit, BEAM_JOB_REFUSED);
        assert_str(h->end.why, "environment: LD_PRELOAD may not be set");
        beam_job_free(j);

        ask(&p, "CONFIG SET requirepass secret");
        assert_r(try_start(&p, NULL, "sh", "exit 6", &j), -EACCES);
        assert_r(try_start(&p, &(beam_job_options){ .password = "wrong" }, "sh", "exit 6", &j),
                 -EACCES);
        assert_ok(try_start(&p, &(beam_job_options){ .user = "default", .password = "secret" },
                            "sh", "exit 6", &j));
        assert_eq(hear(j)->end.status, 6);
        beam_job_free(j);
        assert_r(try_start(&p, &(beam_job_options){ .fds = (const int[]){ 1000 }, .n_fds = 1 },
                           "sh", "exit 6", &j),
                 -EBADF);
        assert_r(try_start(&p, &(beam_job_options){ .outputs = "1,3" }, "sh", "exit 6", &j),
                 -EINVAL);
        end(&p);
}

TEST_EACH(nobody_there, link, links) {
        place p = { 0 };
        beam_job *j;

        assert_ok(beam_context_new(&p.ctx));
        assert_ok(beam_context_serve(p.ctx, test_url(link), &p.server));
        p.url = beam_context_server_url(p.server);
        assert_r(try_start(&p, NULL, "sh", "exit 6", &j), -EOPNOTSUPP);
        end(&p);
}

/* It is there as any other, but for what it prints; and goes when it is over. */
TEST_EACH(keys, link, links) {
        place p = begin_at(link, 2);
        beam_job *j = start(&p, &(beam_job_options){ .stays = true }, "echo 123456789; exit 3");

        hear(j);
        assert_str(ask(&p, "LINDEX /jobs 0"), "sh");
        assert_str(ask(&p, "LRANGE /jobs/0/args 0 -1"), "sh -c echo 123456789; exit 3");
        assert_str(ask(&p, "GET /jobs/0/status"), "3");
        assert_str(ask(&p, "GET /jobs/0"), "ended");
        assert_str(ask(&p, "LRANGE /jobs/0/wait 0 -1"), "0");
        assert_str(ask(&p, "HMGET /beam/jobs/0 state exit output out.1.bytes out.2.crc"),
                   "ended exited channel 10 0000000000000000");
        assert_str(ask(&p, "EXISTS /jobs/0/out /jobs/0/in /beam/jobs/0/log"), "0");
        beam_job_free(j);
        j = start(&p, NULL, "echo 123456789");
        hear(j);
        assert_str(ask(&p, "LINDEX /jobs 1"), "");
        assert_str(ask(&p, "EXISTS /jobs/1 /jobs/1/args /jobs/1/status /jobs/1/wait /beam/jobs/1 "
                           "/beam/jobs/1/brief"),
                   "0");
        beam_job_free(j);
        end(&p);
}

/* One place: they run in the order in which they came, and one that waits can be taken back. */
TEST_EACH(in_order, link, links) {
        place p = begin_at(link, 1);
        beam_job *all[4];

        all[0] = start(&p, NULL, "while ! [ -e go ]; do sleep 0.01; done");
        wait_until(&p, "HGET /beam/jobs/0 state", "running");
        for (int i = 1; i < 4; i++)
                all[i] = start(&p, NULL, "cat order; echo $BEAM_JOB >> order");
        assert_ok(beam_job_withdraw(all[2]));
        assert_eq(hear(all[2])->end.exit, BEAM_JOB_CANCELLED);
        close(open("order", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        close(open("go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_eq(hear(all[0])->end.status, 0);
        assert_str(hear(all[1])->text[1], "");
        assert_str(hear(all[3])->text[1], "1\n");
        for (int i = 0; i < 4; i++)
                beam_job_free(all[i]);
        unlink("order");
        unlink("go");
        end(&p);
}

/* elsewhere */

static const char *const far_links[] = { "unix:{dir}/context", "tcp://127.0.0.1:0", NULL };

static bool is_stopped; /* the worker elsewhere */

static void on_stopped(void *data) {
        (void)data;
        is_stopped = true;
}

/* One that is not in the context's process as far as it knows, and that jobs may come to. */
static beam_worker *work_afar(place *p, size_t n_jobs, const char *password) {
        beam_worker *w;
        beam_job *j;

        assert_ok(beam_worker_new(&(beam_worker_options){ .size = sizeof(beam_worker_options),
                                                          .n_jobs = n_jobs,
                                                          .password = password,
                                                          .stopped = on_stopped },
                                  &w));
        assert_ok(beam_worker_allow(w, "sh"));
        assert_ok(beam_worker_allow(w, "cat"));
        assert_ok(beam_worker_dial(w, p->url));
        for (int status = -1; status != 0;) { /* until it has said what it serves */
                assert_ok(try_start(p, &(beam_job_options){ .password = password }, "sh", "exit 0",
                                    &j));
                status = hear(j)->end.status;
                beam_job_free(j);
        }
        return w;
}

TEST_EACH(a_worker_elsewhere, link, far_links) {
        place p = begin_at(link, 0);
        int out[2];
        char text[16];
        beam_job *j;
        heard *h;

        p.worker = work_afar(&p, 1, NULL);
        j = start(&p, NULL, "cat; echo err >&2; exit 3");
        assert_ok(beam_job_write(j, 0, "hello", 5, test_deadline()));
        assert_ok(beam_job_write(j, 0, NULL, 0, test_deadline()));
        h = hear(j);
        assert_str(h->text[1], "hello");
        assert_str(h->text[2], "err\n");
        assert_eq(h->end.status, 3);
        assert_true(h->end.is_whole);
        beam_job_free(j);

        assert_ok(pipe2(out, O_CLOEXEC));
        j = start(&p, &(beam_job_options){ .fds = (const int[]){ -1, out[1] }, .n_fds = 2 },
                  "echo passed; kill -TERM $$");
        close(out[1]);
        assert_eq(hear(j)->end.signal, SIGTERM);
        assert_eq(read(out[0], text, sizeof(text)), 7);
        close(out[0]);
        beam_job_free(j);

        j = start(&p, NULL, "sleep 1000");
        assert_ok(beam_job_cancel(j));
        assert_eq(hear(j)->end.signal, SIGTERM);
        beam_job_free(j);
        end(&p);
}

TEST_EACH(a_worker_with_a_password, link, far_links) {
        place p = begin_at(link, 0);

        ask(&p, "CONFIG SET requirepass secret");
        p.worker = work_afar(&p, 1, "secret");
        end(&p);
}

/* Known at once, and not when its lease has expired. */
TEST_EACH(a_worker_that_is_lost, link, far_links) {
        place p = begin_at(link, 0);
        beam_job *j;

        p.worker = work_afar(&p, 1, NULL);
        j = start(&p, &(beam_job_options){ .stays = true }, "sleep 1000");
        wait_until(&p, of_job(j, "HGET /beam/jobs/% state"), "running");
        p.worker = beam_worker_free(p.worker);
        assert_eq(hear(j)->end.exit, BEAM_JOB_LOST);
        assert_str(ask(&p, of_job(j, "GET /jobs/%/status")), "lost");
        assert_str(ask(&p, of_job(j, "EXISTS /jobs/%/out")), "0");
        beam_job_free(j);
        end(&p);
}

/* It takes no more, and ends when what runs has; what waits is for another one. */
TEST_EACH(a_worker_that_stops, link, far_links) {
        place p = begin_at(link, 0);
        beam_job *runs, *waits;

        p.worker = work_afar(&p, 1, NULL);
        is_stopped = false;
        runs = start(&p, &(beam_job_options){ .stays = true },
                     "while ! [ -e go ]; do sleep 0.01; done; exit 9");
        wait_until(&p, of_job(runs, "HGET /beam/jobs/% state"), "running");
        waits = start(&p, &(beam_job_options){ .stays = true }, "exit 8");
        assert_ok(beam_worker_stop(p.worker));
        wait_until(&p, of_job(waits, "HGET /beam/jobs/% state"), "ended");
        assert_eq(hear(waits)->end.exit, BEAM_JOB_REFUSED);
        assert_false(is_stopped);
        close(open("go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_eq(hear(runs)->end.status, 9);
        while (!is_stopped)
                assert_r(beam_loop_run(beam_after(BEAM_SECOND / 1000)), -ETIMEDOUT);
        unlink("go");
        beam_job_free(runs);
        beam_job_free(waits);
        end(&p);
}

/* A desk that goes takes what came in there along. */
TEST_EACH(a_desk_that_goes, link, links) {
        place p = begin_at(link, 1);
        beam_job *runs = start(&p, NULL, "sleep 1000"), *waits;

        wait_until(&p, "HGET /beam/jobs/0 state", "running");
        waits = start(&p, NULL, "sleep 1000");
        p.desk = beam_desk_free(p.desk);
        assert_eq(hear(runs)->end.exit, BEAM_JOB_LOST);
        assert_eq(hear(waits)->end.exit, BEAM_JOB_LOST);
        beam_job_free(runs);
        beam_job_free(waits);
        wait_until(&p, "GET /jobs/0/status", "143");
        end(&p);
}

/* Every allocation fails in turn: it is told how far it came, and that is so. */
TEST(without_memory, .timeout = 120) {
        place p = begin_at("unix:{dir}/context", 0);
        bool has_failed = true;

        for (uint64_t n = 1; has_failed; n++) {
                beam_job_event e = { 0 };
                uint64_t n_out = 0;
                int64_t patience;
                beam_job *j;
                int r;

                p.worker = work(1);
                assert_ok(beam_worker_join(p.worker, p.ctx));
                assert_r(beam_loop_dispatch(), 0);
                patience = beam_after(60 * BEAM_SECOND);
                mem_fail_at(n);
                r = try_start(&p, NULL, "sh", "echo out; exit 3", &j);
                while (r == 0 && e.kind != BEAM_JOB_ENDED) {
                        r = beam_job_next(j, &e, beam_after(BEAM_SECOND / 2));
                        if (r == 0 && e.kind == BEAM_JOB_OUTPUT)
                                n_out += e.n;
                        /* what the context had no memory for is tried again with the next beat */
                        if (r == -ETIMEDOUT && beam_now() < patience) {
                                r = 0;
                                if (mem_has_failed())
                                        clock_advance(3 * BEAM_SECOND);
                        }
                }
                has_failed = mem_has_failed();
                mem_fail_at(0);
                if (r < 0)
                        assert_ne(r, -ETIMEDOUT);
                else if (e.exit == BEAM_JOB_EXITED && e.is_whole)
                        assert_eq(n_out, 4);
                if (r == 0 && e.exit == BEAM_JOB_EXITED)
                        assert_eq(e.status, 3);
                if (!has_failed)
                        assert_true(r == 0 && e.is_whole);
                if (e.kind == BEAM_JOB_ENDED)
                        beam_job_free(j);
                p.worker = beam_worker_free(p.worker);
        }
        end(&p);
}

/* what is no slip, or none of those that are known */

static beam_sender *open_jobs(place *p, beam_session **ret) {
        beam_sender *tx;

        assert_ok(beam_dial(p->url, NULL, ret, test_deadline()));
        assert_ok(beam_session_open(*ret, "jobs", 16, &tx, test_deadline()));
        return tx;
}

/* Whoever sent it hears that it was none. */
static void expect_no_order(beam_sender *tx, const char *text, int kinds) {
        beam_receiver *told, *words = NULL;
        beam_sender *tell, *say = NULL;
        beam_reason why;
        beam_msg *msg;
        int r;

        assert_ok(beam_pipe(8, &tell, &told));
        assert_ok(beam_msg_new(text, strlen(text), &msg));
        assert_r(beam_msg_put_sender(msg, tell), 0);
        if (kinds > 0) {
                assert_ok(beam_pipe(8, &say, &words));
                assert_r(beam_msg_put_receiver(msg, words), 1);
        }
        if (kinds > 1)
                assert_r(beam_msg_put_fd(msg, dup(0)), 2);
        assert_ok(beam_send(tx, msg, test_deadline()));
        r = beam_recv(told, &msg, test_deadline());
        if (r != -EPIPE)
                test_fail("%s: %d", text, r);
        assert_eq(beam_receiver_reason(told, &why), 1);
        assert_eq(why.code, BEAM_CODE_PROTOCOL);
        beam_receiver_close(told);
        beam_sender_close(say);
}

#define ARRAY(n) "*" #n "\r\n"
#define TEXT(n, text) "$" #n "\r\n" text "\r\n"
#define HEAD ARRAY(7) TEXT(3, "run") TEXT(2, "sh")

/* A stream of another number goes both ways, and ends with the program, whoever still writes. */
TEST_EACH(both_ways, link, links) {
        static const char order[] =
                HEAD ARRAY(3) TEXT(2, "sh") TEXT(2, "-c") TEXT(26, "head -c 5 <&3; cat <&3 >&3")
                        ARRAY(0) ARRAY(0) ARRAY(1) TEXT(1, "3") ARRAY(0);
        place p = begin_at(link, 1);
        beam_stream *ours, *theirs;
        beam_receiver *told, *words;
        beam_sender *tell, *say;
        beam_session *s;
        beam_sender *tx = open_jobs(&p, &s);
        char text[16];
        beam_msg *msg;
        int r;

        assert_ok(beam_msg_new(order, sizeof(order) - 1, &msg));
        assert_ok(beam_pipe(8, &tell, &told));
        assert_ok(beam_pipe(8, &say, &words));
        assert_ok(beam_stream_pair(&ours, &theirs));
        assert_r(beam_msg_put_sender(msg, tell), 0);
        assert_r(beam_msg_put_receiver(msg, words), 1);
        assert_r(beam_msg_put_stream(msg, theirs), 2);
        assert_ok(beam_send(tx, msg, test_deadline()));
        assert_r(beam_stream_write(ours, "hello", 5, test_deadline()), 5);
        assert_r(beam_stream_write(ours, "back", 4, test_deadline()), 4);
        for (size_t n = 0; n < 4; n += (size_t)r) {
                r = (int)beam_stream_read(ours, text + n, 4 - n, test_deadline());
                assert_gt(r, 0);
        }
        assert_mem(text, 4, "back", 4);
        assert_ok(beam_msg_new("*1\r\n$9\r\nsignal 15\r\n", 19, &msg));
        assert_ok(beam_send(say, msg, test_deadline()));
        assert_r(beam_stream_read(ours, text, sizeof(text), test_deadline()), 0);
        while ((r = beam_recv(told, &msg, test_deadline())) == 1)
                beam_msg_free(msg);
        assert_r(r, 0);
        beam_stream_close(ours);
        beam_receiver_close(told);
        beam_sender_close(say);
        beam_sender_close(tx);
        beam_session_close(s);
        end(&p);
}

TEST_EACH(what_is_no_order, link, links) {
        static const struct {
                const char *text;
                int kinds; /* of what comes along */
        } bad[] = {
                { "", 1 },
                { "nonsense", 1 },
                { "*0\r\n", 1 },
                { "*-1\r\n", 1 },
                { "*1\r\n$-1\r\n", 1 },
                { "*1\r\n:7\r\n", 1 },
                { "*1\r\n$4\r\nnone\r\n", 1 },
                { "*1\r\n$3\r\nrun\r\n", 1 },
                { "*1\r\n$5\r\nserve\r\n", 1 },
                { "*2\r\n$5\r\nserve\r\n$0\r\n\r\n", 1 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0), 1 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0), 0 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0) "x", 1 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0), 2 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(1) TEXT(1, "0") ARRAY(0), 1 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(1) TEXT(3, "256") ARRAY(0), 2 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(1) TEXT(2, "-1") ARRAY(0), 2 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(1) TEXT(1, "x") ARRAY(0), 2 },
                { HEAD ARRAY(0) ARRAY(1) TEXT(1, "A") ARRAY(0) ARRAY(0) ARRAY(0), 1 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(1) TEXT(1, "A") ARRAY(0) ARRAY(0), 1 },
                { HEAD ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(1) TEXT(4, "more"), 1 },
                { HEAD ARRAY(1) ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0), 1 },
                { HEAD TEXT(1, "a") ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0), 1 },
                { ARRAY(7) TEXT(3, "run") TEXT(0, "") ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0) ARRAY(0),
                  1 },
        };
        place p = begin_at(link, 1);
        beam_session *s;
        beam_sender *tx = open_jobs(&p, &s);
        beam_job *j;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                expect_no_order(tx, bad[i].text, bad[i].kinds);
        j = start(&p, NULL, "exit 3");
        assert_eq(hear(j)->end.status, 3);
        beam_job_free(j);
        beam_sender_close(tx);
        beam_session_close(s);
        end(&p);
}
