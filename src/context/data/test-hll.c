/* SPDX-License-Identifier: Apache-2.0 */
#include "hll.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "test.h"

enum { MOST = 3000, ROOM = 2 * HLL_DENSE_SIZE };

typedef struct one {
        size_t n;
        char p[ROOM];
} one;

static bytes bytes_in(const one *h) {
        return (bytes){ h->p, h->n };
}

static void begin(one *h) {
        hll_begin(h->p);
        h->n = HLL_EMPTY_SIZE;
}

static void make_dense(one *h) {
        char dense[HLL_DENSE_SIZE];

        assert_r(hll_to_dense(bytes_in(h), dense), 0);
        memcpy(h->p, dense, sizeof(dense));
        h->n = sizeof(dense);
}

static int add(one *h, bytes element) {
        uint8_t rank;
        unsigned reg = hll_place(element, &rank);
        int r = hll_put(h->p, &h->n, MOST, reg, rank);

        if (r != -E2BIG)
                return r;
        make_dense(h);
        return hll_put(h->p, &h->n, MOST, reg, rank);
}

static int add_number(one *h, int i) {
        char text[16];

        return add(h, (bytes){ text, (size_t)snprintf(text, sizeof(text), "%d", i) });
}

static uint64_t count(const one *h) {
        uint8_t registers[HLL_REGISTERS] = { 0 };

        assert_r(hll_merge(bytes_in(h), registers), 0);
        return hll_count(registers);
}

/* What a redis-server 7.0 holds after PFADD h a b c, and after a PFCOUNT h. */
TEST(as_redis_has_it) {
        static const char runs[] = "\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a";
        one h;
        uint64_t told;

        begin(&h);
        assert_true(hll_is(bytes_in(&h)));
        assert_true(hll_told(bytes_in(&h), &told));
        assert_eq(told, 0u);
        assert_eq(count(&h), 0u);
        assert_r(add(&h, BYTES("a")), 1);
        assert_r(add(&h, BYTES("b")), 1);
        assert_r(add(&h, BYTES("c")), 1);
        assert_r(add(&h, BYTES("b")), 0);
        assert_mem(h.p, 16, "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80", 16);
        assert_mem(h.p + 16, h.n - 16, runs, sizeof(runs) - 1);
        assert_false(hll_told(bytes_in(&h), &told));
        hll_tell(h.p, count(&h));
        assert_mem(h.p, 16, "HYLL\1\0\0\0\3\0\0\0\0\0\0\0", 16);
}

/* The same elements, and the same is said of each by both. */
TEST(sparse_and_dense) {
        one sparse, dense;
        int i;

        begin(&sparse);
        begin(&dense);
        make_dense(&dense);
        for (i = 0; !hll_is_dense(bytes_in(&sparse)); i++) {
                assert_r(add_number(&sparse, i), add_number(&dense, i));
                if (i % 100 == 0)
                        assert_eq(count(&sparse), count(&dense));
        }
        assert_gt(i, 1000);
        assert_mem(sparse.p, sparse.n, dense.p, dense.n);
}

TEST(counts) {
        static const int steps[] = { 1, 10, 1000, 30000, 200000 };
        one h;
        int i = 0;

        begin(&h);
        for (size_t s = 0; s < sizeof(steps) / sizeof(*steps); s++) {
                int64_t off;

                for (; i < steps[s]; i++)
                        assert_ok(add_number(&h, i));
                off = (int64_t)count(&h) - steps[s];
                /* three standard errors of 0.81 % */
                assert_le(llabs(off), steps[s] * 243 / 10000);
        }
}

