/* SPDX-License-Identifier: Apache-2.0 */

/* beam help [VERB]: what the tables say. */

#include <beam/version.h>

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "opts.h"
#include "say.h"

static void print_command(const cli_command *c) {
        printf("  beam %-13s %-30s %s\n", c->name, c->synopsis, c->summary);
}

static void print_all(void) {
        puts("beam: channels between programs\n");
        for (const cli_command *const *c = cli_commands; *c; c++)
                print_command(*c);
        puts("  beam --version                                    Say which Beam this is\n\n"
             "URL is unix:/path, unix:@name, tcp://host:port,\n"
             "ws://host:port/path or fd:N.\n"
             "`beam help VERB` tells the rest. Exit status: 0 done, 1 failed, 2 misuse,\n"
             "3 nobody reached, 124 timed out. First steps:\n\n"
             "  beam serve unix:/tmp/echo.sock --echo\n"
             "  beam call unix:/tmp/echo.sock hello");
}

static void print_group(const char *name) {
        size_t n = strlen(name);

        for (const cli_command *const *c = cli_commands; *c; c++)
                if (strncmp((*c)->name, name, n) == 0 && (*c)->name[n] == ' ')
                        print_command(*c);
        printf("\n`beam help %s VERB` tells the rest.\n", name);
}

static void print_one(const cli_command *c) {
        printf("beam %s%s%s\n\n%s.\n", c->name, *c->synopsis ? " " : "", c->synopsis, c->summary);
        if (*c->text)
                printf("\n%s", c->text);
        opts_print(c);
}

static int help(const cli_opts *o, int n_words, char **words) {
        const cli_command *c = NULL;
        int n = 0;

        (void)o;
        if (n_words == 0) {
                print_all();
        } else if (n_words == 1 && cli_is_group(words[0])) {
                print_group(words[0]);
        } else {
                c = cli_find(n_words, words, &n);
                if (!c)
                        return CLI_MISUSE;
                if (n < n_words) {
                        say_error("help is of one verb; see `beam help`");
                        return CLI_MISUSE;
                }
                print_one(c);
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
