/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One job that a worker has taken, until it is done with it (rules J7 to J9, and J18 to J20)
 *
 *   TAKEN: read --name is ours--> lock --ours--> runs --ends--> verdict --> FREED
 *     |            |                |              ^
 *     |            | not ours       | another's    | refused, cancelled before: no run
 *     |            v                v              |
 *     |      who serves it? ----> left alone ----> FREED
 *     |            | some: to their queue          ^
 *     \ no place, or no such job ------------------/
 *
 * One that came over a channel begins at its lock.
 */

#include "fence.h"
#include "key.h"
#include "run.h"

typedef struct worker worker;
typedef struct claim claim;

struct claim {
        list node;
        run run; /* sink.id is the job's number */
        bool is_running;
        bool is_heard; /* the worker waits for its control, and its input */
        bool is_input_heard;

        /* private */
        worker *worker;
        order order;
        const program *program; /* or NULL */
        char name[PROGRAMS_NAME_MAX + 1];
        const char *queue; /* where it was taken from */
        bool is_cancelled;
        size_t n_asked; /* leases of those who serve the name */
        bool is_served; /* one of them has one */
        bytes target;   /* of a move: a list, */
        bool to_head;   /* and which end of it */
        char target_key[KEY_MAX];
        char why[ORDER_WHY_MAX];
        verdict verdict;
        deed deed;
        guest *guest; /* of one that came over a channel, or NULL */
};

/* @id was taken from the list @queue, which stays. @has_place: it may run now, else it goes back.
 * -EINVAL: that is no number of a job; -ENOMEM. */
int claim_new(worker *w, bytes id, const char *queue, bool has_place);

/* The order in @msg, which a desk has handed on, takes one of our places; the message stays the
 * caller's when this fails. -EPROTO: it is none; -ENOMEM. */
int claim_take(worker *w, beam_msg *msg);

/* What it runs is ended, and nothing more is said of it. NULL comes back. */
claim *claim_free(claim *c);

/* Its owner is looked for, if it has one; it is cancelled if that is gone. */
void claim_look_for_owner(claim *c);
