/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Patience: giving way before going to sleep
 *
 * Whoever is waited for may be ready to run on this very core. To let it run then is
 * half of the price of a sleep and a wake-up, and it may bring more than the one thing
 * that would have ended the sleep. Where that does not help, so many waits go by
 * without it: 2, 4, 8 ... 64. Where a third program has the core it is dear, since who
 * gives way is the last to come back: then 1,024.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct patience {
        uint16_t skip; /* waits that go without */
        uint8_t fails;
} patience;

/* Give way, if that has paid lately, and tell whether @look has found anything then. It
 * returns how much: bytes, or what else makes longer worth while; 0 for nothing. */
bool patience_pays(patience *p, size_t (*look)(void *arg), void *arg);

/* Its two halves: whether to give way this time, and what came of it in @spent ns. */
bool patience_has(patience *p);
void patience_learn(patience *p, size_t found, int64_t spent);
