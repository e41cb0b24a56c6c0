/* SPDX-License-Identifier: Apache-2.0 */

/* beam job signal URL ID SIGNAL|cancel */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "cli.h"
#include "job.h"
#include "say.h"

/* A number, or a name with or without SIG before it. 0 if it is none. */
static int read_signal(const char *text) {
        char *end;
        long n = strtol(text, &end, 10);

        if (*text && !*end)
                return n >= 1 && n <= 64 ? (int)n : 0;
        if (strncasecmp(text, "SIG", 3) == 0)
                text += 3;
        for (int i = 1; i <= 64; i++) {
                const char *name = sigabbrev_np(i);

                if (name && strcasecmp(name, text) == 0)
                        return i;
        }
        return 0;
}

static int send(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_client_freep) beam_client *c = NULL;
        int64_t deadline = beam_after(o->timeout);
        char word[32] = "cancel";
        beam_job_event end;
        beam_result result;
        bool has_ended;
        uint64_t id;
        int status;

        if (n_words != 3) {
                say_error("job signal wants a URL, a number and a signal; see `beam help job "
                          "signal`");
                return CLI_MISUSE;
        }
        if (job_number(words[1], &id) != CLI_DONE)
                return CLI_MISUSE;
        if (strcmp(words[2], "cancel") != 0) {
                int number = read_signal(words[2]);

                if (!number) {
                        say_error("%s: not a signal, such as TERM or 15, and not cancel", words[2]);
                        return CLI_MISUSE;
                }
                snprintf(word, sizeof(word), "signal %d", number);
        }
        status = cli_dial_context(words[0], o, &c, deadline);
        if (status == CLI_DONE)
                status = job_find(c, words[0], deadline, id);
        if (status == CLI_DONE)
                status = job_look(c, words[0], deadline, id, &has_ended, &end);
        if (status != CLI_DONE)
                return status;
        if (has_ended) {
                say_error("job %" PRIu64 " has ended already", id);
                return CLI_FAILED;
        }
        return job_exec(c, words[0], &result, deadline, id, "RPUSH", "/beam/jobs/@/control", word,
                        NULL);
}

const cli_command cmd_job_signal = {
        .name = "job signal",
        .bit = CLI_JOB_SIGNAL,
        .synopsis = "URL ID SIGNAL|cancel",
        .summary = "Send a job a signal, or end it",
        .text = "SIGNAL is a name or a number, and goes to the process group of the job. cancel\n"
                "ends all of its processes, with SIGTERM and some time later SIGKILL; a job that\n"
                "has not begun is not run.\n",
        .run = send,
};
