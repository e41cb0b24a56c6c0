/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a job has that came over a channel: who is told of it, who tells it things, and streams
 * that are its client's (rules J41 to J44)
 *
 *     guest_new --> guest_open --the program runs--> guest_begun --it ends--> guest_empty
 *                                                                  --all is written--> emptied()
 *
 * A stream is a descriptor, which the program gets as it is, or a byte stream, that is pumped to
 * and from a pipe of the program's, counted and summed up. It waits for whoever is slower.
 */

#include <sys/types.h>

#include "slip.h"
#include "verdict.h"

struct join;
typedef struct guest guest;

typedef struct guest_stream {
        guest *of;
        uint8_t number;
        int fd; /* the program's, until it is opened; or -1 */
        beam_stream *st;
        struct join *join; /* of st, while something moves */
        bool is_counted;   /* what comes from the program: */
        uint64_t n_bytes, crc;
} guest_stream;

struct guest {
        /* All from the loop; each may free it. A word of J23; there will be none, as who gave them
         * is gone; and the streams have all that the program has written. */
        void (*heard)(guest *g, bytes word);
        void (*left)(guest *g);
        void (*emptied)(guest *g);
        void *data;

        /* private */
        beam_sender *tell;
        beam_receiver *words;
        guest_stream *streams;
        size_t n_streams;
        bool is_emptying;
};

/* Of the order @o in @msg, whose things it takes. */
int guest_new(const slip_order *o, beam_msg *msg, guest **ret);
guest *guest_free(guest *g);

/* What the program gets as its streams, by number and -1 where it has none, is the caller's, and
 * *@ret to be freed. It has some where nothing was given for 0, 1 and 2. */
int guest_open(guest *g, int **ret, size_t *ret_n);

/* It runs, and is heard from here on. */
int guest_begun(guest *g, pid_t pid);

/* What is pumped to and from it comes to an end: nothing more is written there, and of what it
 * has written only what is in the pipe goes on. */
void guest_end_input(guest *g);
void guest_end_output(guest *g);

/* It has ended: what it has written goes on, and then emptied() is called. */
void guest_empty(guest *g);

/* Write down what came out of its streams, and tell how it ended. */
void guest_say_counts(const guest *g, const char *id, asker *a);
void guest_tell_end(const guest *g, const verdict *v);
