/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/decimal.h"
#include "base/grow.h"
#include "base/mem.h"
#include "crc64.h"

void rdb_out_deinit(rdb_out *o) {
        mem_free(o->p);
        *o = (rdb_out){ 0 };
}

static uint8_t *make_room(rdb_out *o, size_t n) {
        uint8_t *p = o->failed ? NULL : grow(o->p, &o->cap, o->n, n);

        if (!p) {
                o->failed = true;
                return NULL;
        }
        o->p = p;
        return p + o->n;
}

static uint8_t *room(rdb_out *o, size_t n) {
        if (__builtin_expect(!o->failed && o->cap - o->n >= n, 1))
                return o->p + o->n;
        return make_room(o, n);
}

void rdb_out_raw(rdb_out *o, const void *p, size_t n) {
        uint8_t *to = n ? room(o, n) : NULL;

        if (!to)
                return;
        memcpy(to, p, n);
        o->n += n;
}

void rdb_out_byte(rdb_out *o, uint8_t byte) {
        rdb_out_raw(o, &byte, 1);
}

void rdb_out_le64(rdb_out *o, uint64_t v) {
        v = htole64(v);
        rdb_out_raw(o, &v, sizeof(v));
}

/* A first byte and @v behind it, in @n bytes. */
static void put_tagged(rdb_out *o, uint8_t tag, const void *v, size_t n) {
        uint8_t *to = room(o, 1 + n);

        if (!to)
                return;
        to[0] = tag;
        memcpy(to + 1, v, n);
        o->n += 1 + n;
}

void rdb_out_length(rdb_out *o, uint64_t n) {
        if (n < 1 << 6) {
                rdb_out_byte(o, (uint8_t)n);
        } else if (n < 1 << 14) {
                put_tagged(o, (uint8_t)(RDB_LENGTH_14 | n >> 8), &(uint8_t){ (uint8_t)n }, 1);
        } else if (n <= UINT32_MAX) {
                uint32_t v = htobe32((uint32_t)n);

                put_tagged(o, RDB_LENGTH_32, &v, sizeof(v));
        } else {
                uint64_t v = htobe64(n);

                put_tagged(o, RDB_LENGTH_64, &v, sizeof(v));
        }
}

void rdb_out_string(rdb_out *o, bytes s) {
        rdb_out_length(o, s.n);
        rdb_out_raw(o, s.p, s.n);
}

void rdb_out_integer(rdb_out *o, int64_t v) {
        char text[DECIMAL_MAX];
        uint64_t le = htole64((uint64_t)v);

        /* the low bytes come first, so fewer of them are the narrower number */
        if (v >= INT8_MIN && v <= INT8_MAX)
                put_tagged(o, RDB_INT_8, &le, 1);
        else if (v >= INT16_MIN && v <= INT16_MAX)
                put_tagged(o, RDB_INT_16, &le, 2);
        else if (v >= INT32_MIN && v <= INT32_MAX)
                put_tagged(o, RDB_INT_32, &le, 4);
        else
                rdb_out_string(o, (bytes){ text, decimal_print(v, text) });
}

void rdb_out_double(rdb_out *o, double v) {
        uint64_t bits;

        memcpy(&bits, &v, sizeof(bits));
        rdb_out_le64(o, bits);
}

void rdb_out_magic(rdb_out *o) {
        char magic[] = "REDIS0000";

        static_assert(sizeof(magic) - 1 == RDB_MAGIC && RDB_VERSION < 10, "one digit is enough");
        magic[RDB_MAGIC - 1] = '0' + RDB_VERSION;
        rdb_out_raw(o, magic, RDB_MAGIC);
}

void rdb_out_aux(rdb_out *o, const char *name, bytes value) {
        rdb_out_byte(o, RDB_AUX);
        rdb_out_string(o, bytes_of(name));
        rdb_out_string(o, value);
}

void rdb_out_select(rdb_out *o, unsigned db) {
        rdb_out_byte(o, RDB_SELECT);
        rdb_out_length(o, db);
}

void rdb_out_resize(rdb_out *o, uint64_t n_keys, uint64_t n_expiring) {
        rdb_out_byte(o, RDB_RESIZE);
        rdb_out_length(o, n_keys);
        rdb_out_length(o, n_expiring);
}

void rdb_out_expiry(rdb_out *o, int64_t ms) {
        uint64_t le = htole64((uint64_t)ms);

        put_tagged(o, RDB_EXPIRY_MS, &le, sizeof(le));
}

void rdb_out_footer(rdb_out *o) {
        rdb_out_byte(o, RDB_VERSION);
        rdb_out_byte(o, 0);
        if (!o->failed)
                rdb_out_le64(o, crc64(0, o->p, o->n));
}
