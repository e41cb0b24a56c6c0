/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rexec, the client: run a command over there as if it were here
 *
 *     rexec-server unix:/tmp/rexec.sock
 *     rexec unix:/tmp/rexec.sock tr a-z A-Z
 *
 * One message carries everything: the words of the command, a stream for each of its
 * three descriptors, and a channel for its status, with which this program exits.
 */

#include <beam/beam.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rexec.h"

static int make_request(char **words, beam_msg **ret) {
        size_t n = 0;
        char *data;
        int r;

        for (char **w = words; *w; w++)
                n += strlen(*w) + 1;
        r = beam_msg_new(NULL, n, ret);
        if (r < 0)
                return r;
        data = beam_msg_buffer(*ret);
        for (char **w = words; *w; w++)
                data = stpcpy(data, *w) + 1;
        return 0;
}

static void on_done(void *data, int r) {
        int *n_open = data;

        if (r < 0)
                fprintf(stderr, "rexec: output: %s\n", beam_strerror(r));
        if (--*n_open == 0)
                beam_loop_stop();
}

/* One end of a fresh stream goes into the request, the other is joined to our @fd. */
static int put_stream(beam_msg *msg, int fd, int *n_open) {
        beam_stream *here = NULL, *there = NULL;
        int r, own;

        r = beam_stream_pair(&here, &there);
        if (r < 0)
                return r;
        r = beam_msg_put_stream(msg, there);
        if (r < 0) {
                beam_stream_close(there);
                beam_stream_close(here);
                return r;
        }
        own = dup(fd);
        if (own < 0)
                r = -errno;
        else if (fd == STDIN_FILENO)
                r = beam_stream_join(here, own, -1, NULL, NULL);
        else
                r = beam_stream_join(here, -1, own, on_done, n_open);
        if (r < 0) {
                if (own >= 0)
                        close(own);
                beam_stream_close(here);
        } else if (fd != STDIN_FILENO) {
                (*n_open)++;
        }
        return r;
}

static int rexec(const char *url, char **words, int *ret_status) {
        int64_t soon = beam_after(10 * BEAM_SECOND);
        beam_session *s = NULL;
        beam_sender *tx = NULL, *status_tx = NULL;
        beam_receiver *status_rx = NULL;
        beam_msg *msg = NULL, *status = NULL;
        int r, n_open = 0;

        r = beam_dial(url, NULL, &s, soon);
        if (r == 0)
                r = beam_session_open(s, "rexec", 1, &tx, soon);
        if (r == 0)
                r = make_request(words, &msg);
        for (int fd = STDIN_FILENO; r >= 0 && fd <= STDERR_FILENO; fd++)
                r = put_stream(msg, fd, &n_open);
        if (r >= 0)
                r = beam_pipe(1, &status_tx, &status_rx);
        if (r >= 0)
                r = beam_msg_put_sender(msg, status_tx);
        if (r >= 0)
                r = beam_send(tx, msg, soon);

        /* Both outputs, then the status: it comes last. */
        while (r >= 0 && n_open > 0)
                r = beam_loop_run(BEAM_FOREVER);
        if (r >= 0)
                r = beam_recv(status_rx, &status, BEAM_FOREVER);
        if (r > 0) {
                size_t n;
                const char *text = beam_msg_data(status, &n);
                char number[16];

                snprintf(number, sizeof(number), "%.*s", (int)n, text);
                *ret_status = atoi(number);
        }
        beam_msg_free(status);
        beam_receiver_close(status_rx);
        beam_sender_close(tx);
        beam_session_close(s);
        beam_loop_dispatch(); /* our stdin, which is joined still, gets back its flags */
        return r > 0 ? 0 : r == 0 ? -EPIPE : r;
}

int main(int argc, char **argv) {
        int r, status = 1;

        if (argc < 3)
                return fputs("usage: rexec URL COMMAND [ARGUMENT...]\n", stderr), 2;
        r = rexec(argv[1], argv + 2, &status);
        if (r < 0)
                fprintf(stderr, "rexec: %s: %s\n", argv[1], beam_strerror(r));
        return r < 0 ? 1 : status;
}
