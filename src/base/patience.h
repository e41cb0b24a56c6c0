/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Patience: looking a little longer before going to sleep
 *
 * Whoever is waited for may be ready to run on this very core. To let it run then is
 * half of the price of a sleep and a wake-up, and it may bring more than the one thing
 * that would have ended the sleep. Where that does not help, so many waits go by
 * without it: 2, 4, 8 ... 64. Where a third program has the core it is dear, since who
 * gives way is the last to come back: then 1,024.
 *
 * It may also run on another core. A sleep that ends from there costs both sides tens of
 * microseconds, so that after some sleeps which were hardly longer the next waits look on
 * for about as long, giving way at each look. Once that was in vain it takes short sleeps
 * again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct patience {
        uint16_t skip; /* waits that go without */
        uint8_t fails;
        uint8_t n_short; /* sleeps in a row that were hardly worth it */
} patience;

/* Give way, if that has paid lately, and tell whether @look has found anything then. It
 * returns how much: bytes, or what else makes longer worth while; 0 for nothing. @company:
 * there is another core, and who is waited for may be there. */
bool patience_pays(patience *p, bool company, size_t (*look)(void *arg), void *arg);

/* The sleep after it has taken so many ns. */
void patience_slept(patience *p, int64_t ns);

/* The two halves of patience_pays(): how long to look, -1 for not at all, and what came of
 * it in @spent ns. */
int64_t patience_has(patience *p, bool company);
void patience_learn(patience *p, size_t found, int64_t spent);
