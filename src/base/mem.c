/* SPDX-License-Identifier: Apache-2.0 */
#include "mem.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Relaxed throughout: a thread that sees the switch late has nothing to lose. On
 * x86 and arm64 the load of the flags is a plain one. */
static struct {
        atomic_uint flags;
        atomic_bool failed;
        _Atomic int64_t n_used; /* while COUNTED */
        _Atomic int64_t n_live, n_bytes;
        _Atomic uint64_t n_new;
        _Atomic uint64_t fail_at; /* a value of n_new, 0 for never */
} watch;

enum { AT_HAND_MAX = 1032 };       /* a block that glibc's malloc() keeps at hand for its thread */
enum { WATCHED = 1, COUNTED = 2 }; /* by a test; by who asked how much is used */

static inline unsigned flags(void) {
        unsigned set = atomic_load_explicit(&watch.flags, memory_order_relaxed);

        return __builtin_expect(set != 0, false) ? set : 0;
}

/* One more is asked for. Returns whether it is to fail. */
static bool count_ask(void) {
        uint64_t nth;

        if (!(flags() & WATCHED))
                return false;
        nth = atomic_fetch_add_explicit(&watch.n_new, 1, memory_order_relaxed) + 1;
        if (nth != atomic_load_explicit(&watch.fail_at, memory_order_relaxed))
                return false;
        atomic_store_explicit(&watch.failed, true, memory_order_relaxed);
        return true;
}

/* malloc knows how large a block is; to keep the size beside it would change the
 * layout of memory between tests and use. */
static void count_block(void *p, int64_t sign) {
        int64_t n = sign * (int64_t)malloc_usable_size(p);

        if (flags() & COUNTED)
                atomic_fetch_add_explicit(&watch.n_used, n, memory_order_relaxed);
        if (flags() & WATCHED) {
                atomic_fetch_add_explicit(&watch.n_live, sign, memory_order_relaxed);
                atomic_fetch_add_explicit(&watch.n_bytes, n, memory_order_relaxed);
        }
}

static inline void *counted(void *p) {
        if (flags() && p)
                count_block(p, 1);
        return p;
}

void *mem_new(size_t n) {
        if (flags() && count_ask())
                return NULL;
        /* malloc(0) may be NULL elsewhere, and that would read as a failure */
        return counted(malloc(n ? n : 1));
}

/* glibc's calloc() passes by the blocks that the thread keeps at hand, which malloc() takes; what
 * is large may come cleared from the system. */
void *mem_zero(size_t n) {
        void *p;

        if (n > AT_HAND_MAX) {
                if (flags() && count_ask())
                        return NULL;
                return counted(calloc(1, n));
        }
        p = mem_new(n);
        return p ? memset(p, 0, n) : NULL;
}

void *mem_array(size_t n, size_t size) {
        size_t n_bytes;

        if (__builtin_mul_overflow(n, size, &n_bytes))
                return NULL;
        return mem_zero(n_bytes);
}

void *mem_aligned(size_t align, size_t n) {
        void *p;

        if (flags() && count_ask())
                return NULL;
        if (align < sizeof(void *))
                align = sizeof(void *);
        if (posix_memalign(&p, align, n ? n : 1))
                return NULL;
        return counted(p);
}

void *mem_copy(const void *p, size_t n) {
        void *copy = mem_new(n);

        if (copy && n)
                memcpy(copy, p, n);
        return copy;
}

char *mem_text(const char *text) {
        return mem_copy(text, strlen(text) + 1);
}

void *mem_resize(void *p, size_t n) {
        void *q;

        if (!flags())
                return realloc(p, n ? n : 1);

        if (count_ask())
                return NULL;
        if (p)
                count_block(p, -1);
        q = realloc(p, n ? n : 1);
        if (q || p)
                count_block(q ? q : p, 1);
        return q;
}

void *mem_free(void *p) {
        int error = errno;

        if (flags() && p)
                count_block(p, -1);
        free(p);
        errno = error;
        return NULL;
}

void mem_freep(void *p) {
        void *block;

        /* through memcpy, since @p points to a pointer of some other type */
        memcpy(&block, p, sizeof(block));
        mem_free(block);
        memset(p, 0, sizeof(block));
}

int64_t mem_used(void) {
        int64_t n;

        if (!(flags() & COUNTED)) {
                struct mallinfo2 m = mallinfo2();

                atomic_store(&watch.n_used, (int64_t)(m.uordblks + m.hblkhd));
                atomic_fetch_or(&watch.flags, COUNTED);
        }
        n = atomic_load_explicit(&watch.n_used, memory_order_relaxed);
        return n > 0 ? n : 0;
}

void mem_watch(bool on) {
        atomic_store(&watch.fail_at, 0);
        atomic_store(&watch.failed, false);
        if (on) {
                atomic_store(&watch.n_live, 0);
                atomic_store(&watch.n_bytes, 0);
                atomic_store(&watch.n_new, 0);
        }
        if (on)
                atomic_fetch_or(&watch.flags, WATCHED);
        else
                atomic_fetch_and(&watch.flags, ~(unsigned)WATCHED);
}

bool mem_watched(void) {
        return flags() & WATCHED;
}

mem_stats mem_get_stats(void) {
        return (mem_stats){
                .n_live = atomic_load(&watch.n_live),
                .n_bytes = atomic_load(&watch.n_bytes),
                .n_new = atomic_load(&watch.n_new),
        };
}

void mem_fail_at(uint64_t nth) {
        atomic_store(&watch.failed, false);
        atomic_store(&watch.fail_at, nth ? atomic_load(&watch.n_new) + nth : 0);
        atomic_fetch_or(&watch.flags, WATCHED);
}

bool mem_has_failed(void) {
        return atomic_load(&watch.failed);
}
