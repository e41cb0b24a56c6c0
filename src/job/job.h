/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the public calls of a job go through
 *
 * It lies in keys (client.c), or is talked to over channels (direct.c). The calls have looked
 * whether the job is its parent's, and that a stream has a number that one can have.
 */

#include <beam/job.h>

typedef struct job_calls {
        int (*next)(beam_job *j, beam_job_event *ret, int64_t deadline);
        int (*write)(beam_job *j, unsigned stream, const void *data, size_t n, int64_t deadline);
        int (*signal)(beam_job *j, int number);
        int (*withdraw)(beam_job *j);
        int (*cancel)(beam_job *j);
        int (*close_output)(beam_job *j, unsigned stream);
        int (*be_away)(beam_job *j, int64_t ns, int64_t deadline);
        int (*leave)(beam_job *j, int64_t deadline);
        void (*free)(beam_job *j);
} job_calls;

struct beam_job {
        const job_calls *calls;
        uint32_t forks;
        uint64_t id;
};

/* Options that have been looked through, all of them there. */
int keyed_start(const char *url, const beam_job_options *opt, beam_job **ret, int64_t deadline);
int keyed_attach(const char *url, uint64_t id, const beam_job_options *opt, beam_job **ret,
                 int64_t deadline);
int direct_start(const char *url, const beam_job_options *opt, beam_job **ret, int64_t deadline);
