/* SPDX-License-Identifier: Apache-2.0 */
#include "listpack.h"

#include "test.h"

#include <string.h>

#include "base/mem.h"
#include "packed.h"

/* As a redis-server 7.0.15 has it in memory: of "a" 5 4095 -4096 "". */
TEST(same_bytes) {
        static const char want[] = "\x14\0\0\0\5\0\x81"
                                   "a\2\5\1\xcf\xff\2\xd0\0\2\x80\1\xff";
        rdb_out o = { 0 };

        rdb_listpack_begin(&o);
        rdb_listpack_string(&o, BYTES("a"));
        rdb_listpack_string(&o, BYTES("5"));
        rdb_listpack_integer(&o, 4095);
        rdb_listpack_integer(&o, -4096);
        rdb_listpack_string(&o, BYTES(""));
        rdb_listpack_end(&o, 5);
        assert_mem((char *)o.p, o.n, want, sizeof(want) - 1);
        rdb_out_deinit(&o);
}

/* At each length and each number where the form changes, what is written is read. */
TEST(read_back) {
        static const size_t sizes[] = { 1,     62,      63,      64,      125,    126,   127,
                                        4094,  4095,    4096,    16377,   16378,  16379, 16384,
                                        70000, 2097144, 2097145, 2097146, 2097152 };
        static const int64_t numbers[] = { 0,
                                           127,
                                           128,
                                           -1,
                                           4095,
                                           4096,
                                           -4096,
                                           -4097,
                                           INT16_MAX,
                                           INT16_MAX + 1,
                                           INT16_MIN,
                                           INT16_MIN - 1,
                                           8388607,
                                           8388608,
                                           -8388608,
                                           -8388609,
                                           INT32_MAX,
                                           INT32_MIN,
                                           INT64_C(2147483648),
                                           INT64_MAX,
                                           INT64_MIN };
        char *text = mem_new(sizes[n_of(sizes) - 1]), scratch[DECIMAL_MAX], number[DECIMAL_MAX];
        rdb_out o = { 0 };
        rdb_packed p;
        bytes got;

        assert_ne(text, NULL);
        memset(text, 'x', sizes[n_of(sizes) - 1]);
        rdb_listpack_begin(&o);
        for (size_t i = 0; i < n_of(sizes); i++)
                rdb_listpack_string(&o, (bytes){ text, sizes[i] });
        for (size_t i = 0; i < n_of(numbers); i++)
                rdb_listpack_integer(&o, numbers[i]);
        rdb_listpack_end(&o, n_of(sizes) + n_of(numbers));
        assert_r(rdb_packed_init(&p, RDB_LISTPACK, (bytes){ (char *)o.p, o.n }), 0);
        for (size_t i = 0; i < n_of(sizes); i++) {
                assert_r(rdb_packed_next(&p, &got, scratch), 1);
                assert_mem(got.p, got.n, text, sizes[i]);
        }
        for (size_t i = 0; i < n_of(numbers); i++) {
                assert_r(rdb_packed_next(&p, &got, scratch), 1);
                assert_mem(got.p, got.n, number, decimal_print(numbers[i], number));
        }
        assert_r(rdb_packed_next(&p, &got, scratch), 0);
        rdb_out_deinit(&o);
        mem_free(text);
}
