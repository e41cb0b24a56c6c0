/* SPDX-License-Identifier: Apache-2.0 */

/* The table of commands, and the way to the one that was asked for. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <beam/version.h>

#include "cli.h"
#include "opts.h"
#include "say.h"

const cli_command *const cli_commands[] = {
        &cmd_serve, &cmd_call,    &cmd_send,  &cmd_recv, &cmd_pipe,
        &cmd_ping,  &cmd_context, &cmd_bench, &cmd_help, NULL,
};

const cli_command *cli_find(const char *name) {
        for (const cli_command *const *c = cli_commands; *c; c++)
                if (strcmp((*c)->name, name) == 0)
                        return *c;
        return NULL;
}

/* A descriptor that is opened later must not become 0, 1 or 2: a socket there would
 * get what is printed. */
static void fill_standard_fds(void) {
        int fd;

        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd >= 0)
                close(fd);
}

int main(int argc, char **argv) {
        const cli_command *c;
        cli_opts o;
        int n_words = 0, status;
        char **words = NULL;

        fill_standard_fds();
        if (argc < 2) {
                say_error("what shall be done? `beam help` lists it");
                return CLI_MISUSE;
        }
        if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
                printf("beam %s\n", beam_version());
                return CLI_DONE;
        }
        c = cli_find(strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ? "help"
                                                                                  : argv[1]);
        if (!c) {
                say_error("%s: no such command; `beam help` lists them", argv[1]);
                return CLI_MISUSE;
        }

        status = opts_read(c, argc - 2, argv + 2, &o, &n_words, &words);
        if (status != CLI_DONE)
                return status;
        if (n_words < 0) {
                words = (char *[]){ (char *)c->name, NULL };
                return cmd_help.run(&o, 1, words);
        }
        return c->run(&o, n_words, words);
}
