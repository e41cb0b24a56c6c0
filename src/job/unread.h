/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Output that lies where it was put, and has not been read (rule J16)
 *
 * Frames are put at the end of a list and read from its beginning, so that how long it is
 * says which are still there.
 */

#include <stddef.h>
#include <stdint.h>

/* What a frame counts for at least: a program that writes single bytes must not fill the
 * context with what each of them costs beside itself. J16. */
enum { UNREAD_LEAST = 64 };

typedef struct unread {
        size_t n_bytes; /* as they count */

        /* private */
        uint32_t *sizes; /* a ring of `size`, a power of two: n from `first` on */
        size_t first, n, size;
} unread;

void unread_deinit(unread *u); /* may run twice */

/* A frame of @n bytes is put there. -ENOMEM. */
int unread_put(unread *u, uint32_t n);

/* So many frames are there: 1 if some have been read since. @n_later were put after whoever
 * says so looked. */
int unread_left(unread *u, size_t n_frames, size_t n_later);
