/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a job stands in the queue, as it asks for it (rules J26 to J28)
 *
 * When it may begin, and how often it is tried.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../base/bytes.h"

enum {
        TICKET_BACKOFF_MS = 1000,
        TICKET_BACKOFF_MAX_MS = 3600 * 1000,
        TICKET_RETRY_MAX = 1000000, /* picked */
};

typedef struct ticket {
        bool has_retry;    /* it was said, were it none */
        int64_t retry;     /* how often again */
        int64_t tries;     /* that have failed */
        int64_t backoff;   /* ms before the first of them; 0: as is usual */
        int64_t at, delay; /* ms since 1970; ms from when it is first looked at; 0: now */
} ticket;

/* A field of the job. 1: it was of these; 0: it was not; -EINVAL: what it says is no such thing. */
int ticket_take(ticket *t, bytes field, bytes value);

/* How long it waits before it is tried again, in ms: twice as long each time. */
int64_t ticket_pause(const ticket *t);
