/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The start of a program
 *
 * The child shares our memory until it is another program, while this thread waits: so the
 * price does not grow with what we have mapped, and what failed is simply left in the plan.
 * In return the child may do next to nothing. All that it needs is found, copied and opened
 * before; it only makes system calls.
 */

#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "process.h"

typedef struct spawn_limit {
        int resource;
        struct rlimit value;
} spawn_limit;

typedef struct spawn {
        const char *const *programs; /* tried in turn, up to NULL */
        const char *const *argv, *const *env;
        const char *cwd;

        process_stream *streams; /* by number; the child moves them about */
        size_t n_streams;
        int terminal; /* to be the one that controls, or -1 */

        const spawn_limit *limits;
        size_t n_limits;

        bool has_user, has_group, has_groups;
        uid_t uid;
        gid_t gid;
        const gid_t *groups;
        size_t n_groups;

        int cgroup; /* its cgroup.procs, or -1 */
        int nice;   /* not added: as it is to be */
        bool has_nice, has_umask, session, dies_with_us;
        mode_t umask;

        /* what failed */
        process_step step;
        int error;

        /* private */
        pid_t parent;
} spawn;

/* Returns the new process's number and in *@ret_fd a descriptor for it; or an error, with
 * the step in the plan, and no process is left of it.
 *
 * With another user or group our own process is not dumpable any more, as after a setuid()
 * of our own: the kernel sees to it as long as there is memory that both have. It stays so,
 * since another thread may be at the same point. */
pid_t spawn_start(spawn *s, int *ret_fd);
