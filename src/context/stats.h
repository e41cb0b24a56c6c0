/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What has happened so far: how often, how long, and what went wrong
 *
 * INFO and LATENCY HISTOGRAM tell it, CONFIG RESETSTAT forgets it. Times are of those who
 * are connected: a command that the program executes itself takes no longer than the
 * two looks at the clock would, so those are only counted.
 */

#include <stddef.h>
#include <stdint.h>

#include "command.h"

/* Each place is for what took about twice as long as what is in the one before; the last, of a
 * second, for all that took longer. */
enum { STATS_PLACES = 21 };

typedef struct command_stats {
        uint64_t n_calls, ns;
        uint32_t n_failed;   /* answered with an error */
        uint32_t n_rejected; /* before they were run */
        uint32_t *places;    /* STATS_PLACES counts, or NULL */
} command_stats;

typedef struct error_stats {
        char code[24]; /* the first word of the error */
        uint64_t n;
} error_stats;

typedef struct stats {
        uint64_t n_clients_ever, n_commands, n_expired, n_evicted, n_hits, n_misses, n_errors;
        uint64_t n_received, n_sent, n_reads, n_writes; /* bytes, and system calls for them */
        uint64_t n_turned_away;                         /* connections, beyond maxclients */
        uint64_t n_whole, n_resumed, n_begun_anew; /* followers: sent all, or only the stream; and
                                                      those of the first who wanted the second */
        uint64_t n_before; /* commands at `when`, for how many there are a second; and that */
        int64_t when, per_second;
        command_stats *commands; /* by command->number */
        error_stats *errors;
        size_t n_error_codes;
} stats;

/* -ENOMEM. */
int stats_init(stats *s);
void stats_deinit(stats *s);
void stats_reset(stats *s);

/* Commands a second between this call and the one before, a second ago or more; @now in ms. */
int64_t stats_rate(stats *s, int64_t now);

/* The longest time in nanoseconds that is of place @i: as Redis has them, which counts in steps
 * of 1/128 of a power of two. */
static inline int64_t stats_place_end(unsigned i) {
        int64_t power = INT64_C(1024) << i;

        return power + power / 128 - 1;
}

void stats_note_time(stats *s, const command *cmd, int64_t ns, bool in_places);
/* Of the error @text, which begins with its code. */
void stats_note_error(stats *s, const char *text);
