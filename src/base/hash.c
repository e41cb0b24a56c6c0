/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

#include "random.h"

static hash_key process_key;

/* Before main(), as there may be several threads later, and a lock or a look for each
 * hash would cost a good part of it. */
__attribute__((constructor)) static void draw_key(void) {
        if (getrandom(&process_key, sizeof(process_key), GRND_NONBLOCK) != sizeof(process_key))
                process_key = (hash_key){ { random_next(), random_next() } };
}

void hash_set_key(const hash_key *key) {
        process_key = *key;
}

static inline uint64_t rotate(uint64_t x, int by) {
        return x << by | x >> (64 - by);
}

typedef struct state {
        uint64_t v0, v1, v2, v3;
} state;

static inline void round_of(state *s) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
}

static inline void take_in(state *s, uint64_t word) {
        s->v3 ^= word;
        round_of(s);
        s->v0 ^= word;
}

static inline uint64_t word_at(const uint8_t *p) {
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        return le64toh(word);
}

/* The last bytes, fewer than eight, of @n in all that end at @end. Where there are
 * eight to read, the ones before are read with them and shifted out. */
static inline uint64_t rest_before(const uint8_t *end, size_t n) {
        size_t n_rest = n & 7;
        uint64_t word = 0;

        if (n_rest == 0)
                return 0;
        if (n >= 8)
                return word_at(end - 8) >> (64 - 8 * n_rest);
        for (size_t i = 1; i <= n_rest; i++)
                word = word << 8 | end[-(ptrdiff_t)i];
        return word;
}

static inline uint64_t sip(const hash_key *key, const uint8_t *p, size_t n) {
        const uint8_t *end = p + n;
        state s = {
                .v0 = key->k[0] ^ 0x736f6d6570736575,
                .v1 = key->k[1] ^ 0x646f72616e646f6d,
                .v2 = key->k[0] ^ 0x6c7967656e657261,
                .v3 = key->k[1] ^ 0x7465646279746573,
        };

        for (; end - p >= 8; p += 8)
                take_in(&s, word_at(p));
        take_in(&s, (uint64_t)n << 56 | rest_before(end, n));
        s.v2 ^= 0xff;
        round_of(&s);
        round_of(&s);
        round_of(&s);
        return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hash_bytes(const void *p, size_t n) {
        return sip(&process_key, p, n);
}

uint64_t hash_with(const hash_key *key, const void *p, size_t n) {
        return sip(key, p, n);
}
