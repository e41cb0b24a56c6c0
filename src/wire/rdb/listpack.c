/* SPDX-License-Identifier: Apache-2.0 */
#include "listpack.h"

#include <endian.h>
#include <string.h>

#include "base/decimal.h"

enum { HEAD = 6, END = 0xff, MANY = UINT16_MAX };

void rdb_listpack_begin(rdb_out *o) {
        rdb_out_raw(o, (const uint8_t[HEAD]){ 0 }, HEAD);
}

/* How long the item of @n bytes is, to be read from its end: seven bits a byte, the lowest in
 * the last; all but the first have the top bit set. */
static void put_behind(rdb_out *o, size_t n) {
        size_t n_bytes = n < 128 ? 1 : n < 16383 ? 2 : n < 2097151 ? 3 : n < 268435455 ? 4 : 5;

        for (size_t i = n_bytes; i > 0; i--)
                rdb_out_byte(o, (uint8_t)((n >> 7 * (i - 1) & 0x7f) | (i < n_bytes ? 0x80 : 0)));
}

static void put_number(rdb_out *o, uint8_t kind, int64_t v, size_t n) {
        uint64_t le = htole64((uint64_t)v);

        rdb_out_byte(o, kind);
        rdb_out_raw(o, &le, n);
        put_behind(o, 1 + n);
}

void rdb_listpack_integer(rdb_out *o, int64_t v) {
        if (v >= 0 && v < 1 << 7) {
                rdb_out_byte(o, (uint8_t)v);
                put_behind(o, 1);
        } else if (v >= -(1 << 12) && v < 1 << 12) {
                rdb_out_byte(o, (uint8_t)(0xc0 | (v >> 8 & 0x1f)));
                rdb_out_byte(o, (uint8_t)v);
                put_behind(o, 2);
        } else if (v >= INT16_MIN && v <= INT16_MAX) {
                put_number(o, 0xf1, v, 2);
        } else if (v >= -(1 << 23) && v < 1 << 23) {
                put_number(o, 0xf2, v, 3);
        } else if (v >= INT32_MIN && v <= INT32_MAX) {
                put_number(o, 0xf3, v, 4);
        } else {
                put_number(o, 0xf4, v, 8);
        }
}

void rdb_listpack_string(rdb_out *o, bytes s) {
        size_t n_head = 1;
        int64_t number;

        if (decimal_read(s.p, s.n, &number)) {
                rdb_listpack_integer(o, number);
                return;
        }
        if (s.n < 1 << 6) {
                rdb_out_byte(o, (uint8_t)(0x80 | s.n));
        } else if (s.n < 1 << 12) {
                rdb_out_byte(o, (uint8_t)(0xe0 | s.n >> 8));
                rdb_out_byte(o, (uint8_t)s.n);
                n_head = 2;
        } else {
                uint32_t le = htole32((uint32_t)s.n);

                rdb_out_byte(o, 0xf0);
                rdb_out_raw(o, &le, sizeof(le));
                n_head = 5;
        }
        rdb_out_raw(o, s.p, s.n);
        put_behind(o, n_head + s.n);
}

void rdb_listpack_end(rdb_out *o, uint64_t n) {
        uint16_t count = htole16((uint16_t)(n < MANY ? n : MANY));
        uint32_t size;

        rdb_out_byte(o, END);
        if (o->failed)
                return;
        size = htole32((uint32_t)o->n);
        memcpy(o->p, &size, sizeof(size));
        memcpy(o->p + sizeof(size), &count, sizeof(count));
}
