/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One run of a session: the input is eaten act by act, each the peer's or the program's. */

#include "chan/test-link.h"

enum {
        N_ENDS = 16, /* of each kind, that the program has at once */
        N_MSGS = 4,
        BATCH_MAX = 16 * 1024, /* bytes between two acts of the program */
};

typedef struct session_run {
        test_link link; /* first */
        session *s;     /* until the program closes it */
        const uint8_t *in;
        size_t n_in;

        bool dials, turns;
        size_t cut; /* 0: whole */
        uint64_t last_id;
        uint8_t batch[BATCH_MAX];
        size_t n_batch;

        mux_decoder said;
        beam_sender *tx[N_ENDS];
        beam_receiver *rx[N_ENDS];
        beam_stream *st[N_ENDS];
        beam_msg *msgs[N_MSGS];

        uint64_t fail_at; /* which allocation of what comes in next */
        bool failed;

        char *text;
        size_t n_text;
        int64_t n_made; /* messages, pipes, pairs of streams */
} session_run;

/* Into the text that has to be the same however the bytes were cut. */
__attribute__((format(printf, 2, 3))) void run_note(session_run *r, const char *fmt, ...);

/* The next byte of the input; 0 behind its end. */
uint8_t run_byte(session_run *r);

/* The loop, until all that follows from what was done has happened. */
void run_settle(void);

/* One act of the peer's: bytes for the batch. False if @act is none of its. */
enum { PEER_HELLO = 2 };
bool run_peer(session_run *r, uint8_t act);

/* One act of the program's. */
void run_program(session_run *r, uint8_t act);
/* It lets go of all that it has. */
void run_program_ends(session_run *r);
