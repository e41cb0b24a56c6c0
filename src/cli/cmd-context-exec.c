/* SPDX-License-Identifier: Apache-2.0 */

/* beam context exec URL CMD [ARG...]: one command on a context, or on a Redis, somewhere. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "cli.h"
#include "print.h"
#include "say.h"
#include "wait.h"

/* Whether its result is only the first of what is told. */
static bool goes_on(const char *verb) {
        static const char *const verbs[] = { "subscribe", "psubscribe", "ssubscribe", "monitor" };

        for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
                if (strcasecmp(verb, verbs[i]) == 0)
                        return true;
        return false;
}

/* With version 3 what is told can be told from results. */
static int be_told(beam_client *c, const char *url, int64_t deadline) {
        const beam_arg argv[] = { BEAM_ARG("HELLO"), BEAM_ARG("3") };
        beam_result result;
        int r = wait_init();

        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_FAILED;
        }
        return cli_exec(c, url, argv, 2, &result, deadline);
}

/* Until we are told to stop. */
static int print_told(const cli_opts *o, const char *url, beam_client *c, int64_t deadline) {
        say_note(o, "what is told follows; Ctrl-C ends it");
        while (!wait_stops()) {
                beam_result told;
                int r = beam_client_next(c, &told, BEAM_NOW);

                if (r == -ETIMEDOUT && beam_now() >= deadline)
                        return CLI_TIMEOUT;
                if (r == -ETIMEDOUT)
                        wait_turn(deadline);
                else if (r < 0)
                        return cli_failed("listening at", url, r, NULL);
                else if (print_result(o, &told) < 0)
                        return CLI_FAILED;
        }
        return CLI_DONE;
}

static int exec(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_client_freep) beam_client *c = NULL;
        int64_t deadline = beam_after(o->timeout);
        beam_result result;
        beam_arg *argv;
        int status, argc = n_words - 1;

        if (argc < 1) {
                say_error("context exec wants a URL and a command; see `beam help context exec`");
                return CLI_MISUSE;
        }
        status = cli_dial_context(words[0], o, &c, deadline);
        if (status == CLI_DONE && goes_on(words[1]))
                status = be_told(c, words[0], deadline);
        if (status != CLI_DONE)
                return status;
        argv = calloc((size_t)argc, sizeof(*argv));
        if (!argv) {
                say_error("out of memory");
                return CLI_FAILED;
        }
        for (int i = 0; i < argc; i++)
                argv[i] = (beam_arg){ words[i + 1], strlen(words[i + 1]) };
        status = cli_exec(c, words[0], argv, (size_t)argc, &result, deadline);
        free(argv);
        if (status != CLI_DONE)
                return status;
        if (print_result(o, &result) < 0)
                return CLI_FAILED;
        if (result.kind == BEAM_RESULT_ERROR)
                return CLI_FAILED;
        return goes_on(words[1]) ? print_told(o, words[0], c, deadline) : CLI_DONE;
}

const cli_command cmd_context_exec = {
        .name = "context exec",
        .bit = CLI_CONTEXT_EXEC,
        .synopsis = "URL CMD [ARG...]",
        .summary = "Execute a command on a context",
        .text = "One command on the context, or the Redis, at URL. A terminal shows the result as\n"
                "redis-cli does, a pipe gets the bare values. An error of the command is status "
                "1.\n"
                "Behind SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and MONITOR what is told is printed as "
                "it\n"
                "comes, until SIGTERM or SIGINT.\n"
                "Options stand before URL: what comes behind is the command's.\n",
        .run = exec,
};
