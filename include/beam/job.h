/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Jobs: processes of unix, run by a worker of a context
 *
 * Whoever starts a job writes its arguments, environment and input into a context, or a Redis;
 * a worker there runs it, and writes down what it prints and how it ends. Nobody who
 * reads that is told less than there was without being told so: output has offsets, a
 * length and a checksum, and a job whose worker was lost has not returned 0.
 *
 *     beam_job_start(url, &options, &job, deadline);
 *     while (beam_job_next(job, &event, BEAM_FOREVER) == 0 && event.kind != BEAM_JOB_ENDED)
 *             ...print event.data...
 *     beam_job_leave(job, deadline);
 *     beam_job_free(job);
 *
 * spec/jobs.md says which keys that is. Threads and deadlines as in beam.h.
 */

#include <beam/beam.h>
#include <beam/context.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A client's hold of one job. */
typedef struct beam_job beam_job;

typedef struct beam_job_options {
        size_t size;             /* sizeof(beam_job_options) */
        const char *const *argv; /* up to NULL; the first is also the name of what is run */
        const char *const *env;  /* NAME=VALUE, up to NULL, beside what the worker gives; or NULL */
        int64_t timeout;         /* ns that it may run; 0: as long as it likes */
        int64_t grace;           /* ns from SIGTERM to SIGKILL when it is cancelled; 0: 5 s */
        size_t keep;             /* bytes of output that may lie there unread; 0: 4 MiB */
        bool goes_on;            /* when this client is gone. Else it is cancelled 10 s later */
        bool stays;              /* known when it has ended, until somebody removes it */
        const char *user, *password; /* of the context, or NULL */

        /* How the process is run; NULL is as the worker has it. */
        const char *cwd;           /* seen from where the worker runs jobs */
        const char *run_as;        /* a user there, by name or number; if the worker permits it */
        const char *umask;         /* in octal */
        const char *const *limits; /* "nofile=1024", up to NULL: as of beam_worker_options, and not
                                    * above what is permitted there */

        /* Its streams by number, 0 to 255, with commas between them; NULL is "0" and "1,2". One
         * that is in both goes both ways. Not for one that is direct: see fds. */
        const char *inputs, *outputs;

        /* Over a channel instead of keys, as far as a beam_desk is there: its streams are byte
         * streams, and nothing that it prints is in the context. It is cancelled as soon as the
         * link to this client is lost, unless it goes on; keep has no meaning. fds[N] is what the
         * process gets as its stream N, as it is, if it can be passed there: nothing is copied,
         * and it stays the caller's. -1, and what is not there of 0, 1 and 2, is read by
         * beam_job_next() and written by beam_job_write(). */
        bool direct;
        const int *fds;
        size_t n_fds;

        /* In the queue; not for one that is direct. */
        int64_t delay;   /* ns before it may begin, from when a worker first sees it */
        uint64_t retry;  /* how often it is tried again when it fails or is lost, 10^6 at most */
        int64_t backoff; /* ns before the first of these, then twice as long, to an hour; 0: 1 s */
} beam_job_options;

/* Start one at @url. Returns once it lies there to be taken by a worker, which may be late.
 * Errors as of beam_dial(), and: -EINVAL: no arguments, or what is no variable; -EACCES: the
 * password; -EPROTO: what answers is no Redis, or refuses; -E2BIG: more than 4,096 arguments
 * or variables; -ETIMEDOUT, -ECONNRESET: nobody knows; -EOPNOTSUPP: nobody takes jobs over
 * channels there. */
BEAM_API int beam_job_start(const char *url, const beam_job_options *opt, beam_job **ret,
                            int64_t deadline);

/* Watch job @id, which others may do as well. What it has printed comes from the beginning, as
 * far as it is still there. Of the options user and password count; NULL is fine. -ESRCH:
 * there is none of that number. Others as above. */
BEAM_API int beam_job_attach(const char *url, uint64_t id, const beam_job_options *opt,
                             beam_job **ret, int64_t deadline);

BEAM_API uint64_t beam_job_id(const beam_job *j);

typedef enum beam_job_kind {
        BEAM_JOB_OUTPUT, /* n bytes at data of the stream; n is 0 where it ends */
        BEAM_JOB_GAP,    /* n bytes of it had been removed before they were read here */
        BEAM_JOB_AGAIN,  /* it failed for the n-th time and is tried again: output begins anew */
        BEAM_JOB_ENDED,  /* the last: exit, status, signal, why */
} beam_job_kind;

