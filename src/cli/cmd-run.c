/* SPDX-License-Identifier: Apache-2.0 */

/* beam run URL -- CMD [ARG...]: a command at a worker of a context, as if it ran here. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "job.h"
#include "relay.h"
#include "say.h"

/* After --timeout, until the job has to have ended: its grace and then some. Picked. */
#define LATE (15 * BEAM_SECOND)

/* While we are stopped, nobody renews what says that we are there. Picked: who stops a job over
 * night finds it in the morning. */
#define AWAY (24 * 3600 * BEAM_SECOND)

/* Our own descriptors, that the process may have as they are: 0 to 2. */
enum { STANDARD = 3 };

typedef struct run {
        const cli_opts *o;
        int fds[STANDARD]; /* or -1 */
        beam_job *job;
        job_output output;
        relay relay;
        wait_fd in;
        char *data; /* of stdin, n bytes to be given to the job */
        ssize_t n;
        bool has_data, in_is_over, is_terminal;
        bool is_broken; /* by us: its status would say what is not so */
        bool is_late, is_abandoned;
        unsigned n_interrupts;
        uint64_t relayed; /* a bit for each signal */
        bool pipes_closed[2];
} run;

/* signals */

static void stop(run *x) {
        beam_job_signal(x->job, SIGSTOP);
        beam_job_be_away(x->job, AWAY, beam_after(BEAM_SECOND));
        raise(SIGSTOP);
}

static void go_on(run *x) {
        beam_job_signal(x->job, SIGCONT);
        beam_job_be_away(x->job, 10 * BEAM_SECOND, beam_after(BEAM_SECOND));
}

/* The first is the job's, to do with as it likes; the second ends it, and the third us. */
static void interrupt(run *x, int number) {
        x->n_interrupts++;
        if (x->n_interrupts == 1) {
                beam_job_withdraw(x->job);
                beam_job_signal(x->job, number);
        } else if (x->n_interrupts == 2) {
                beam_job_cancel(x->job);
        } else {
                x->is_abandoned = true;
        }
}

static void on_signal(relay *r, int number) {
        run *x = container_of(r, run, relay);

        x->relayed |= UINT64_C(1) << number;
        if (number == SIGTSTP)
                stop(x);
        else if (number == SIGCONT)
                go_on(x);
        else if (number == SIGINT || number == SIGTERM)
                interrupt(x, number);
        else
                beam_job_signal(x->job, number);
}

/* input */

/* Who reads a terminal from the background is stopped: the command itself might not have
 * read it at all, so we wait until we are in front. */
