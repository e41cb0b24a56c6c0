/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fork: what the child may not touch
 *
 * A child has copies of the parent's objects and none of its threads. Objects
 * remember the value that fork_count() had when they were made; where it has
 * changed they belong to the parent, and calls on them give -ECHILD. Descriptors
 * that a peer would otherwise see held open by the child are closed in it.
 */

#include <stdint.h>

#include "list.h"

typedef struct fork_fd {
        /* private */
        list node;
        int fd;
} fork_fd;

/* How often the process has become a child; read it, it is never written elsewhere. */
extern uint32_t fork_counter;

static inline uint32_t fork_count(void) {
        return fork_counter;
}

/* Close @fd in children until fork_forget(). */
void fork_close(fork_fd *f, int fd);
void fork_forget(fork_fd *f);

/* Call @fn in each child; at most a few, never taken back. */
void fork_in_child(void (*fn)(void));
