/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Wire: one channel of a session, on one side (spec/mux.md)
 *
 * It belongs to the session's table while the other side may still say something
 * about it, and to the program (or a bridge) while that holds its end; it is freed
 * when neither does. A stream is a wire that goes both ways.
 */

#include "../wire/mux/mux.h"
#include "end.h"
#include "stream.h"

typedef struct session session;

typedef struct reason {
        uint32_t code;
        char text[];
} reason;

enum {                       /* wire.flags */
       WIRE_TX = 1 << 0,     /* we send */
       WIRE_RX = 1 << 1,     /* we receive */
       WIRE_STREAM = 1 << 2, /* bytes, both ways */
       WIRE_OURS = 1 << 3,   /* we opened it */
       WIRE_HELD = 1 << 4,   /* a program or a bridge has its end */
       WIRE_LISTED = 1 << 5, /* in the session's table */

       WIRE_ENDED = 1 << 6,    /* we have said END */
       WIRE_STOPPED = 1 << 7,  /* the peer has said STOP, or is gone */
       WIRE_ASKED = 1 << 8,    /* we have said ASK */
       WIRE_MAY_SEND = 1 << 9, /* depth 0: a receive waits there */
       WIRE_LEFT = 1 << 10,    /* it went before it had taken all */

       WIRE_END = 1 << 11,         /* the peer has said END, or is gone */
       WIRE_STOP = 1 << 12,        /* we have said STOP */
       WIRE_ASK = 1 << 13,         /* the peer has said ASK */
       WIRE_WANTED = 1 << 14,      /* depth 0: we have said that a receive waits */
       WIRE_LOST = 1 << 15,        /* the session is gone */
       WIRE_REFUSED = 1 << 16,     /* over a limit of ours */
       WIRE_OPENS = 1 << 17,       /* not a channel: the queue of those that were opened */
       WIRE_CUT = 1 << 18,         /* the session went before the peer had said END */
       WIRE_CLOSED_HERE = 1 << 19, /* by a close of our session */
       WIRE_UNSEEN = 1 << 20,      /* the peer's, and its end lies in a message unread */
};

struct wire {
        session *s;
        wire *next; /* in the table */
        uint64_t id;
        uint32_t flags;
        uint32_t depth;
        list turn; /* in a list of the session's: owes credit, has a part to send, is over */
        port *by;  /* posted when things change */

        /* sending */
        uint64_t bytes_unsaid; /* sent and not yet taken */
        uint32_t n_unsaid;

        /* receiving */
        uint32_t n_open;   /* came in and not given back as credit, */
        uint32_t n_owed;   /* of which taken, */
        uint32_t n_pulled; /* and of which out of the queue and not yet acknowledged */
        uint32_t fds_pulled;
        uint64_t bytes_in, bytes_owed, bytes_pulled;
        msg_queue in; /* of a stream: its bytes, in pieces */

        reason *stop, *end; /* what the peer has said with them */
        union {
                uint64_t said;    /* sending: what was taken since a bridge asked */
                uint64_t carrier; /* receiving: the channel that brought this one, */
        };
        union {
                struct {
                        uint32_t nth;    /* with which of its messages, */
                        uint32_t n_read; /* and how many of this one's were acknowledged */
                        beam_msg *body;  /* a message of which a part is still to go, or to come */
                };
                struct {               /* of a stream: */
                        uint8_t *sink; /* where a read that waits wants its bytes */
                        size_t sink_room;
                };
        };
};

/* A wire of @s that the program or a bridge holds. Sends nothing by itself. */
wire *wire_new(session *s, uint64_t id, uint32_t flags, uint32_t depth);
/* Take back one that was never told of. */
void wire_drop(wire *w);

/* The end that is held, or NULL without memory. */
beam_sender *wire_sender(wire *w);
beam_receiver *wire_receiver(wire *w);
beam_stream *wire_stream(wire *w);

/* As the pipe's: 0, 1 or an error; -EAGAIN for "would wait". What comes out of it is
 * written when the session flushes. */
int wire_send(wire *w, beam_msg *msg, wire *back);
int wire_recv(wire *w, beam_msg **ret);
/* Whether wire_send() would not answer -EAGAIN. */
bool wire_is_ready(const wire *w, const beam_msg *msg);
/* A receive is about to wait (depth 0). */
void wire_want(wire *w);
/* A send of depth 0: 0 taken, -EAGAIN not yet, else its fate. */
int wire_fate(wire *w);
/* As beam_sender_drain(); -EAGAIN for "not yet". */
int wire_drained(wire *w);

void wire_end(wire *w, uint32_t code, const char *text);
void wire_stop(wire *w, uint32_t code, const char *text);
/* The holder lets go; both directions have been ended. */
void wire_release(wire *w);
/* Its end has come out of the message that brought it. */
void wire_seen(wire *w);

/* The peer may be waiting to hear what was taken. */
bool wire_is_pressed(const wire *w);

/* Messages unread within messages unread: how deep what comes in on @w lies. */
size_t wire_nesting(const wire *w);

int wire_pull(wire *w, beam_msg **ret);
void wire_ack(wire *w, uint32_t n, int r);
int wire_rx_end(const wire *w);
int wire_tx_end(const wire *w);

/* Whether a receive, or an accept, would find something. */
bool wire_is_readable(const wire *w);
void wire_watch(wire *w, port *by);

/* bytes of a stream */
ssize_t wire_read(wire *w, void *buf, size_t n);
/* The same in two steps: bytes that were pulled are credit when they are acknowledged. */
ssize_t wire_read_pull(wire *w, void *buf, size_t n);
void wire_read_ack(wire *w, size_t n);
ssize_t wire_write(wire *w, const void *buf, size_t n);
size_t wire_room(const wire *w); /* to write */

/* Where the next bytes of the body that is coming in belong, so that they can be read
 * from the socket right there; 0 for nowhere in particular. */
size_t wire_place(wire *w, uint8_t **ret);

/* The session's view: what a frame says. */
int wire_on_thing(wire *w, const mux_event *ev);
int wire_on_msg(wire *w, const mux_event *ev);
int wire_on_data(wire *w, const mux_event *ev);
int wire_on_credit(wire *w, const mux_event *ev);
int wire_on_end(wire *w, uint32_t code, mux_bytes text);
int wire_on_stop(wire *w, uint32_t code, mux_bytes text);
void wire_on_ask(wire *w);
void wire_on_lost(wire *w, bool closed_here);

/* The session writes: credit that is owed, the next part of a large message. */
void wire_say_owed(wire *w);
bool wire_say_part(wire *w);