typedef enum beam_job_exit {
        BEAM_JOB_EXITED,    /* it returned status */
        BEAM_JOB_SIGNALLED, /* a signal ended it; status is 128 more */
        BEAM_JOB_LOST,      /* its worker was; nobody knows how far it came */
        BEAM_JOB_REFUSED,   /* it was not run */
        BEAM_JOB_TIMED_OUT, /* it ran for longer than it may, and was ended */
        BEAM_JOB_CANCELLED, /* before it ran */
} beam_job_exit;

/* Borrowed from its job until the next one is asked for. */
typedef struct beam_job_event {
        beam_job_kind kind;
        unsigned stream; /* 1 is the standard output, 2 the standard error */
        const char *data;
        uint64_t n;
        beam_job_exit exit;
        int status;      /* 0 to 255; -1 if it has none, as of those that are lost */
        int signal;      /* or 0 */
        bool is_whole;   /* all of the output was told, and its checksum is right */
        const char *why; /* in words, of what was refused; else "" */
} beam_job_event;

/* The next that happens to it. Its output is read ahead by a few MiB at most, and by asking
 * for the next event one says that the last was dealt with: the process waits with what it
 * prints for the slowest who reads it. -ETIMEDOUT: nothing yet; -ECONNRESET: the link was lost;
 * -EPROTO: what lies there is no job; -ESRCH: it was removed; -EPIPE: it was told that it has
 * ended. */
BEAM_API int beam_job_next(beam_job *j, beam_job_event *ret, int64_t deadline);

/* Give @n bytes, up to BEAM_JOB_WRITE_MAX, to its input @stream, 0 for the standard input;
 * none: it ends there. All or nothing. -ETIMEDOUT: the process has not read what lies there;
 * -EMSGSIZE, -EPIPE: that input has ended, or the job has; others as above. */
enum { BEAM_JOB_WRITE_MAX = 64 * 1024 };
BEAM_API int beam_job_write(beam_job *j, unsigned stream, const void *data, size_t n,
                            int64_t deadline);

/* Send a signal to its process group; take it back if no worker has it yet, so that it ends as
 * cancelled; end all of its processes, or take it back; tell that nobody reads its output @stream
 * any more, as a pipe would tell. They leave with the loop's next turn, and have no effect on a
 * job that has ended. */
BEAM_API int beam_job_signal(beam_job *j, int number);
BEAM_API int beam_job_withdraw(beam_job *j);
BEAM_API int beam_job_cancel(beam_job *j);
BEAM_API int beam_job_close_output(beam_job *j, unsigned stream);

/* For how long the job goes on if nothing is heard of this client, which tells it so: before it
 * is stopped by SIGSTOP. 10 s otherwise. Returns once the context knows. */
BEAM_API int beam_job_be_away(beam_job *j, int64_t ns, int64_t deadline);

/* Read no more. Who is the last to leave a job that has ended, and does not stay, removes
 * it. */
BEAM_API int beam_job_leave(beam_job *j, int64_t deadline);

/* Without another word to the context. NULL is fine; NULL comes back. */
BEAM_API beam_job *beam_job_free(beam_job *j);

/* jobs over channels */

/* Where jobs come in at the addresses of a context, over channels, and workers ask for them. */
typedef struct beam_desk beam_desk;

/* One for @ctx, which it is freed before; and before a worker joins, or that one does not see
 * it. -EALREADY: it has one. */
BEAM_API int beam_desk_open(beam_context *ctx, beam_desk **ret);

/* Jobs that came in are cancelled, and none do any more. NULL is fine; NULL comes back. */
BEAM_API beam_desk *beam_desk_free(beam_desk *d);

/* workers */

/* Who takes jobs from a context and runs them, as far as it allows what they name. */
typedef struct beam_worker beam_worker;

