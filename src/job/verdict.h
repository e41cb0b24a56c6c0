/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a job ended, and the writing down of it (rules J18 to J21, J27 and J28)
 *
 * Of one that ran, that was refused or cancelled before, or whose worker was lost. One that
 * failed and asks for it has not ended: it is tried again.
 */

#include "../wire/resp/out.h"
#include "sink.h"
#include "ticket.h"

typedef struct verdict {
        const sink *sink;
        const char *exit;     /* "exited", "signalled", "lost", ...: rule J21 */
        int status;           /* or -1: it is what `exit` says */
        int signal;           /* or 0 */
        const char *why;      /* or NULL */
        const ticket *ticket; /* or NULL */
        bool is_unwanted;     /* somebody has cancelled it */
} verdict;

/* Write "ended", and then in pairs how; returns how many texts that were. */
size_t verdict_put(const verdict *v, resp_out *out);

/* Ask for all that says so; between MULTI and EXEC. */
void verdict_say(const verdict *v, asker *a);
