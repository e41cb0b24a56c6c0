/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A program that runs: a unix process, from its start to the end of all that it started
 *
 *     process_start --> RUNS --it ends--------------------------------> ENDED: ended()
 *                        |                                                ^
 *                        process_cancel: TERM --grace--> KILL --all gone--|
 *
 * It is told of on the loop of the thread that started it, by a descriptor of the kernel's
 * that stands for the process. SIGCHLD and its handler stay the program's.
 *
 * It leads a process group of its own. What it starts is its tree: the group, the children
 * of each of these, what is in a session or a group that one of them has made, and what has
 * the mark in its environment. With a cgroup the tree is what is in there, and nothing gets
 * away.
 *
 * The kernel keeps the number of the process for us until process_free(), so that a signal
 * that comes late hits nobody else. A thread frees what it has started.
 *
 * In a child of fork() they are the parent's: calls give -ECHILD, and free only forgets.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../loop/loop.h"
#include "limit.h"

typedef struct process process;

/* Descriptor @to of the program is a copy of our @fd, which stays ours. */
typedef struct process_stream {
        int to, fd;
} process_stream;

typedef struct process_size {
        uint16_t rows, columns;
} process_size;

/* What becomes of the rest of the tree when the program itself has ended. */
typedef enum process_rest {
        PROCESS_REST_GROUP, /* what is still in its group is killed, and the others go on; in a
                             * cgroup, which is to be removed, all are killed */
        PROCESS_REST_TREE,  /* all of it is killed; without a cgroup that costs two looks at
                             * every process there is */
        PROCESS_REST_STAYS,
} process_rest;

/* All that is borrowed is so for the call only. */
typedef struct process_options {
        const char *program;     /* NULL is argv[0]; without a slash, along PATH of @env */
        const char *const *argv; /* up to NULL; at least one */
        const char *const *env;  /* all of it, up to NULL; NULL is none */
        const char *mark;        /* NAME=VALUE, in the environment of this tree and no other */
        const char *cwd;         /* NULL: ours */

        /* Names or numbers. NULL is as we are, or what the user has; an empty list is none. */
        const char *user, *group;
        const char *const *groups;

        const process_stream *streams; /* all else is closed */
        size_t n_streams;
        const process_limit *limits;
        size_t n_limits;
        const process_size *terminal; /* one of this size is 0, 1 and 2, where no stream is */

        bool session;      /* a new one, instead of a group in ours; a terminal wants one */
        bool dies_with_us; /* the program, not its tree, is killed when the thread that started
                            * it ends, by whatever cause */
        bool has_umask;
        mode_t umask;
        int nice; /* added to ours */
        process_rest rest;

        /* A directory of cgroup v2 in which we may make another one, and how many processes
         * may be in that; 0 is any. */
        const char *cgroup;
        uint64_t pids_max;

        void (*ended)(process *p, void *data); /* from a turn of the loop; may free it */
        void *data;
} process_options;

/* What went wrong. */
typedef enum process_step {
        PROCESS_PREPARE, /* our own memory and descriptors, and what is no option */
        PROCESS_USER,
        PROCESS_GROUPS,
        PROCESS_LIMITS,
        PROCESS_CGROUP,
        PROCESS_TERMINAL,
        PROCESS_CLONE,
        PROCESS_SESSION,
        PROCESS_STREAMS,
        PROCESS_NICE,
        PROCESS_DIRECTORY,
        PROCESS_EXEC,
} process_step;

/* In words that stand before ": No such file or directory". */
const char *process_step_name(process_step step);

/* Returns when the program has begun, or 0 > r with the step that failed; then nothing of
 * it is left. The program has never begun to run if this fails. */
int process_start(const process_options *o, loop *l, process_step *ret_failed, process **ret);

/* Kills what is left of the tree first, if it has not ended or some could not be; that takes as
 * long as the kernel does to end them, and two seconds at most. No more is told of it. */
process *process_free(process *p);

pid_t process_pid(const process *p);

/* The other side of its terminal, ours until process_free(); -1 without one. */
int process_terminal(const process *p);
int process_resize(process *p, process_size size);

/* To its group. -ESRCH once the program has ended. */
int process_signal(process *p, int signal);

/* SIGTERM to the tree now, and SIGKILL at @kill_at to what is left of it. Then ended() comes
 * when all of it is gone. Again: an earlier @kill_at counts. -ESRCH if it has ended. */
int process_cancel(process *p, int64_t kill_at);

typedef enum process_kind {
        PROCESS_EXITED,
        PROCESS_SIGNALLED,
        PROCESS_LOST, /* somebody else of this program has waited for it */
} process_kind;

typedef struct process_end {
        process_kind kind;
        int status;      /* the exit status or the signal */
        bool has_dumped; /* core */
        bool has_left;   /* some of its tree could not be ended, within seconds of the KILL */
        int64_t user_ns, system_ns; /* of it and of those children that it has waited for */
        int64_t max_resident;       /* bytes, of the largest of these */
} process_end;

/* NULL while it runs, or while its tree is being ended. */
const process_end *process_ended(const process *p);
