/* SPDX-License-Identifier: Apache-2.0 */
#include "patience.h"

#include <sched.h>

#include "clock.h"

enum {
        /* Two that wait for each other may give way at the same time, one of them in vain. */
        TRIES = 2,
        FAILS_MAX = 6,
        /* In nanoseconds: longer, and it was a turn of a third program, which are 700 us and
         * more. For each byte a writer has twice the time that it takes to fill a buffer with
         * messages of 64. */
        LONG = 500 * 1000,
        LONG_FOR_EACH = 32,
        /* Spreads such a turn over as many waits as it has us. */
        SKIP_LONG = 1024,
};

bool patience_has(patience *p) {
        if (!p->skip)
                return true;
        p->skip--;
        return false;
}

void patience_learn(patience *p, size_t found, int64_t spent) {
        if (spent > LONG + (int64_t)found * LONG_FOR_EACH)
                p->skip = SKIP_LONG;
        else if (found)
                p->fails = 0;
        else {
                if (p->fails < FAILS_MAX)
                        p->fails++;
                p->skip = (uint16_t)(1u << p->fails);
        }
}

bool patience_pays(patience *p, size_t (*look)(void *arg), void *arg) {
        size_t found = 0;
        int64_t begin;

        if (!patience_has(p))
                return false;
        begin = clock_now();
        for (int i = 0; i < TRIES && !found; i++) {
                sched_yield();
                found = look(arg);
        }
        patience_learn(p, found, clock_now() - begin);
        return found;
}
