/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The worker of a program of the tool: what --allow, --jobs and --directory say, and its end
 */

#include <beam/job.h>

#include <stdbool.h>

#include "cli.h"

typedef struct runner {
        beam_worker *worker; /* or NULL */

        /* private */
        const cli_opts *o;
        const char *url;
        bool is_linked, is_stopped;
        int status; /* to exit with: not CLI_DONE, it cannot go on */
} runner;

/* Whether what is said of jobs can be, before anything is begun: CLI_DONE, or the status to exit
 * with, and what is wrong is said. */
int runner_check(const cli_opts *o);

/* A worker that has not begun. @url is where it will be, for words. Returns CLI_DONE or the
 * status to exit with; what is wrong is said. */
int runner_new(runner *x, const cli_opts *o, const char *url);
void runner_free(runner *x); /* may run twice */

/* CLI_DONE while it can go on. */
int runner_status(const runner *x);

/* Take no more jobs, wait for those that run, for --grace at most or until we are told to stop
 * once more, and then end them. wait_turn() runs in it. */
void runner_end(runner *x);
