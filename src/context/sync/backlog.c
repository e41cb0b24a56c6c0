/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include <errno.h>

#include "../../base/mem.h"

/* Of a chunk: so many that the ring of them is small, and no more than what a small
 * backlog may take too much. Picked. */
enum { CHUNK_SIZE = 16 * 1024 };

void backlog_init(backlog *b, int64_t offset) {
        *b = (backlog){ .start = offset, .end = offset, .base = offset };
}

static char *chunk_at(const backlog *b, size_t i) {
        return b->chunks[(b->first + i) % b->cap];
}

void backlog_deinit(backlog *b) {
        for (size_t i = 0; i < b->n_chunks; i++)
                mem_free(chunk_at(b, i));
        mem_free(b->chunks);
        backlog_init(b, b->end);
}

static int grow_ring(backlog *b) {
        size_t cap = b->cap ? 2 * b->cap : 8;
        char **grown = mem_array(cap, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        for (size_t i = 0; i < b->n_chunks; i++)
                grown[i] = chunk_at(b, i);
        mem_free(b->chunks);
        b->chunks = grown;
        b->first = 0;
        b->cap = cap;
        return 0;
}

static int add_chunk(backlog *b) {
        char *chunk;

        if (b->n_chunks == b->cap && grow_ring(b) < 0)
                return -ENOMEM;
        chunk = mem_new(CHUNK_SIZE);
        if (!chunk)
                return -ENOMEM;
        b->chunks[(b->first + b->n_chunks++) % b->cap] = chunk;
        return 0;
}

int backlog_put(backlog *b, const void *p, size_t n) {
        const char *from = p;

        while (n > 0) {
                size_t at = (size_t)(b->end - b->base), in_chunk = at % CHUNK_SIZE, some;

                if (at / CHUNK_SIZE == b->n_chunks && add_chunk(b) < 0)
                        return -ENOMEM;
                some = CHUNK_SIZE - in_chunk < n ? CHUNK_SIZE - in_chunk : n;
                memcpy(chunk_at(b, at / CHUNK_SIZE) + in_chunk, from, some);
                b->end += (int64_t)some;
                from += some;
                n -= some;
        }
        return 0;
}

bytes backlog_peek(const backlog *b, int64_t offset) {
        size_t at = (size_t)(offset - b->base), in_chunk = at % CHUNK_SIZE;
        size_t n = (size_t)(b->end - offset);

        if (n == 0)
                return (bytes){ NULL, 0 };
        if (n > CHUNK_SIZE - in_chunk)
                n = CHUNK_SIZE - in_chunk;
        return (bytes){ chunk_at(b, at / CHUNK_SIZE) + in_chunk, n };
}

void backlog_trim(backlog *b, int64_t offset) {
        while (b->n_chunks > 0 && offset - b->base >= CHUNK_SIZE &&
               b->end - b->base >= CHUNK_SIZE) {
                mem_free(b->chunks[b->first]);
                b->first = (b->first + 1) % b->cap;
                b->n_chunks--;
                b->base += CHUNK_SIZE;
                b->start = b->base;
        }
}

size_t backlog_memory(const backlog *b) {
        return b->cap * sizeof(*b->chunks) + b->n_chunks * CHUNK_SIZE;
}
