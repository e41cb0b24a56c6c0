/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A cgroup of version 2, for one tree of processes
 *
 * What is started in there stays in there, whatever it does, and is counted and killed as
 * one. It needs a directory in which we may make others: the system's for root, or one that
 * was delegated to us.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct cgroup {
        /* private */
        int parent, dir; /* -1: there is none */
        char name[48];
} cgroup;

#define CGROUP_NONE ((cgroup){ .parent = -1, .dir = -1 })

/* Make one below @path, of @pids_max processes at most; 0 is any. -ENOTSUP if the system does
 * not count them there, or it is no cgroup. */
int cgroup_make(const char *path, uint64_t pids_max, cgroup *ret);

/* Remove it; what is in there is waited for until @deadline, if it is being ended. -EBUSY if
 * some goes on, and then the directory stays, too. */
int cgroup_remove(cgroup *c, int64_t deadline);
/* Only forget it. */
void cgroup_forget(cgroup *c);

static inline bool cgroup_is(const cgroup *c) {
        return c->dir >= 0;
}

/* To write "0" to, which moves the writer in. The caller's. */
int cgroup_open_procs(const cgroup *c);

/* Send @signal to all, or 0 for none. Returns whether any were alive. */
int cgroup_signal(cgroup *c, int signal);
