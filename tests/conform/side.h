/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One side of a conversation under test
 *
 * A side owns a session and what came of it, in numbered slots. What it does, it
 * does in steps: a function and a struct of values that goes in and comes back.
 * A step may run at once, in another thread, or in a process that was forked
 * before, so it says everything by value; the slots stay where the side is.
 */

#include <beam/beam.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

enum { N_SLOTS = 16, N_VALUES = 8, TEXT_SIZE = 400 };

#define NOW INT64_C(0)                   /* how long a step may wait: not at all, */
#define SHORT (BEAM_SECOND / 50)         /* so long that nothing will come any more, */
#define LONG (INT64_C(10) * BEAM_SECOND) /* and so long that not coming is a bug */

typedef struct call {
        int r;
        int64_t n[N_VALUES];
        char text[TEXT_SIZE]; /* of messages, names and reasons */
        size_t n_text;
        char label[BEAM_LABEL_MAX + 1];
} call;

typedef struct side {
        const char *name;
        int idle_fd;          /* where the next step will come from, -1 if it is just called */
        bool own_loop;        /* while idle its loop has to be driven */
        beam_session *s, *s2; /* to the other side; of the one in the middle: to A, to B */
        beam_listener *l, *l2;
        beam_sender *tx[N_SLOTS];
        beam_receiver *rx[N_SLOTS];
        beam_stream *st[N_SLOTS];
        beam_msg *msg[N_SLOTS];
        int fd[N_SLOTS];
        _Atomic int64_t *progress; /* shared with who watches */
        const beam_options *opt;
        void *own; /* a law's own */
} side;

typedef void step(side *s, call *c);

void side_init(side *s, const char *name);
void side_deinit(side *s); /* closes what is left in the slots */

/* Wait until @fd can be read, and have the loop of this thread move on meanwhile. */
void side_wait(side *s, int fd);
void side_wait_for(side *s, int fd, short events);

/* The deadline that is @wait from now, for the values above; under a sanitizer the last
 * of them is longer. */
int64_t until(int64_t wait);

/* The deterministic byte at @at of a run named @seed, to know data again. */
uint8_t pattern(uint64_t seed, uint64_t at);
void pattern_fill(void *p, size_t n, uint64_t seed, uint64_t at);
bool pattern_is(const void *p, size_t n, uint64_t seed, uint64_t at);

/* The steps that most laws are made of; n[0] is always the slot. What else goes in
 * and comes out stands with the calls of talk.h that use them. */
step step_pipe, step_open, step_open_rx, step_open_stream, step_accept, step_stream_pair;
step step_send_text, step_recv, step_dup_tx, step_dup_rx, step_drain_tx, step_copy;
step step_close_tx, step_close_rx, step_fail_tx, step_fail_rx, step_reason_tx, step_reason_rx;
step step_msg, step_msg_sized, step_send_msg, step_free_msg, step_put, step_take, step_kind,
        step_check_msg;
step step_write, step_read, step_write_all, step_read_all, step_read_exactly;
step step_read_text_to_end, step_shutdown, step_drain_stream;
step step_close_stream, step_fail_stream, step_reason_stream;
step step_fd_pipe, step_fd_socketpair, step_fd_file, step_fd_write, step_fd_read, step_fd_close;
step step_fd_shutdown, step_fd_dup, step_fd_bridged, step_fd_write_all, step_fd_read_all;
step step_session_drain, step_session_close, step_session_state, step_ping, step_peer;
