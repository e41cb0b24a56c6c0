/* SPDX-License-Identifier: Apache-2.0 */

/* beam recv URL: print the messages that come. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "say.h"
#include "server.h"
#include "wait.h"

typedef struct printing {
        const cli_opts *o;
        uint64_t n;
        int error; /* of stdout */
} printing;

static bool is_enough(const printing *p) {
        return p->error < 0 || (p->o->count && p->n >= p->o->count);
}

static int print(const cli_opts *o, const char *peer, const char *service, const beam_msg *msg) {
        size_t n;
        const char *data = beam_msg_data(msg, &n);
        say_json j;
        int r;

        if (o->json) {
                r = say_json_open(&j);
                if (r < 0)
                        return r;
                say_json_text(&j, "peer", peer);
                say_json_text(&j, "service", service);
                if (*beam_msg_label(msg))
                        say_json_text(&j, "label", beam_msg_label(msg));
                say_json_number(&j, "things", (long long)beam_msg_things(msg));
                say_json_number(&j, "bytes", (long long)n);
                say_json_data(&j, "data", data, n);
                return say_json_close(&j, STDOUT_FILENO);
        }
        return o->raw ? say_bytes(data, n) : say_line(data, n);
}

static bool may_take(void *data) {
        return !is_enough(data);
}

static void on_message(void *data, server_link *l, const char *service, beam_msg *msg) {
        printing *p = data;

        p->error = print(p->o, l->peer.address, service, msg);
        p->n++;
        beam_msg_free(msg);
}

static int finish(const printing *p, int64_t deadline) {
        if (p->error == -EPIPE)
                return CLI_DONE; /* whoever read our stdout has enough */
        if (p->error < 0) {
                say_error("cannot write to stdout: %s", strerror(-p->error));
                return CLI_FAILED;
        }
        if (p->o->count && p->n < p->o->count && beam_now() >= deadline) {
                say_error("%llu of %llu messages came in time", (unsigned long long)p->n,
                          (unsigned long long)p->o->count);
                return CLI_TIMEOUT;
        }
        return beam_now() >= deadline && !p->o->count ? CLI_TIMEOUT : CLI_DONE;
}

static int listen_and_print(const cli_opts *o, const char *url) {
        static const server_acts acts = { .may_take = may_take, .message = on_message };
        _cleanup_(server_deinit) server s = { 0 };
        int64_t deadline = beam_after(o->timeout), end;
        printing p = { .o = o };
        int status;

        status = server_listen(&s, url, o, &acts, &p);
        if (status != CLI_DONE)
                return status;
        say_note(o, "waiting for messages at %s, try: beam send %s hello", beam_listener_url(s.l),
                 beam_listener_url(s.l));

        while (!is_enough(&p) && !wait_stops() && !server_is_over(&s) && beam_now() < deadline)
                if (server_turn(&s, deadline) < 0)
                        break;
        status = finish(&p, deadline);

        /* So that a sender who waits until all is taken learns what was. */
        server_end(&s);
        end = beam_after(o->grace);
        while (!server_is_over(&s) && beam_now() < end && wait_stops() < 2)
                if (server_turn(&s, end) < 0)
                        break;
        return status;
}

static void noted(void *data, beam_receiver *rx) {
        (void)data;
        (void)rx;
}

static int dial_and_print(const cli_opts *o, const char *url) {
        _cleanup_(beam_session_closep) beam_session *s = NULL;
        _cleanup_(beam_receiver_closep) beam_receiver *rx = NULL;
        int64_t deadline = beam_after(o->timeout);
        printing p = { .o = o };
        beam_reason reason;
        int r, status;

        status = cli_dial(url, o, &s, deadline);
        if (status != CLI_DONE)
                return status;
        r = beam_session_open_receiver(s, o->service, o->depth, &rx, deadline);
        if (r == 0)
                r = beam_receiver_watch(rx, noted, NULL);
        if (r < 0)
                return cli_failed("receiving from", url, r, NULL);

        while (!is_enough(&p) && !wait_stops()) {
                _cleanup_(beam_msg_freep) beam_msg *msg = NULL;

                r = beam_recv(rx, &msg, BEAM_NOW);
                if (r == 0)
                        return CLI_DONE;
                if (r == -ETIMEDOUT && beam_now() >= deadline)
                        return finish(&p, deadline);
                if (r == -ETIMEDOUT) {
                        r = wait_turn(deadline);
                        if (r < 0)
                                return CLI_FAILED;
                        continue;
                }
                if (r < 0)
                        return cli_failed("receiving from", url, r,
                                          beam_receiver_reason(rx, &reason) > 0 ? &reason : NULL);
                p.error = print(o, url, o->service ? o->service : "", msg);
                p.n++;
        }
        status = finish(&p, BEAM_FOREVER);
        rx = beam_receiver_fail(rx, BEAM_CODE_CANCELED, "enough");
        (void)beam_session_drain(s, beam_after(BEAM_SECOND));
        return status;
}

static int recv_all(const cli_opts *o, int n_words, char **words) {
        int r;

        if (n_words != 1) {
                say_error("recv wants one URL; see `beam help recv`");
                return CLI_MISUSE;
        }
        r = wait_init();
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_FAILED;
        }
        return o->dial ? dial_and_print(o, words[0]) : listen_and_print(o, words[0]);
}

const cli_command cmd_recv = {
        .name = "recv",
        .bit = CLI_RECV,
        .synopsis = "URL",
        .summary = "Listen at URL, print the messages that come",
        .text = "Each message is printed with a newline behind it. With --dial it connects to URL\n"
                "instead and reads what the service there sends, until that ends.\n",
        .run = recv_all,
};
