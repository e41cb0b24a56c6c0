/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random numbers, of the cheap kind
 *
 * Good enough to sample with, and not to be guessed from outside in practice; no
 * secret may be made of them. Each thread has its own row, begun from the kernel's.
 */

#include <stdint.h>

uint64_t random_next(void);

/* Less than @n, each as likely as any other; @n is not 0. */
uint64_t random_below(uint64_t n);

/* For tests: the row of this thread from here on. */
void random_seed(uint64_t seed);
