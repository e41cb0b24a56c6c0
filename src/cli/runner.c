/* SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "say.h"
#include "wait.h"

static void freep(char **p) {
        free(*p);
}

/* The link is there, or was lost. Whom nobody could reach yet is not waited for unless --wait
 * says so; later it is. */
static void on_told(void *data, int r) {
        runner *x = data;

        if (r == 0) {
                say_note(x->o, "taking jobs from %s", x->url);
                x->is_linked = true;
        } else if (x->is_linked) {
                say_error("lost %s: %s; what ran is ended, and it is looked for again", x->url,
                          beam_strerror(r));
                x->is_linked = false;
        } else if (!x->o->wait) {
                x->status = cli_unreachable_context(x->url, r);
                beam_loop_stop();
        }
}

static void on_stopped(void *data) {
        runner *x = data;

        x->is_stopped = true;
}

static int refuse(const char *text, int r) {
        switch (r) {
        case -ENOENT:
                say_error("%s cannot be allowed: there is no such program; NAME=/PATH says where",
                          text);
                break;
        case -EEXIST:
                say_error("%s cannot be allowed: that name has been", text);
                break;
        case -EINVAL:
                say_error("%s cannot be allowed: it has to be NAME or NAME=PROGRAM, and a NAME "
                          "without a slash",
                          text);
                break;
        default:
                say_error("%s cannot be allowed: %s", text, strerror(-r));
        }
        return CLI_MISUSE;
}

/* Names with commas between them. */
static int allow(runner *x, const char *text) {
        for (int r = 0; *text; text += *text == ',') {
                size_t n = strcspn(text, ",");
                _cleanup_(freep) char *one = strndup(text, n);

                r = one ? beam_worker_allow(x->worker, one) : -ENOMEM;
                if (r < 0)
                        return refuse(one ? one : text, r);
                text += n;
        }
        return CLI_DONE;
}

/* What may be asked for beside names. */
static int misled(int r) {
        switch (r) {
        case -ENOENT:
                say_error("--user has to be a user that there is here");
                return CLI_MISUSE;
        case -EINVAL:
                say_error("--limit has to be NAME=N or NAME=SOFT:HARD, as nofile=1024; the names "
                          "are those of setrlimit(2), without their RLIMIT_");
                return CLI_MISUSE;
        case -EEXIST:
                say_error("--limit has said one NAME twice");
                return CLI_MISUSE;
        default:
                say_error("cannot make a worker: %s", beam_strerror(r));
                return CLI_FAILED;
        }
}

int runner_check(const cli_opts *o) {
        struct stat st;
        int r = 0;

        if (!o->directory)
                return CLI_DONE;
        if (stat(o->directory, &st) < 0)
                r = errno;
        else if (!S_ISDIR(st.st_mode))
                r = ENOTDIR;
        else if (access(o->directory, X_OK) < 0)
                r = errno;
        if (r == 0)
                return CLI_DONE;
        say_error("jobs cannot run in %s: %s", o->directory, strerror(r));
        return CLI_MISUSE;
}

int runner_new(runner *x, const cli_opts *o, const char *url) {
        const beam_worker_options opt = {
                .size = sizeof(opt),
                .n_jobs = o->n_jobs,
                .cwd = o->directory,
                .users = o->users,
                .limits = o->limits,
                .user = o->service,
                /* a context is had by its name alone, but that is said with some password */
                .password = o->password || !o->service ? o->password : "",
                .told = on_told,
                .stopped = on_stopped,
                .data = x,
        };
        int r, status = CLI_DONE;

        *x = (runner){ .o = o, .url = url };
        r = beam_worker_new(&opt, &x->worker);
        if (r < 0)
                return misled(r);
        for (size_t i = 0; i < o->n_allow && status == CLI_DONE; i++)
                status = allow(x, o->allow[i]);
        return status;
}

void runner_free(runner *x) {
        x->worker = beam_worker_free(x->worker);
}

int runner_status(const runner *x) {
        return x->status;
}

void runner_end(runner *x) {
        unsigned stops = wait_stops();
        int64_t end;

        if (!x->worker)
                return;
        end = beam_after(x->o->grace);
        (void)beam_worker_stop(x->worker);
        while (!x->is_stopped && wait_stops() == stops && beam_now() < end)
                if (wait_turn(end) < 0)
                        return;
        if (!x->is_stopped)
                say_error("ending what runs, %s",
                          wait_stops() == stops ? "after --grace" : "as told once more");
        (void)beam_worker_cancel(x->worker);
        while (!x->is_stopped && wait_stops() < stops + 2)
                if (wait_turn(BEAM_FOREVER) < 0)
                        return;
}
