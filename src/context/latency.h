/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What took longer than latency-monitor-threshold, and when
 *
 * A few kinds of events, each with its last samples: the longest of each second in which
 * there was one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LATENCY_SAMPLES = 160 }; /* of a kind; Redis's */

typedef enum latency_kind {
        LATENCY_COMMAND,
        LATENCY_FAST_COMMAND, /* one that takes O(1) or O(log N) */
        LATENCY_EXPIRE_CYCLE,
        LATENCY_EVICTION_CYCLE,
        LATENCY_KINDS,
} latency_kind;

typedef struct latency_sample {
        uint32_t when; /* seconds of Unix time */
        uint32_t ms;
} latency_sample;

typedef struct latency {
        latency_sample *samples[LATENCY_KINDS]; /* LATENCY_SAMPLES, or NULL */
        size_t n[LATENCY_KINDS];                /* ever */
        uint32_t max[LATENCY_KINDS];
} latency;

const char *latency_name(latency_kind kind);

/* Also without memory, and then it is lost. */
void latency_put(latency *l, latency_kind kind, int64_t when, int64_t ms);

/* The @i-th of those that are kept, the oldest first; false beyond the last. */
bool latency_get(const latency *l, latency_kind kind, size_t i, latency_sample *ret);

/* Forget those of a kind; returns whether there were any. */
bool latency_reset(latency *l, latency_kind kind);
void latency_deinit(latency *l);
