/* SPDX-License-Identifier: Apache-2.0 */
#include "hll.h"

#include <errno.h>
#include <math.h>

enum {
        HEADER = 16,
        AT_ENCODING = 4,
        AT_COUNT = 8,
        DENSE = 0,
        SPARSE = 1,

        REGISTER_BITS = 14,
        RANK_BITS = 64 - REGISTER_BITS, /* of the hash, so ranks are up to one more */

        ZERO_MAX = 64, /* registers in a run of one byte */
        RANKED_MAX = 4,
        SPARSE_RANK_MAX = 32,
};

static const char magic[] = { 'H', 'Y', 'L', 'L' };

bool hll_is(bytes text) {
        if (text.n < HEADER || memcmp(text.p, magic, sizeof(magic)) != 0)
                return false;
        return text.p[AT_ENCODING] == SPARSE || hll_is_dense(text);
}

bool hll_is_dense(bytes text) {
        return text.p[AT_ENCODING] == DENSE && text.n == HLL_DENSE_SIZE;
}

/* where an element counts */

static uint64_t little(const char *p, size_t n) {
        uint64_t v = 0;

        while (n-- > 0)
                v = v << 8 | (uint8_t)p[n];
        return v;
}

/* Austin Appleby's MurmurHash64A, with the seed that Redis has. */
static uint64_t murmur(bytes b) {
        const uint64_t m = 0xc6a4a7935bd1e995;
        uint64_t h = 0xadc83b19 ^ b.n * m;

        for (; b.n >= 8; b.p += 8, b.n -= 8) {
                uint64_t k = little(b.p, 8) * m;

                h = (h ^ (k ^ k >> 47) * m) * m;
        }
        if (b.n > 0)
                h = (h ^ little(b.p, b.n)) * m;
        h = (h ^ h >> 47) * m;
        return h ^ h >> 47;
}

unsigned hll_place(bytes element, uint8_t *ret_rank) {
        uint64_t hash = murmur(element);
        uint64_t rest = hash >> REGISTER_BITS | (uint64_t)1 << RANK_BITS;

        *ret_rank = (uint8_t)(1 + __builtin_ctzll(rest));
        return hash & (HLL_REGISTERS - 1);
}

/* dense */

static uint8_t dense_get(const char *p, unsigned reg) {
        const uint8_t *at = (const uint8_t *)p + HEADER + reg * 6 / 8;
        unsigned shift = reg * 6 % 8, pair = at[0];

        if (shift > 2)
                pair |= (unsigned)at[1] << 8;
        return pair >> shift & 63;
}

static void dense_set(char *p, unsigned reg, uint8_t rank) {
        uint8_t *at = (uint8_t *)p + HEADER + reg * 6 / 8;
        unsigned shift = reg * 6 % 8, mask = 63u << shift, bits = (unsigned)rank << shift;

        at[0] = (uint8_t)((at[0] & ~mask) | bits);
        if (shift > 2)
                at[1] = (uint8_t)((at[1] & ~(mask >> 8)) | bits >> 8);
}

/* sparse */

bool hll_next(bytes text, size_t *at, hll_run *ret) {
        uint8_t byte;

        if (hll_is_dense(text)) {
                if (*at == HLL_REGISTERS)
                        return false;
                *ret = (hll_run){ .n = 1, .rank = dense_get(text.p, (unsigned)(*at)++) };
                return true;
        }
        if (*at == 0)
                *at = HEADER;
        if (*at == text.n)
                return false;
        byte = (uint8_t)text.p[*at];
        if (byte & 0x80) {
                *ret = (hll_run){ (byte & 3) + 1, (uint8_t)((byte >> 2 & 31) + 1), 1 };
        } else if (!(byte & 0x40)) {
                *ret = (hll_run){ byte + 1, 0, 1 };
        } else {
                /* cut off, Redis takes the zero behind its strings */
                uint8_t low = *at + 1 < text.n ? (uint8_t)text.p[*at + 1] : 0;

                *ret = (hll_run){ ((byte & 63u) << 8 | low) + 1, 0, 2 };
        }
        *at = *at + ret->size < text.n ? *at + ret->size : text.n;
        return true;
}

/* Returns how many bytes it takes; none without a register. */
static size_t write_run(uint8_t *to, unsigned n, uint8_t rank) {
        if (n == 0)
                return 0;
        if (rank > 0) {
                *to = (uint8_t)(0x80 | (rank - 1u) << 2 | (n - 1));
                return 1;
        }
        if (n <= ZERO_MAX) {
                *to = (uint8_t)(n - 1);
                return 1;
        }
        to[0] = (uint8_t)(0x40 | (n - 1) >> 8);
        to[1] = (uint8_t)(n - 1);
        return 2;
}

/* Join neighbours of the same rank, in the few runs from @at on where there may be new ones: as
 * far as Redis looks, since whoever compares two of these compares bytes. */
