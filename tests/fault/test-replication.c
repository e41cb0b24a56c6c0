/* SPDX-License-Identifier: Apache-2.0 */
/* A context, another that follows it, and a program that does: every allocation fails in
 * turn, and either a call says so, or all three hold the same in the end. */
#include "base/clock.h"
#include "base/mem.h"
#include "help.h"
#include "loop/loop.h"
#include "test.h"

#include <beam/context.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Runs at once: most of what they do is to wait, as a link that is lost is looked for again
 * after a second. */
enum { BATCH = 16 };

typedef struct stage {
        beam_context *master, *replica;
        beam_context_server *server;
        beam_client *writer, *reader;
        beam_follower *f;
        bool is_told; /* the follower, of the last change */
} stage;

static void stage_deinit(stage *s) {
        beam_follower_free(s->f);
        beam_client_free(s->writer);
        beam_client_free(s->reader);
        beam_context_server_free(s->server);
        beam_context_free(s->replica);
        beam_context_free(s->master);
}

/* What is answered that is no error; -ENOMEM if it is that there is no memory. */
static int ask(beam_client *c, const char *line, beam_result *ret) {
        beam_arg argv[8];
        size_t argc = 0;
        int r;

        for (const char *p = line;; p++) {
                size_t n = strcspn(p, " ");

                argv[argc++] = (beam_arg){ p, n };
                p += n;
                if (!*p)
                        break;
        }
        r = beam_client_exec(c, argv, argc, ret, beam_after(BEAM_SECOND));
        if (r == 0 && ret->kind == BEAM_RESULT_ERROR)
                r = -ENOMEM;
        return r;
}

static int say(beam_client *c, const char *line) {
        beam_result result;

        return ask(c, line, &result);
}

/* Returns 1 when @c has @value under @name. */
static int has(beam_client *c, const char *name, const char *value) {
        beam_result result;
        int r = ask(c, name, &result);

        if (r < 0)
                return r;
        return result.kind == BEAM_RESULT_BYTES && result.n == strlen(value) &&
               memcmp(result.data, value, result.n) == 0;
}

/* What the follower is told, up to now. */
static int hear(stage *s, const char *last) {
        beam_change change;
        int r;

        while ((r = beam_follower_next(s->f, &change, BEAM_NOW)) == 0)
                if (change.kind == BEAM_CHANGE_COMMAND && change.argc == 3 &&
                    change.argv[2].n == strlen(last) &&
                    memcmp(change.argv[2].data, last, change.argv[2].n) == 0)
                        s->is_told = true;
        return r == -ETIMEDOUT ? 0 : r;
}

/* Until both have heard of @last. */
static int settle(stage *s, const char *last) {
        int64_t deadline = test_deadline();

        s->is_told = !s->f;
        while (clock_now() < deadline) {
                int r = has(s->reader, "get last", last), heard = s->f ? hear(s, last) : 0;

                if (r < 0 || heard < 0)
                        return r < 0 ? r : heard;
                if (r > 0 && s->is_told)
                        return 0;
                loop_turn(loop_get(), deadline);
        }
        test_fail("the end of the stream has not come: %s", last);
}

static int scenario(stage *s, const char *url) {
        int r = beam_context_new(&s->master);

        if (r == 0)
                r = beam_context_new(&s->replica);
        if (r == 0)
                r = beam_context_serve(s->master, url, &s->server);
        if (r == 0)
                r = beam_client_new(s->master, &s->writer);
        if (r == 0)
                r = beam_client_new(s->replica, &s->reader);
        if (r == 0)
                r = say(s->writer, "rpush list a b c");
        if (r >= 0)
                r = say(s->writer, "set last 1");
        if (r >= 0)
                r = beam_context_follow(s->replica, url);
        if (r == 0)
                r = settle(s, "1");
        if (r == 0)
                r = beam_follow(url, NULL, &s->f, beam_after(20 * BEAM_SECOND));
        if (r == 0)
                r = say(s->writer, "set last 2");
        if (r >= 0)
                r = settle(s, "2");
        if (r == 0)
                r = say(s->writer, "client kill type replica");
        if (r >= 0)
                r = say(s->writer, "xadd stream * f v");
        if (r >= 0)
                r = say(s->writer, "set last 3");
        return r < 0 ? r : settle(s, "3");
}

typedef struct run_state {
        uint64_t nth;
        int r;
        bool failed;
        pid_t pid;
} run_state;

static void once(void *arg) {
        run_state *run = arg;
        char pattern[64];
        stage s = { 0 };

        snprintf(pattern, sizeof(pattern), "unix:{dir}/%d", (int)run->nth);
        mem_fail_at(run->nth);
        run->r = scenario(&s, test_url(pattern));
        run->failed = mem_has_failed();
        mem_fail_at(0);
        stage_deinit(&s);
}

static bool may_be(int r) {
        return r == 0 || r == -ENOMEM || r == -ECONNRESET || r == -ECONNREFUSED;
}

/* Returns whether it is wrong. */
static bool judge(const run_state *run) {
        int status = test_wait(run->pid);

        if (status == 0 && may_be(run->r))
                return false;
        test_say("allocation %d fails: %s, status %d", (int)run->nth,
                 run->r < 0 ? strerrorname_np(-run->r) : "0", status);
        return true;
}

TEST(each_allocation_fails, .timeout = 240) {
        int n_wrong = 0, n_errors = 0, n = 0;
        bool is_over = false;
        run_state *runs = mmap(NULL, BATCH * sizeof(*runs), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        assert_true(runs != MAP_FAILED);
        while (!is_over && n_wrong == 0) {
                for (int i = 0; i < BATCH; i++) {
                        runs[i] = (run_state){ .nth = (uint64_t)++n, .failed = true };
                        runs[i].pid = test_fork(once, &runs[i]);
                }
                for (int i = 0; i < BATCH; i++) {
                        n_wrong += judge(&runs[i]);
                        n_errors += runs[i].r < 0;
                        is_over |= !runs[i].failed;
                }
        }
        assert_eq(n_wrong, 0);
        assert_eq(runs[BATCH - 1].r, 0);
        test_say("%d runs, %d of them with an error of a call", n, n_errors);
        assert_gt(n_errors, 3);
        munmap(runs, BATCH * sizeof(*runs));
}
