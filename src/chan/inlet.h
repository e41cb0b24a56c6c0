/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inlet: what sends into a pipe messages that come from elsewhere
 *
 * It holds one handle of the sending side for good, counts which of its messages have
 * been taken, and never waits: a message for which there is no room, or without depth no
 * receive, waits in line with those of programs, and the inlet is posted when it has
 * been put. A pipe may have many of them, beside the handles of programs.
 *
 * All calls are made on the loop's thread.
 */

#include "pipe.h"

typedef struct inlet {
        port port;
        chan_pipe *pipe;
        bool waits; /* the waiter does, with the message */
        bool ended;
        waitset set;
        waiter waiter;
        int fate; /* of a message that was lost further on, without depth */

        size_t n_met;     /* seen taken since the last call */
        size_t n_pushed;  /* put into the ring, */
        size_t n_seen;    /* of which so many have been seen taken, ever */
        size_t first;     /* the first one's place; the others follow it, */
        size_t *places;   /* or with other senders these are the places of the newest */
        size_t wanted_at; /* while armed: when so many have been taken */
} inlet;

/* Make one for the handle of @p's that is to be held; deinit takes that back. */
int inlet_init(inlet *in, chan_pipe *p);
void inlet_deinit(inlet *in);

/* From here on the handle is the inlet's; what the program did with it is over. */
void inlet_open(inlet *in);

/* 0 and the message is the pipe's, or -EAGAIN (the port will be posted), or an error. */
int inlet_push(inlet *in, beam_msg *msg);
/* Whether a push would be taken, without depth only while a receive waits; the port will
 * be posted when it would. */
bool inlet_is_wanted(inlet *in);
/* How many pushed have been taken since the last call; the port will be posted when
 * there are more: at the next one if @soon, else when half of the depth is free. */
size_t inlet_taken(inlet *in, bool soon);
/* -EAGAIN while the receiver is there, then why it is not. */
int inlet_left(inlet *in);

/* The end is said now, while the handle stays to hear what was taken; see pipe_tx_over(). */
void inlet_end(inlet *in, passage *over, uint32_t code, const char *text, int cut);
void inlet_close(inlet *in, passage *over, uint32_t code, const char *text);

/* for the pipe, under its guard: post those that wait for what was taken; or all */
void inlets_serve(chan_pipe *p);
void inlets_tell(chan_pipe *p);
