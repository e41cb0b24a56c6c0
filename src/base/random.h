/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random numbers, of the cheap kind
 *
 * To sample with. Whoever has seen one knows the next: no secret may be made of them.
 * Each thread has a row of its own, which begins with what the kernel gives.
 */

#include <stdint.h>

uint64_t random_next(void);

/* Less than @n, each as likely as any other; @n is not 0. */
uint64_t random_below(uint64_t n);

/* For tests: the row of this thread from here on. */
void random_seed(uint64_t seed);
