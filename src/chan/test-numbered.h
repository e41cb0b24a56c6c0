/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For tests: messages that are known by a number
 */

#include "pipe.h"

beam_msg *numbered(size_t n);
size_t number_of(beam_msg *msg); /* which is freed */

/* Put number @n into @p, if there is room. As pipe_put(). */
int put(chan_pipe *p, size_t n);

/* Take the next, which has to be number @n. */
void take(chan_pipe *p, size_t n);