static void join_runs(char *p, size_t *n, size_t at) {
        for (int i = 0; i < 5 && at < *n; i++) {
                size_t behind = at, beyond;
                hll_run run, next;

                hll_next((bytes){ p, *n }, &behind, &run);
                beyond = behind;
                if (run.rank > 0 && hll_next((bytes){ p, *n }, &beyond, &next) &&
                    next.rank == run.rank && run.n + next.n <= RANKED_MAX) {
                        write_run((uint8_t *)p + at, run.n + next.n, run.rank);
                        memmove(p + behind, p + beyond, *n - beyond);
                        *n -= beyond - behind;
                } else {
                        at = behind;
                }
        }
}

static int put_sparse(char *p, size_t *n, size_t most, unsigned reg, uint8_t rank) {
        size_t before = HEADER, begin = HEADER, end = HEADER, n_new, n_old;
        unsigned first = 0, next = 0;
        uint8_t runs[5];
        hll_run run;

        if (rank > SPARSE_RANK_MAX)
                return -E2BIG;
        do {
                before = begin;
                begin = end;
                first = next;
                if (!hll_next((bytes){ p, *n }, &end, &run))
                        return -EPROTO;
                next = first + run.n;
        } while (reg >= next);
        if (run.rank >= rank)
                return 0;
        /* what is before it in the run, itself, what is behind it */
        n_new = write_run(runs, reg - first, run.rank);
        n_new += write_run(runs + n_new, 1, rank);
        n_new += write_run(runs + n_new, next - 1 - reg, run.rank);
        n_old = end - begin;
        if (n_old < run.size)
                return -EPROTO;
        if (n_new > n_old && *n + n_new - n_old > most)
                return -E2BIG;
        memmove(p + begin + n_new, p + end, *n - end);
        memcpy(p + begin, runs, n_new);
        *n += n_new - n_old;
        join_runs(p, n, before);
        return 1;
}

/* either */

void hll_begin(char p[static HLL_EMPTY_SIZE]) {
        memset(p, 0, HEADER);
        memcpy(p, magic, sizeof(magic));
        p[AT_ENCODING] = SPARSE;
        write_run((uint8_t *)p + HEADER, HLL_REGISTERS, 0);
}

int hll_put(char *p, size_t *n, size_t most, unsigned reg, uint8_t rank) {
        int r = 0;

        if (!hll_is_dense((bytes){ p, *n })) {
                r = put_sparse(p, n, most, reg, rank);
        } else if (dense_get(p, reg) < rank) {
                dense_set(p, reg, rank);
                r = 1;
        }
        if (r > 0)
                hll_forget(p);
        return r;
}

int hll_merge(bytes from, uint8_t registers[static HLL_REGISTERS]) {
        size_t at = 0;
        unsigned reg = 0;
        hll_run run;

        while (hll_next(from, &at, &run)) {
                if (run.n > HLL_REGISTERS - reg)
                        return -EPROTO;
                for (; run.n > 0; run.n--, reg++)
                        if (registers[reg] < run.rank)
                                registers[reg] = run.rank;
        }
        return reg == HLL_REGISTERS ? 0 : -EPROTO;
}

int hll_to_dense(bytes from, char ret[static HLL_DENSE_SIZE]) {
        uint8_t registers[HLL_REGISTERS] = { 0 };
        int r = hll_merge(from, registers);

        if (r < 0)
                return r;
        memset(ret, 0, HLL_DENSE_SIZE);
        memcpy(ret, from.p, HEADER);
        ret[AT_ENCODING] = DENSE;
        for (unsigned reg = 0; reg < HLL_REGISTERS; reg++)
                dense_set(ret, reg, registers[reg]);
        return 0;
}

/* counting: sigma and tau, as the paper names them */

/* The sum of x^(2^k) * 2^(k-1), and x: of the registers that nothing was shown to. */
static double sigma(double x) {
        double sum = x, before, factor = 1;

        if (x == 1)
                return INFINITY;
        do {
                before = sum;
                x *= x;
                sum += x * factor;
                factor += factor;
        } while (sum != before);
        return sum;
}

/* Of those that can rise no more. */
static double tau(double x) {
        double sum = 1 - x, before, factor = 1;

        if (x == 0 || x == 1)
                return 0;
        do {
                before = sum;
                x = sqrt(x);
                factor *= 0.5;
                sum -= (1 - x) * (1 - x) * factor;
        } while (sum != before);
        return sum / 3;
}

uint64_t hll_count(const uint8_t registers[static HLL_REGISTERS]) {
        const double m = HLL_REGISTERS, alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
        unsigned n[64] = { 0 };
        double z;

        for (unsigned reg = 0; reg < HLL_REGISTERS; reg++)
                n[registers[reg]]++;
        z = m * tau((m - n[RANK_BITS + 1]) / m);
        for (unsigned rank = RANK_BITS; rank >= 1; rank--)
                z = (z + n[rank]) * 0.5;
        z += m * sigma(n[0] / m);
        return (uint64_t)llround(alpha * m * m / z);
}

/* the count in the header */

bool hll_told(bytes text, uint64_t *ret) {
        *ret = little(text.p + AT_COUNT, 8);
        return !(*ret >> 63);
}

void hll_tell(char *p, uint64_t count) {
        for (int i = 0; i < 8; i++)
                p[AT_COUNT + i] = (char)(count >> 8 * i);
}

void hll_forget(char *p) {
        p[AT_COUNT + 7] |= (char)0x80;
}
