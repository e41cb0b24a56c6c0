/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A job at a desk: between the client that has sent it and the worker that runs it
 *
 * What either says goes on to the other; its streams go with the order. Who is lost is noticed
 * here: a client, whose job is cancelled then, and a worker, whose job is lost.
 */

#include "desk.h"
#include "verdict.h"

typedef struct errand errand;
struct errand {
        list node, in_waiting;
        slip_order order;

        /* private */
        desk *desk;
        beam_msg *msg;        /* with its streams, until it is given */
        beam_sender *tell;    /* the client, */
        beam_receiver *words; /* and what that says */
        beam_sender *say;     /* to the worker, */
        beam_receiver *said;  /* who gets this; */
        beam_receiver *told;  /* and what that tells */
        char token[DESK_TOKEN_MAX + 1];
        beam_msg *last; /* that it is told */
        bool is_waiting, is_ended;
        sink sink;
        verdict verdict;
        deed deed;
        char why[300];
};

/* The order @o in @msg, which is the errand's if this succeeds. */
int errand_new(desk *d, beam_msg *msg, const slip_order *o);
void errand_free(errand *e);

/* It is written down as refused, and its client is told. */
void errand_refuse(errand *e, const char *format, bytes name);

/* To the worker at @s; the order stays here if this fails. -ENOMEM, or the link is lost. */
int errand_give(errand *e, station *s);
