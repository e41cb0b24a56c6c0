/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A sequence of small values in one block of memory
 *
 * A value is bytes. Bytes that are a whole number in decimal (base/decimal.h) are
 * kept as that number and given back as one. Values lie one after the other and can
 * be walked both ways:
 *
 *      0nnnnnnn                          the number 0 to 127, all of it in this byte
 *      11100nnn   n+1 bytes        tail  a number, little-endian, two's complement
 *      10nnnnnn   n bytes          tail  up to 63 bytes
 *      1100nnnn   n  n bytes       tail  up to 4,095 bytes: four bits here and a byte
 *      11010000   n n n n  n bytes tail  more
 *
 * The tail says how many bytes of the value are before it, and is read from its end:
 * six bits in the last byte, then seven in each one before, the lowest first. The last
 * byte has the top bit set, by which it is told from a number of one byte, and the next
 * bit if another follows; the others have the top bit set if another follows.
 *
 * Each value has one way only to be written, so equal values are equal bytes.
 *
 * A place in a pack is an offset, good until the pack is changed; 0 is no place. The
 * calls that change a pack may move it, and do so through the pointer that they are
 * given; what they are given to put in must not lie in there. A call that fails has
 * changed nothing. There is at most an eighth more room than needed.
 *
 * A pack may also be the end of a block that is something else's, so that a small one needs
 * no block of its own:
 *
 *      PACK_FRONT bytes | the pack's head | up to PACK_BETWEEN_MAX bytes | its values
 *
 * What comes before the values is the owner's and moves along: where the pack is after a
 * change, its owner is PACK_FRONT bytes before it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../base/decimal.h"

/* Of one pack, in bytes: twice the largest value that a client may send. */
#define PACK_MAX ((size_t)1 << 30)
/* Of its values: what the head has bits for. */
#define PACK_COUNT_MAX (((size_t)1 << 24) - 1)

enum { PACK_FRONT = 8, PACK_BETWEEN_MAX = 239 };

/* The head; offsets are from here. */
typedef struct pack {
        /* private */
        uint32_t end;       /* of the last value */
        uint32_t begin : 8; /* of the first; behind the head, unless it is within a block */
        uint32_t count : 24;
} pack;

/* One value: @n bytes, or with @data NULL a number. */
typedef struct pack_value {
        const void *data; /* within the pack, until it is next changed */
        size_t n;
        int64_t number;
} pack_value;

pack *pack_new(void);
pack *pack_free(pack *p);
pack *pack_copy(const pack *p);

size_t pack_count(const pack *p);
size_t pack_bytes(const pack *p); /* what its values take */
size_t pack_size(const pack *p);  /* the whole block, the owner's part of it too */

/* What a value of these bytes would take at most. */
size_t pack_cost(size_t n);

/* at the end of an owner's block */

/* How large the block is, with this much between the head and values of @n_bytes. */
size_t pack_inner_size(size_t n_between, size_t n_bytes);
/* An empty one, with 1 to PACK_BETWEEN_MAX bytes between; and one with the values of @from.
 * The block has been made as large as that says. */
void pack_inner_init(pack *p, size_t n_between);
void pack_inner_copy(pack *p, size_t n_between, const pack *from);
bool pack_is_inner(const pack *p);

/* places; 0 where there is none */

size_t pack_first(const pack *p);
size_t pack_last(const pack *p);
size_t pack_next(const pack *p, size_t at);
size_t pack_prev(const pack *p, size_t at);
/* The @index-th from 0, or from the end with -1. Walks from the nearer end. */
size_t pack_seek(const pack *p, long index);
/* The first with these bytes of @at, the one @step after it, and so on. */
size_t pack_find(const pack *p, size_t at, const void *data, size_t n, size_t step);

/* values */

void pack_get(const pack *p, size_t at, pack_value *ret);
bool pack_is(const pack *p, size_t at, const void *data, size_t n);
/* Its bytes, printed into @buf if it is a number. */
const char *pack_text(const pack_value *v, char buf[static DECIMAL_MAX], size_t *ret_n);

/* changes: 0, -ENOMEM, or -EMSGSIZE beyond PACK_MAX or PACK_COUNT_MAX */

int pack_append(pack **p, const void *data, size_t n);
int pack_append_number(pack **p, int64_t number);
/* Before the one at @at; 0 is the end. @at is then the place of the new one. */
int pack_insert(pack **p, size_t at, const void *data, size_t n);
int pack_insert_number(pack **p, size_t at, int64_t number);
/* Another value at the same place. */
int pack_replace(pack **p, size_t at, const void *data, size_t n);
int pack_replace_number(pack **p, size_t at, int64_t number);
/* Up to @n values from @at on. What came after them is at @at then; returns it, or 0 if
 * that was the end. Never fails. */
size_t pack_remove(pack **p, size_t at, size_t n);

/* The values from @at on to a pack of their own; -ENOMEM. */
int pack_split(pack **p, size_t at, pack **ret);
/* All of @from to the end of @p; @from stays. */
int pack_join(pack **p, const pack *from);
