/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * System calls that fail
 *
 * calls.c defines the calls that the library makes, read(2) to pthread_create(3), in
 * front of the C library's. Each counts, and does what it does, unless it is its turn.
 */

#include <stdbool.h>

typedef enum fault_kind {
        FAULT_NONE,
        FAULT_SHORT, /* one byte, where bytes are read or written */
        FAULT_EINTR,
        FAULT_EAGAIN,
        FAULT_RESET,  /* ECONNRESET, of bytes on sockets */
        FAULT_NO_FDS, /* EMFILE, of what makes descriptors */
        FAULT_NO_MEM, /* ENOMEM or ENOBUFS, of sockets; EAGAIN of threads */
} fault_kind;

/* Make the @nth call that can fail so do it, 1 is the next, and each @every-th after
 * it too unless that is 0. FAULT_NONE: none. */
void fault_at(fault_kind kind, unsigned nth, unsigned every);
bool fault_has_happened(void);