TEST(every_rank) {
        one h;
        uint8_t registers[HLL_REGISTERS] = { 0 };

        begin(&h);
        for (uint8_t rank = 1; rank <= 32; rank++)
                assert_r(hll_put(h.p, &h.n, MOST, rank * 500u, rank), 1);
        assert_r(hll_put(h.p, &h.n, MOST, 0, 33), -E2BIG);
        make_dense(&h);
        for (uint8_t rank = 33; rank <= 51; rank++)
                assert_r(hll_put(h.p, &h.n, MOST, rank * 300u + 1, rank), 1);
        assert_r(hll_merge(bytes_in(&h), registers), 0);
        for (unsigned reg = 0; reg < HLL_REGISTERS; reg++) {
                unsigned want = reg && reg % 500 == 0 && reg / 500 <= 32               ? reg / 500
                                : reg % 300 == 1 && reg / 300 >= 33 && reg / 300 <= 51 ? reg / 300
                                                                                       : 0;

                assert_eq(registers[reg], want);
        }
        memset(registers, 51, sizeof(registers));
        assert_gt(hll_count(registers), (uint64_t)1 << 62);
}

/* Neighbours of one rank come together, up to four, and no further than Redis looks. */
TEST(runs) {
        size_t at = 0;
        hll_run run;
        one h;

        begin(&h);
        for (unsigned reg = 100; reg < 106; reg++)
                assert_r(hll_put(h.p, &h.n, MOST, reg, 2), 1);
        assert_true(hll_next(bytes_in(&h), &at, &run));
        assert_eq(run.n, 100u);
        assert_true(hll_next(bytes_in(&h), &at, &run));
        assert_eq(run.n, 4u);
        assert_eq(run.rank, 2);
        assert_true(hll_next(bytes_in(&h), &at, &run));
        assert_eq(run.n, 2u);
        assert_true(hll_next(bytes_in(&h), &at, &run));
        assert_eq(run.n, 16384u - 106);
        assert_false(hll_next(bytes_in(&h), &at, &run));
        /* at the limit it stays as it is */
        assert_r(hll_put(h.p, &h.n, h.n, 5000, 1), -E2BIG);
        assert_eq(h.n, 16u + 2 + 1 + 1 + 2);
}

#define HEADER "HYLL\1\0\0\0\0\0\0\0\0\0\0\0"

TEST(what_is_none) {
        static const struct {
                bytes text;
                bool is;
        } cases[] = {
                { BYTES(""), false },
                { BYTES("HYLL"), false },
                { BYTES("HYLl\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"), false },
                { BYTES("HYLL\2\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"), false }, /* no such encoding */
                { BYTES("HYLL\0\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"),
                  false },                            /* too short to be dense */
                { BYTES(HEADER), true },              /* no runs */
                { BYTES(HEADER "\x7f"), true },       /* cut off */
                { BYTES(HEADER "\x7f\xfe"), true },   /* one too few */
                { BYTES(HEADER "\x7f\xff\0"), true }, /* and too many */
                { BYTES(HEADER "\x7f\xfe\x81"), true },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                uint8_t registers[HLL_REGISTERS] = { 0 };
                char dense[HLL_DENSE_SIZE];

                assert_eq(hll_is(cases[i].text), cases[i].is);
                if (!cases[i].is)
                        continue;
                assert_r(hll_merge(cases[i].text, registers), -EPROTO);
                assert_r(hll_to_dense(cases[i].text, dense), -EPROTO);
        }
}

/* Whatever bytes there are: nothing beyond them is touched, and the answer is one of three. */
TEST(anything) {
        for (int round = 0; round < 3000; round++) {
                size_t n = 16 + (size_t)(test_random() % 30);
                char *p = malloc(n + HLL_PUT_MORE);
                bytes b = { p, n };
                uint8_t registers[HLL_REGISTERS] = { 0 };
                size_t n_now = n;
                int r;

                for (size_t i = 0; i < n; i++)
                        p[i] = (char)test_random();
                memcpy(p, HEADER, 16);
                r = hll_merge(b, registers);
                assert_true(r == 0 || r == -EPROTO);
                r = hll_put(p, &n_now, MOST, (unsigned)(test_random() % 100), 3);
                assert_true(r == 0 || r == 1 || r == -EPROTO);
                assert_le(n_now, n + HLL_PUT_MORE);
                free(p);
        }
}
