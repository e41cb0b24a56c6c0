/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "../base/fds.h"
#include "../base/mem.h"

enum { N_KEPT = 4, N_KEPT_SMALL = 16 };

struct out_block {
        out_block *next;
        const uint8_t *p; /* what is still to be written */
        size_t n;
        beam_msg *pinned; /* whose bytes they are, or NULL: those below */
        uint8_t data[];
};

static __thread out_block *kept;
static __thread int n_kept;
static __thread out_block *kept_small; /* without bytes of their own */
static __thread int n_kept_small;
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void on_thread_exit(void *unused) {
        (void)unused;
        while (kept) {
                out_block *b = kept;

                kept = b->next;
                mem_free(b);
        }
        n_kept = 0;
        while (kept_small) {
                out_block *b = kept_small;

                kept_small = b->next;
                mem_free(b);
        }
        n_kept_small = 0;
}

void out_trim(void) {
        on_thread_exit(NULL);
}

static void exit_install(void) {
        pthread_key_create(&exit_key, on_thread_exit);
}

/* What is kept goes with the thread. */
static void announce(void) {
        if (n_kept || n_kept_small)
                return;
        pthread_once(&exit_once, exit_install);
        pthread_setspecific(exit_key, &kept);
}

static out_block *block_new(void) {
        out_block *b = kept;

        if (b) {
                kept = b->next;
                n_kept--;
        } else {
                b = mem_new(sizeof(*b) + OUT_BLOCK_SIZE);
                if (!b)
                        return NULL;
        }
        b->next = NULL;
        b->pinned = NULL;
        b->p = b->data;
        b->n = 0;
        return b;
}

static void block_free(out_block *b) {
        if (b->pinned) {
                msg_unpin(b->pinned);
                if (n_kept_small == N_KEPT_SMALL) {
                        mem_free(b);
                        return;
                }
                announce();
                b->next = kept_small;
                kept_small = b;
                n_kept_small++;
        } else if (n_kept < N_KEPT) {
                announce();
                b->next = kept;
                kept = b;
                n_kept++;
        } else
                mem_free(b);
}

static void append(out_queue *q, out_block *b) {
        if (q->last)
                q->last->next = b;
        else
                q->first = b;
        q->last = b;
}

void out_init(out_queue *q) {
        *q = (out_queue){ 0 };
}

void out_deinit(out_queue *q) {
        while (q->first) {
                out_block *b = q->first;

                q->first = b->next;
                block_free(b);
        }
        for (size_t i = q->first_fd; i < q->n_fds; i++)
                fd_close(q->fds[i].fd);
        mem_free(q->fds);
        mem_free(q->spare);
        *q = (out_queue){ 0 };
}

static size_t block_room(const out_block *b) {
        return b->pinned ? 0 : OUT_BLOCK_SIZE - (size_t)(b->p + b->n - b->data);
}

uint8_t *out_room(out_queue *q, size_t n) {
        out_block *b = q->last;

        if (!b || block_room(b) < n) {
                b = block_new();
                if (!b)
                        return NULL;
                append(q, b);
        }
        return b->data + (b->p - b->data) + b->n;
}

void out_commit(out_queue *q, size_t n) {
        q->last->n += n;
        q->n += n;
}

int out_reserve(out_queue *q, size_t n_fds) {
        if (!q->spare) {
                q->spare = kept_small;
                if (q->spare) {
                        kept_small = q->spare->next;
                        n_kept_small--;
                } else {
                        q->spare = mem_new(sizeof(*q->spare));
                        if (!q->spare)
                                return -ENOMEM;
                }
        }
        if (q->n_fds + n_fds > q->size_fds) {
                uint32_t size = q->size_fds ? q->size_fds : 8;
                out_fd *fds;

                /* what has left makes room first */
                if (q->due_fd) {
                        q->n_fds -= q->due_fd;
                        q->first_fd -= q->due_fd;
                        memmove(q->fds, q->fds + q->due_fd, q->n_fds * sizeof(*q->fds));
                        q->due_fd = 0;
                }
                while (size < q->n_fds + n_fds)
                        size *= 2;
                fds = mem_resize(q->fds, size * sizeof(*fds));
                if (!fds)
                        return -ENOMEM;
                q->fds = fds;
                q->size_fds = size;
        }
        return 0;
}

void out_borrow(out_queue *q, beam_msg *msg, const uint8_t *p, size_t n) {
        out_block *b = q->spare;

        q->spare = NULL;
        *b = (out_block){ .p = p, .n = n, .pinned = msg };
        msg_pin(msg);
        append(q, b);
        q->n += n;
}

void out_fd_put(out_queue *q, int fd) {
        q->fds[q->n_fds++] = (out_fd){ .at = q->written + q->n, .fd = fd };
}

size_t out_peek(const out_queue *q, struct iovec iov[static OUT_IOV_MAX],
                int fds[static OUT_FDS_MAX], size_t *ret_n_fds) {
        size_t n_iov = 0, n_fds = 0, room = SIZE_MAX, n_bytes = 0;
        size_t n_ahead = q->first_fd - q->due_fd;

        for (size_t i = q->first_fd; i < q->n_fds; i++) {
                if (n_ahead + n_fds == OUT_FDS_MAX) {
                        /* its frame has to wait for the next write */
                        room = q->fds[i].at - q->written;
                        break;
                }
                fds[n_fds++] = q->fds[i].fd;
        }
        for (const out_block *b = q->first; b && n_iov < OUT_IOV_MAX && room; b = b->next) {
                size_t n = b->n < room ? b->n : room;

                if (!n)
                        continue;
                iov[n_iov++] = (struct iovec){ .iov_base = (void *)(uintptr_t)b->p, .iov_len = n };
                room -= n;
                n_bytes += n;
        }
        /* those of frames that are not in this write yet */
        while (n_fds && q->fds[q->first_fd + n_fds - 1].at >= q->written + n_bytes)
                n_fds--;
        *ret_n_fds = n_fds;
        return n_iov;
}

void out_advance(out_queue *q, size_t n, size_t n_fds) {
        q->n -= n;
        q->written += n;
        while (q->first) {
                out_block *b = q->first;
                size_t used = b->n < n ? b->n : n;

                b->p += used;
                b->n -= used;
                n -= used;
                if (b->n)
                        break;
                q->first = b->next;
                if (!q->first)
                        q->last = NULL;
                block_free(b);
        }
        for (; n_fds; n_fds--)
                fd_close(q->fds[q->first_fd++].fd);
        while (q->due_fd < q->first_fd && q->fds[q->due_fd].at < q->written)
                q->due_fd++;
        if (q->due_fd == q->n_fds)
                q->due_fd = q->first_fd = q->n_fds = 0;
}
