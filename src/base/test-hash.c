/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

#include "mem.h"
#include "test.h"

/* of the bytes 0, 1, 2, ..., as CPython 3.11 hashes them: once with PYTHONHASHSEED=0,
 * whose key is zero, and once with 12345 */
static const struct {
        size_t n;
        uint64_t zero, keyed;
} vectors[] = {
        { 1, 0x68a914128e01e473, 0xddb5fc492fbdf63a },
        { 2, 0x010bac45c41e3669, 0xdaa4ac012a6e8f04 },
        { 3, 0x4d4c9a4a8ef6e0ad, 0x6925b9482f3a5127 },
        { 4, 0x7cc43f98813e4dbd, 0x5c698c54afa96352 },
        { 5, 0x5abe2169dff36275, 0x49b0ce6a7158bf6e },
        { 6, 0xe3c25f87624f1cdb, 0x560b2c53e4b773c9 },
        { 7, 0x2f098ab0c751325a, 0x831edfe12fee6ffd },
        { 8, 0xead411e67ebe2eea, 0x354edb093928c942 },
        { 9, 0x75927f9d95124362, 0x09a5e47bf18abecc },
        { 15, 0xf30eb725bb91c9ea, 0xbe8dc664d017b99e },
        { 16, 0x8972188433a5c5b7, 0x2e932605ea370595 },
        { 17, 0x4883c49a2c009c1d, 0x76887087110a4b41 },
        { 23, 0x37332b1389daa4ff, 0x01b41be8fa2e3a54 },
        { 24, 0x31185a47af932f3a, 0x7b6efdf564aa956c },
        { 31, 0x169739443111d49b, 0xcd12075a65e419ea },
        { 32, 0x31ef8061c910629b, 0xe4f8c9c3e0bd4452 },
        { 63, 0x385d3e39e5f37359, 0x171afa1ac779cd10 },
};
static const hash_key zero_key, other_key = { { 0x25556dc46dc3dca0, 0xfc3ee4dbd06f6c90 } };

TEST(is_siphash_1_3) {
        for (size_t i = 0; i < n_of(vectors); i++) {
                /* in a block of its own, so that reading beyond it is seen */
                uint8_t *p = mem_new(vectors[i].n);

                for (size_t j = 0; j < vectors[i].n; j++)
                        p[j] = (uint8_t)j;
                assert_eq(hash_with(&zero_key, p, vectors[i].n), vectors[i].zero);
                assert_eq(hash_with(&other_key, p, vectors[i].n), vectors[i].keyed);
                mem_free(p);
        }
}

TEST(is_keyed) {
        static const hash_key none;
        uint64_t before = hash_bytes("a", 1);

        /* that the key was drawn as zero has a chance of 2^-128 */
        assert_ne(before, hash_with(&none, "a", 1));
        hash_set_key(&other_key);
        assert_eq(hash_bytes("a", 1), hash_with(&other_key, "a", 1));
        assert_ne(hash_bytes("a", 1), before);
}

TEST(length_counts) {
        static const char zeros[64];

        for (size_t n = 0; n < sizeof(zeros); n++)
                for (size_t m = 0; m < n; m++)
                        assert_ne(hash_bytes(zeros, n), hash_bytes(zeros, m));
}
