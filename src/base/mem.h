/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory: the one door for allocation
 *
 * Everything the library allocates comes through here, so that a test can count
 * what is alive and make the n-th allocation fail, and so that a context knows what
 * is used. The hook is one branch on a flag that is false without either: beside the 20 ns of a
 * malloc it cannot be measured, and the library that is tested is the one that is shipped, which a
 * second build with the hook compiled in would not be. Paths too hot for malloc
 * keep freelists above this door, and give them back when asked to trim.
 *
 * Every call may return NULL, which the caller turns into -ENOMEM. Sizes are
 * checked for overflow here, where there are two of them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEM_MUST_USE __attribute__((warn_unused_result))

/* @n bytes, not cleared. A block of 0 bytes is a block, and is freed like one. */
void *mem_new(size_t n) MEM_MUST_USE __attribute__((malloc, alloc_size(1)));

/* @n bytes of zero. */
void *mem_zero(size_t n) MEM_MUST_USE __attribute__((malloc, alloc_size(1)));

/* @n things of @size bytes, zero. NULL when the product does not fit. */
void *mem_array(size_t n, size_t size) MEM_MUST_USE __attribute__((malloc, alloc_size(1, 2)));

/* @n bytes at a multiple of @align, a power of two; not cleared. */
void *mem_aligned(size_t align, size_t n) MEM_MUST_USE
        __attribute__((malloc, alloc_size(2), alloc_align(1)));

/* A copy of @n bytes; of a text with its end. */
void *mem_copy(const void *p, size_t n) MEM_MUST_USE __attribute__((malloc));
char *mem_text(const char *text) MEM_MUST_USE __attribute__((malloc));

/* Grow or shrink to @n bytes. On failure @p stays as it was. NULL is a new block. */
void *mem_resize(void *p, size_t n) MEM_MUST_USE __attribute__((alloc_size(2)));

/* NULL is fine; NULL comes back. Keeps errno. */
void *mem_free(void *p);

/* for the cleanup attribute: @p is the address of a pointer of any type */
void mem_freep(void *p);

/* Bytes that the process has allocated, as malloc rounds: counted from the first call on,
 * which looks at what there is already. */
int64_t mem_used(void);

/* for tests; one thread switches it on before there are others */

typedef struct mem_stats {
        int64_t n_live;  /* blocks allocated less blocks freed, since mem_watch() */
        int64_t n_bytes; /* in them, as malloc rounds */
        uint64_t n_new;  /* allocations asked for, the failed ones too */
} mem_stats;

/* Count from here on, from zero; with false stop counting and failing. Blocks from
 * before that are freed afterwards count as -1, so switch it on first. */
void mem_watch(bool on);
bool mem_watched(void);
mem_stats mem_get_stats(void);

/* Make the @nth allocation from here fail, once; 1 is the next and 0 none. Switches
 * counting on. mem_has_failed() says whether it has come to that. */
void mem_fail_at(uint64_t nth);
bool mem_has_failed(void);
