/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `beam serve` has under way
 *
 * A job is one message, stream or reader with the child that serves it; the echo needs
 * no child. What a job cannot send now, it tries again in jobs_step(), once the loop
 * has moved on.
 */

#include "cli.h"
#include "server.h"

typedef struct jobs {
        size_t n; /* with a child, or something left to send */

        /* private */
        const cli_opts *o;
        server *server;
        list all;
} jobs;

void jobs_init(jobs *x, const cli_opts *o, server *s);
void jobs_deinit(jobs *x); /* kills what still runs */

bool jobs_may_start(const jobs *x);

/* Each takes the last of its arguments. */
void jobs_message(jobs *x, server_link *l, const char *service, beam_msg *msg);
void jobs_stream(jobs *x, server_link *l, const char *service, beam_stream *st);
void jobs_reader(jobs *x, server_link *l, const char *service, beam_sender *tx);

/* The peer has gone: who still works for it is ended. */
void jobs_gone(jobs *x, const server_link *l);

/* After each turn of the loop. */
void jobs_step(jobs *x);

/* When jobs_step() has something to do at the latest. */
int64_t jobs_wake(const jobs *x);

void jobs_kill(jobs *x);
