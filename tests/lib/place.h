/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the runner and the helpers know of each other; tests include none of it. */

#include <stdbool.h>
#include <stddef.h>

/* The descriptors that were open at some time, up to FD_MAX of them. */
enum { SNAPSHOT_MAX = 4096 };
typedef struct snapshot {
        unsigned char open[SNAPSHOT_MAX];
        long long n_live; /* blocks of base/mem */
} snapshot;

void snapshot_take(snapshot *s);

/* What is open or alive now and was not then; with @strict also what was open and is
 * no more. Waits a moment for what other threads are just about to close. Says what
 * it has found, and returns whether that was anything. */
bool snapshot_leaks(const snapshot *before, bool strict);

/* Children of this process, running or not waited for. */
bool leaks_children(void);

/* The directory of the test, and what it may leave there. */
bool place_make(void);
void place_enter(void);
bool place_leaks(void);
void place_remove(void);

/* For @seconds, drawn out when slow, on a clock that no test can move. */
long long real_deadline(double seconds);
bool real_is_over(long long deadline);
void real_pause(void); /* a millisecond */

/* From here on SIGABRT makes this process, and those it forks, say where each of its
 * threads is, and end. */
void stack_on_abort(void);

/* What a line of such an output means in the source. Returns whether that is known. */
bool stack_place(const char *line, char ret[static 512]);
