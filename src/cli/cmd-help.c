/* SPDX-License-Identifier: Apache-2.0 */

/* beam help [VERB]: what the tables say. */

#include <beam/version.h>

#include <stdio.h>

#include "cli.h"
#include "opts.h"
#include "say.h"

static int help(const cli_opts *o, int n_words, char **words) {
        const cli_command *c = NULL;
        int n = 0;

        (void)o;
        if (n_words > 0 && !(c = cli_find(n_words, words, &n)))
                return CLI_MISUSE;
        if (n < n_words) {
                say_error("help takes one name at most");
                return CLI_MISUSE;
        }

        if (c) {
                printf("beam %s %s\n\n%s.\n", c->name, c->synopsis, c->summary);
                if (*c->text)
                        printf("\n%s", c->text);
                opts_print(c);
        } else {
                puts("beam: channels between programs\n");
                for (const cli_command *const *i = cli_commands; *i; i++)
                        printf("  beam %-13s %-30s %s\n", (*i)->name, (*i)->synopsis,
                               (*i)->summary);
                puts("  beam --version                                    Say which Beam this "
                     "is\n\n"
                     "URL is unix:/path, unix:@name, tcp://host:port or fd:N.\n"
                     "`beam help VERB` tells the rest. Exit status: 0 done, 1 failed at the other\n"
                     "side, 2 misuse, 3 nobody reached, 124 timed out. First steps:\n\n"
                     "  beam serve unix:/tmp/echo.sock --echo\n"
                     "  beam call unix:/tmp/echo.sock hello");
        }
        return fflush(stdout) == 0 ? CLI_DONE : CLI_FAILED;
}

const cli_command cmd_help = {
        .name = "help",
        .bit = CLI_HELP,
        .synopsis = "[VERB]",
        .summary = "Say what can be done, or all about one verb",
        .text = "",
        .run = help,
};
