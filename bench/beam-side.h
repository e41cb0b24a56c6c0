/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the Beam cases have in common. */

#include <beam/beam.h>
#include <string.h>

#include "bench.h"

extern const bench_case beam_mem_cases[], beam_link_cases[], beam_held_cases[];
extern const size_t n_beam_mem_cases, n_beam_link_cases, n_beam_held_cases;

enum { LISTENING = 1 }; /* mode: side b goes on listening */

/* One side's ends. */
typedef struct end {
        beam_listener *listener;
        beam_session *session;
        beam_sender *tx;
        beam_receiver *rx;
        beam_stream *st;
        uint8_t *large;
        int null; /* a descriptor to hand on duplicates of */
} end;

/* listen and open over b->c->link: a has tx to b, b has tx to a, by one session. */
void end_listen(bench *b);
void end_open(bench *b);

/* Where b listens. */
void end_url(const bench *b, char *ret, size_t n);

static inline void end_put(bench *b, beam_sender *tx) {
        beam_msg *m;

        bench_check(b, "msg", beam_msg_new(bench_next(b), 64, &m));
        bench_check(b, "send", beam_send(tx, m, BEAM_FOREVER));
}

static inline void end_take(bench *b, beam_receiver *rx) {
        beam_msg *m;
        size_t n;
        int r;

        r = bench_check(b, "recv", beam_recv(rx, &m, BEAM_FOREVER));
        if (r == 0)
                bench_fail(b, "recv", "the end came early");
        bench_sum(b, beam_msg_data(m, &n));
        if (n != b->c->size)
                bench_fail(b, "recv", "a message of another size");
        beam_msg_free(m);
}

/* The last word of a pass: side a stays in its loop until b has everything. */
static inline void end_say_done(bench *b, beam_sender *tx) {
        beam_msg *m;

        bench_check(b, "msg", beam_msg_new("done", 4, &m));
        bench_check(b, "send", beam_send(tx, m, BEAM_FOREVER));
}

static inline void end_hear_done(bench *b, beam_receiver *rx) {
        beam_msg *m;

        if (bench_check(b, "recv", beam_recv(rx, &m, BEAM_FOREVER)) == 0)
                bench_fail(b, "recv", "the end came early");
        beam_msg_free(m);
}
