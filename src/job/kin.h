/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tree of a process: all that it has started, and what these have
 *
 * The kernel forgets whose child it was once a process in between has ended. So each look at
 * /proc takes for one of the tree
 *
 *     the root; a child of one that is in; who was in at the last look
 *     who is in a group or session that was made in there: its leader is in, or is gone
 *     who has the mark in the environment it began with
 *
 * What leaves its parents and its session, and has cleared its environment before the first
 * look, gets away; so may what forks faster than it is looked at. A cgroup holds these.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct kin_one {
        pid_t pid;
        uint64_t start; /* in ticks since the system's, so that a number used again is told */
} kin_one;

typedef struct kin {
        pid_t root;       /* whose number is not used again meanwhile; 0 if it may be */
        const char *mark; /* NAME=VALUE or NULL; stays the caller's */

        /* private */
        kin_one *known;
        size_t n_known;
        bool is_stopping; /* those that are known have been told to stop */
        int n_stops;
} kin;

/* How many are alive, or why it could not look. */
int kin_count(kin *k);

/* Send @signal to each. Returns how many there were, or why it could not look: then the
 * root's group was told, no others. */
int kin_signal(kin *k, int signal);

/* One step towards killing all, the same otherwise: again until it returns 0, with a moment
 * in between. At first they are only stopped. So who forks on and on comes to a halt, as what
 * is stopped still counts in its limit; and nobody loses its parent, by which it is found. */
int kin_kill(kin *k);
void kin_deinit(kin *k);
