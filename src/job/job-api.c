/* SPDX-License-Identifier: Apache-2.0 */
/* What a program calls of a job. */
#include <errno.h>
#include <string.h>

#include "../base/fork.h"
#include "job.h"
#include "tally.h"
#include "ticket.h"

enum { WORDS_MAX = 4096 }; /* arguments, and variables. Picked. */

static size_t n_words(const char *const *words) {
        size_t n = 0;

        while (words && words[n])
                n++;
        return n;
}

static int check(const beam_job_options *opt) {
        size_t n_args = n_words(opt->argv), n_env = n_words(opt->env);

        if (n_args == 0 || !*opt->argv[0] || opt->timeout < 0 || opt->grace < 0 || opt->delay < 0 ||
            opt->backoff < 0 || opt->retry > TICKET_RETRY_MAX)
                return -EINVAL;
        if (n_args > WORDS_MAX || n_env > WORDS_MAX)
                return -E2BIG;
        for (size_t i = 0; i < n_env; i++)
                if (opt->env[i][0] == '=' || !strchr(opt->env[i], '='))
                        return -EINVAL;
        for (const char *const *text = opt->limits; text && *text; text++)
                if (!strchr(*text, '='))
                        return -EINVAL;
        /* what comes over a channel neither waits nor comes twice, and its streams come along */
        if (opt->direct && (opt->delay > 0 || opt->retry > 0 || opt->inputs || opt->outputs))
                return -EINVAL;
        return opt->n_fds > 0 && !opt->direct ? -EINVAL : 0;
}

/* An older program knows fewer of them. */
static beam_job_options fill(const beam_job_options *opt) {
        beam_job_options o = { .size = sizeof(o) };

        if (opt)
                memcpy(&o, opt, opt->size < sizeof(o) ? opt->size : sizeof(o));
        return o;
}

int beam_job_start(const char *url, const beam_job_options *opt, beam_job **ret, int64_t deadline) {
        beam_job_options o = fill(opt);
        int r = check(&o);

        if (r < 0)
                return r;
        return (o.direct ? direct_start : keyed_start)(url, &o, ret, deadline);
}

int beam_job_attach(const char *url, uint64_t id, const beam_job_options *opt, beam_job **ret,
                    int64_t deadline) {
        beam_job_options o = fill(opt);

        return keyed_attach(url, id, &o, ret, deadline);
}

uint64_t beam_job_id(const beam_job *j) {
        return j->id;
}

static bool is_of_parent(const beam_job *j) {
        return j->forks != fork_count();
}

int beam_job_next(beam_job *j, beam_job_event *ret, int64_t deadline) {
        return is_of_parent(j) ? -ECHILD : j->calls->next(j, ret, deadline);
}

int beam_job_write(beam_job *j, unsigned stream, const void *data, size_t n, int64_t deadline) {
        if (is_of_parent(j))
                return -ECHILD;
        if (stream >= TALLY_STREAMS)
                return -EINVAL;
        return n > BEAM_JOB_WRITE_MAX ? -EMSGSIZE : j->calls->write(j, stream, data, n, deadline);
}

int beam_job_signal(beam_job *j, int number) {
        if (is_of_parent(j))
                return -ECHILD;
        return number < 1 || number > 64 ? -EINVAL : j->calls->signal(j, number);
}

int beam_job_withdraw(beam_job *j) {
        return is_of_parent(j) ? -ECHILD : j->calls->withdraw(j);
}

int beam_job_cancel(beam_job *j) {
        return is_of_parent(j) ? -ECHILD : j->calls->cancel(j);
}

int beam_job_close_output(beam_job *j, unsigned stream) {
        if (is_of_parent(j))
                return -ECHILD;
        return stream >= TALLY_STREAMS ? -EINVAL : j->calls->close_output(j, stream);
}

int beam_job_be_away(beam_job *j, int64_t ns, int64_t deadline) {
        return is_of_parent(j) ? -ECHILD : j->calls->be_away(j, ns, deadline);
}

int beam_job_leave(beam_job *j, int64_t deadline) {
        return is_of_parent(j) ? -ECHILD : j->calls->leave(j, deadline);
}

beam_job *beam_job_free(beam_job *j) {
        if (j)
                j->calls->free(j);
        return NULL;
}
