/* SPDX-License-Identifier: Apache-2.0 */
#include "expiry.h"

#include "store.h"

bool expiry_read(call *c, int i, expiry_unit unit, bool any, int64_t *ret) {
        bool seconds = unit == EXPIRY_SECONDS || unit == EXPIRY_AT_SECONDS;
        bool relative = unit == EXPIRY_SECONDS || unit == EXPIRY_MS;
        int64_t n;

        if (!call_integer(c, i, &n, NULL))
                return false;
        if ((!any && n <= 0) || (seconds && __builtin_mul_overflow(n, 1000, &n)) ||
            (relative && __builtin_add_overflow(n, c->store->now, &n)) || (any && n == INT64_MAX)) {
                call_failf(c, "ERR invalid expire time in '%s' command", c->cmd->name);
                return false;
        }
        *ret = n;
        return true;
}

bool expiry_word(const call *c, int i, expiry_unit *ret) {
        static const struct {
                const char *word;
                expiry_unit unit;
        } words[] = {
                { "EX", EXPIRY_SECONDS },
                { "PX", EXPIRY_MS },
                { "EXAT", EXPIRY_AT_SECONDS },
                { "PXAT", EXPIRY_AT_MS },
        };

        for (size_t w = 0; w < sizeof(words) / sizeof(*words); w++) {
                if (call_is(c, i, words[w].word)) {
                        *ret = words[w].unit;
                        return true;
                }
        }
        return false;
}
