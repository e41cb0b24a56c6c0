/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Futex: sleep while a word has a value, wake those who sleep on it. */

#include <stdatomic.h>
#include <stdint.h>

/* Sleep while *@word is @value, until the deadline at most. Spurious returns are
 * normal, so there is no result: the caller looks at the word again. */
void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline);
void futex_wake(_Atomic uint32_t *word, int n);
