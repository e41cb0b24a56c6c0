/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <stdbool.h>
#include <sys/random.h>
#include <time.h>

/* splitmix64, after Steele, Lea and Flood: an odd step and a good mix of where it has
 * come to. Eight bytes of a thread, and every number once before any comes again. */
static __thread uint64_t state;
static __thread bool is_begun;

static void begin(void) {
        if (getrandom(&state, sizeof(state), 0) != sizeof(state)) {
                struct timespec now;

                /* an old kernel, or a jail: then different ones will do */
                clock_gettime(CLOCK_REALTIME, &now);
                state = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uintptr_t)&state;
        }
        is_begun = true;
}

void random_seed(uint64_t seed) {
        state = seed;
        is_begun = true;
}

uint64_t random_next(void) {
        uint64_t x;

        if (__builtin_expect(!is_begun, 0))
                begin();
        state += 0x9e3779b97f4a7c15;
        x = state;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
        x = (x ^ x >> 27) * 0x94d049bb133111eb;
        return x ^ x >> 31;
}

/* The high half of a product is as good as a remainder, without the division. Which
 * values of the low half would favour some results is Lemire's argument; they are drawn
 * again, almost never. */
uint64_t random_below(uint64_t n) {
        unsigned __int128 product = (unsigned __int128)random_next() * n;

        if ((uint64_t)product < n) {
                uint64_t too_many = -n % n;

                while ((uint64_t)product < too_many)
                        product = (unsigned __int128)random_next() * n;
        }
        return (uint64_t)(product >> 64);
}
