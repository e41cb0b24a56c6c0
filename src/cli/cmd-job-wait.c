/* SPDX-License-Identifier: Apache-2.0 */

/* beam job wait URL ID: until a job has ended, with its status. */

#include <inttypes.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "job.h"
#include "say.h"

/* A client that took away what all wait for (BLPOP) is not heard of: look again. */
#define LOOK_AGAIN "3"

static int wait_for(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_client_freep) beam_client *c = NULL;
        int64_t deadline = beam_after(o->timeout);
        bool has_ended = false;
        beam_job_event end;
        beam_result result;
        uint64_t id;
        int status;

        status = job_reach(o, "wait", n_words, words, deadline, &c, &id);
        while (status == CLI_DONE) {
                status = job_look(c, words[0], deadline, id, &has_ended, &end);
                if (status != CLI_DONE || has_ended)
                        break;
                status = job_exec(c, words[0], &result, deadline, id, "BLMOVE", "/jobs/@/wait",
                                  "/jobs/@/wait", "LEFT", "LEFT", LOOK_AGAIN, NULL);
        }
        if (status != CLI_DONE)
                return status == CLI_TIMEOUT || status == CLI_MISUSE ? status : CLI_LOST;
        status = job_report(id, &end);
        return o->json && job_print_end(id, &end, STDOUT_FILENO) < 0 ? CLI_LOST : status;
}

const cli_command cmd_job_wait = {
        .name = "job wait",
        .bit = CLI_JOB_WAIT,
        .synopsis = "URL ID",
        .summary = "Wait until a job has ended",
        .text = "Its status is that of `beam run`. As many may wait as like to.\n",
        .run = wait_for,
};
