/* SPDX-License-Identifier: Apache-2.0 */
#include "sha1.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

static void check(const char *text, size_t n, const char *want) {
        uint8_t sum[SHA1_SIZE];
        char got[2 * SHA1_SIZE + 1];

        sha1(text, n, sum);
        for (size_t i = 0; i < SHA1_SIZE; i++)
                snprintf(got + 2 * i, 3, "%02x", sum[i]);
        assert_str(got, want);
}

/* Of FIPS 180, and where the last block gets full, by coreutils' sha1sum. */
TEST(sums) {
        static char many[1000000];

        check("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        check("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
        check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
              "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        memset(many, 'a', sizeof(many));
        check(many, sizeof(many), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
        check(many, 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a");
        check(many, 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
        check(many, 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d");
        check(many, 65, "11655326c708d70319be2610e8a57d9a5b959d3b");
}
