/* SPDX-License-Identifier: Apache-2.0 */

/* beam send URL [DATA...]: messages one way, and word of what was taken. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "say.h"
#include "wait.h"

typedef struct sending {
        const cli_opts *o;
        const char *url;
        beam_session *s;
        beam_sender *tx;
        int64_t deadline;
        uint64_t n_sent;
} sending;

static void sending_deinit(sending *x) {
        x->tx = beam_sender_close(x->tx);
        x->s = beam_session_close(x->s);
}

static int send_one(sending *x, const char *data, size_t n) {
        _cleanup_(beam_msg_freep) beam_msg *msg = NULL;
        int r;

        r = beam_msg_new(data, n, &msg);
        if (r == 0 && x->o->label)
                r = beam_msg_set_label(msg, x->o->label);
        if (r == 0)
                r = beam_send(x->tx, msg, x->deadline);
        if (r == 0) {
                msg = NULL;
                x->n_sent++;
        }
        return r;
}

/* What is read at once leaves at once; while nothing is there to be read, nothing of
 * ours waits in a buffer. A last line without a newline is a message too. */
static int send_lines(sending *x) {
        size_t n = 0, size = 64 * 1024;
        char *buf = malloc(size);
        int r = 0;

        if (!buf)
                return -ENOMEM;
        for (bool end = false; !end && r == 0;) {
                char *p = buf, *newline;
                ssize_t k;

                if (n == size) {
                        char *more;

                        if (size > CLI_MESSAGE_MAX) {
                                r = -EMSGSIZE;
                                break;
                        }
                        more = realloc(buf, 2 * size);
                        if (!more) {
                                r = -ENOMEM;
                                break;
                        }
                        p = buf = more;
                        size *= 2;
                }

                r = wait_readable(STDIN_FILENO, x->deadline);
                if (r <= 0)
                        break; /* told to stop, or out of time: with what was sent so far */
                k = read(STDIN_FILENO, buf + n, size - n);
                r = k < 0 && errno != EINTR && errno != EAGAIN ? -errno : 0;
                if (k < 0)
                        continue;
                end = k == 0;

                beam_cork();
                newline = memchr(buf + n, '\n', (size_t)k);
                n += (size_t)k;
                while (newline && r == 0) {
                        r = send_one(x, p, (size_t)(newline - p));
                        p = newline + 1;
                        newline = memchr(p, '\n', n - (size_t)(p - buf));
                }
                n -= (size_t)(p - buf);
                memmove(buf, p, n);
                if (end && n > 0 && r == 0)
                        r = send_one(x, buf, n);
                (void)beam_uncork(x->deadline); /* a lost link shows at the next call */
        }
        free(buf);
        return r;
}

static int report(const sending *x) {
        say_json j;
        int r;

        if (!x->o->json) {
                say_note(x->o, "%llu taken at %s", (unsigned long long)x->n_sent, x->url);
                return CLI_DONE;
        }
        r = say_json_open(&j);
        if (r < 0)
                return CLI_FAILED;
        say_json_text(&j, "url", x->url);
        say_json_number(&j, "taken", (long long)x->n_sent);
        return say_json_close(&j, STDOUT_FILENO) < 0 ? CLI_FAILED : CLI_DONE;
}

static int send_all(const cli_opts *o, int n_words, char **words) {
        _cleanup_(sending_deinit) sending x = { .o = o, .deadline = beam_after(o->timeout) };
        beam_reason reason;
        int r, status;

        if (n_words < 1) {
                say_error("send wants a URL, and messages or lines on stdin; see `beam help send`");
                return CLI_MISUSE;
        }
        x.url = words[0];
        r = wait_init();
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_FAILED;
        }
        status = cli_dial(x.url, o, &x.s, x.deadline);
        if (status != CLI_DONE)
                return status;

        r = beam_session_open(x.s, o->service, o->depth, &x.tx, x.deadline);
        for (int i = 1; i < n_words && r == 0; i++)
                r = send_one(&x, words[i], strlen(words[i]));
        if (n_words == 1 && r == 0)
                r = send_lines(&x);
        if (r == 0 && x.tx)
                r = beam_sender_drain(x.tx, x.deadline);
        if (r < 0) {
                status = cli_failed("sending to", x.url, r,
                                    x.tx && beam_sender_reason(x.tx, &reason) > 0 ? &reason : NULL);
                say_error("%llu had been sent; whether the last of them were taken is not known",
                          (unsigned long long)x.n_sent);
                return status;
        }

        /* Orderly, so that the other side sees an end and not a lost link. */
        x.tx = beam_sender_close(x.tx);
        (void)beam_session_drain(x.s, beam_after(BEAM_SECOND));
        status = report(&x);
        if (wait_stops())
                wait_die();
        return status;
}

const cli_command cmd_send = {
        .name = "send",
        .bit = CLI_SEND,
        .synopsis = "URL [DATA...]",
        .summary = "Send messages one way, wait until they are taken",
        .text = "Each DATA is a message; without any, each line of stdin is one. The status is 0\n"
                "only when the other side has taken them all.\n",
        .run = send_all,
};
