/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is held: memory of idle sessions and idle channels, and how long it takes to
 * open and close many. Counted in each process by what malloc() has handed out, after
 * the first session and its channel are there, so that what a process needs once is
 * not divided by many.
 */

#include <stdlib.h>

#include "beam-side.h"

static void sessions_run(bench *b, uint64_t n) {
        beam_session **all = calloc(n, sizeof(*all));
        char url[128];
        size_t before;
        end *e = b->own;
        uint64_t i;

        if (!all)
                abort();
        end_url(b, url, sizeof(url));
        before = bench_heap();
        for (i = 0; i < n; i++)
                if (b->side == 0)
                        bench_check(b, "dial", beam_dial(url, NULL, &all[i], BEAM_FOREVER));
                else
                        bench_check(b, "accept", beam_accept(e->listener, &all[i], BEAM_FOREVER));
        b->shared->value[b->side] = ((double)bench_heap() - (double)before) / (double)n;
}

enum { N_AT_ONCE = 100 };

/* Each channel has carried one message; then it lies idle. So few are opened at once that
 * what the process keeps for messages that come in a hurry is not counted with them. */
static void channels_run(bench *b, uint64_t n) {
        void **all = calloc(n, sizeof(*all));
        end *e = b->own;
        beam_receiver *rx;
        beam_sender *tx;
        size_t before;
        beam_msg *m;
        uint64_t i;

        if (!all)
                abort();
        before = bench_heap();
        if (b->side == 0) {
                for (i = 0; i < n; i++) {
                        bench_check(b, "open",
                                    beam_session_open(e->session, NULL, 16, &tx, BEAM_FOREVER));
                        end_put(b, tx);
                        all[i] = tx;
                        if ((i + 1) % N_AT_ONCE == 0)
                                end_hear_done(b, e->rx);
                }
        } else {
                for (i = 0; i < n; i++) {
                        if (bench_check(b, "accept",
                                        beam_session_accept(e->session, &m, BEAM_FOREVER)) == 0)
                                bench_fail(b, "accept", "the session ended");
                        rx = beam_msg_take_receiver(m, 0);
                        beam_msg_free(m);
                        end_take(b, rx);
                        all[i] = rx;
                        if ((i + 1) % N_AT_ONCE == 0)
                                end_say_done(b, e->tx);
                }
        }
        b->shared->value[b->side] = ((double)bench_heap() - (double)before) / (double)n;
}

/* All open at once, then all closed. */
static void open_close_run(bench *b, uint64_t n) {
        void **all = calloc(n, sizeof(*all));
        end *e = b->own;
        beam_sender *tx;
        beam_msg *m;
        uint64_t i;

        if (!all)
                abort();
        if (b->side == 0) {
                for (i = 0; i < n; i++) {
                        bench_check(b, "open",
                                    beam_session_open(e->session, NULL, 16, &tx, BEAM_FOREVER));
                        all[i] = tx;
                }
                for (i = 0; i < n; i++)
                        beam_sender_close(all[i]);
                end_hear_done(b, e->rx);
        } else {
                for (i = 0; i < n; i++) {
                        if (bench_check(b, "accept",
                                        beam_session_accept(e->session, &m, BEAM_FOREVER)) == 0)
                                bench_fail(b, "accept", "the session ended");
                        all[i] = beam_msg_take_receiver(m, 0);
                        beam_msg_free(m);
                }
                for (i = 0; i < n; i++)
                        beam_receiver_close(all[i]);
                end_say_done(b, e->tx);
        }
}

#define HELD(link_, name_, amount_, run_)                                                \
        {                                                                                \
                .name = link_ "-" name_, .shape = BENCH_ONCE, .link = link_, .size = 64, \
                .depth = 16, .amount = amount_, .a = { .open = end_open, .run = run_ },  \
                .b = {.listen = end_listen,                                              \
                      .open = end_open,                                                  \
                      .run = run_ }                                                      \
        }

const bench_case beam_held_cases[] = {
        { .name = "unix-sessions",
          .shape = BENCH_ONCE,
          .link = "unix",
          .size = 64,
          .depth = 16,
          .amount = 1000,
          .mode = LISTENING,
          .a = { .open = end_open, .run = sessions_run },
          .b = { .listen = end_listen, .open = end_open, .run = sessions_run } },
        HELD("unix", "channels", 10000, channels_run),
        HELD("unix", "open-close", 10000, open_close_run),
        HELD("tcp", "open-close", 10000, open_close_run),
};
const size_t n_beam_held_cases = sizeof(beam_held_cases) / sizeof(*beam_held_cases);
