/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>

#include "../../base/mem.h"

/* Offsets are from the begin of the block. */
enum { BEGIN = offsetof(page, data) };
static_assert(BEGIN > 0, "offset 0 is no place");

enum { OWN_NAMES = 1, HAS_SEQ = 2, FLAG_BITS = 2 };

enum {
        NUMBER_MAX = 10,                             /* bytes of a number */
        LENGTH_MAX = 5,                              /* of one that is below 2^32 */
        ENTRY_MAX = 2 * NUMBER_MAX + 2 * LENGTH_MAX, /* of an entry without its fields */
};

static uint8_t *at_of(const page *p, size_t at) {
        return (uint8_t *)p + at;
}

/* numbers */

static uint8_t *put_number(uint8_t *at, uint64_t n) {
        for (; n > 0x7f; n >>= 7)
                *at++ = (uint8_t)(n | 0x80);
        *at++ = (uint8_t)n;
        return at;
}

static const uint8_t *get_number(const uint8_t *at, uint64_t *ret) {
        uint64_t n = *at & 0x7f;

        for (int shift = 7; *at++ & 0x80; shift += 7)
                n |= (uint64_t)(*at & 0x7f) << shift;
        *ret = n;
        return at;
}

/* A head holds five bits of its number beside the flags. */
static uint8_t *put_head(uint8_t *at, unsigned flags, uint64_t n) {
        uint64_t more = n >> 5;

        *at++ = (uint8_t)(flags | (n & 0x1f) << FLAG_BITS | (more ? 0x80 : 0));
        return more ? put_number(at, more) : at;
}

static const uint8_t *get_head(const uint8_t *at, unsigned *ret_flags, uint64_t *ret_n) {
        uint8_t first = *at++;
        uint64_t more = 0;

        if (first & 0x80)
                at = get_number(at, &more);
        *ret_flags = first & (OWN_NAMES | HAS_SEQ);
        *ret_n = (first & 0x7f) >> FLAG_BITS | more << 5;
        return at;
}

/* A tail is a number from its end on. */
static uint8_t *put_tail(uint8_t *at, size_t n) {
        uint8_t reversed[NUMBER_MAX], *end = put_number(reversed, n);

        while (end > reversed)
                *at++ = *--end;
        return at;
}

/* How many bytes the entry is that ends at @end, with its tail. */
static size_t size_before(const uint8_t *end) {
        const uint8_t *at = end - 1;
        size_t n = *at & 0x7f;

        for (int shift = 7; *at & 0x80; shift += 7)
                n |= (size_t)(*--at & 0x7f) << shift;
        return n + (size_t)(end - at);
}

/* names and values */

static uint8_t *put_bytes(uint8_t *at, bytes value) {
        at = put_number(at, (uint64_t)value.n << 1);
        if (value.n > 0)
                memcpy(at, value.p, value.n);
        return at + value.n;
}

static uint8_t *put_value(uint8_t *at, bytes value) {
        uint64_t bits, magnitude;
        int64_t number;
        size_t n = 0;

        if (!decimal_read(value.p, value.n, &number))
                return put_bytes(at, value);
        bits = htole64((uint64_t)number);
        /* a bit for the sign beside those that differ from it; 0 is no bytes */
        magnitude = (uint64_t)(number < 0 ? ~number : number);
        if (number != 0)
                n = magnitude ? (size_t)(64 - __builtin_clzll(magnitude)) / 8 + 1 : 1;
        *at++ = (uint8_t)(n << 1 | 1);
        memcpy(at, &bits, n);
        return at + n;
}

static const uint8_t *get_value(const uint8_t *at, char scratch[static DECIMAL_MAX], bytes *ret) {
        uint64_t head, bits = 0;
        size_t n;

        at = get_number(at, &head);
        n = (size_t)(head >> 1);
        if (head & 1) {
                int unused = (int)(8 * (sizeof(bits) - n));

                memcpy(&bits, at, n);
                bits = n ? (uint64_t)((int64_t)(le64toh(bits) << unused) >> unused) : 0;
                *ret = (bytes){ scratch, decimal_print((int64_t)bits, scratch) };
        } else {
                *ret = (bytes){ (const char *)at, n };
        }
        return at + n;
}

