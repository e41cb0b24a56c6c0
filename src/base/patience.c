/* SPDX-License-Identifier: Apache-2.0 */
#include "patience.h"

#include <sched.h>

#include "clock.h"

enum {
        /* Two that wait for each other may give way at the same time, one of them in vain. */
        TRIES = 2,
        FAILS_MAX = 6,
        SKIP_MAX = 1 << FAILS_MAX,
        /* In nanoseconds: longer, and it was a turn of a third program, which are 700 us and
         * more. For each byte a writer has twice the time that it takes to fill a buffer with
         * messages of 64. */
        LONG = 500 * 1000,
        LONG_FOR_EACH = 32,
        /* Spreads such a turn over as many waits as it has us. */
        SKIP_LONG = 1024,
        /* A sleep lasts as long as two wake-ups, this side's and the other's, of 25 to 75 us each;
         * to look for one of them is enough, as then nobody sleeps. */
        SHORT = 200 * 1000,
        SHORTS = 3,
        LOOKS = 60 * 1000,
};

int64_t patience_has(patience *p, bool company) {
        if (company && p->n_short >= SHORTS)
                return LOOKS;
        if (!p->skip)
                return 0;
        p->skip--;
        return -1;
}

void patience_learn(patience *p, size_t found, int64_t spent) {
        if (found)
                p->fails = 0;
        else {
                if (p->fails < FAILS_MAX)
                        p->fails++;
                p->skip = (uint16_t)(1u << p->fails);
                p->n_short = 0;
        }
        if (spent > LONG + (int64_t)found * LONG_FOR_EACH) {
                p->skip = SKIP_LONG;
                p->n_short = 0;
        }
}

bool patience_pays(patience *p, bool company, size_t (*look)(void *arg), void *arg) {
        int64_t most = patience_has(p, company), begin, spent = 0;
        size_t found = 0;

        if (most < 0)
                return false;
        begin = clock_now();
        for (int i = 0; !found && (i < TRIES || spent < most); i++) {
                sched_yield();
                found = look(arg);
                spent = clock_now() - begin;
        }
        patience_learn(p, found, spent);
        return found;
}

void patience_slept(patience *p, int64_t ns) {
        if (ns > SHORT || p->skip > SKIP_MAX)
                p->n_short = 0;
        else if (p->n_short < SHORTS)
                p->n_short++;
}
