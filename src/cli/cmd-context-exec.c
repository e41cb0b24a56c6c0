/* SPDX-License-Identifier: Apache-2.0 */

/* beam context exec URL CMD [ARG...]: one command on a context, or on a Redis, somewhere. */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli.h"
#include "print.h"
#include "say.h"

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
                say_error("context exec wants a URL and a command; see `beam help context exec`");
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

const cli_command cmd_context_exec = {
        .name = "context exec",
        .bit = CLI_CONTEXT_EXEC,
        .synopsis = "URL CMD [ARG...]",
        .summary = "Execute a command on a context",
        .text = "One command on the context, or the Redis, at URL. A terminal shows the result as\n"
                "redis-cli does, a pipe gets the bare values. An error of the command is status "
                "1.\n"
                "Options stand before URL: what comes behind is the command's.\n",
        .run = exec,
};
