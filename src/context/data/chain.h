/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A list of values of any length: packs in a row
 *
 * Pushing and popping at both ends costs the same at any length; an index is found by
 * walking chunks, which know how many values they hold, from the nearer end. Chunks
 * are bounded in bytes and values, a value larger than that is alone in its chunk, and
 * neighbours that have become small are joined. Where there is no memory to split a
 * chunk that has become too large, it stays so.
 *
 * A place is good until the chain is changed by anything but the call that moves the
 * place on. Indices below zero count from the end, -1 is the last. A call that fails
 * has changed nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../base/list.h"
#include "pack.h"

/* Of a chunk: 8 KiB, as Redis has it, is near the best for pushing as well as for
 * changes in the middle. The count is only a bound for the walk within one. */
enum { CHAIN_BYTES = 8192, CHAIN_COUNT = 8192 };

typedef enum chain_end { CHAIN_HEAD, CHAIN_TAIL } chain_end;

typedef struct chain_chunk chain_chunk;

typedef struct chain {
        /* private */
        list chunks;
        size_t n;
        size_t n_chunks;
        size_t max_bytes, max_count;
} chain;

typedef struct chain_place {
        chain_chunk *chunk; /* NULL: no place */
        size_t at;
} chain_place;

void chain_init(chain *c);
void chain_deinit(chain *c);
/* Bounds for the chunks from here on; 0 stays as it is. */
void chain_set_bounds(chain *c, size_t max_bytes, size_t max_count);
/* A chain cannot be moved but by this; @from is empty then. */
void chain_move(chain *to, chain *from);

/* The same values, in @to, which has been inited. -ENOMEM, and it is empty. */
int chain_copy(chain *to, const chain *from);

size_t chain_count(const chain *c);
size_t chain_bytes(const chain *c); /* memory, by a walk over the chunks */
size_t chain_n_chunks(const chain *c);

/* ends: 0, -ENOMEM, or -EMSGSIZE for a value beyond PACK_MAX */

int chain_push(chain *c, chain_end end, const void *data, size_t n);
/* A pack as one chunk at the tail, however large. Takes it; frees it if it is empty. */
int chain_push_pack(chain *c, pack *p);
/* The value at an end; returns false if there is none. */
bool chain_peek(const chain *c, chain_end end, pack_value *ret);
/* Drop up to @n values. */
void chain_drop(chain *c, chain_end end, size_t n);

/* places */

bool chain_seek(const chain *c, long index, chain_place *ret);
bool chain_begin(const chain *c, chain_end from, chain_place *ret);
/* One further towards @to; false at the end, where it is no place any more. */
bool chain_move_on(const chain *c, chain_place *place, chain_end to);
void chain_get(const chain_place *place, pack_value *ret);
bool chain_is(const chain_place *place, const void *data, size_t n);

/* changes in the middle */

/* Before the place, or behind it if @behind; it is the new one's then. */
int chain_insert(chain *c, chain_place *place, bool behind, const void *data, size_t n);
/* Another value; the place then is its. */
int chain_replace(chain *c, chain_place *place, const void *data, size_t n);
/* The place then is that of the next one towards @to. */
void chain_remove(chain *c, chain_place *place, chain_end to);
/* @n values from the @from-th on, from 0; what is beyond the end does not matter. */
void chain_cut(chain *c, size_t from, size_t n);

/* Free about @n values from the head; returns whether there are more. */
bool chain_drain(chain *c, size_t n);