typedef struct beam_worker_options {
        size_t size;                 /* sizeof(beam_worker_options) */
        size_t n_jobs;               /* that run at once, 4,096 at most; 0: four for each core */
        const char *const *env;      /* NAME=VALUE, up to NULL: what every job gets, and may not
                                      * set itself. NULL: PATH, HOME, USER, LOGNAME, SHELL, LANG and
                                      * TZ as they are here */
        const char *cwd;             /* where they run; NULL: here */
        const char *user, *password; /* of the context, or NULL */

        /* Told from the loop: 0, jobs are taken; or what the link was lost by, as of
         * beam_client_dial(). Then all that ran has been ended, as others say by now that it
         * is lost, and the link is looked for again. May be NULL. */
        void (*told)(void *data, int r);
        /* It has been stopped: nothing runs, and nothing is taken. May be NULL. */
        void (*stopped)(void *data);
        void *data;

        /* What jobs may ask for, up to NULL; NULL is nothing. The users that they may be run as,
         * by name or number, which wants a worker that may become them. */
        const char *const *users;
        /* Limits of each job's process, as of setrlimit(2), "NAME=N" or "NAME=SOFT:HARD" with
         * "unlimited" for no end; which a job may have lower, and without its asking it has. */
        const char *const *limits;
} beam_worker_options;

/* One that allows nothing yet. @opt is copied, and may be NULL. -ENOENT: no such user; -EINVAL:
 * no such variable, or limit; -EEXIST: a limit twice. */
BEAM_API int beam_worker_new(const beam_worker_options *opt, beam_worker **ret);

/* Allow the program NAME, which is looked for along our PATH now, or "NAME=PROGRAM", which says
 * by a path or another name which one it is. Before it begins. No shell has a part in this, but
 * one that is allowed. -ENOENT, -EACCES: there is none that could be run; -EINVAL: no name for a
 * job; -EEXIST: that one has been allowed; -E2BIG: 256 have. */
BEAM_API int beam_worker_allow(beam_worker *w, const char *text);

/* What a function has to do. It runs on a thread of its own that takes no signals, and all is
 * borrowed until it returns. */
typedef struct beam_work {
        uint64_t id;             /* of the job */
        const char *const *argv; /* up to NULL; at least one */
        const char *const *env;  /* NAME=VALUE, up to NULL; the job's, and not getenv()'s */
        const char *url;         /* of the context; NULL: the worker has joined it, here */

        /* A pipe for each stream, by number, at least three: 0 to read from, 1 and 2 to write to,
         * unless the job says otherwise; -1, there is none; or what the client of a direct job has
         * given. They wait as pipes do, for as long as
         * nobody gives, or takes. They are closed when it returns; it may close one itself before,
         * and then puts -1 there. */
        int *fds;
        size_t n_fds;

        /* Another, to be polled: a byte for each signal that is sent to the job, its number; and
         * its end, POLLHUP, when it was cancelled. Nothing else stops a function. */
        int told;
} beam_work;

/* Returns the status, 0 to 255; what is none of these counts as 255. */
typedef int beam_work_fn(void *data, beam_work *work);

/* Allow a function of this program under @name. Before it begins. One that is cancelled is told so,
 * finds its input at an end, and when the job's grace has passed nobody reads from it any more:
 * EPIPE. What it returns then is the status, but 0 after it was cancelled is 143, and after
 * its grace all is 137, as if SIGTERM or SIGKILL had ended it. @data stays until
 * beam_worker_free() has returned. Errors as of beam_worker_allow(). */
BEAM_API int beam_worker_allow_function(beam_worker *w, const char *name, beam_work_fn *fn,
                                        void *data);

/* Begin, in a context of this process, which it is freed before; or in one that is served at
 * @url, or a Redis. Whoever is not there is looked for until it is. -EINVAL: no address, or
 * nothing is allowed; -EALREADY: it has begun. */
BEAM_API int beam_worker_join(beam_worker *w, beam_context *ctx);
BEAM_API int beam_worker_dial(beam_worker *w, const char *url);

/* Take nothing more; and end, by SIGTERM and SIGKILL as each job says, what runs. */
BEAM_API int beam_worker_stop(beam_worker *w);
BEAM_API int beam_worker_cancel(beam_worker *w);

/* What still runs is killed, and another worker will say that it was lost. Functions are told
 * that they were cancelled and lose their streams at once, and it is waited until they have
 * returned. NULL is fine; NULL comes back. */
BEAM_API beam_worker *beam_worker_free(beam_worker *w);

/* for __attribute__((cleanup)) */
static inline void beam_worker_freep(beam_worker **p) {
        *p = beam_worker_free(*p);
}
static inline void beam_desk_freep(beam_desk **p) {
        *p = beam_desk_free(*p);
}
static inline void beam_job_freep(beam_job **p) {
        *p = beam_job_free(*p);
}

#ifdef __cplusplus
}
#endif
