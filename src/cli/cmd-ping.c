/* SPDX-License-Identifier: Apache-2.0 */

/* beam ping URL: how long a ping takes there and back. */

#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "say.h"

static int ping(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_session_closep) beam_session *s = NULL;
        int64_t deadline = beam_after(o->timeout), least = INT64_MAX, most = 0, sum = 0;
        uint64_t n = o->count ? o->count : 1;
        beam_reason reason = { 0 };
        int r, status;

        if (n_words != 1) {
                say_error("ping wants one URL; see `beam help ping`");
                return CLI_MISUSE;
        }

        status = cli_dial(words[0], o, &s, deadline);
        if (status != CLI_DONE)
                return status;

        for (uint64_t i = 0; i < n; i++) {
                int64_t rtt;
                say_json j;

                r = beam_session_ping(s, &rtt, deadline);
                if (r < 0) {
                        (void)beam_session_state(s, &reason);
                        return cli_failed("pinging", words[0], r, reason.text ? &reason : NULL);
                }
                least = rtt < least ? rtt : least;
                most = rtt > most ? rtt : most;
                sum += rtt;
                if (o->json) {
                        r = say_json_open(&j);
                        if (r < 0)
                                return CLI_FAILED;
                        say_json_text(&j, "url", words[0]);
                        say_json_real(&j, "us", (double)rtt / 1e3);
                        r = say_json_close(&j, STDOUT_FILENO);
                } else {
                        r = printf("%s: %.1f us\n", words[0], (double)rtt / 1e3) < 0 ||
                            fflush(stdout);
                }
                if (r != 0)
                        return CLI_FAILED;
        }
        if (n > 1)
                say_note(o, "%llu pings: least %.1f, mean %.1f, most %.1f us",
                         (unsigned long long)n, (double)least / 1e3, (double)sum / 1e3 / (double)n,
                         (double)most / 1e3);
        return CLI_DONE;
}

const cli_command cmd_ping = {
        .name = "ping",
        .bit = CLI_PING,
        .synopsis = "URL",
        .summary = "Say how long a ping takes there and back",
        .text = "Reaches URL, says hello, and pings: once, or --count times.\n",
        .run = ping,
};
