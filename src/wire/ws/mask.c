/* SPDX-License-Identifier: Apache-2.0 */
#include "mask.h"

#include <string.h>

/* A register of any machine; compilers make one or two instructions of an operation on it. */
typedef uint64_t lanes __attribute__((vector_size(32)));

void ws_mask(uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[static WS_MASK_SIZE],
             uint64_t at) {
        uint8_t turned[8];
        uint64_t word;
        size_t i = 0;
        lanes all;

        for (size_t k = 0; k < sizeof(turned); k++)
                turned[k] = mask[(at + k) % WS_MASK_SIZE];
        memcpy(&word, turned, sizeof(word));
        all = (lanes){ word, word, word, word };
        for (; n - i >= sizeof(all); i += sizeof(all)) {
                lanes some;

                memcpy(&some, from + i, sizeof(some));
                some ^= all;
                memcpy(to + i, &some, sizeof(some));
        }
        for (; i < n; i++)
                to[i] = from[i] ^ turned[i % sizeof(turned)];
}