static bool may_read(const run *x) {
        return !x->is_terminal || tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void on_input(wait_fd *w, short revents) {
        run *x = container_of(w, run, in);

        (void)revents;
        x->n = read(STDIN_FILENO, x->data, BEAM_JOB_WRITE_MAX);
        if (x->n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (x->n < 0) {
                /* the end of input would say that this was all */
                say_error("cannot read stdin: %s", strerror(errno));
                x->is_broken = x->in_is_over = true;
                beam_job_cancel(x->job);
        }
        x->has_data = x->n >= 0;
}

static void give_input(run *x) {
        if (x->has_data) {
                int r = beam_job_write(x->job, 0, x->data, (size_t)x->n, BEAM_NOW);

                x->has_data = r == -ETIMEDOUT;
                if (x->n == 0 && !x->has_data)
                        x->in_is_over = true;
                if (r < 0 && r != -ETIMEDOUT)
                        x->in_is_over = true; /* the job will say what it is */
        }
        x->in.events = !x->has_data && !x->in_is_over && may_read(x) ? POLLIN : 0;
}

/* output */

static void check_output(run *x, spout *s, unsigned stream, const char *name) {
        if (!s->error || x->pipes_closed[stream - 1])
                return;
        x->pipes_closed[stream - 1] = true;
        beam_job_close_output(x->job, stream);
        if (s->error == -EPIPE)
                return;
        say_error("cannot write %s: %s", name, strerror(-s->error));
        x->is_broken = true;
}

/* Print what there is. Returns 1 when the job has ended, 0, or why we hear no more of it. */
static int take_output(run *x, beam_job_event *ret) {
        while (job_output_is_idle(&x->output)) {
                int r = beam_job_next(x->job, ret, BEAM_NOW);

                if (r < 0)
                        return r == -ETIMEDOUT ? 0 : r;
                if (ret->kind == BEAM_JOB_ENDED)
                        return 1;
                if (ret->kind == BEAM_JOB_AGAIN)
                        say_note(x->o,
                                 "job %" PRIu64 " has failed, and is tried again (%" PRIu64 ")",
                                 beam_job_id(x->job), ret->n);
                job_output_put(&x->output, ret);
                check_output(x, &x->output.out, 1, "stdout");
                check_output(x, &x->output.err, 2, "stderr");
        }
        check_output(x, &x->output.out, 1, "stdout");
        check_output(x, &x->output.err, 2, "stderr");
        return 0;
}

/* its end */

static int lost(const run *x, const char *url, int r) {
        uint64_t id = beam_job_id(x->job);

        if (r == -ECONNRESET)
                say_error("the link to %s was lost; nobody knows what became of job %" PRIu64, url,
                          id);
        else if (r == -ESRCH)
                say_error("job %" PRIu64 " was removed before it was read to its end", id);
        else
                say_error("reading job %" PRIu64 " at %s: %s", id, url, beam_strerror(r));
        return CLI_LOST;
}

static int ended(run *x, const beam_job_event *end) {
        uint64_t id = beam_job_id(x->job);
        beam_job_event copy = *end;
        int status;

        if (x->is_late && copy.exit != BEAM_JOB_LOST)
                copy.exit = BEAM_JOB_TIMED_OUT;
        if (copy.exit == BEAM_JOB_CANCELLED && x->n_interrupts > 0)
                relay_die(x->relayed >> SIGINT & 1 ? SIGINT : SIGTERM);
        /* what we have handed on needs no words, unless something is missing */
        if (copy.exit != BEAM_JOB_SIGNALLED || !copy.is_whole || x->is_broken ||
            !(x->relayed >> copy.signal & 1))
                status = job_report(id, &copy);
        else
                status = copy.status;
        if (x->o->json && job_print_end(id, &copy, STDERR_FILENO) < 0)
                return CLI_LOST;
        if (x->is_broken)
                return CLI_LOST;
        if (status != copy.status)
                return status;
        /* Output that nobody took did not go well, even if the job could not know that. */
        if (x->output.out.error == -EPIPE && status == 0)
                relay_die(SIGPIPE);
        if (copy.exit == BEAM_JOB_SIGNALLED &&
            (copy.signal == SIGPIPE || (x->relayed >> copy.signal & 1)))
                relay_die(copy.signal);
        return status;
}

/* Until it has ended. */
static int follow(run *x, const char *url, int64_t deadline) {
        for (;;) {
                beam_job_event event;
                int r = take_output(x, &event);

                if (r < 0)
                        return lost(x, url, r);
                if (r > 0) {
                        /* what nobody else looks at goes */
                        (void)beam_job_leave(x->job, beam_after(BEAM_SECOND));
                        return ended(x, &event);
                }
                give_input(x);
                if (x->is_abandoned) {
                        say_error("job %" PRIu64 " is being cancelled; nobody waits for its end",
                                  beam_job_id(x->job));
                        return CLI_LOST;
                }
                if (beam_now() >= deadline && x->is_late) {
                        say_error("job %" PRIu64 " was cancelled after its time, and has not ended",
                                  beam_job_id(x->job));
                        return CLI_TIMEOUT;
                }
                if (beam_now() >= deadline) {
                        x->is_late = true;
                        deadline = beam_after(LATE);
                        beam_job_cancel(x->job);
                }
                if ((r = wait_turn(deadline)) < 0)
                        return lost(x, url, r);
        }
}

static int attend(run *x, const char *url, int64_t deadline) {
        int status;

        x->data = malloc(BEAM_JOB_WRITE_MAX);
        if (!x->data) {
                say_error("out of memory");
                return CLI_LOST;
        }
        x->in_is_over = x->fds[STDIN_FILENO] >= 0;
        x->is_terminal = isatty(STDIN_FILENO);
        x->in = (wait_fd){ .fd = STDIN_FILENO, .fn = on_input };
        wait_add(&x->in);
        job_output_init(&x->output);
        status = follow(x, url, deadline);
        job_output_deinit(&x->output);
        wait_remove(&x->in);
        free(x->data);
        return status;
}

/* It goes on without us, and without input. */
static int detach(run *x, const char *url) {
        int64_t deadline = beam_after(LATE);
        uint64_t id = beam_job_id(x->job);
        int r = beam_job_write(x->job, 0, NULL, 0, deadline);

        if (r == 0 || r == -EPIPE)
                r = beam_job_leave(x->job, deadline);
        if (r < 0)
                return lost(x, url, r);
        if (x->o->json) {
                say_json json;

                r = say_json_open(&json);
                if (r == 0) {
                        say_json_number(&json, "job", (long long)id);
                        r = say_json_close(&json, STDOUT_FILENO);
                }
        } else {
                r = printf("%" PRIu64 "\n", id) < 0 || fflush(stdout) != 0 ? -errno : 0;
        }
        if (r < 0)
                say_error("job %" PRIu64 " has begun, but cannot be told: %s", id, strerror(-r));
        return r < 0 ? CLI_LOST : CLI_DONE;
}

/* Which of ours the process gets: all that there are, if the link passes them. */
static bool give_fds(run *x, const char *url) {
        const bool may = x->o->direct && strncmp(url, "unix:", strlen("unix:")) == 0;

        for (int i = 0; i < STANDARD; i++)
                x->fds[i] = may && fcntl(i, F_GETFD) >= 0 ? i : -1;
        return may;
}

/* NAME alone is our own, if we have it. */
static int read_env(const cli_opts *o, const char **ret) {
        size_t n = 0;

        for (size_t i = 0; i < o->n_env; i++) {
                const char *value = strchr(o->env[i], '=') ? NULL : getenv(o->env[i]);
                char *text;

                if (!value && !strchr(o->env[i], '='))
                        continue;
                /* for as long as the process lives */
                if (value && asprintf(&text, "%s=%s", o->env[i], value) < 0)
                        return -ENOMEM;
                ret[n++] = value ? text : o->env[i];
        }
        ret[n] = NULL;
        return 0;
}

static int run_it(const cli_opts *o, int n_words, char **words) {
        static const char *env[CLI_ENV_MAX + 1];
        _cleanup_(beam_job_freep) beam_job *job = NULL;
        const bool has_limit = o->timeout != BEAM_FOREVER;
        int64_t deadline = beam_after(o->timeout);
        run x = { .o = o, .relay.fn = on_signal };
        const bool has_fds = n_words == 1 && give_fds(&x, words[0]);
        const beam_job_options opt = {
                .size = sizeof(opt),
                .argv = (const char *const *)o->command,
                .env = env,
                .timeout = has_limit ? o->timeout + 1 : 0, /* 0 is no limit */
                .goes_on = o->goes_on || o->detach,
                .stays = o->keep || o->detach,
                .delay = o->delay,
                .retry = o->retry,
                .backoff = o->backoff,
                .user = o->service,
                .password = cli_password(o),
                .cwd = o->directory,
                .run_as = o->n_users ? o->users[o->n_users - 1] : NULL,
                .umask = o->umask,
                .limits = o->limits,
                .direct = o->direct,
                .fds = x.fds,
                .n_fds = has_fds ? STANDARD : 0,
        };
        int r, status;

        if (n_words != 1 || !o->command || !o->command[0] || !*o->command[0]) {
                say_error("run wants a URL, and a command behind --; see `beam help run`");
                return CLI_MISUSE;
        }
        if (o->direct && (o->delay > 0 || o->retry > 0)) {
                say_error("run --direct runs it at once, and once: no --delay, no --retry");
                return CLI_MISUSE;
        }
        if (o->direct && o->detach) {
                say_error("run --direct has its streams here: no --detach");
                return CLI_MISUSE;
        }
        r = read_env(o, env);
        if (r < 0) {
                say_error("out of memory");
                return CLI_LOST;
        }
        /* before it has begun: whoever sees that it has may send us what is meant for it */
        r = o->detach ? 0 : relay_init(&x.relay);
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_LOST;
        }
        status = cli_start_job(words[0], o, &opt, &job, deadline);
        x.job = job;
        if (status == CLI_DONE && o->detach)
                return detach(&x, words[0]);
        if (status == CLI_DONE) {
                relay_begin();
                status = attend(&x, words[0], deadline);
        }
        if (!o->detach)
                relay_deinit(&x.relay);
        return status;
}

const cli_command cmd_run = {
        .name = "run",
        .bit = CLI_RUN,
        .synopsis = "URL -- CMD [ARG...]",
        .summary = "Run a command where a context has workers",
        .text = "CMD runs at a worker of the context, or the Redis, at URL, as if it ran here: "
                "stdin,\n"
                "stdout, stderr, signals and the status are its own. A second Ctrl-C cancels it.\n"
                "Status: that of CMD; 128 more than the signal that ended it; 124 if --timeout "
                "did;\n"
                "126 if it was refused, 127 if there is no such command there; 255 if it was "
                "lost,\n"
                "or not all of its output came.\n",
        .run = run_it,
};
