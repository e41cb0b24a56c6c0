/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a session has to write: bytes, and descriptors that go with them
 *
 * Small things are copied into blocks of 64 KiB, so that many leave in one write;
 * large payloads are borrowed from their message, which is pinned until they have
 * left. Blocks are lent: an idle session has none.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "msg.h"

enum {
        OUT_BLOCK_SIZE = 65 * 1024, /* 64 KiB of a stream, and the frame's head */
        OUT_COPY_MAX = 8 * 1024,    /* above, borrowing is cheaper than copying */
        OUT_HIGH = 128 * 1024,      /* above, who wants to send has to wait */
        OUT_FDS_MAX = 253,          /* in one write (SCM_MAX_FD), and ahead of their bytes (M55) */
        OUT_IOV_MAX = 32,
};

typedef struct out_block out_block;

typedef struct out_fd {
        uint64_t at; /* it goes with the byte at this place, or before */
        int fd;
} out_fd;

typedef struct out_queue {
        out_block *first, *last;
        size_t n;         /* bytes */
        uint64_t written; /* ever */
        out_fd *fds;
        uint32_t n_fds, size_fds;
        uint32_t first_fd; /* to be sent; those before have gone ahead, */
        uint32_t due_fd;   /* and from here on their bytes have not followed */
        out_block *spare;
} out_queue;

void out_init(out_queue *q);
void out_deinit(out_queue *q);

/* Room for @n bytes, at most OUT_BLOCK_SIZE, which out_commit() then counts. NULL
 * without memory. */
uint8_t *out_room(out_queue *q, size_t n);
void out_commit(out_queue *q, size_t n);

/* Make sure that one out_borrow() and @n_fds of out_fd_put() cannot fail. */
int out_reserve(out_queue *q, size_t n_fds);

/* @n bytes of @msg at @p, pinned until written. Reserved before. */
void out_borrow(out_queue *q, beam_msg *msg, const uint8_t *p, size_t n);

/* @fd goes with the next byte; it is closed once sent. Reserved before. */
void out_fd_put(out_queue *q, int fd);

/* What one write may take: the vectors, and the descriptors for it. */
size_t out_peek(const out_queue *q, struct iovec iov[static OUT_IOV_MAX],
                int fds[static OUT_FDS_MAX], size_t *ret_n_fds);
/* @n bytes were written, and @n_fds descriptors with them. */
void out_advance(out_queue *q, size_t n, size_t n_fds);

/* For tests, and for threads that end: blocks kept for later. */
void out_trim(void);
