/* SPDX-License-Identifier: Apache-2.0 */

/*
 * beam call URL [DATA]: one message, one answer
 *
 * This is beam_call() done by hand, since that one keeps the way back to itself, and
 * why a service closed it instead of answering is what one wants to read here.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "say.h"

static void freep(char **p) {
        free(*p);
}

static int make_question(const cli_opts *o, int n_words, char **words, beam_msg **ret) {
        _cleanup_(beam_msg_freep) beam_msg *msg = NULL;
        _cleanup_(freep) char *data = NULL;
        size_t n;
        int r;

        if (n_words == 2) {
                r = beam_msg_new(words[1], strlen(words[1]), &msg);
        } else {
                if (isatty(STDIN_FILENO))
                        say_note(o, "reading the message from the terminal; Ctrl-D ends it");
                r = cli_read_all(STDIN_FILENO, CLI_MESSAGE_MAX, &data, &n);
                if (r == -EMSGSIZE) {
                        say_error("stdin holds more than the 16 MiB of one message; "
                                  "`beam pipe` has no such limit");
                        return r;
                }
                if (r == 0)
                        r = beam_msg_new(data, n, &msg);
        }
        if (r == 0 && o->label)
                r = beam_msg_set_label(msg, o->label);
        if (r < 0) {
                say_error("cannot make the message: %s", beam_strerror(r));
                return r;
        }
        *ret = take_ptr(&msg);
        return 0;
}

static int print(const cli_opts *o, const beam_msg *answer) {
        size_t n;
        const char *data = beam_msg_data(answer, &n);
        say_json j;
        int r;

        if (o->json) {
                r = say_json_open(&j);
                if (r < 0)
                        return r;
                if (*beam_msg_label(answer))
                        say_json_text(&j, "label", beam_msg_label(answer));
                say_json_number(&j, "bytes", (long long)n);
                say_json_data(&j, "data", data, n);
                return say_json_close(&j, STDOUT_FILENO);
        }
        /* On a terminal the prompt should not stand right behind it. */
        if (!o->raw && n > 0 && data[n - 1] != '\n' && isatty(STDOUT_FILENO))
                return say_line(data, n);
        return say_bytes(data, n);
}

static int call(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_session_closep) beam_session *s = NULL;
        _cleanup_(beam_sender_closep) beam_sender *tx = NULL, *reply = NULL;
        _cleanup_(beam_receiver_closep) beam_receiver *back = NULL;
        _cleanup_(beam_msg_freep) beam_msg *msg = NULL, *answer = NULL;
        int64_t deadline = beam_after(o->timeout);
        beam_reason reason;
        int r, status;

        if (n_words < 1 || n_words > 2) {
                say_error("call wants a URL and the message, or the message on stdin; "
                          "see `beam help call`");
                return CLI_MISUSE;
        }

        r = make_question(o, n_words, words, &msg);
        if (r < 0)
                return r == -EMSGSIZE ? CLI_MISUSE : CLI_FAILED;
        status = cli_dial(words[0], o, &s, deadline);
        if (status != CLI_DONE)
                return status;

        r = beam_session_open(s, o->service, 1, &tx, deadline);
        if (r == 0)
                r = beam_pipe(1, &reply, &back);
        if (r == 0)
                r = beam_msg_put_sender(msg, reply);
        if (r < 0)
                return cli_failed("calling", words[0], r, NULL);
        reply = NULL;
        beam_msg_set_deadline(msg, deadline);

        r = beam_send(tx, msg, deadline);
        if (r < 0)
                return cli_failed("calling", words[0], r,
                                  beam_sender_reason(tx, &reason) > 0 ? &reason : NULL);
        msg = NULL;

        r = beam_recv(back, &answer, deadline);
        if (r <= 0) {
                bool said = beam_receiver_reason(back, &reason) > 0;

                /* A service that refused the whole channel dropped our way back unread:
                 * what it said about the channel is the better reason. */
                if (!said || reason.code == BEAM_CODE_NONE || reason.code == BEAM_CODE_GONE) {
                        beam_reason other;

                        if (beam_sender_reason(tx, &other) > 0 && other.code != BEAM_CODE_NONE) {
                                reason = other;
                                said = true;
                        }
                }
                if (r == 0)
                        say_error("calling %s: the service closed the way back without an answer",
                                  words[0]);
                return r == 0 ? CLI_FAILED
                              : cli_failed("calling", words[0], r, said ? &reason : NULL);
        }

        r = print(o, answer);
        if (r < 0 && r != -EPIPE)
                say_error("cannot write to stdout: %s", strerror(-r));
        return r < 0 ? CLI_FAILED : CLI_DONE;
}

const cli_command cmd_call = {
        .name = "call",
        .bit = CLI_CALL,
        .synopsis = "URL [DATA]",
        .summary = "Send one message with a way back, print the answer",
        .text = "The message is DATA, or what stdin holds. With --timeout the deadline travels\n"
                "with it, and the service may give up then too. When the service closes the way\n"
                "back instead of answering, its reason is printed and the status is 1, or 124 "
                "if\n"
                "the reason is the time.\n",
        .run = call,
};
