/* SPDX-License-Identifier: Apache-2.0 */

/* beam context serve URL...: a context in this process. */

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli.h"
#include "runner.h"
#include "say.h"
#include "wait.h"

enum { URLS_MAX = 16 };

/* What is small and freed malloc() would put aside, and join it all at once when next
 * something large is freed: after a million keys were deleted one by one that takes 20 ms,
 * and nobody is served meanwhile. Joined one by one it costs nothing that can be measured.
 * A library may not decide that for a program; this one is its own. */
static void tune_malloc(void) {
        mallopt(M_MXFAST, 0);
}

/* What is wrong with the file, in words of files. */
static const char *wrong_with(int r) {
        switch (r) {
        case -EPROTO:
        case -EBADMSG:
                return "it is no RDB, or a broken one; redis-check-rdb tells more";
        case -ENOTSUP:
                return "it is of a later Redis, or holds values of modules";
        case -ENOENT:
                return "there is no such directory; make it first";
        default:
                return strerror(-r);
        }
}

/* A client ends it, which has said whether to save. */
static bool was_shut_down;

static void on_shutdown(void *data) {
        (void)data;
        was_shut_down = true;
        beam_loop_stop();
}

static int save(beam_context *ctx, const cli_opts *o) {
        int r = o->file ? beam_context_save(ctx) : 0;

        if (r == 0)
                return CLI_DONE;
        say_error("cannot save to %s: %s", o->file, wrong_with(r));
        return CLI_FAILED;
}

/* Be known to whom we follow, before we do. */
static int authenticate(beam_context *ctx, const cli_opts *o) {
        /* a context is had by its name alone, but an empty password would not be said at all */
        const char *password = o->password ? o->password : o->service ? "none" : "";
        const char *said[] = { "CONFIG",     "SET",   "masteruser", o->service ? o->service : "",
                               "masterauth", password };
        _cleanup_(beam_client_freep) beam_client *c = NULL;
        beam_arg argv[sizeof(said) / sizeof(said[0])];
        beam_result result;
        int r = beam_client_new(ctx, &c);

        for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
                argv[i] = (beam_arg){ said[i], strlen(said[i]) };
        if (r == 0)
                r = beam_client_exec(c, argv, sizeof(said) / sizeof(said[0]), &result,
                                     BEAM_FOREVER);
        return r == 0 && result.kind == BEAM_RESULT_ERROR ? -EINVAL : r;
}

static int follow(beam_context *ctx, const cli_opts *o) {
        int r = authenticate(ctx, o);

        if (r < 0) {
                say_error("--service and --password cannot be used: %s", strerror(-r));
                return CLI_FAILED;
        }
        return cli_follow_context(ctx, o->follow);
}

/* Take jobs over channels, for workers here and elsewhere. */
static int open_desk(beam_context *ctx, const cli_opts *o, beam_desk **ret) {
        int r = o->each || o->named || o->follow ? 0 : beam_desk_open(ctx, ret);

        if (r == 0)
                return CLI_DONE;
        say_error("cannot take jobs over channels: %s", beam_strerror(r));
        return CLI_FAILED;
}

/* Run the jobs that clients start in it, if something is allowed. */
static int join(runner *x, beam_context *ctx, const cli_opts *o, const char *url) {
        int r, status;

        if (o->n_allow == 0)
                return CLI_DONE;
        status = runner_new(x, o, url);
        if (status != CLI_DONE)
                return status;
        r = beam_worker_join(x->worker, ctx);
        if (r == 0)
                return CLI_DONE;
        say_error("cannot run jobs: %s", beam_strerror(r));
        return CLI_FAILED;
}

/* Where it is. */
static int tell(const cli_opts *o, const char *url) {
        if (o->print_url && (puts(url) < 0 || fflush(stdout) != 0))
                return CLI_FAILED;
        say_note(o, "a context at %s, try: beam context exec %s SET hello world", url, url);
        return CLI_DONE;
}

static int serve(const cli_opts *o, int n_urls, char **urls) {
        _cleanup_(beam_context_freep) beam_context *ctx = NULL;
        beam_context_server *servers[URLS_MAX] = { 0 };
        beam_desk *desk = NULL;
        runner x = { 0 };
        int r, status = CLI_DONE;

        if (n_urls < 1 || n_urls > URLS_MAX) {
                say_error("context serve wants from 1 to %d URLs; see `beam help context serve`",
                          URLS_MAX);
                return CLI_MISUSE;
        }
        if (o->named && (o->each || n_urls > 1)) {
                say_error("context serve --named wants one URL, and no --each");
                return CLI_MISUSE;
        }
        if (o->file && (o->named || o->each)) {
                say_error("context serve --file is of one context: no --named and no --each");
                return CLI_MISUSE;
        }
        if (!o->follow && (o->service || o->password)) {
                say_error("--service and --password say who we are to whom we --follow; for a "
                          "password of ours: CONFIG SET requirepass");
                return CLI_MISUSE;
        }
        if (o->follow && (o->named || o->each)) {
                say_error("context serve --follow is of one context: no --named and no --each");
                return CLI_MISUSE;
        }
        if (o->n_allow > 0 && (o->named || o->each || o->follow)) {
                say_error("context serve --allow-jobs is of one context that is our own: no "
                          "--named, no --each and no --follow");
                return CLI_MISUSE;
        }
        status = runner_check(o);
        if (status != CLI_DONE)
                return status;
        tune_malloc();
        r = wait_init();
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_FAILED;
        }
        r = beam_context_new(&ctx);
        if (r < 0) {
                say_error("cannot make a context: %s", beam_strerror(r));
                return CLI_FAILED;
        }
        if (!o->each && !o->named)
                beam_context_on_shutdown(ctx, on_shutdown, NULL);
        r = o->file ? beam_context_keep(ctx, o->file, NULL) : 0;
        if (r < 0) {
                say_error("cannot keep a context in %s: %s", o->file, wrong_with(r));
                return CLI_FAILED;
        }
        for (int i = 0; i < n_urls && status == CLI_DONE; i++)
                status = cli_serve_context(ctx, urls[i], o, &servers[i]);
        /* who is followed is told the port */
        if (status == CLI_DONE && o->follow)
                status = follow(ctx, o);
        for (int i = 0; i < n_urls && status == CLI_DONE; i++)
                status = tell(o, beam_context_server_url(servers[i]));
        if (status == CLI_DONE)
                status = open_desk(ctx, o, &desk);
        if (status == CLI_DONE)
                status = join(&x, ctx, o, urls[0]);
        if (status == CLI_DONE && (r = wait_run()) < 0) {
                say_error("cannot serve: %s", beam_strerror(r));
                status = CLI_FAILED;
        }
        if (status == CLI_DONE && !was_shut_down)
                runner_end(&x);
        runner_free(&x);
        beam_desk_free(desk);
        for (int i = 0; i < n_urls; i++)
                beam_context_server_free(servers[i]);
        return status == CLI_DONE && !was_shut_down ? save(ctx, o) : status;
}

const cli_command cmd_context_serve = {
        .name = "context serve",
        .bit = CLI_CONTEXT_SERVE,
        .synopsis = "URL...",
        .summary = "Serve a Redis database",
        .text = "An empty context in this process, for every client of Redis at each URL\n"
                "(redis-cli -s PATH, redis-cli -p PORT). It ends at SIGTERM and SHUTDOWN, and is\n"
                "gone, but for what is in its --file: that is saved by Redis's rules, at SAVE and\n"
                "BGSAVE, and at the end. With --allow-jobs it runs jobs as `beam worker` does.\n"
                "Unless said otherwise, all share one context.\n",
        .run = serve,
};
