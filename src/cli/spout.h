/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes to stdout or stderr, without standing still where nobody reads them
 *
 * The descriptor is left as it is: others share it, and to whom it is non-blocking all of a
 * sudden that is an error. So it is each write that does not wait; and where that cannot be, as
 * on a terminal, there goes no more at once than it has said that it has room for.
 */

#include <stdbool.h>
#include <stddef.h>

#include "wait.h"

typedef struct spout {
        int error; /* that it was closed by: from then on what is put is dropped */

        /* private */
        const char *data;
        size_t n;
        size_t at_once; /* at most; 0: a write takes what there is room for, and does not wait */
        wait_fd wait;
} spout;

void spout_init(spout *s, int fd);
void spout_deinit(spout *s);

/* Write, as far as it goes; the rest from wait_turn(). The bytes stay until it is idle. */
void spout_put(spout *s, const void *data, size_t n);

/* There will be no more, and it is idle: the descriptor, which is ours then, is closed. */
void spout_end(spout *s);

static inline bool spout_is_idle(const spout *s) {
        return s->n == 0;
}
