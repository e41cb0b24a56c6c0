/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The backlog: the last bytes of an endless stream, by their offset
 *
 * What a master says to its replicas is one stream for all of them, so it is kept once:
 * each replica is an offset into it, and one that comes back asks for what is behind the
 * offset it has. Bytes are put in at the end and forgotten from the start, a chunk at a
 * time; they never move, so they can be written from where they lie.
 *
 *      start                                        end
 *        |#########|###########|##########|####      |
 *                       ^ where a reader is
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../base/bytes.h"

typedef struct backlog {
        int64_t start, end; /* the bytes from start to before end are there */

        /* private */
        char **chunks; /* a ring of n_chunks, from first on; the stream of them begins at base */
        size_t first, n_chunks, cap;
        int64_t base;
} backlog;

/* Empty, and the next byte is at @offset. */
void backlog_init(backlog *b, int64_t offset);
void backlog_deinit(backlog *b); /* may run twice */

/* Add bytes at the end. -ENOMEM: some may have been added, and it is of no use any more. */
int backlog_put(backlog *b, const void *p, size_t n);

/* The bytes from @offset on that lie together: none only at the end. It is from start to
 * end. Until the next call that trims. */
bytes backlog_peek(const backlog *b, int64_t offset);

static inline bool backlog_has(const backlog *b, int64_t offset) {
        return offset >= b->start && offset <= b->end;
}

/* Forget what is before @offset, as far as whole chunks go. */
void backlog_trim(backlog *b, int64_t offset);

size_t backlog_memory(const backlog *b);
