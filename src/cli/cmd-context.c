/* SPDX-License-Identifier: Apache-2.0 */

/* beam context serve URL...: a context in this process. beam context exec URL CMD [ARG...]:
 * one command on a context, or on a Redis, somewhere. beam context sync URL [PREFIX...]: all
 * that is there, and what changes. */

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli.h"
#include "print.h"
#include "say.h"
#include "wait.h"

enum { URLS_MAX = 16, PREFIXES_MAX = 64 };

/* What is small and freed malloc() would put aside, and join it all at once when next
 * something large is freed: after a million keys were deleted one by one that takes 20 ms,
 * and nobody is served meanwhile. Joined one by one it costs nothing that can be measured.
 * A library may not decide that for a program; this one is its own. */
static void tune_malloc(void) {
        mallopt(M_MXFAST, 0);
}

static int save(beam_context *ctx, const cli_opts *o) {
        int r = o->file ? beam_context_save(ctx) : 0;

        if (r == 0)
                return CLI_DONE;
        say_error("cannot save to %s: %s", o->file, beam_strerror(r));
        return CLI_FAILED;
}

static int serve(const cli_opts *o, int n_urls, char **urls) {
        _cleanup_(beam_context_freep) beam_context *ctx = NULL;
        beam_context_server *servers[URLS_MAX] = { 0 };
        int r, status = CLI_DONE;

        if (n_urls < 1 || n_urls > URLS_MAX) {
                say_error("context serve wants from 1 to %d URLs; see `beam help context`",
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
        r = o->file ? beam_context_keep(ctx, o->file, NULL) : 0;
        if (r < 0) {
                say_error("cannot load %s: %s", o->file, beam_strerror(r));
                return CLI_FAILED;
        }
        for (int i = 0; i < n_urls && status == CLI_DONE; i++) {
                status = cli_serve_context(ctx, urls[i], o, &servers[i]);
                if (status != CLI_DONE)
                        break;
                if (o->print_url &&
                    (puts(beam_context_server_url(servers[i])) < 0 || fflush(stdout) != 0))
                        status = CLI_FAILED;
                say_note(o, "a context at %s, try: beam context exec %s SET hello world",
                         beam_context_server_url(servers[i]), beam_context_server_url(servers[i]));
        }
        if (status == CLI_DONE && (r = wait_run()) < 0) {
                say_error("cannot serve: %s", beam_strerror(r));
                status = CLI_FAILED;
        }
        for (int i = 0; i < n_urls; i++)
                beam_context_server_free(servers[i]);
        return status == CLI_DONE ? save(ctx, o) : status;
}

/* Be a client of the context of that name. */
static int choose(beam_client *c, const char *url, const cli_opts *o, int64_t deadline) {
        beam_arg argv[] = { BEAM_ARG("AUTH"), { o->service, strlen(o->service) }, BEAM_ARG("") };
        beam_result result;
        int r = beam_client_exec(c, argv, 3, &result, deadline);

        if (r < 0)
                return cli_failed("executing at", url, r, NULL);
        if (result.kind != BEAM_RESULT_ERROR)
                return CLI_DONE;
        say_error("%s has no context of the name %s", url, o->service);
        return CLI_FAILED;
}

static int exec(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_client_freep) beam_client *c = NULL;
        int64_t deadline = beam_after(o->timeout);
        beam_result result;
        beam_arg *argv;
        int r, status, argc = n_words - 1;

        if (argc < 1) {
                say_error("context exec wants a URL and a command; see `beam help context`");
                return CLI_MISUSE;
        }
        status = cli_dial_context(words[0], o, &c, deadline);
        if (status == CLI_DONE && o->service)
                status = choose(c, words[0], o, deadline);
        if (status != CLI_DONE)
                return status;
        argv = calloc((size_t)argc, sizeof(*argv));
        if (!argv) {
                say_error("out of memory");
                return CLI_FAILED;
        }
        for (int i = 0; i < argc; i++)
                argv[i] = (beam_arg){ words[i + 1], strlen(words[i + 1]) };
        r = beam_client_exec(c, argv, (size_t)argc, &result, deadline);
        free(argv);
        if (r < 0)
                return cli_failed("executing at", words[0], r, NULL);
        if (print_result(o, &result) < 0)
                return CLI_FAILED;
        return result.kind == BEAM_RESULT_ERROR ? CLI_FAILED : CLI_DONE;
}

/* Until it is told to stop, or nothing has changed for as long as --timeout says. */
static int print_changes(const cli_opts *o, const char *url, beam_follower *f) {
        int db = 0;

        while (!wait_stops()) {
                int64_t quiet = beam_after(o->timeout);
                beam_change change;
                int r;

                while ((r = beam_follower_next(f, &change, BEAM_NOW)) == -ETIMEDOUT &&
                       beam_now() < quiet && !wait_stops())
                        wait_turn(quiet);
                if (r == -ETIMEDOUT)
                        return wait_stops() ? CLI_DONE : CLI_TIMEOUT;
                if (r < 0)
                        return cli_failed("following", url, r, NULL);
                if (print_change(o, &change, &db) < 0)
                        return CLI_FAILED;
                if (change.kind == BEAM_CHANGE_WHOLE)
                        say_note(o, "that is all there is; what changes follows");
        }
        return CLI_DONE;
}

static int sync_from(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_follower_freep) beam_follower *f = NULL;
        const char *prefixes[PREFIXES_MAX + 1] = { NULL };
        const beam_follow_options options = {
                .size = sizeof(options),
                .position = o->position,
                .prefixes = n_words > 1 ? prefixes : NULL,
        };
        int status, r;

        if (n_words < 1 || n_words > 1 + PREFIXES_MAX) {
                say_error(
                        "context sync wants a URL, and up to %d prefixes; see `beam help context`",
                        PREFIXES_MAX);
                return CLI_MISUSE;
        }
        for (int i = 1; i < n_words; i++)
                prefixes[i - 1] = words[i];
        r = wait_init();
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_FAILED;
        }
        status = cli_follow(words[0], o, &options, &f, beam_after(o->timeout));
        return status == CLI_DONE ? print_changes(o, words[0], f) : status;
}

