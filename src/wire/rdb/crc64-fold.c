/* SPDX-License-Identifier: Apache-2.0 */
#include "crc64-fold.h"

#if defined(__x86_64__)

#include <immintrin.h>

/*
 * 16 bytes are a polynomial of 128 terms; where others follow at a distance of d bits, it counts
 * times x^d. Modulo the polynomial of the sum that factor is one of 64 terms, and the product has
 * 128 again and can be added to those that follow. With its bits reversed, as they are here, a
 * product comes out times x once more.
 */

enum { LANES = 4 }; /* so that one product need not wait for another */

static bool can;
static uint64_t far[2], near[2]; /* factors of the first 8 bytes and of the second */

/* x^@n modulo the polynomial: all bits reversed. */
static uint64_t power(int n, uint64_t polynomial) {
        uint64_t v = UINT64_C(1) << 63;

        while (n-- > 0)
                v = v >> 1 ^ (v & 1 ? polynomial : 0);
        return v;
}

void crc64_fold_init(uint64_t polynomial) {
        far[0] = power(LANES * 128 + 64 - 1, polynomial);
        far[1] = power(LANES * 128 - 1, polynomial);
        near[0] = power(128 + 64 - 1, polynomial);
        near[1] = power(128 - 1, polynomial);
        __builtin_cpu_init();
        can = __builtin_cpu_supports("pclmul");
}

bool crc64_can_fold(void) {
        return can;
}

__attribute__((target("pclmul"))) static __m128i times(__m128i v, __m128i factors) {
        return _mm_xor_si128(_mm_clmulepi64_si128(v, factors, 0x00),
                             _mm_clmulepi64_si128(v, factors, 0x11));
}

__attribute__((target("pclmul"))) size_t crc64_fold(uint64_t crc, const uint8_t *p, size_t n,
                                                    uint8_t ret[static CRC64_FOLDED]) {
        const __m128i by_far = _mm_loadu_si128((const __m128i *)far);
        const __m128i by_near = _mm_loadu_si128((const __m128i *)near);
        const uint8_t *begin = p, *end = p + n;
        __m128i v[LANES];

        for (int i = 0; i < LANES; i++, p += 16)
                v[i] = _mm_loadu_si128((const __m128i *)p);
        v[0] = _mm_xor_si128(v[0], _mm_cvtsi64_si128((long long)crc));
        while (end - p >= LANES * 16)
                for (int i = 0; i < LANES; i++, p += 16)
                        v[i] = _mm_xor_si128(times(v[i], by_far),
                                             _mm_loadu_si128((const __m128i *)p));
        for (int i = 1; i < LANES; i++)
                v[i] = _mm_xor_si128(times(v[i - 1], by_near), v[i]);
        _mm_storeu_si128((__m128i *)ret, v[LANES - 1]);
        return (size_t)(p - begin);
}

#else

void crc64_fold_init(uint64_t polynomial) {
        (void)polynomial;
}

bool crc64_can_fold(void) {
        return false;
}

size_t crc64_fold(uint64_t crc, const uint8_t *p, size_t n, uint8_t ret[static CRC64_FOLDED]) {
        (void)crc;
        (void)p;
        (void)n;
        (void)ret;
        return 0;
}

#endif
