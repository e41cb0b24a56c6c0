/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Counts every allocation of the program: its own, the library's under test and
 * those of C++, which end in malloc() too. A program's symbols go before those of
 * the shared libraries, so that these are called by all. The count is per thread,
 * to cost the same next to nothing for everybody; the sum is taken between passes.
 */

#include "bench.h"

#include <errno.h>
#include <stdlib.h>

/* glibc's own names for what is wrapped here. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

enum { THREADS_MAX = 512 };

static struct { uint64_t n; } __attribute__((aligned(64))) counts[THREADS_MAX];
static int n_counts;
static __thread __attribute__((tls_model("initial-exec"))) uint64_t *count;

static void add(void) {
        if (!count) {
                int i = __atomic_fetch_add(&n_counts, 1, __ATOMIC_RELAXED);

                count = &counts[i < THREADS_MAX ? i : THREADS_MAX - 1].n;
        }
        __atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
}

uint64_t bench_allocs(void) {
        uint64_t n = 0;
        int i;

        for (i = 0; i < THREADS_MAX; i++)
                n += __atomic_load_n(&counts[i].n, __ATOMIC_RELAXED);
        return n;
}

void *malloc(size_t n) {
        add();
        return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
        add();
        return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
        add();
        return __libc_realloc(p, n);
}

void *memalign(size_t align, size_t n);
void *memalign(size_t align, size_t n) {
        add();
        return __libc_memalign(align, n);
}

void *aligned_alloc(size_t align, size_t n) {
        add();
        return __libc_memalign(align, n);
}

int posix_memalign(void **ret, size_t align, size_t n) {
        void *p;

        add();
        p = __libc_memalign(align, n);
        if (!p)
                return ENOMEM;
        *ret = p;
        return 0;
}
