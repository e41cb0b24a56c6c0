/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "../../base/mem.h"

enum { BEGIN = sizeof(pack) }; /* in a block of its own; offset 0 is no place */
static_assert(BEGIN == 8 && PACK_BETWEEN_MAX <= UINT8_MAX - BEGIN, "begin has eight bits");

/* the first byte of a value */
enum {
        SMALL_MAX = 0x7f,
        SHORT = 0x80,
        MEDIUM = 0xc0,
        LONG = 0xd0,
        NUMBER = 0xe0,

        SHORT_MAX = 63,
        MEDIUM_MAX = 4095,
};

enum { TAIL_LAST = 0x80, TAIL_MORE_LAST = 0x40, TAIL_MORE = 0x80, HEAD_MAX = 9 };

/* A value as it is written, but for the tail. */
typedef struct code {
        size_t n_head;
        const void *data; /* what follows the head */
        size_t n;
        uint8_t head[HEAD_MAX];
} code;

static code code_number(int64_t number) {
        code c = { 0 };
        uint64_t bits = htole64((uint64_t)number);
        /* a bit for the sign beside those that differ from it */
        uint64_t magnitude = (uint64_t)(number < 0 ? ~number : number);
        size_t n = magnitude ? (size_t)(64 - __builtin_clzll(magnitude)) / 8 + 1 : 1;

        if (number >= 0 && number <= SMALL_MAX) {
                c.head[0] = (uint8_t)number;
                c.n_head = 1;
                return c;
        }
        c.head[0] = (uint8_t)(NUMBER | (n - 1));
        memcpy(c.head + 1, &bits, sizeof(bits));
        c.n_head = 1 + n;
        return c;
}

static code code_bytes(const void *data, size_t n) {
        code c = { .data = data, .n = n };
        int64_t number;

        if (decimal_read(data, n, &number))
                return code_number(number);
        if (n <= SHORT_MAX) {
                c.head[0] = (uint8_t)(SHORT | n);
                c.n_head = 1;
        } else if (n <= MEDIUM_MAX) {
                c.head[0] = (uint8_t)(MEDIUM | n >> 8);
                c.head[1] = (uint8_t)n;
                c.n_head = 2;
        } else {
                uint32_t n_32 = htole32((uint32_t)n);

                c.head[0] = LONG;
                memcpy(c.head + 1, &n_32, sizeof(n_32));
                c.n_head = 1 + sizeof(n_32);
        }
        return c;
}

/* How many bytes the value at @v is before its tail. */
static inline size_t body_size(const uint8_t *v) {
        uint32_t n;

        if (*v < SHORT)
                return 1;
        if (*v < MEDIUM)
                return 1 + (size_t)(*v - SHORT);
        if (*v < LONG)
                return 2 + ((size_t)(*v - MEDIUM) << 8 | v[1]);
        if (*v >= NUMBER)
                return 2 + (size_t)(*v - NUMBER);
        memcpy(&n, v + 1, sizeof(n));
        return 1 + sizeof(n) + le32toh(n);
}

static inline size_t tail_size(uint8_t first, size_t n_body) {
        size_t n_tail = 1;

        if (first <= SMALL_MAX)
                return 0;
        for (n_body >>= 6; n_body; n_body >>= 7)
                n_tail++;
        return n_tail;
}

static inline size_t value_size(const uint8_t *v) {
        size_t n_body = body_size(v);

        return n_body + tail_size(*v, n_body);
}

/* Up to @end. */
static void tail_write(uint8_t *end, size_t n_body) {
        size_t rest = n_body >> 6;

        *--end = (uint8_t)(TAIL_LAST | (rest ? TAIL_MORE_LAST : 0) | (n_body & 0x3f));
        for (; rest; rest >>= 7)
                *--end = (uint8_t)((rest >> 7 ? TAIL_MORE : 0) | (rest & 0x7f));
}

/* How many bytes the value that ends at @end is in all. */
static inline size_t value_size_before(const uint8_t *end) {
        uint8_t byte = end[-1];
        size_t n_body, n_tail = 1;
        int shift = 6;

        if (byte <= SMALL_MAX)
                return 1;
        n_body = byte & 0x3f;
        for (bool more = byte & TAIL_MORE_LAST; more; more = byte & TAIL_MORE) {
                byte = end[-(ptrdiff_t)++n_tail];
                n_body |= (size_t)(byte & 0x7f) << shift;
                shift += 7;
        }
        return n_body + n_tail;
}

static size_t code_size(const code *c) {
        size_t n_body = c->n_head + c->n;

        return n_body + tail_size(c->head[0], n_body);
}

static void code_write(const code *c, uint8_t *v, size_t n) {
        memcpy(v, c->head, c->n_head);
        if (c->n)
                memcpy(v + c->n_head, c->data, c->n);
        if (c->head[0] > SMALL_MAX)
                tail_write(v + n, c->n_head + c->n);
}

/* the block */

