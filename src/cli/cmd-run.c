/* SPDX-License-Identifier: Apache-2.0 */

/* beam run URL -- CMD [ARG...]: a command at a worker of a context, as if it ran here. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "feed.h"
#include "job.h"
#include "relay.h"
#include "say.h"

/* After --timeout, until the job has to have ended: its grace and then some. Picked. */
#define LATE (15 * BEAM_SECOND)

/* While we are stopped, nobody renews what says that we are there. Picked: who stops a job over
 * night finds it in the morning. */
#define AWAY (24 * 3600 * BEAM_SECOND)

/* Descriptors that a process has anyway: 0 to 2. */
enum { STANDARD = 3, N_FDS = 256 };

enum { N_TRACE = 2 }; /* variables of a trace */

/* Which of our descriptors the job has, as what they were opened for says. */
typedef struct own_fds {
        bool is_input[256], is_output[256];
        char inputs[CLI_LIST_MAX * 4 + 2], outputs[CLI_LIST_MAX * 4 + 4];
} own_fds;

typedef struct run {
        const cli_opts *o;
        int fds[N_FDS]; /* that it has as they are, or -1 */
        beam_job *job;
        job_output output;
        relay relay;
        feed feeds[1 + CLI_LIST_MAX]; /* the first is stdin */
        size_t n_feeds;
        bool is_broken; /* by us: its status would say what is not so */
        bool is_late, is_abandoned;
        unsigned n_interrupts;
        uint64_t relayed;                 /* a bit for each signal */
        bool is_closed[2 + CLI_LIST_MAX]; /* of outputs: the job knows that */
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

static void give_input(run *x) {
        for (size_t i = 0; i < x->n_feeds; i++) {
                feed *f = &x->feeds[i];
                char name[24];

                feed_step(f);
                if (!f->error || x->is_broken)
                        continue;
                /* the end of input would say that this was all */
                say_error("cannot read %s: %s", job_stream_name(f->stream, name),
                          strerror(-f->error));
                x->is_broken = true;
                beam_job_cancel(x->job);
        }
}

/* output */

static void check_output(run *x) {
        for (size_t i = 0; i < x->output.n; i++) {
                job_stream *s = &x->output.streams[i];
                char name[24];

                if (!s->spout.error || x->is_closed[i])
                        continue;
                x->is_closed[i] = true;
                beam_job_close_output(x->job, s->number);
                if (s->spout.error == -EPIPE)
                        continue;
                say_error("cannot write %s: %s", job_stream_name(s->number, name),
                          strerror(-s->spout.error));
                x->is_broken = true;
        }
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
                check_output(x);
        }
        check_output(x);
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
        if (x->output.streams[0].spout.error == -EPIPE && status == 0)
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

/* One of ours that the job has as an input, an output or both. */
static int open_fd(run *x, const own_fds *e, unsigned number) {
        int fd = (int)number, r = 0;

        if (e->is_input[number]) {
                r = feed_open(&x->feeds[x->n_feeds++], fd, x->job, number);
                /* each way is closed by itself */
                fd = r == 0 && e->is_output[number] ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : fd;
        }
        if (r < 0 || fd < 0)
                return r < 0 ? r : -errno;
        if (e->is_output[number])
                job_output_add(&x->output, number, fd);
        return 0;
}

static int attend(run *x, const char *url, const own_fds *e, int64_t deadline) {
        int r, status;

        job_output_init(&x->output);
        r = x->fds[STDIN_FILENO] >= 0 ? 0
                                      : feed_open(&x->feeds[x->n_feeds++], STDIN_FILENO, x->job, 0);
        for (size_t i = 0; i < x->o->n_fds && r == 0 && !x->o->direct; i++)
                r = open_fd(x, e, x->o->fds[i]);
        if (r < 0)
                say_error("cannot hand over descriptors: %s", strerror(-r));
        status = r < 0 ? CLI_LOST : follow(x, url, deadline);
        job_output_deinit(&x->output);
        for (size_t i = 0; i < x->n_feeds; i++)
                feed_close(&x->feeds[i]);
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

        for (int i = 0; i < N_FDS; i++)
                x->fds[i] = may && i < STANDARD && fcntl(i, F_GETFD) >= 0 ? i : -1;
        for (size_t i = 0; may && i < x->o->n_fds; i++)
                x->fds[x->o->fds[i]] = (int)x->o->fds[i];
        return may;
}

static bool says_env(const cli_opts *o, const char *name) {
        size_t n = strlen(name);

        for (size_t i = 0; i < o->n_env; i++)
                if (strncmp(o->env[i], name, n) == 0 && (!o->env[i][n] || o->env[i][n] == '='))
                        return true;
        return false;
}

/* What the job goes on with as a part of the trace that we are part of. */
static int read_trace(const cli_opts *o, const char **ret, size_t *n) {
        static const char *const names[N_TRACE] = { "TRACEPARENT", "TRACESTATE" };

        for (size_t i = 0; i < N_TRACE; i++) {
                const char *value = getenv(names[i]);
                char *text;

                if (!value || says_env(o, names[i]))
                        continue;
                if (asprintf(&text, "%s=%s", names[i], value) < 0)
                        return -ENOMEM;
                ret[(*n)++] = text;
        }
        return 0;
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
        if (read_trace(o, ret, &n) < 0)
                return -ENOMEM;
        ret[n] = NULL;
        return 0;
}

static void add_number(char *text, size_t size, unsigned number) {
        size_t n = strlen(text);

        snprintf(text + n, size - n, ",%u", number);
}

/* CLI_MISUSE after saying that one is not open. */
static int look_at_fds(const cli_opts *o, own_fds *ret) {
        *ret = (own_fds){ .inputs = "0", .outputs = "1,2" };
        for (size_t i = 0; i < o->n_fds; i++) {
                unsigned number = o->fds[i];
                int flags = fcntl((int)number, F_GETFL);

                if (flags < 0) {
                        say_error("--fd %u: no such descriptor is open here, as %u< FILE would do",
                                  number, number);
                        return CLI_MISUSE;
                }
                ret->is_input[number] = (flags & O_ACCMODE) != O_WRONLY;
                ret->is_output[number] = (flags & O_ACCMODE) != O_RDONLY;
                if (ret->is_input[number])
                        add_number(ret->inputs, sizeof(ret->inputs), number);
                if (ret->is_output[number])
                        add_number(ret->outputs, sizeof(ret->outputs), number);
        }
        return CLI_DONE;
}

static int run_it(const cli_opts *o, int n_words, char **words) {
        static const char *env[CLI_ENV_MAX + N_TRACE + 1];
        static own_fds fds;
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
                .n_fds = has_fds ? N_FDS : 0,
                .inputs = o->n_fds && !o->direct ? fds.inputs : NULL,
                .outputs = o->n_fds && !o->direct ? fds.outputs : NULL,
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
        if ((o->direct || o->n_fds) && o->detach) {
                say_error("run --direct and --fd have streams here: no --detach");
                return CLI_MISUSE;
        }
        if (o->direct && o->n_fds && !has_fds) {
                say_error("run --direct hands over descriptors at unix: alone: no --fd");
                return CLI_MISUSE;
        }
        status = look_at_fds(o, &fds);
        if (status != CLI_DONE)
                return status;
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
                status = attend(&x, words[0], &fds, deadline);
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
