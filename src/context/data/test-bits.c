/* SPDX-License-Identifier: Apache-2.0 */
#include "bits.h"

#include "base/random.h"
#include "test.h"

enum { N = 40 };

static void fill(char p[static N], bool sparse) {
        for (int i = 0; i < N; i++)
                p[i] = (char)(sparse && random_below(8) ? 0 : random_below(256));
}

/* Bit by bit, for every range. */
TEST(ranges) {
        char p[N];
        bytes b = { p, N };

        for (int round = 0; round < 4; round++) {
                fill(p, round % 2);
                for (uint64_t from = 0; from <= 8 * N; from++) {
                        uint64_t n = 0;
                        int64_t found[2] = { -1, -1 };

                        for (uint64_t to = from; to <= 8 * N; to++) {
                                bool on;

                                assert_eq(bits_count(b, from, to), n);
                                assert_eq(bits_find(b, from, to, false), found[0]);
                                assert_eq(bits_find(b, from, to, true), found[1]);
                                on = bits_get(b, to);
                                n += on;
                                if (found[on] < 0)
                                        found[on] = (int64_t)to;
                        }
                }
        }
}

TEST(fields) {
        char p[N], before[N];
        bytes b = { p, N };

        fill(p, false);
        for (unsigned width = 1; width <= 64; width++) {
                for (uint64_t at = 0; at + width <= 8 * N; at++) {
                        uint64_t value = random_below(UINT64_MAX);
                        uint64_t mask = UINT64_MAX >> (64 - width);

                        memcpy(before, p, N);
                        bits_set_field(p, at, width, value);
                        assert_eq(bits_field(b, at, width), value & mask);
                        bits_set_field(p, at, width, bits_field((bytes){ before, N }, at, width));
                        assert_mem(p, N, before, N);
                }
        }
}

TEST(beyond_the_end) {
        char p[] = { 1, (char)0x80 };
        bytes b = { p, sizeof(p) };

        assert_eq(bits_get(b, 7), true);
        assert_eq(bits_get(b, 16), false);
        assert_eq(bits_get(b, UINT64_MAX), false);
        assert_eq(bits_field(b, 7, 2), 3u);
        assert_eq(bits_field(b, 8, 64), (uint64_t)1 << 63);
        assert_eq(bits_count(b, 0, 0), 0u);
        assert_eq(bits_find((bytes){ "", 0 }, 0, 0, true), -1);
}
