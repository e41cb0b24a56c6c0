/* SPDX-License-Identifier: Apache-2.0 */
#include "bits.h"

static uint8_t byte_at(bytes b, uint64_t i) {
        return (uint8_t)b.p[i];
}

bool bits_get(bytes b, uint64_t at) {
        return at / 8 < b.n && byte_at(b, at / 8) & 0x80 >> at % 8;
}

void bits_set(char *p, uint64_t at, bool on) {
        uint8_t *byte = (uint8_t *)p + at / 8, bit = (uint8_t)(0x80 >> at % 8);

        *byte = on ? *byte | bit : *byte & (uint8_t)~bit;
}

/* Pairs of bits, then fours, then bytes are added up side by side: processors without an
 * instruction for it are no slower, and compilers do several words at once. */
static uint64_t count_word(uint64_t w) {
        w -= w >> 1 & 0x5555555555555555;
        w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
        w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f;
        return w * 0x0101010101010101 >> 56;
}

static uint64_t count_bytes(const char *p, size_t n) {
        uint64_t sum = 0, word;

        for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
                memcpy(&word, p, sizeof(word));
                sum += count_word(word);
        }
        word = 0;
        memcpy(&word, p, n);
        return sum + count_word(word);
}

uint64_t bits_count(bytes b, uint64_t from, uint64_t to) {
        uint64_t first = from / 8, end = (to + 7) / 8, sum;

        if (from >= to)
                return 0;
        sum = count_bytes(b.p + first, end - first);
        /* less those of the first and the last byte that are outside */
        sum -= count_word((uint64_t)byte_at(b, first) >> (8 - from % 8));
        if (to % 8)
                sum -= count_word(byte_at(b, end - 1) & 0xff >> to % 8);
        return sum;
}

int64_t bits_find(bytes b, uint64_t from, uint64_t to, bool on) {
        const uint64_t none = on ? 0 : UINT64_MAX;
        uint64_t at = from, word;

        while (at < to) {
                if (at % 8 == 0 && to - at >= 64) {
                        memcpy(&word, b.p + at / 8, sizeof(word));
                        if (word == none) {
                                at += 64;
                                continue;
                        }
                }
                if (bits_get(b, at) == on)
                        return (int64_t)at;
                at++;
        }
        return -1;
}

uint64_t bits_field(bytes b, uint64_t at, unsigned n) {
        uint64_t value = 0;

        while (n-- > 0)
                value = value << 1 | bits_get(b, at++);
        return value;
}

void bits_set_field(char *p, uint64_t at, unsigned n, uint64_t value) {
        while (n-- > 0)
                bits_set(p, at++, value >> n & 1);
}
