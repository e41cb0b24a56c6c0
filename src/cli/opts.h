/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Options
 *
 * One table says what each is called, which commands take it, and what it means:
 * the command line, the config file and `beam help` all read that table. A config
 * file has a line `name = value` for each, the same name as the flag without its
 * dashes; `#` begins a comment. What the command line says comes after and wins. A
 * name that only another command knows is passed over, so that one file may serve
 * them all.
 */

#include "cli.h"

/* Read the options of @c out of the @n_args words after its name. Returns CLI_DONE with
 * the words that are left, or CLI_MISUSE after saying why. @args is put in another
 * order; what @ret_o points to lives as long as the process. */
int opts_read(const cli_command *c, int n_args, char **args, cli_opts *ret_o, int *ret_n_words,
              char ***ret_words);

/* The lines of help about the options of @c, to stdout. */
void opts_print(const cli_command *c);
