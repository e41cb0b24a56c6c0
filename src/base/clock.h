/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The clock: nanoseconds that never step back
 *
 * CLOCK_MONOTONIC, read through the vDSO (about 20 ns). Deadlines are points on
 * it; 0 is long past and INT64_MAX never comes. A test may move it forward
 * instead of sleeping.
 */

#include <stdint.h>

#define CLOCK_NEVER INT64_MAX
#define CLOCK_SECOND INT64_C(1000000000)

int64_t clock_now(void);

/* The point @ns from @from; CLOCK_NEVER when that is too far, and never below 0. */
int64_t clock_add(int64_t from, int64_t ns);

/* Milliseconds of Unix time, for what is told to people and to other machines. It may
 * step back; a test that moves the clock moves this one too. */
int64_t clock_wall_ms(void);
/* The same in nanoseconds. */
int64_t clock_wall(void);

/* How long to wait for @deadline at most, as poll(2) wants it: -1 for ever, 0 when
 * it has passed, else milliseconds rounded up, since to wake before the deadline
 * is to spin until it. */
int clock_poll_ms(int64_t deadline);

/* @t as CLOCK_MONOTONIC has it, for the calls of the kernel that want a point in time:
 * the same but where a test has moved the clock. */
int64_t clock_real(int64_t t);

/* For tests: every clock_now() from here on is @ns later. Real waits are not cut
 * short by it; whoever waits has to be woken, or not have begun. */
void clock_advance(int64_t ns);