/* How large it is when its values end at @end: what malloc would give anyhow, and from
 * 128 bytes on eight steps for each doubling. It follows from the end, and so is
 * written down nowhere. */
static size_t room_for(size_t end) {
        size_t step = end < 128 ? 16 : (size_t)1 << (63 - __builtin_clzll(end) - 3);
        size_t room = ((end - 8 + step - 1) & ~(step - 1)) + 8;

        return room < 24 ? 24 : room;
}

static size_t front(const pack *p) {
        return p->begin > BEGIN ? PACK_FRONT : 0;
}

/* Its block when its values end at @end. */
static size_t block_size(const pack *p, size_t end) {
        return room_for(front(p) + end);
}

/* Returns false without memory. */
static bool resize(pack **p, size_t size) {
        size_t n_front = front(*p);
        char *block = mem_resize((char *)*p - n_front, size);

        if (block)
                *p = (pack *)(block + n_front);
        return block;
}

static pack *new_for(size_t n_bytes) {
        pack *p = mem_new(room_for(BEGIN + n_bytes));

        if (p)
                *p = (pack){ .begin = BEGIN, .end = (uint32_t)(BEGIN + n_bytes) };
        return p;
}

static void copy_values(pack *to, const pack *from) {
        memcpy((uint8_t *)to + to->begin, (const uint8_t *)from + from->begin, pack_bytes(from));
        to->end = (uint32_t)(to->begin + pack_bytes(from));
        to->count = from->count;
}

pack *pack_new(void) {
        return new_for(0);
}

pack *pack_free(pack *p) {
        return mem_free(p);
}

pack *pack_copy(const pack *p) {
        pack *copy = new_for(pack_bytes(p));

        if (copy)
                copy_values(copy, p);
        return copy;
}

size_t pack_count(const pack *p) {
        return p->count;
}

size_t pack_bytes(const pack *p) {
        return p->end - p->begin;
}

size_t pack_size(const pack *p) {
        return block_size(p, p->end);
}

size_t pack_inner_size(size_t n_between, size_t n_bytes) {
        return room_for(PACK_FRONT + BEGIN + n_between + n_bytes);
}

void pack_inner_init(pack *p, size_t n_between) {
        assert(n_between > 0 && n_between <= PACK_BETWEEN_MAX);
        *p = (pack){ .begin = (uint8_t)(BEGIN + n_between), .end = (uint32_t)(BEGIN + n_between) };
}

void pack_inner_copy(pack *p, size_t n_between, const pack *from) {
        pack_inner_init(p, n_between);
        copy_values(p, from);
}

bool pack_is_inner(const pack *p) {
        return front(p) > 0;
}

size_t pack_cost(size_t n) {
        size_t n_body = n + (n <= SHORT_MAX ? 1 : n <= MEDIUM_MAX ? 2 : 5);

        return n_body + tail_size(SHORT, n_body);
}

/* @n_old bytes at @at make way for @n_new, which are not yet written. */
static int splice(pack **pp, size_t at, size_t n_old, size_t n_new) {
        pack *p = *pp;
        size_t end = p->end - n_old + n_new, n_after = p->end - at - n_old;

        if (end > PACK_MAX)
                return -EMSGSIZE;
        if (block_size(p, end) > block_size(p, p->end)) {
                if (!resize(pp, block_size(p, end)))
                        return -ENOMEM;
                p = *pp;
        }
        if (n_after && n_old != n_new)
                memmove((uint8_t *)p + at + n_new, (uint8_t *)p + at + n_old, n_after);
        /* without memory for less, there is more room than anybody knows of */
        if (block_size(p, end) < block_size(p, p->end) && resize(pp, block_size(p, end)))
                p = *pp;
        p->end = (uint32_t)end;
        return 0;
}

/* A value at @at for the @n_old bytes that are there. */
static int put(pack **pp, size_t at, size_t n_old, const code *c) {
        size_t n = code_size(c);
        int r = splice(pp, at, n_old, n);

        if (r < 0)
                return r;
        code_write(c, (uint8_t *)*pp + at, n);
        return 0;
}

/* places */

static inline const uint8_t *value_at(const pack *p, size_t at) {
        return (const uint8_t *)p + at;
}

size_t pack_first(const pack *p) {
        return p->count ? p->begin : 0;
}

size_t pack_last(const pack *p) {
        return p->count ? p->end - value_size_before(value_at(p, p->end)) : 0;
}

size_t pack_next(const pack *p, size_t at) {
        at += value_size(value_at(p, at));
        return at < p->end ? at : 0;
}

size_t pack_prev(const pack *p, size_t at) {
        return at > p->begin ? at - value_size_before(value_at(p, at)) : 0;
}

