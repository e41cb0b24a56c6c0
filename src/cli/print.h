/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Results of commands on a context, as a person or a program reads them
 */

#include <beam/context.h>

#include "cli.h"

/* To a terminal as redis-cli shows them: numbers marked, bytes in quotes, what is within
 * something numbered and indented. To a pipe the bare values, a line each. With --json one
 * line of JSON. Returns 0 or -errno. */
int print_result(const cli_opts *o, const beam_result *r);

/* A change as a line that redis-cli executes, words in quotes where they need them, with a
 * SELECT before it if it is in another database than *@db; a gap is a FLUSHALL. With --json
 * one line of JSON. */
int print_change(const cli_opts *o, const beam_change *change, int *db);
