/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome.h"

#include <stdio.h>
#include <string.h>

#include "../base/decimal.h"

static void copy(char *ret, size_t size, bytes text) {
        snprintf(ret, size, "%.*s", (int)(text.n < size ? text.n : size), text.p);
}

int outcome_take(outcome *o, tally *t, bytes field, bytes value) {
        if (bytes_equal(field, BYTES("status")))
                copy(o->status, sizeof(o->status), value);
        else if (bytes_equal(field, BYTES("exit")))
                copy(o->exit, sizeof(o->exit), value);
        else if (bytes_equal(field, BYTES("why")))
                copy(o->why, sizeof(o->why), value);
        else if (bytes_equal(field, BYTES("signal")))
                decimal_read(value.p, value.n, &o->signal);
        else
                return tally_announce(t, field, value);
        return 0;
}

void outcome_tell(const outcome *o, const tally *t, beam_job_event *ret) {
        static const struct {
                const char *name;
                beam_job_exit exit;
        } others[] = {
                { "lost", BEAM_JOB_LOST },
                { "refused", BEAM_JOB_REFUSED },
                { "timed out", BEAM_JOB_TIMED_OUT },
                { "cancelled", BEAM_JOB_CANCELLED },
        };
        int64_t status;

        *ret = (beam_job_event){
                .kind = BEAM_JOB_ENDED,
                .exit = BEAM_JOB_LOST, /* as is what nobody understands */
                .status = -1,
                .why = o->why,
                .is_whole = tally_is_whole(t),
        };
        if (decimal_read(o->status, strlen(o->status), &status) && status >= 0 && status <= 255) {
                ret->status = (int)status;
                ret->exit = BEAM_JOB_EXITED;
                if (strcmp(o->exit, "signalled") == 0) {
                        ret->exit = BEAM_JOB_SIGNALLED;
                        ret->signal = (int)o->signal;
                }
                return;
        }
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                if (strcmp(o->status, others[i].name) == 0)
                        ret->exit = others[i].exit;
}