static const uint8_t *skip_value(const uint8_t *at) {
        uint64_t head;

        at = get_number(at, &head);
        return at + (head >> 1);
}

/* the size in Redis: of what its listpacks hold, each with its length behind it */

static size_t with_length(size_t n) {
        size_t n_length = 1;

        for (size_t rest = n >> 7; rest; rest >>= 7)
                n_length++;
        return n + n_length;
}

static size_t node_number(int64_t n) {
        if (n >= 0 && n <= 127)
                return with_length(1);
        if (n >= -4096 && n <= 4095)
                return with_length(2);
        for (size_t size = 2; size <= 4; size++)
                if (n >> (8 * size - 1) == 0 || n >> (8 * size - 1) == -1)
                        return with_length(1 + size);
        return with_length(1 + sizeof(n));
}

static size_t node_value(bytes value) {
        int64_t number;

        if (decimal_read(value.p, value.n, &number))
                return node_number(number);
        return with_length(value.n + (value.n < 64 ? 1 : value.n < 4096 ? 2 : 5));
}

/* Before and behind all: a length, a count, an end mark; and the mark of the end of the names. */
enum { NODE_BYTES = 6 + 1 + 2 };

size_t page_node_bytes(const page *p) {
        return p->n_as_pack + node_number(p->n) + node_number(p->n_gone);
}

/* making */

/* Room for @n bytes behind the end, with some to spare. */
static bool make_room(page **pp, size_t n) {
        size_t want = (*pp)->end + n;
        page *p;

        if (want <= (*pp)->n_room)
                return true;
        want += want / 8;
        p = mem_resize(*pp, want);
        if (!p)
                return false;
        p->n_room = (uint32_t)want;
        *pp = p;
        return true;
}

static size_t bytes_of_fields(const bytes *fields, size_t n_fields) {
        size_t n = 0;

        for (size_t i = 0; i < 2 * n_fields; i++)
                n += fields[i].n + LENGTH_MAX;
        return n;
}

static bool has_usual_names(const page *p, const bytes *fields, size_t n_fields) {
        const uint8_t *at = p->data;

        if (n_fields != p->n_fields)
                return false;
        for (size_t i = 0; i < n_fields; i++) {
                uint64_t n;

                at = get_number(at, &n);
                n >>= 1;
                if (n != fields[2 * i].n || (n > 0 && memcmp(at, fields[2 * i].p, n) != 0))
                        return false;
                at += n;
        }
        return true;
}

/* The number within the time of @id as it is written. */
static uint64_t seq_within(const page *p, stream_id id) {
        return id.ms == p->id.ms ? id.seq - p->id.seq : id.seq;
}

/* For an entry behind the last, for which there is room. */
static void write_entry(page *p, stream_id id, const bytes *fields, size_t n_fields) {
        bool own_names = !has_usual_names(p, fields, n_fields);
        uint64_t ms = id.ms - p->id.ms, seq = seq_within(p, id);
        uint8_t *begin = at_of(p, p->end), *at = begin;
        size_t n_node = 0, n_in_node = 3 + n_fields;

        at = put_head(at, (own_names ? OWN_NAMES : 0) | (seq ? HAS_SEQ : 0), ms);
        if (seq)
                at = put_number(at, seq);
        if (own_names)
                at = put_number(at, n_fields);
        for (size_t i = 0; i < n_fields; i++) {
                bytes name = fields[2 * i], value = fields[2 * i + 1];

                if (own_names) {
                        at = put_bytes(at, name);
                        n_node += node_value(name);
                }
                at = put_value(at, value);
                n_node += node_value(value);
        }
        at = put_tail(at, (size_t)(at - begin));
        if (own_names) {
                n_in_node += 1 + n_fields;
                n_node += node_number((int64_t)n_fields);
        }
        /* the flags, the differences of the ID, and how many values to go back */
        n_node += node_number(0) + node_number((int64_t)ms) +
                  node_number((int64_t)(id.seq - p->id.seq)) + node_number((int64_t)n_in_node);
        p->n_as_pack += (uint32_t)n_node;
        p->end = (uint32_t)(at - (uint8_t *)p);
        p->last = id;
        p->n++;
}

