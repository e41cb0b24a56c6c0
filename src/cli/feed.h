/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What one of our descriptors gives to an input of a job
 *
 * It is read as fast as the job takes it, and its end is the end of that input.
 */

#include <beam/job.h>

#include <sys/types.h>

#include "wait.h"

typedef struct feed {
        unsigned stream; /* of the job */
        int error;       /* that it could not be read by */
        bool is_over;    /* it has ended, or could not be read, or the job wants no more */

        /* private */
        beam_job *job;
        wait_fd wait;
        char *data; /* n bytes to be given to the job */
        ssize_t n;
        bool has_data, is_terminal;
} feed;

/* @fd stays the caller's. -ENOMEM. */
int feed_open(feed *f, int fd, beam_job *job, unsigned stream);
void feed_close(feed *f); /* may run twice */

/* Give what has been read, as far as it is taken: after each turn. */
void feed_step(feed *f);
