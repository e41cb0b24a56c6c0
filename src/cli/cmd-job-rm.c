/* SPDX-License-Identifier: Apache-2.0 */

/* beam job rm URL ID...: forget jobs that have ended. */

#include <inttypes.h>

#include "base/cleanup.h"
#include "cli.h"
#include "job.h"
#include "say.h"

/* All that spec/jobs.md names, but for the places of its readers, which expire. */
static int remove_one(beam_client *c, const char *url, int64_t deadline, uint64_t id) {
        beam_job_event end;
        beam_result result;
        bool has_ended;
        int status = job_find(c, url, deadline, id);

        if (status == CLI_DONE)
                status = job_look(c, url, deadline, id, &has_ended, &end);
        if (status != CLI_DONE)
                return status;
        if (!has_ended) {
                say_error("job %" PRIu64 " has not ended; `beam job signal %s %" PRIu64
                          " cancel` ends it",
                          id, url, id);
                return CLI_FAILED;
        }
        status = job_exec(c, url, &result, deadline, id, "MULTI", NULL);
        if (status == CLI_DONE)
                status = job_exec(c, url, &result, deadline, id, "LSET", "/jobs", "@", "", NULL);
        if (status == CLI_DONE)
                status = job_exec(c, url, &result, deadline, id, "DEL", "/jobs/@", "/jobs/@/args",
                                  "/jobs/@/env", "/jobs/@/in", "/jobs/@/out", "/jobs/@/status",
                                  "/jobs/@/wait", "/beam/jobs/@", "/beam/jobs/@/log",
                                  "/beam/jobs/@/control", "/beam/jobs/@/owner",
                                  "/beam/jobs/@/brief", "/beam/jobs/@/readers", NULL);
        if (status == CLI_DONE)
                status = job_exec(c, url, &result, deadline, id, "ZREM", "/beam/dead", "@", NULL);
        if (status == CLI_DONE)
                status = job_exec(c, url, &result, deadline, id, "EXEC", NULL);
        return status;
}

static int rm(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_client_freep) beam_client *c = NULL;
        int64_t deadline = beam_after(o->timeout);
        int status, worst = CLI_DONE;
        uint64_t id;

        if (n_words < 2) {
                say_error("job rm wants a URL and numbers; see `beam help job rm`");
                return CLI_MISUSE;
        }
        for (int i = 1; i < n_words; i++)
                if (job_number(words[i], &id) != CLI_DONE)
                        return CLI_MISUSE;
        status = cli_dial_context(words[0], o, &c, deadline);
        if (status != CLI_DONE)
                return status;
        for (int i = 1; i < n_words; i++) {
                (void)job_number(words[i], &id);
                status = remove_one(c, words[0], deadline, id);
                if (status != CLI_DONE)
                        worst = status;
        }
        return worst;
}

const cli_command cmd_job_rm = {
        .name = "job rm",
        .bit = CLI_JOB_RM,
        .synopsis = "URL ID...",
        .summary = "Forget jobs that have ended",
        .text = "What they printed and how they ended is removed from the context. Their numbers\n"
                "are not used again.\n",
        .run = rm,
};
