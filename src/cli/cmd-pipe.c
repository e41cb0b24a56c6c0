/* SPDX-License-Identifier: Apache-2.0 */

/* beam pipe URL: a duplex byte stream on stdin and stdout. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "say.h"
#include "wait.h"

typedef struct joint {
        beam_stream *st;
        bool over;
        int r;
        bool said;
        beam_reason reason;
        char text[256];
} joint;

static void on_done(void *data, int r) {
        joint *j = data;

        j->over = true;
        j->r = r;
        j->said = beam_stream_reason(j->st, &j->reason) > 0;
        if (j->said) {
                strncpy(j->text, j->reason.text, sizeof(j->text) - 1);
                j->reason.text = j->text;
        }
        j->st = NULL; /* gone with the return */
}

/* A descriptor of its own for what is at @fd, and /dev/null there: when the stream
 * closes its one, no other keeps the pipe open, so its end is seen. */
static int move_away(int fd) {
        int null, moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        if (moved < 0)
                return -errno;
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || dup2(null, fd) < 0) {
                int r = -errno;

                close(moved);
                if (null >= 0)
                        close(null);
                return r;
        }
        close(null);
        return moved;
}

static void closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

/* On stderr, since stdout is the stream's. */
static int report(const cli_opts *o, const char *url) {
        say_json json;
        int r;

        if (!o->json) {
                say_note(o, "all was taken at %s", url);
                return CLI_DONE;
        }
        r = say_json_open(&json);
        if (r < 0)
                return CLI_FAILED;
        say_json_text(&json, "url", url);
        say_json_text(&json, "taken", "all");
        return say_json_close(&json, STDERR_FILENO) < 0 ? CLI_FAILED : CLI_DONE;
}

static int pipe_through(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_session_closep) beam_session *s = NULL;
        _cleanup_(closep) int in = -1, out = -1;
        int64_t deadline = beam_after(o->timeout);
        joint j = { 0 };
        int r, status;

        if (n_words != 1) {
                say_error("pipe wants one URL; see `beam help pipe`");
                return CLI_MISUSE;
        }
        r = wait_init();
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_FAILED;
        }
        status = cli_dial(words[0], o, &s, deadline);
        if (status != CLI_DONE)
                return status;

        r = beam_session_open_stream(s, o->service, &j.st, deadline);
        if (r < 0)
                return cli_failed("opening a stream at", words[0], r, NULL);
        in = move_away(STDIN_FILENO);
        out = move_away(STDOUT_FILENO);
        r = in < 0 ? in : out < 0 ? out : beam_stream_join(j.st, in, out, on_done, &j);
        if (r < 0) {
                say_error("cannot join stdin and stdout: %s", beam_strerror(r));
                j.st = beam_stream_close(j.st);
                return CLI_FAILED;
        }
        in = out = -1;

        while (!j.over && !wait_stops() && beam_now() < deadline && wait_turn(deadline) >= 0)
                ;
        if (!j.over) {
                int64_t soon = beam_after(BEAM_SECOND);

                /* A turn more or two, in which stdin and stdout get back the flags that
                 * they had: others share them, a shell on its terminal for one. */
                s = beam_session_close(s);
                while (!j.over && beam_now() < soon && wait_turn(soon) >= 0)
                        ;
                say_error("piping through %s: %s; how much arrived is not known", words[0],
                          wait_stops() ? "interrupted" : "not done in time");
                if (wait_stops())
                        wait_die();
                return CLI_TIMEOUT;
        }
        if (j.r == 0)
                j.r = beam_session_drain(s, deadline);
        if (j.r < 0)
                return cli_failed("piping through", words[0], j.r, j.said ? &j.reason : NULL);
        return report(o, words[0]);
}

const cli_command cmd_pipe = {
        .name = "pipe",
        .bit = CLI_PIPE,
        .synopsis = "URL",
        .summary = "Put a duplex stream on stdin and stdout",
        .text = "What comes on stdin goes to the service, what the service sends goes to stdout;\n"
                "the end of one does not end the other. The status is 0 only when all of stdin "
                "was\n"
                "taken there, the service ended well, and all it sent was written.\n",
        .run = pipe_through,
};
