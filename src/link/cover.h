/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Covers: what lies between a session's bytes and those on the wire
 *
 * The pump (drive.c) gives a cover all that it reads, and sends what the cover has put into its
 * buffer. A cover makes no system call on the descriptor and waits for nothing. It begins with a
 * greeting of its own; until that is over the session's bytes stay where they are.
 */

#include <sys/uio.h>

#include "../chan/session.h"

enum { COVER_PART = 64 * 1024 }; /* of the session's bytes, covered in one go: one write's worth */

typedef struct cover cover;

typedef struct cover_calls {
        /* Bytes have come, which may be changed where they lie; what they carry goes to the
         * session. Returns 0; -EPIPE when the other side has said its end; any other error has
         * ended the session. */
        int (*feed)(cover *c, session *s, uint8_t *p, size_t n);
        /* Cover the first of these, COVER_PART at the most. Returns how many; 0 without memory. */
        size_t (*wrap)(cover *c, const struct iovec *iov, size_t n_iov);
        /* The session has ended with @error, 0 if in order: tell the other side, once. */
        void (*shut)(cover *c, int error);
        cover *(*free)(cover *c);
} cover_calls;

struct cover {
        const cover_calls *calls;
        bool open; /* the greeting is over, and the end has not been said */

        /* to be sent: from at on */
        uint8_t *p;
        size_t at, n, cap;
};

/* Room for @n bytes at the end of what is to be sent, for the caller to write and then add to
 * c->n; NULL without memory. */
uint8_t *cover_room(cover *c, size_t n);

/* @n bytes have gone. With the last one the memory goes too: an idle session holds none. */
void cover_sent(cover *c, size_t n);

static inline size_t cover_left(const cover *c) {
        return c->n - c->at;
}