size_t pack_seek(const pack *p, long index) {
        size_t n = p->count, i, at;

        if (index < 0)
                index += (long)n;
        if (index < 0 || (size_t)index >= n)
                return 0;
        i = (size_t)index;
        if (i < n / 2) {
                for (at = p->begin; i > 0; i--)
                        at += value_size(value_at(p, at));
                return at;
        }
        for (at = p->end; i < n; i++)
                at -= value_size_before(value_at(p, at));
        return at;
}

static inline bool is_code(const uint8_t *v, const code *c) {
        return *v == c->head[0] && memcmp(v, c->head, c->n_head) == 0 &&
               (c->n == 0 || memcmp(v + c->n_head, c->data, c->n) == 0);
}

size_t pack_find(const pack *p, size_t at, const void *data, size_t n, size_t step) {
        code c = code_bytes(data, n);

        if (at == 0)
                return 0;
        for (;;) {
                if (is_code(value_at(p, at), &c))
                        return at;
                for (size_t i = 0; i < step; i++) {
                        at += value_size(value_at(p, at));
                        if (at == p->end)
                                return 0;
                }
        }
}

/* values */

void pack_get(const pack *p, size_t at, pack_value *ret) {
        const uint8_t *v = value_at(p, at);
        size_t n_body = body_size(v);
        uint64_t bits = 0;
        int unused;

        if (*v <= SMALL_MAX)
                *ret = (pack_value){ .number = *v };
        else if (*v < NUMBER) {
                size_t n_head = *v < MEDIUM ? 1 : *v < LONG ? 2 : 5;

                *ret = (pack_value){ .data = v + n_head, .n = n_body - n_head };
        } else {
                memcpy(&bits, v + 1, n_body - 1);
                unused = (int)(8 * (sizeof(bits) - (n_body - 1)));
                *ret = (pack_value){ .number = (int64_t)(le64toh(bits) << unused) >> unused };
        }
}

bool pack_is(const pack *p, size_t at, const void *data, size_t n) {
        code c = code_bytes(data, n);

        return is_code(value_at(p, at), &c);
}

const char *pack_text(const pack_value *v, char buf[static DECIMAL_MAX], size_t *ret_n) {
        if (v->data) {
                *ret_n = v->n;
                return v->data;
        }
        *ret_n = decimal_print(v->number, buf);
        return buf;
}

/* changes */

static int insert(pack **p, size_t at, const code *c) {
        int r = (*p)->count < PACK_COUNT_MAX ? 0 : -EMSGSIZE;

        if (r == 0)
                r = put(p, at ? at : (*p)->end, 0, c);
        if (r < 0)
                return r;
        (*p)->count++;
        return 0;
}

static int replace(pack **p, size_t at, const code *c) {
        return put(p, at, value_size(value_at(*p, at)), c);
}

int pack_append(pack **p, const void *data, size_t n) {
        return pack_insert(p, 0, data, n);
}

int pack_append_number(pack **p, int64_t number) {
        return pack_insert_number(p, 0, number);
}

int pack_insert(pack **p, size_t at, const void *data, size_t n) {
        code c;

        if (n > PACK_MAX)
                return -EMSGSIZE;
        c = code_bytes(data, n);
        return insert(p, at, &c);
}

int pack_insert_number(pack **p, size_t at, int64_t number) {
        code c = code_number(number);

        return insert(p, at, &c);
}

int pack_replace(pack **p, size_t at, const void *data, size_t n) {
        code c;

        if (n > PACK_MAX)
                return -EMSGSIZE;
        c = code_bytes(data, n);
        return replace(p, at, &c);
}

int pack_replace_number(pack **p, size_t at, int64_t number) {
        code c = code_number(number);

        return replace(p, at, &c);
}

size_t pack_remove(pack **p, size_t at, size_t n) {
        size_t to = at, n_removed = 0;

        for (; n_removed < n && to < (*p)->end; n_removed++)
                to += value_size(value_at(*p, to));
        splice(p, at, to - at, 0);
        (*p)->count -= n_removed & PACK_COUNT_MAX;
        return at < (*p)->end ? at : 0;
}

int pack_split(pack **p, size_t at, pack **ret) {
        size_t n = (*p)->end - at, count = 0;
        pack *other = new_for(n);

        if (!other)
                return -ENOMEM;
        for (size_t i = at; i < (*p)->end; i += value_size(value_at(*p, i)))
                count++;
        other->count = count & PACK_COUNT_MAX;
        memcpy((uint8_t *)other + BEGIN, value_at(*p, at), n);
        splice(p, at, n, 0);
        (*p)->count -= count & PACK_COUNT_MAX;
        *ret = other;
        return 0;
}

int pack_join(pack **p, const pack *from) {
        size_t at = (*p)->end, n = pack_bytes(from);
        int r = (size_t)(*p)->count + from->count <= PACK_COUNT_MAX ? 0 : -EMSGSIZE;

        if (r == 0)
                r = splice(p, at, 0, n);
        if (r < 0)
                return r;
        memcpy((uint8_t *)*p + at, (const uint8_t *)from + from->begin, n);
        (*p)->count += from->count;
        return 0;
}
