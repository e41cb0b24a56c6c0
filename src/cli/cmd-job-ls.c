/* SPDX-License-Identifier: Apache-2.0 */

/* beam job ls URL: the jobs of a context. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "job.h"
#include "say.h"

/* Names that are asked for at once; picked. */
enum { PAGE = 500 };

/* For a person, what became of it in a word or two. */
static void print_line(uint64_t id, const char *name, const char *state, bool has_ended,
                       const beam_job_event *end) {
        char what[64];

        if (!has_ended)
                snprintf(what, sizeof(what), "%s", state);
        else if (end->exit == BEAM_JOB_EXITED)
                snprintf(what, sizeof(what), "exited %d", end->status);
        else if (end->exit == BEAM_JOB_SIGNALLED)
                snprintf(what, sizeof(what), "signal %d", end->signal);
        else
                snprintf(what, sizeof(what), "%s", job_exit_name(end->exit));
        printf("%6" PRIu64 "  %-12s  %s\n", id, what, name);
}

static int print_json(uint64_t id, const char *name, const char *state, bool has_ended,
                      const beam_job_event *end) {
        say_json json;
        int r = say_json_open(&json);

        if (r < 0)
                return r;
        say_json_number(&json, "job", (long long)id);
        say_json_text(&json, "name", name);
        say_json_text(&json, "state", has_ended ? "ended" : state);
        if (has_ended)
                say_json_text(&json, "exit", job_exit_name(end->exit));
        if (has_ended && end->status >= 0)
                say_json_number(&json, "status", end->status);
        return say_json_close(&json, STDOUT_FILENO);
}

/* "waiting" until a worker has it. */
static int print_one(const cli_opts *o, beam_client *c, const char *url, int64_t deadline,
                     uint64_t id, const char *name) {
        char state[32] = "waiting";
        beam_job_event end;
        beam_result result;
        bool has_ended;
        int status = job_exec(c, url, &result, deadline, id, "HGET", "/beam/jobs/@", "state", NULL);

        if (status == CLI_DONE && result.kind == BEAM_RESULT_BYTES)
                snprintf(state, sizeof(state), "%.*s", (int)result.n, result.data);
        if (status == CLI_DONE)
                status = job_look(c, url, deadline, id, &has_ended, &end);
        if (status != CLI_DONE)
                return status;
        if (!o->json)
                print_line(id, name, state, has_ended, &end);
        else if (print_json(id, name, state, has_ended, &end) < 0)
                return CLI_FAILED;
        return CLI_DONE;
}

/* The names of a page, since what a result says is there only until the next one. */
static int print_page(const cli_opts *o, beam_client *c, const char *url, int64_t deadline,
                      uint64_t from, bool *ret_more) {
        char first[32], last[32], *names[PAGE];
        beam_result result, one;
        int n = 0, status;

        snprintf(first, sizeof(first), "%" PRIu64, from);
        snprintf(last, sizeof(last), "%" PRIu64, from + PAGE - 1);
        status = job_exec(c, url, &result, deadline, 0, "LRANGE", "/jobs", first, last, NULL);
        if (status != CLI_DONE)
                return status;
        while (n < PAGE && beam_result_next(&result, &one) == 1)
                names[n++] = strndup(one.data, one.n);
        for (int i = 0; i < n; i++) {
                if (status == CLI_DONE && names[i] && *names[i])
                        status = print_one(o, c, url, deadline, from + (uint64_t)i, names[i]);
                free(names[i]);
        }
        *ret_more = n == PAGE;
        return status;
}

static int ls(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_client_freep) beam_client *c = NULL;
        int64_t deadline = beam_after(o->timeout);
        bool has_more = true;
        int status;

        if (n_words != 1) {
                say_error("job ls wants one URL; see `beam help job ls`");
                return CLI_MISUSE;
        }
        status = cli_dial_context(words[0], o, &c, deadline);
        for (uint64_t from = 0; status == CLI_DONE && has_more; from += PAGE)
                status = print_page(o, c, words[0], deadline, from, &has_more);
        return status == CLI_DONE && fflush(stdout) != 0 ? CLI_FAILED : status;
}

const cli_command cmd_job_ls = {
        .name = "job ls",
        .bit = CLI_JOB_LS,
        .synopsis = "URL",
        .summary = "List the jobs of a context",
        .text = "A line each: its number, what became of it, its name. It is waiting until a "
                "worker\n"
                "has taken it. Jobs that were removed are not there, as those of `beam run` at "
                "their\n"
                "end.\n",
        .run = ls,
};
