/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a job ended, as its client is told: fields in words (rules J19 and J21)
 */

#include <beam/job.h>

#include "../base/bytes.h"
#include "tally.h"

typedef struct outcome {
        char status[32], exit[16], why[256];
        int64_t signal;
} outcome;

/* A field; others than those, and those of the tally, are passed over. -EPROTO. */
int outcome_take(outcome *o, tally *t, bytes field, bytes value);

/* The event that says so. Its texts are the outcome's. */
void outcome_tell(const outcome *o, const tally *t, beam_job_event *ret);
