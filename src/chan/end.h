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

#include "inlet.h"
#include "outlet.h"
#include "passage.h"
#include "pipe.h"

typedef struct wire wire;
typedef struct watch watch;

struct beam_sender {
        chan_pipe *pipe;
        wire *wire;
        passage *over; /* of a pipe: a session in memory that it went over, or NULL */
};

struct beam_receiver {
        chan_pipe *pipe;
        wire *wire;
        passage *over;
        chan_pipe *lies_in; /* a message that lies there carries it; see lodge.h */
        union {
                watch *watch;               /* a program's, */
                beam_receiver *next_lodger; /* which it has not while it lies there */
        };
};

/* What the calls of one on a pipe give since the session in memory that it went over was
 * closed, or 0. */
static inline int sender_cut(const beam_sender *tx) {
        return tx->over ? passage_cut(tx->over) : 0;
}
static inline int receiver_cut(const beam_receiver *rx) {
        return rx->over ? passage_cut(rx->over) : 0;
}

/* Without waiting, on a pipe: as pipe_put() and pipe_take(), or cut off. */
int sender_put(beam_sender *tx, beam_msg *msg);
int receiver_take(beam_receiver *rx, beam_msg **ret);

/* Ends of a fresh pipe, which keeps the two handles that the caller gives up. */
int sender_new(chan_pipe *p, beam_sender **ret);
int receiver_new(chan_pipe *p, beam_receiver **ret);

/* Before an end leaves the thread: one that stands on a wire is put on a pipe, and a
 * bridge goes on between the two. */
int sender_detach(beam_sender *tx);
int receiver_detach(beam_receiver *rx);
int msg_detach(beam_msg *msg);

/* An end that is detached goes over a session in memory; see passage_new(). */
int sender_cross(beam_sender *tx, group *g, int from, bool opened);
int receiver_cross(beam_receiver *rx, group *g, int from, bool opened);
int thing_cross(thing *t, group *g, int from);

/* Made before fork(), and this is the child. */
bool sender_is_of_parent(const beam_sender *tx);
bool receiver_is_of_parent(const beam_receiver *rx);

size_t sender_depth(const beam_sender *tx);
size_t receiver_depth(const beam_receiver *rx);

/* As beam_send(), without waiting and without turning the loop; -EAGAIN. */
int sender_send(beam_sender *tx, beam_msg *msg);

/* for bridges; see outlet.h and inlet.h for each. On a wire only the port is used. */
void receiver_start(beam_receiver *rx, outlet *out);
int receiver_pull(beam_receiver *rx, outlet *out, beam_msg **ret);
bool receiver_is_pressed(const beam_receiver *rx); /* each ack is waited for */
void receiver_ack(beam_receiver *rx, outlet *out, size_t n);
/* Whether there is still somebody to whom an ack can be told: not once the session behind
 * @rx is gone, and then the port is posted. */
bool receiver_is_heard(const beam_receiver *rx, outlet *out);
/* Both ends go with their reason, or their cut. */
void receiver_leave(beam_receiver *rx, outlet *out, uint32_t code, const char *text, int cut);

int sender_prepare(const beam_sender *tx, inlet *in); /* inlet_deinit() takes it back */
void sender_start(beam_sender *tx, inlet *in);
int sender_push(beam_sender *tx, inlet *in, beam_msg *msg);
size_t sender_taken(beam_sender *tx, inlet *in, bool soon);
bool sender_is_wanted(beam_sender *tx, inlet *in);
int sender_is_left(beam_sender *tx, inlet *in);
void sender_end(beam_sender *tx, inlet *in, uint32_t code, const char *text, int cut);
void sender_leave(beam_sender *tx, inlet *in, uint32_t code, const char *text);

/* As beam_receiver_watch(); not of a @user it is called while the loop is turned, and waits
 * for nothing. */
int receiver_watch(beam_receiver *rx, bool user, void (*fn)(void *data, beam_receiver *rx),
                   void *data);
/* It goes with the receiver; see watch.c. */
void watch_free(beam_receiver *rx);
