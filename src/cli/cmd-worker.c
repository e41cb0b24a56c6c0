/* SPDX-License-Identifier: Apache-2.0 */

/* beam worker URL: run what jobs of a context ask for, and may. */

#include <string.h>

#include "cli.h"
#include "runner.h"
#include "say.h"
#include "wait.h"

static int begin(runner *x, const char *url) {
        int r = beam_worker_dial(x->worker, url);

        return r < 0 ? cli_unreachable_context(url, r) : CLI_DONE;
}

static int work(const cli_opts *o, int n_urls, char **urls) {
        runner x;
        int r, status;

        if (n_urls != 1) {
                say_error("worker wants one URL; see `beam help worker`");
                return CLI_MISUSE;
        }
        if (o->n_allow == 0) {
                say_error("worker runs nothing that it does not --allow, as --allow make,date");
                return CLI_MISUSE;
        }
        status = runner_check(o);
        if (status != CLI_DONE)
                return status;
        r = wait_init();
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_FAILED;
        }
        status = runner_new(&x, o, urls[0]);
        if (status == CLI_DONE)
                status = begin(&x, urls[0]);
        if (status == CLI_DONE && (r = wait_run()) < 0) {
                say_error("cannot work: %s", beam_strerror(r));
                status = CLI_FAILED;
        }
        if (status == CLI_DONE)
                status = runner_status(&x);
        if (status == CLI_DONE)
                runner_end(&x);
        runner_free(&x);
        return status;
}

const cli_command cmd_worker = {
        .name = "worker",
        .bit = CLI_WORKER,
        .synopsis = "URL",
        .summary = "Run jobs of a context",
        .text = "Takes jobs that `beam run`, or any client of Redis, has started in the context "
                "or\n"
                "the Redis at URL, and runs those whose name it --allows, as programs of their "
                "own:\n"
                "no shell, unless that is allowed. Several workers share the jobs. At SIGTERM it\n"
                "takes no more, and ends when what runs has, or after --grace.\n",
        .run = work,
};
