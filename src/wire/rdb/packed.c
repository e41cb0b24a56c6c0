/* SPDX-License-Identifier: Apache-2.0 */
#include "packed.h"

#include <errno.h>
#include <stdint.h>

enum {
        END = 0xff,
        MANY = UINT16_MAX, /* as a count: nobody knows */
        ZIPLIST_HEAD = 10,
        LISTPACK_HEAD = 6,
        INTSET_HEAD = 8,
        ZIPMAP_LONG = 254, /* a size of four bytes follows */
        ZIPMAP_MANY = 254,
};

static const uint8_t *at(const rdb_packed *p) {
        return (const uint8_t *)p->block.p + p->at;
}

static size_t n_left(const rdb_packed *p) {
        return p->block.n - p->at;
}

static uint64_t read_le(const uint8_t *p, size_t n) {
        uint64_t v = 0;

        for (size_t i = n; i > 0; i--)
                v = v << 8 | p[i - 1];
        return v;
}

static int64_t read_signed(const uint8_t *p, size_t n) {
        unsigned above = 64 - 8 * (unsigned)n;

        return (int64_t)(read_le(p, n) << above) >> above;
}

/* What the item at the place is: a head of @n_head bytes, and then a string of @n or a number
 * in as many; or a number all in the head. */
typedef struct item {
        size_t n_head, n;
        enum { TEXT, NUMBER, HERE } kind;
        int64_t number;
} item;

static int take(rdb_packed *p, const item *i, bytes *ret, char scratch[static DECIMAL_MAX]) {
        int64_t number = i->number;
        const uint8_t *data;

        if (n_left(p) < i->n_head || n_left(p) - i->n_head < i->n)
                return -EPROTO;
        data = at(p) + i->n_head;
        p->at += i->n_head + i->n;
        p->n_seen++;
        if (i->kind == TEXT) {
                *ret = (bytes){ (const char *)data, i->n };
                return 1;
        }
        if (i->kind == NUMBER)
                number = read_signed(data, i->n);
        *ret = (bytes){ scratch, decimal_print(number, scratch) };
        return 1;
}

/* listpacks */

/* False if not even the head is there. */
static bool see_listpack(const uint8_t *p, size_t n, item *ret) {
        static const uint8_t widths[] = { 2, 3, 4, 8 };
        uint8_t first = p[0];

        if (first < 0x80) {
                *ret = (item){ .n_head = 1, .kind = HERE, .number = first };
        } else if (first < 0xc0) {
                *ret = (item){ .n_head = 1, .n = first & 0x3f, .kind = TEXT };
        } else if (first >= 0xf1 && first <= 0xf4) {
                *ret = (item){ .n_head = 1, .n = widths[first - 0xf1], .kind = NUMBER };
        } else if (first == 0xf0 && n >= 5) {
                *ret = (item){ .n_head = 5, .n = read_le(p + 1, 4), .kind = TEXT };
        } else if (first < 0xe0 && n >= 2) {
                int64_t number = (first & 0x1f) << 8 | p[1];

                *ret = (item){ .n_head = 2,
                               .kind = HERE,
                               .number = number < 1 << 12 ? number : number - (1 << 13) };
        } else if (first < 0xf0 && n >= 2) {
                *ret = (item){ .n_head = 2, .n = (first & 0xfu) << 8 | p[1], .kind = TEXT };
        } else {
                return false;
        }
        return true;
}

/* How many bytes say how long the item is, seven bits in each. */
static size_t n_behind(size_t n) {
        return n < 128 ? 1 : n < 16383 ? 2 : n < 2097151 ? 3 : n < 268435455 ? 4 : 5;
}

static int next_in_listpack(rdb_packed *p, bytes *ret, char scratch[static DECIMAL_MAX]) {
        item i;
        int r = see_listpack(at(p), n_left(p), &i) ? take(p, &i, ret, scratch) : -EPROTO;

        if (r < 0)
                return r;
        p->at += n_behind(i.n_head + i.n);
        return p->at < p->block.n ? 1 : -EPROTO;
}

/* ziplists */

static bool see_ziplist(const uint8_t *p, size_t n, item *ret) {
        size_t before = p[0] == 254 ? 5 : 1; /* the size of the one before it */
        uint8_t first;

        if (n <= before)
                return false;
        p += before;
        n -= before;
        first = p[0];
        *ret = (item){ .n_head = before + 1, .kind = NUMBER };
        switch (first) {
        case 0xc0:
                ret->n = 2;
                return true;
        case 0xd0:
                ret->n = 4;
                return true;
        case 0xe0:
                ret->n = 8;
                return true;
        case 0xf0:
                ret->n = 3;
                return true;
        case 0xfe:
                ret->n = 1;
                return true;
        }
        if (first > 0xf0 && first < 0xfe) {
                ret->kind = HERE;
                ret->number = (first & 0xf) - 1;
                return true;
        }
        ret->kind = TEXT;
        if (first < 0x40) {
                ret->n = first;
        } else if (first < 0x80 && n >= 2) {
                ret->n_head = before + 2;
                ret->n = (first & 0x3fu) << 8 | p[1];
        } else if (first == 0x80 && n >= 5) {
                ret->n_head = before + 5;
                ret->n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
        } else {
                return false;
        }
        return true;
}

