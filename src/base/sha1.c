/* SPDX-License-Identifier: Apache-2.0 */
#include "sha1.h"

#include <string.h>

enum { BLOCK = 64, ROUNDS = 80 };

static uint32_t turn(uint32_t v, int n) {
        return v << n | v >> (32 - n);
}

static uint32_t load(const uint8_t *p) {
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void block(uint32_t h[static 5], const uint8_t *p) {
        uint32_t w[ROUNDS], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

        for (int i = 0; i < 16; i++)
                w[i] = load(p + 4 * i);
        for (int i = 16; i < ROUNDS; i++)
                w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (int i = 0; i < ROUNDS; i++) {
                uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                             : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                             : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                      : (b ^ c ^ d) + 0xca62c1d6;
                uint32_t next = turn(a, 5) + f + e + w[i];

                e = d;
                d = c;
                c = turn(b, 30);
                b = a;
                a = next;
        }
        h[0] += a;
        h[1] += b;
        h[2] += c;
        h[3] += d;
        h[4] += e;
}

void sha1(const void *text, size_t n, uint8_t ret[static SHA1_SIZE]) {
        uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
        uint8_t last[2 * BLOCK] = { 0 };
        const uint8_t *p = text;
        uint64_t n_bits = (uint64_t)n * 8;
        size_t n_last;

        for (; n >= BLOCK; p += BLOCK, n -= BLOCK)
                block(h, p);
        /* the rest, a bit that is set, and how many there were, at the end of a block */
        if (n)
                memcpy(last, p, n);
        last[n] = 0x80;
        n_last = n + 1 + 8 <= BLOCK ? BLOCK : 2 * BLOCK;
        for (size_t i = 0; i < 8; i++)
                last[n_last - 1 - i] = (uint8_t)(n_bits >> 8 * i);
        for (size_t at = 0; at < n_last; at += BLOCK)
                block(h, last + at);
        for (size_t i = 0; i < SHA1_SIZE; i++)
                ret[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}
