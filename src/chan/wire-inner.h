/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Between the files of a wire: wire.c has its life and its two ends, wire-send.c and
 * wire-recv.c its messages, wire-data.c the bytes of a stream, and wire-credit.c what
 * either side has taken.
 */

#include "wire.h"

/* Its port is posted if that waits for a change. */
static inline void wire_wake(wire *w) {
        if (w->by && w->by->armed) {
                w->by->armed = false;
                post_put(&w->by->post);
        }
}

/* The message of which a part is still to go, or to come. */
static inline beam_msg *wire_going(const wire *w) {
        return (w->flags & (WIRE_TX | WIRE_STREAM)) == WIRE_TX ? w->body : NULL;
}
static inline beam_msg *wire_coming(const wire *w) {
        return (w->flags & (WIRE_RX | WIRE_STREAM)) == WIRE_RX ? w->body : NULL;
}

/* It leaves the table when both sides have said all they will, and is freed when nobody
 * holds it either. */
void wire_settle(wire *w);

/* Nothing that came in will be read. */
void wire_drop_queue(wire *w);
/* Nor the message that is coming in. */
void wire_drop_body(wire *w);

/* @msg is for the program. The session has counted it. */
void wire_deliver(wire *w, beam_msg *msg);
/* One of our limits: the channel goes, and its sender learns why; the session lives. */
void wire_refuse(wire *w, const char *why);

/* Room for a frame of a few bytes, and how many it took. Without memory for those the
 * session cannot keep its word, and ends: NULL. */
uint8_t *wire_frame(wire *w);
void wire_said(wire *w, size_t n);
void wire_say_close(wire *w, mux_type type, uint32_t code, const char *text);

/* Credit is owed for what the program has taken: soon, or when something leaves anyway. */
void wire_owe(wire *w);
/* All of it now. */
void wire_give_credit(wire *w);
