/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A job that runs: its process or function, its streams, and what is said to it (rules J13 to J24)
 *
 *     run_start --> RUNS --it ends--> what it wrote is put there --> OVER: over()
 *
 * What it prints goes out as it comes, up to `keep` bytes that nobody has read; then it is
 * not read from, and waits as any process does whose pipe is full. What it is given it gets
 * as it reads: while something lies here for it, run_wants_input() is false, whichever of its
 * inputs that is for.
 */

#include "guest.h"
#include "order.h"
#include "process.h"
#include "programs.h"
#include "routine.h"
#include "sink.h"
#include "unread.h"
#include "verdict.h"

typedef struct run run;

typedef struct run_output {
        run *run;
        sink_stream *stream;
        int fd; /* or -1 */
        source src;
} run_output;

typedef struct run_input {
        run *run;
        uint8_t number;
        int fd; /* or -1 */
        source src;
        bool is_closed; /* by who gives it */
} run_input;

struct run {
        void (*over)(run *r);  /* from the loop: all is put there, but for the verdict */
        void (*wants)(run *r); /* from the loop: run_wants_input() has become true */
        asker *asker;          /* where output goes */
        loop *loop;
        char *buffer;       /* of FRAME_HEAD_MAX + FRAME_DATA_MAX bytes; all runs may share it */
        const order *order; /* what it asks for */
        guest *guest;       /* whose streams it has, and then none in the context; or NULL */
        sink sink;
        bool is_over;
        bool is_unwanted; /* it was cancelled by a word */
        verdict verdict;  /* once it is */

        /* private */
        process *process; /* or */
        routine *routine;
        run_output *outputs;
        run_input *inputs;
        size_t n_outputs, n_inputs;
        unread unread;
        size_t n_under_way; /* frames that were put and not answered */
        bool is_full, is_counting;
        timer look, ends, limit, grace; /* grace: of a routine */
        int64_t pause;                  /* before it is looked again whether somebody has read */
        char *data; /* n bytes from `at` on that the process has not taken, or NULL */
        size_t n, at;
        run_input *fed;                  /* with these */
        bool is_timed_out, is_cancelled; /* cancelled: a routine */
};

/* Of one that is zero. */
void run_init(run *r);

/* How it is run. */
typedef struct run_options {
        const program *what;
        const char *mark;   /* as of process.h */
        const char *cwd;    /* or NULL */
        const char *url;    /* of the context, or NULL; for a function, */
        routines *routines; /* of which this is one then */
} run_options;

/* Its public fields have been set, and stay. Below zero it was not run, and r->verdict says why,
 * whose text is in @why. */
int run_start(run *r, const run_options *o, char why[static ORDER_WHY_MAX]);

/* Ends it if it runs, and waits for that, but for a function; nothing is told, nor put anywhere.
 * May run twice. */
void run_deinit(run *r);

/* Of the process that it is, or is in. */
pid_t run_pid(const run *r);

bool run_wants_input(const run *r);

/* A frame of input, while it wants some. 0; -EPROTO: it is to be counted as bad; -ENOMEM. */
int run_take_frame(run *r, bytes text);

/* The streams of its guest have all that it has written. */
void run_emptied(run *r);

/* It gets no input, or no more. */
void run_end_inputs(run *r);

/* A word of control; what is not understood is passed over. */
void run_take_word(run *r, bytes word);

/* End all of its processes. */
void run_cancel(run *r);
