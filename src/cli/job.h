/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the verbs of jobs share
 */

#include <beam/job.h>

#include "cli.h"
#include "spout.h"

/* A number of a job, as it was typed; CLI_MISUSE after saying that it is none. */
int job_number(const char *text, uint64_t *ret);

/* What the words URL ID of `beam job VERB` mean: a client there, and a job that there is. Else it
 * has been said what is wrong. */
int job_reach(const cli_opts *o, const char *verb, int n_words, char **words, int64_t deadline,
              beam_client **ret, uint64_t *ret_id);

/* A command on the context at @url: words up to NULL, of which each "@" in the key stands for
 * @id. An error of the command is said, and CLI_FAILED. */
int job_exec(beam_client *c, const char *url, beam_result *ret, int64_t deadline, uint64_t id,
             const char *word, ...) __attribute__((sentinel));

/* Whether there is such a job: CLI_FAILED after saying that there is none. */
int job_find(beam_client *c, const char *url, int64_t deadline, uint64_t id);

/* How job @id ended, from the keys; status is -1 and exit BEAM_JOB_LOST as long as *@ret_ended is
 * false. Texts are borrowed until it is asked again. */
int job_look(beam_client *c, const char *url, int64_t deadline, uint64_t id, bool *ret_ended,
             beam_job_event *ret);

/* Printing what a job prints */
typedef struct job_stream {
        spout spout;
        unsigned number;
} job_stream;

typedef struct job_output {
        job_stream streams[2 + CLI_LIST_MAX]; /* n of them; the first two are stdout and stderr */
        size_t n;
        bool was_dropped; /* something was printed to another stream */
} job_output;

/* To stdout and stderr, until more are added: @fd is closed where the stream ends. */
void job_output_init(job_output *p);
void job_output_add(job_output *p, unsigned number, int fd);
void job_output_deinit(job_output *p);

int job_output_error(const job_output *p); /* the first of any; 0: there is none */

/* As it is called in words. */
const char *job_stream_name(unsigned number, char buf[static 24]);

/* Print the event, which stays until it is idle; a gap is said. */
void job_output_put(job_output *p, const beam_job_event *event);
bool job_output_is_idle(const job_output *p);

/* Say how it ended, unless the status tells it all, and return the status to exit with. */
int job_report(uint64_t id, const beam_job_event *end);

/* The name of how it ended. */
const char *job_exit_name(beam_job_exit exit);

/* The line of --json, to @fd. */
int job_print_end(uint64_t id, const beam_job_event *end, int fd);
