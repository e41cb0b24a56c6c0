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
        &cmd_serve,         &cmd_call,         &cmd_send,
        &cmd_recv,          &cmd_pipe,         &cmd_ping,
        &cmd_context_serve, &cmd_context_exec, &cmd_context_sync,
        &cmd_worker,        &cmd_run,          &cmd_job_ls,
        &cmd_job_show,      &cmd_job_logs,     &cmd_job_attach,
        &cmd_job_signal,    &cmd_job_wait,     &cmd_job_rm,
        &cmd_bench,         &cmd_help,         NULL,
};

/* How many of @words say @name; 0 for another one. */
static int n_said(const char *name, int n_words, char **words) {
        const char *second = strchr(name, ' ');
        size_t n = second ? (size_t)(second - name) : strlen(name);

        if (strncmp(words[0], name, n) != 0 || words[0][n])
                return 0;
        if (!second)
                return 1;
        return n_words > 1 && strcmp(words[1], second + 1) == 0 ? 2 : 0;
}

bool cli_is_group(const char *word) {
        size_t n = strlen(word);

        for (const cli_command *const *c = cli_commands; *c; c++)
                if (strncmp((*c)->name, word, n) == 0 && (*c)->name[n] == ' ')
                        return true;
        return false;
}

const cli_command *cli_find(int n_words, char **words, int *ret_n) {
        for (const cli_command *const *c = cli_commands; *c; c++) {
                *ret_n = n_said((*c)->name, n_words, words);
                if (*ret_n)
                        return *c;
        }
        if (cli_is_group(words[0]))
                say_error("%s wants a verb of its own; `beam help %s` lists them", words[0],
                          words[0]);
        else
                say_error("%s: no such command; `beam help` lists them", words[0]);
        return NULL;
}

static bool asks_for_help(const char *word) {
        return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
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
        cli_opts o = { 0 };
        int n_name, n_words = 0, status;
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
        if (asks_for_help(argv[1]))
                argv[1] = "help";
        if (argc == 3 && cli_is_group(argv[1]) && asks_for_help(argv[2]))
                return cmd_help.run(&o, 1, argv + 1);
        c = cli_find(argc - 1, argv + 1, &n_name);
        if (!c)
                return CLI_MISUSE;

        status = opts_read(c, argc - 1 - n_name, argv + 1 + n_name, &o, &n_words, &words);
        if (status != CLI_DONE)
                return status;
        if (n_words < 0)
                return cmd_help.run(&o, n_name, argv + 1);
        return c->run(&o, n_words, words);
}
