/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include "test.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "crc64.h"

#define T(text) text, sizeof(text) - 1

/* What was written is @want; begin anew. */
static void take(rdb_out *o, const char *want, size_t n_want) {
        assert_false(o->failed);
        assert_mem((char *)o->p, o->n, want, n_want);
        o->n = 0;
}

TEST(lengths) {
        rdb_out o = { 0 };

        rdb_out_length(&o, 0);
        rdb_out_length(&o, 63);
        take(&o, T("\x00\x3f"));
        rdb_out_length(&o, 64);
        rdb_out_length(&o, 16383);
        take(&o, T("\x40\x40\x7f\xff"));
        rdb_out_length(&o, 16384);
        rdb_out_length(&o, UINT32_MAX);
        take(&o, T("\x80\x00\x00\x40\x00\x80\xff\xff\xff\xff"));
        rdb_out_length(&o, UINT64_C(0x0102030405060708));
        take(&o, T("\x81\x01\x02\x03\x04\x05\x06\x07\x08"));
        rdb_out_deinit(&o);
        rdb_out_deinit(&o);
}

TEST(values) {
        rdb_out o = { 0 };

        rdb_out_string(&o, BYTES("a\0b"));
        rdb_out_string(&o, (bytes){ 0 });
        take(&o, T("\x03"
                   "a\0b\0"));
        rdb_out_integer(&o, -128);
        rdb_out_integer(&o, 128);
        rdb_out_integer(&o, -32769);
        take(&o, T("\xc0\x80\xc1\x80\x00\xc2\xff\x7f\xff\xff"));
        rdb_out_integer(&o, INT64_C(2147483648));
        rdb_out_integer(&o, INT64_MIN);
        take(&o, T("\x0a"
                   "2147483648"
                   "\x14"
                   "-9223372036854775808"));
        rdb_out_double(&o, -0.5);
        take(&o, T("\0\0\0\0\0\0\xe0\xbf"));
        rdb_out_deinit(&o);
}

TEST(opcodes) {
        rdb_out o = { 0 };

        rdb_out_magic(&o);
        rdb_out_aux(&o, "ctime", BYTES("1"));
        rdb_out_select(&o, 3);
        rdb_out_resize(&o, 64, 1);
        rdb_out_expiry(&o, 1);
        take(&o, T("REDIS0009\xfa\x05"
                   "ctime\x01"
                   "1\xfe\x03\xfb\x40\x40\x01\xfc\x01\0\0\0\0\0\0\0"));
        rdb_out_deinit(&o);
}

/* As DUMP of a redis-server 7.0.15 of "10", but for the version. */
TEST(footer) {
        rdb_out o = { 0 };

        rdb_out_byte(&o, RDB_STRING);
        rdb_out_integer(&o, 10);
        rdb_out_footer(&o);
        assert_eq(o.n, 13u);
        assert_eq(crc64(0, o.p, o.n), 0u); /* what a sum is, summed up too */
        rdb_out_deinit(&o);
}

TEST(checksum) {
        static const char text[] = "what is summed up in pieces is the same as in one";
        uint64_t whole = crc64(0, text, sizeof(text));

        assert_eq(crc64(0, "123456789", 9), UINT64_C(0xe9c6d914c4b8d9ca));
        for (size_t cut = 0; cut <= sizeof(text); cut++)
                assert_eq(crc64(crc64(0, text, cut), text + cut, sizeof(text) - cut), whole);
}

static uint64_t byte_by_byte(uint64_t crc, const uint8_t *p, size_t n) {
        while (n-- > 0)
                crc = crc64(crc, p++, 1);
        return crc;
}

/* What is long is summed up another way, and so is its rest. */
TEST(checksum_of_what_is_long) {
        uint8_t all[720];

        for (size_t i = 0; i < sizeof(all); i++)
                all[i] = (uint8_t)(i * i + i / 7);
        for (size_t n = 0; n <= 700; n++) {
                const uint8_t *p = all + n % 17; /* seldom where a word begins */
                uint64_t before = n * UINT64_C(0x9e3779b97f4a7c15);

                assert_eq(crc64(before, p, n), byte_by_byte(before, p, n));
        }
}

TEST(without_memory) {
        rdb_out o = { 0 };

        mem_fail_at(1);
        rdb_out_magic(&o);
        rdb_out_string(&o, BYTES("a"));
        assert_true(o.failed);
        assert_eq(o.n, 0u);
        rdb_out_deinit(&o);
}
