/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tool's loop
 *
 * What any program does that has a loop of its own: poll the library's descriptor
 * beside those of others, then dispatch. Here the others are signals, the pipes of
 * children, and stdin.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

typedef struct wait_fd wait_fd;
struct wait_fd {
        int fd;
        short events; /* as of poll(); 0 to be left alone for a while */
        void (*fn)(wait_fd *w, short revents);

        /* private */
        list in_waits;
        short revents;
};

/* Take SIGINT, SIGTERM and SIGCHLD as events from here on, and ignore SIGPIPE. Once,
 * before the library may have started a thread. */
int wait_init(void);

void wait_add(wait_fd *w);
void wait_remove(wait_fd *w); /* fine when it was never added */

/* Wait for something to happen, for the deadline at most, and let it happen. Returns
 * 0, also when the time has passed. */
int wait_turn(int64_t deadline);

/* For a command with nothing else to wait for: run the library's loop itself until one of
 * these signals comes. That is a system call less for each turn. Once. */
int wait_run(void);

/* How often we were told to stop, and by which signal first. */
unsigned wait_stops(void);
int wait_stop_signal(void);

/* Whether a child may have ended since this was asked last. */
bool wait_child(void);

/* Wait until @fd can be read, with all else moving on. Returns 1, 0 when told to
 * stop, -ETIMEDOUT, or -errno. */
int wait_readable(int fd, int64_t deadline);

/* Die of the signal that told us to stop, as whoever waits for us expects. */
void wait_die(void) __attribute__((noreturn));
