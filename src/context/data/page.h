/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A page of a stream: some entries, one behind the other, in one block
 *
 * The page says once what its entries have in common: the ID that it begins with, and the
 * names of the fields of its first entry, which nearly all have. An entry is then
 *
 *      head   2 bits: names of its own? a number within the time?
 *             the other bits: milliseconds since the page's ID
 *      the number within the time, if there is one: since the page's, if in its millisecond
 *      how many fields, if names of its own
 *      for each field its name, if of its own, and its value
 *      tail   how many bytes all that is, read from its end, for going back
 *
 * where numbers take seven bits a byte, the lowest first, the top bit set if more follow.
 * A value is its length, shifted by one, and its bytes; if the lowest bit of the length
 * is set, the bytes are a whole number in two's complement, which stands for its decimal
 * text (base/decimal.h). An entry of one field with ten bytes takes 15 of them.
 *
 * A place in a page is an offset, good until the page is changed; 0 is no place. The
 * calls that change a page may move it, through the pointer that they are given.
 */

#include "../../base/decimal.h"
#include "stream-id.h"

typedef struct page {
        stream_id id; /* of its first entry, which may be gone */
        stream_id last;
        uint32_t n;      /* entries */
        uint32_t n_gone; /* that were deleted: a page does not grow for ever by that */

        /* private */
        uint32_t n_room;    /* of the block */
        uint32_t begin;     /* of the first entry, behind the names */
        uint32_t end;       /* of the last */
        uint32_t n_as_pack; /* page_node_bytes() */
        uint32_t n_fields;
        uint8_t data[];
} page;

/* The bytes of the names and values of one entry at most, as Redis has it. */
#define PAGE_ENTRY_MAX ((size_t)1 << 30)

/* A page that begins with this entry: @n_fields names, each with its value behind it.
 * NULL without memory. */
page *page_new(stream_id id, const bytes *fields, size_t n_fields);
page *page_free(page *p);
page *page_copy(const page *p);

/* An entry behind all others. -ENOMEM, and nothing has changed. */
int page_append(page **p, stream_id id, const bytes *fields, size_t n_fields);

/* Give back the room for more, as good as that goes. */
void page_seal(page **p);

/* Remove @n entries from @at on, which have to be there. */
void page_remove(page **p, size_t at, size_t n);

size_t page_size(const page *p); /* the whole block */

/* As many bytes as the node would have that Redis keeps the same entries in. It decides by
 * that when to begin another, and where nodes begin is seen by who trims by them. */
size_t page_node_bytes(const page *p);

/* entries */

typedef struct page_entry {
        stream_id id;
        size_t n_fields;

        /* private */
        const uint8_t *names, *values;
        bool has_own_names;
        char scratch[DECIMAL_MAX];
} page_entry;

size_t page_first(const page *p);
size_t page_last(const page *p);
size_t page_next(const page *p, size_t at);
size_t page_prev(const page *p, size_t at);
void page_get(const page *p, size_t at, page_entry *ret);

/* Its next field, as often as it has some. The value is good until the next call. */
void page_entry_next(page_entry *e, bytes *ret_name, bytes *ret_value);
