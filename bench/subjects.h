/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is measured: subjects, the contenders of each, and what ours is to reach
 *
 * A row is one case of one contender program. A goal compares two rows of its subject
 * (or a row and a figure) under one pinning, round by round.
 */

#include <stddef.h>

typedef enum unit {
        UNIT_RATE,   /* million a second; more is better */
        UNIT_OFTEN,  /* a second; more is better */
        UNIT_TIME,   /* microseconds each; less is better */
        UNIT_BYTES,  /* GB/s; more is better */
        UNIT_HELD,   /* bytes on each side; less is better */
        UNIT_SECONDS /* for all of it; less is better */
} unit;

enum {
        ROW_OURS = 1,
        ROW_PEER = 2,   /* a library of the same kind: ours is to use less CPU */
        ROW_GREEN = 4,  /* goroutines: no thread is woken, so told apart */
        ROW_FREE = 4,   /* spins, which makes no sense on one core */
        ROW_STEADY = 8, /* is to allocate nothing for a message */
};

typedef struct row {
        const char *name;
        const char *program; /* bench-PROGRAM, beside the driver */
        const char *kase;
        int flags;
} row;

typedef enum goal_kind {
        GOAL_NONE,
        GOAL_AT_LEAST, /* @factor times row @ref */
        GOAL_AT_MOST,
        GOAL_BEYOND,          /* at most @factor units more than row @ref */
        GOAL_FIGURE_AT_LEAST, /* @factor itself */
        GOAL_FIGURE_AT_MOST,
} goal_kind;

enum { GOAL_PINNED = 1, GOAL_UNPINNED = 2 };

typedef struct goal {
        goal_kind kind;
        int ours; /* places in rows */
        double factor;
        int ref;
        int only; /* one pinning, or 0 for both */
} goal;

enum { ROWS_MAX = 10, GOALS_MAX = 8 };

typedef struct subject {
        const char *key;
        const char *title;
        const char *about; /* what the rows do, and what each was allowed */
        unit unit;
        size_t size; /* bytes of a message, for UNIT_BYTES */
        row rows[ROWS_MAX];
        goal goals[GOALS_MAX];
} subject;

extern const subject subjects[];
extern const size_t n_subjects;
