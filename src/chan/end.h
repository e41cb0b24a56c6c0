/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ends: what a program holds
 *
 * A sender or a receiver stands either on a pipe or on a wire, a channel of a
 * session. Besides what the public calls do there is a second way to use one, for
 * the library itself: without waiting, with a port that is posted when things
 * change, and with taking apart from acknowledging (see pipe.h).
 */

#include "pipe.h"

typedef struct wire wire;
typedef struct watch watch;

struct beam_sender {
        chan_pipe *pipe;
        wire *wire;
};

struct beam_receiver {
        chan_pipe *pipe;
        wire *wire;
        watch *watch;
        chan_pipe *lies_in; /* a message that lies there carries it; see lodge.h */
        beam_receiver *next_lodger;
};

/* Ends of a fresh pipe, which keeps the two handles that the caller gives up. */
int sender_new(chan_pipe *p, beam_sender **ret);
int receiver_new(chan_pipe *p, beam_receiver **ret);

/* Before an end leaves the thread: one that stands on a wire is put on a pipe, and a
 * bridge goes on between the two. */
int sender_detach(beam_sender *tx);
int receiver_detach(beam_receiver *rx);
int msg_detach(beam_msg *msg);

/* Made before fork(), and this is the child. */
bool sender_is_of_parent(const beam_sender *tx);
bool receiver_is_of_parent(const beam_receiver *rx);

size_t sender_depth(const beam_sender *tx);
size_t receiver_depth(const beam_receiver *rx);

/* for bridges; see pipe.h for each */
void receiver_adopt(beam_receiver *rx, port *by);
int receiver_pull(beam_receiver *rx, port *by, beam_msg **ret);
bool receiver_is_pressed(const beam_receiver *rx); /* each ack is waited for */
void receiver_ack(beam_receiver *rx, size_t n, int r);

/* Whether there is still somebody to whom an ack can be told: not once the session behind
 * @rx is gone, and then @by is posted. */
bool receiver_is_heard(const beam_receiver *rx, port *by);
/* Both ends go with their reason; they may be NULL. */
void receiver_leave(beam_receiver *rx, port *by, uint32_t code, const char *text);

void sender_adopt(beam_sender *tx, port *by);
int sender_push(beam_sender *tx, beam_msg *msg);
size_t sender_pushed_taken(beam_sender *tx, bool soon);
bool sender_is_wanted(beam_sender *tx);
int sender_is_left(beam_sender *tx);
void sender_end(beam_sender *tx, uint32_t code, const char *text);
void sender_leave(beam_sender *tx, port *by, uint32_t code, const char *text);

/* A program's callback goes with the receiver. */
void watch_free(beam_receiver *rx);