page *page_new(stream_id id, const bytes *fields, size_t n_fields) {
        size_t n = bytes_of_fields(fields, n_fields);
        uint8_t *at;
        page *p;

        /* the names twice, as the entry might have its own */
        for (size_t i = 0; i < n_fields; i++)
                n += fields[2 * i].n;
        n += BEGIN + ENTRY_MAX;
        p = mem_new(n);
        if (!p)
                return NULL;
        *p = (page){ .id = id, .n_room = (uint32_t)n, .n_fields = (uint32_t)n_fields };
        p->n_as_pack = (uint32_t)(NODE_BYTES + node_number((int64_t)n_fields));
        at = p->data;
        for (size_t i = 0; i < n_fields; i++) {
                at = put_bytes(at, fields[2 * i]);
                p->n_as_pack += (uint32_t)node_value(fields[2 * i]);
        }
        p->begin = p->end = (uint32_t)(at - (uint8_t *)p);
        write_entry(p, id, fields, n_fields);
        return p;
}

page *page_free(page *p) {
        return mem_free(p);
}

page *page_copy(const page *p) {
        page *copy = mem_copy(p, p->end);

        if (copy)
                copy->n_room = p->end;
        return copy;
}

int page_append(page **p, stream_id id, const bytes *fields, size_t n_fields) {
        if (!make_room(p, bytes_of_fields(fields, n_fields) + ENTRY_MAX))
                return -ENOMEM;
        write_entry(*p, id, fields, n_fields);
        return 0;
}

void page_seal(page **pp) {
        page *p = mem_resize(*pp, (*pp)->end);

        if (!p)
                return;
        p->n_room = p->end;
        *pp = p;
}

size_t page_size(const page *p) {
        return p->n_room;
}

/* walking */

/* Up to behind its tail. */
static size_t end_of(const page *p, size_t at) {
        const uint8_t *begin = at_of(p, at), *to;
        uint64_t ms, seq, n = p->n_fields;
        uint8_t tail[NUMBER_MAX];
        unsigned flags;

        to = get_head(begin, &flags, &ms);
        if (flags & HAS_SEQ)
                to = get_number(to, &seq);
        if (flags & OWN_NAMES) {
                to = get_number(to, &n);
                n *= 2;
        }
        for (; n > 0; n--)
                to = skip_value(to);
        to += put_tail(tail, (size_t)(to - begin)) - tail;
        return (size_t)(to - (const uint8_t *)p);
}

size_t page_first(const page *p) {
        return p->n ? p->begin : 0;
}

size_t page_last(const page *p) {
        return p->n ? p->end - size_before(at_of(p, p->end)) : 0;
}

size_t page_next(const page *p, size_t at) {
        at = end_of(p, at);
        return at < p->end ? at : 0;
}

size_t page_prev(const page *p, size_t at) {
        return at > p->begin ? at - size_before(at_of(p, at)) : 0;
}

void page_get(const page *p, size_t at, page_entry *ret) {
        const uint8_t *from = at_of(p, at);
        uint64_t ms, seq = 0, n = p->n_fields;
        unsigned flags;

        from = get_head(from, &flags, &ms);
        if (flags & HAS_SEQ)
                from = get_number(from, &seq);
        if (flags & OWN_NAMES)
                from = get_number(from, &n);
        ret->id = (stream_id){ p->id.ms + ms, ms ? seq : p->id.seq + seq };
        ret->n_fields = (size_t)n;
        ret->has_own_names = flags & OWN_NAMES;
        ret->names = p->data;
        ret->values = from;
}

void page_entry_next(page_entry *e, bytes *ret_name, bytes *ret_value) {
        const uint8_t **names = e->has_own_names ? &e->values : &e->names;

        *names = get_value(*names, e->scratch, ret_name);
        e->values = get_value(e->values, e->scratch, ret_value);
}

void page_remove(page **pp, size_t at, size_t n) {
        page *p = *pp;
        size_t to = at;

        for (size_t i = 0; i < n; i++)
                to = end_of(p, to);
        memmove(at_of(p, at), at_of(p, to), p->end - to);
        p->end -= (uint32_t)(to - at);
        p->n -= (uint32_t)n;
        p->n_gone += (uint32_t)n;
        if (p->end < p->n_room / 2)
                page_seal(pp);
}
