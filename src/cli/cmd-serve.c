/* SPDX-License-Identifier: Apache-2.0 */

/*
 * beam serve URL -- CMD [ARG...]: a child for each message or stream, as inetd does it
 *
 * What comes         stdin of the child        stdout of the child
 * a message          its bytes, as a file      the answer; our stdout if it has no way back
 * a stream           the stream                the stream
 * a reader           nothing                   each line a message
 *
 * A child that fails fails what it was started for: the way back is closed with a code
 * and the reason in words, after what it had written. Who asked and goes away ends his
 * child. jobs.c has the life of one of them.
 */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "child.h"
#include "cli.h"
#include "jobs.h"
#include "say.h"
#include "server.h"
#include "wait.h"

/* The last wait after SIGKILL: the kernel needs a moment to take them away. */
#define KILL_WAIT (2 * BEAM_SECOND)

static bool may_take(void *data) {
        const jobs *x = data;

        return jobs_may_start(x);
}

static void on_message(void *data, server_link *l, const char *service, beam_msg *msg) {
        jobs_message(data, l, service, msg);
}

static void on_stream(void *data, server_link *l, const char *service, beam_stream *st) {
        jobs_stream(data, l, service, st);
}

static void on_reader(void *data, server_link *l, const char *service, beam_sender *tx) {
        jobs_reader(data, l, service, tx);
}

static void on_gone(void *data, server_link *l) {
        jobs_gone(data, l);
}

static int serve(const cli_opts *o, int n_words, char **words) {
        static const server_acts acts = {
                .may_take = may_take,
                .message = on_message,
                .stream = on_stream,
                .reader = on_reader,
                .gone = on_gone,
        };
        _cleanup_(jobs_deinit) jobs x = { 0 };
        _cleanup_(server_deinit) server s = { 0 }; /* ends first, and calls into the jobs */
        int64_t end;
        int r, status;

        if (n_words != 1 || (!o->echo && (!o->command || !o->command[0])) ||
            (o->echo && o->command)) {
                say_error("serve wants a URL and either -- CMD [ARG...] or --echo; "
                          "see `beam help serve`");
                return CLI_MISUSE;
        }
        if (!o->echo && (r = child_find(o->command[0])) < 0) {
                say_error("cannot run %s: %s", o->command[0], strerror(-r));
                return CLI_MISUSE;
        }
        r = wait_init();
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_FAILED;
        }

        jobs_init(&x, o, &s);
        status = server_listen(&s, words[0], o, &acts, &x);
        if (status != CLI_DONE)
                return status;
        say_note(o, "serving %s at %s, try: beam call %s hello", o->echo ? "echo" : o->command[0],
                 beam_listener_url(s.l), beam_listener_url(s.l));

        while (!wait_stops() && !server_is_over(&s)) {
                if (server_turn(&s, jobs_wake(&x)) < 0)
                        return CLI_FAILED;
                jobs_step(&x);
        }

        server_end(&s);
        end = beam_after(o->grace);
        while (!server_is_over(&s) && beam_now() < end && wait_stops() < 2) {
                if (server_turn(&s, jobs_wake(&x) < end ? jobs_wake(&x) : end) < 0)
                        return CLI_FAILED;
                jobs_step(&x);
        }
        if (server_is_over(&s))
                return CLI_DONE;

        say_error("ending after --grace, with %zu still under way", x.n);
        jobs_kill(&x);
        end = beam_after(KILL_WAIT);
        while (x.n > 0 && beam_now() < end && server_turn(&s, end) >= 0)
                jobs_step(&x);
        return CLI_FAILED;
}

const cli_command cmd_serve = {
        .name = "serve",
        .bit = CLI_SERVE,
        .synopsis = "URL -- CMD [ARG...] | --echo",
        .summary = "Serve each message or stream with a child",
        .text = "CMD runs once for each message, with its bytes on stdin; what it prints is the\n"
                "answer, or goes to our stdout if nobody waits for one. It runs once for each\n"
                "stream, with stdin and stdout joined to it, and once for each reader (`beam recv\n"
                "--dial`), to whom each line goes as a message. A status other than 0 closes the "
                "way\n"
                "back with code 256 + status and the reason \"exited N\". In its environment:\n"
                "BEAM_SERVICE, BEAM_PEER, BEAM_PEER_UID, BEAM_LABEL.\n"
                "SIGTERM and SIGINT: nothing new is taken, and what is open may go on for "
                "--grace.\n",
        .run = serve,
};