static int context(const cli_opts *o, int n_words, char **words) {
        if (n_words > 0 && strcmp(words[0], "serve") == 0)
                return serve(o, n_words - 1, words + 1);
        if (n_words > 0 && strcmp(words[0], "exec") == 0)
                return exec(o, n_words - 1, words + 1);
        if (n_words > 0 && strcmp(words[0], "sync") == 0)
                return sync_from(o, n_words - 1, words + 1);
        say_error("context wants serve, exec or sync; see `beam help context`");
        return CLI_MISUSE;
}

const cli_command cmd_context = {
        .name = "context",
        .bit = CLI_CONTEXT,
        .synopsis = "serve URL... | exec URL CMD [ARG...] | sync URL [PREFIX...]",
        .summary = "Serve a Redis database, execute a command on one, or follow it",
        .text = "serve: an empty context in this process, for every client of Redis at each URL\n"
                "(redis-cli -s PATH, redis-cli -p PORT). It ends at SIGTERM, and is gone, but for "
                "what is in\n"
                "its --file: that is saved by Redis's rules, at SAVE and BGSAVE, and at the end.\n"
                "Unless said otherwise, all share one context.\n"
                "exec: one command on the context, or the Redis, at URL. A terminal shows the "
                "result\n"
                "as redis-cli does, a pipe gets the bare values. An error of the command is status "
                "1.\n"
                "sync: all that the context, or the Redis, at URL holds, and then each change, as "
                "lines\n"
                "that redis-cli executes; with PREFIX only keys that begin with one. Where "
                "something\n"
                "was missed there is a FLUSHALL, and all comes anew. --timeout: end when nothing "
                "has\n"
                "changed for so long.\n"
                "Options stand before serve, exec and sync: what comes behind is the command's.\n",
        .run = context,
};