static int next_in_ziplist(rdb_packed *p, bytes *ret, char scratch[static DECIMAL_MAX]) {
        item i;
        int r = see_ziplist(at(p), n_left(p), &i) ? take(p, &i, ret, scratch) : -EPROTO;

        if (r < 0)
                return r;
        return p->at < p->block.n ? 1 : -EPROTO;
}

/* zipmaps */

static int next_in_zipmap(rdb_packed *p, bytes *ret, char scratch[static DECIMAL_MAX]) {
        const uint8_t *from = at(p);
        bool is_value = p->n_seen % 2;
        item i = { .n_head = 1, .n = from[0], .kind = TEXT };
        size_t n_free = 0;
        int r;

        if (from[0] == ZIPMAP_LONG) {
                if (n_left(p) < 5)
                        return -EPROTO;
                i.n_head = 5;
                i.n = read_le(from + 1, 4);
        }
        if (is_value) {
                if (n_left(p) <= i.n_head)
                        return -EPROTO;
                n_free = from[i.n_head++];
        }
        r = take(p, &i, ret, scratch);
        if (r < 0)
                return r;
        p->at += n_free;
        return p->at < p->block.n ? 1 : -EPROTO;
}

/* intsets */

static int next_in_intset(rdb_packed *p, bytes *ret, char scratch[static DECIMAL_MAX]) {
        item i = { .n = (p->block.n - INTSET_HEAD) / p->count, .kind = NUMBER };

        return take(p, &i, ret, scratch);
}

/* all of them */

static int init_intset(rdb_packed *p, const uint8_t *head) {
        uint64_t width = read_le(head, 4);

        p->count = read_le(head + 4, 4);
        p->at = INTSET_HEAD;
        if (width != 2 && width != 4 && width != 8)
                return -EPROTO;
        return p->block.n - INTSET_HEAD == width * p->count ? 0 : -EPROTO;
}

static int init_list(rdb_packed *p, const uint8_t *head, size_t n_head) {
        p->count = read_le(head + n_head - 2, 2);
        if (p->count == MANY)
                p->count = SIZE_MAX;
        p->at = n_head;
        return read_le(head, 4) == p->block.n && head[p->block.n - 1] == END ? 0 : -EPROTO;
}

int rdb_packed_init(rdb_packed *p, rdb_packing packing, bytes block) {
        static const size_t shortest[] = {
                [RDB_ZIPLIST] = ZIPLIST_HEAD + 1,
                [RDB_LISTPACK] = LISTPACK_HEAD + 1,
                [RDB_ZIPMAP] = 2,
                [RDB_INTSET] = INTSET_HEAD,
        };
        const uint8_t *head = (const uint8_t *)block.p;

        *p = (rdb_packed){ .packing = packing, .block = block };
        if (block.n < shortest[packing])
                return -EPROTO;
        switch (packing) {
        case RDB_ZIPLIST:
                return init_list(p, head, ZIPLIST_HEAD);
        case RDB_LISTPACK:
                return init_list(p, head, LISTPACK_HEAD);
        case RDB_INTSET:
                return init_intset(p, head);
        default:
                /* pairs; the last byte may be room of the last value, but for this one */
                p->count = head[0] < ZIPMAP_MANY ? 2u * head[0] : SIZE_MAX;
                p->at = 1;
                return head[block.n - 1] == END ? 0 : -EPROTO;
        }
}

int rdb_packed_next(rdb_packed *p, bytes *ret, char scratch[static DECIMAL_MAX]) {
        bool is_over = p->packing == RDB_INTSET ? p->n_seen == p->count : *at(p) == END;

        /* in a zipmap no size is 255, and the end of the others is no item's beginning */
        if (is_over) {
                bool is_whole = p->packing == RDB_INTSET || n_left(p) == 1;

                return is_whole && (p->count == SIZE_MAX || p->count == p->n_seen) ? 0 : -EPROTO;
        }
        switch (p->packing) {
        case RDB_ZIPLIST:
                return next_in_ziplist(p, ret, scratch);
        case RDB_LISTPACK:
                return next_in_listpack(p, ret, scratch);
        case RDB_ZIPMAP:
                return next_in_zipmap(p, ret, scratch);
        default:
                return next_in_intset(p, ret, scratch);
        }
}
