/* SPDX-License-Identifier: Apache-2.0 */

/* beam job attach URL ID: what a job prints, up to its end. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "job.h"
#include "say.h"
#include "wait.h"

/* Returns 1 with the end, 0 when we do not look on to it, or -errno. */
static int print_output(beam_job *job, job_output *p, int64_t deadline, beam_job_event *ret) {
        while (!wait_stops()) {
                int r = job_output_is_idle(p) ? beam_job_next(job, ret, BEAM_NOW) : -ETIMEDOUT;

                if (job_output_error(p))
                        return job_output_error(p);
                if (r == 0 && ret->kind == BEAM_JOB_ENDED)
                        return 1;
                if (r == 0)
                        job_output_put(p, ret);
                else if (r != -ETIMEDOUT)
                        return r;
                else if (beam_now() >= deadline)
                        return -ETIMEDOUT;
                else if ((r = wait_turn(deadline)) < 0)
                        return r;
        }
        return 0;
}

static int attach(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_job_freep) beam_job *job = NULL;
        int64_t deadline = beam_after(o->timeout);
        beam_job_event end;
        job_output output;
        uint64_t id;
        int r, status;

        if (n_words != 2) {
                say_error("job attach wants a URL and a number; see `beam help job attach`");
                return CLI_MISUSE;
        }
        if (job_number(words[1], &id) != CLI_DONE)
                return CLI_MISUSE;
        r = wait_init();
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_LOST;
        }
        status = cli_attach_job(words[0], o, id, &job, deadline);
        if (status != CLI_DONE)
                return status;
        job_output_init(&output);
        r = print_output(job, &output, deadline, &end);
        job_output_deinit(&output);
        if (r == -EPIPE)
                return CLI_DONE; /* who reads us has seen enough */
        if (r < 0 && r != -ETIMEDOUT) {
                say_error("watching job %" PRIu64 " at %s: %s", id, words[0], beam_strerror(r));
                return CLI_LOST;
        }
        (void)beam_job_leave(job, beam_after(BEAM_SECOND));
        if (r == -ETIMEDOUT) {
                say_error("job %" PRIu64 " goes on", id);
                return CLI_TIMEOUT;
        }
        if (r == 0)
                wait_die();
        status = job_report(id, &end);
        return o->json && job_print_end(id, &end, STDERR_FILENO) < 0 ? CLI_LOST : status;
}

const cli_command cmd_job_attach = {
        .name = "job attach",
        .bit = CLI_JOB_ATTACH,
        .synopsis = "URL ID",
        .summary = "Look on at a job until it ends",
        .text = "What it has printed, as far as that is still there, and what it prints from now "
                "on;\n"
                "its status is that of `beam run`. Several may look on: the job waits for the\n"
                "slowest. Ctrl-C ends the looking on, not the job.\n",
        .run = attach,
};
