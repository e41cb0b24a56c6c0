/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A worker: takes jobs from a context and runs them (rules J5 to J12)
 *
 *     AWAY --link--> ENTERING --its lease is there--> SERVING --worker_stop--> STOPPING --> STOPPED
 *       ^                                               |
 *       \--- lost: the link, the lease; all it runs is ended, and a new token made
 *
 * It holds one connection to write by, on which all is in order; one that waits for what is said
 * to its jobs; and one for each list that it takes jobs from. What a worker that was lost had
 * taken others look after (heir.h), as it does for them.
 */

#include "claim.h"
#include "heir.h"
#include "hire.h"
#include "later.h"
#include "permit.h"

enum {
        WORKER_TOKEN = 32,      /* hex digits: rule J7 */
        WORKER_TOKEN_MAX = 128, /* of another's, which may be any text; the rest is not looked at */
        WORKER_TAKE_S = 5,      /* to wait for a job, so that no lease ends meanwhile: rule J7 */
        WORKER_LEASE_MS = 10000, /* rule J10 */
        WORKER_JOBS_MAX = 4096,  /* at once */
};
#define WORKER_BEAT (3 * CLOCK_SECOND) /* rules J10 and J11 */

/* A list from which it takes. */
typedef struct taker {
        worker *worker;
        asker *asker;
        char *queue;
        bool is_waiting;
} taker;

struct worker {
        /* Set before it is opened: told from the loop that the link is there (0), or what it was
         * lost by; and that it has stopped. */
        void (*told)(worker *w, int r);
        void (*stopped)(worker *w);
        beam_context *ctx; /* if it is in this process; else it is at: */
        url at;
        char *url;             /* the same in words; or NULL */
        char *user, *password; /* or NULL */
        char *cwd;             /* of what it runs, or NULL: ours */
        programs programs;
        permit permit;
        order given;       /* env: what every job gets */
        size_t n_jobs;     /* that may run at once */
        routines routines; /* which outlive the link */

        char token[WORKER_TOKEN + 1];
        loop *loop;
        asker *main;
        fence fence;
        heir heir;
        later later;
        list claims;
        size_t n_claims;
        char *buffer; /* of all runs */

        /* private */
        hire hire;
        beam_msg *order; /* that came over a channel, and has no place yet */
        asker *ear;
        bool is_hearing, is_waking;
        taker *takers;
        size_t n_takers;
        bool is_serving, is_stopping, is_leaving, is_stopped;
        bool is_awaited; /* an order may still come over a channel */
        int lost;        /* what by, until it has been acted on */
        int64_t leased;  /* point when the lease that is there was asked for */
        int64_t asked;   /* and the one that was asked for last */
        timer beat, again;
        post step;
};

/* Begin, with the public fields set and all else zero. The worker stays where it is. -ENOMEM. */
int worker_open(worker *w);

/* Take nothing more, and end when all that runs has: stopped() says so. */
void worker_stop(worker *w);
/* End all that runs. */
void worker_cancel(worker *w);

/* At once: what runs is killed, and lost; functions are told, and waited for. May run twice. */
void worker_close(worker *w);

/* for claim.c */

/* The link, or the right to write, is lost: all ends from the next turn on. */
void worker_lose(worker *w, int r);
/* A claim is no more, or what a job wants to hear is not what it was. */
void worker_take(worker *w);
void worker_hear(worker *w);
