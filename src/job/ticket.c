/* SPDX-License-Identifier: Apache-2.0 */
#include "ticket.h"

#include <errno.h>

#include "../base/decimal.h"

static int take_number(bytes text, int64_t max, int64_t *ret) {
        int64_t n;

        if (!decimal_read(text.p, text.n, &n) || n < 0 || n > max)
                return -EINVAL;
        *ret = n;
        return 1;
}

int ticket_take(ticket *t, bytes field, bytes value) {
        /* a point that a double holds exactly, as the score of a sorted set is one */
        const int64_t max_ms = (int64_t)1 << 50;

        if (bytes_equal(field, BYTES("retry"))) {
                t->has_retry = true;
                return take_number(value, TICKET_RETRY_MAX, &t->retry);
        }
        if (bytes_equal(field, BYTES("backoff")))
                return take_number(value, TICKET_BACKOFF_MAX_MS, &t->backoff);
        if (bytes_equal(field, BYTES("at")))
                return take_number(value, max_ms, &t->at);
        if (bytes_equal(field, BYTES("delay")))
                return take_number(value, max_ms, &t->delay);
        if (bytes_equal(field, BYTES("tries")))
                return take_number(value, TICKET_RETRY_MAX, &t->tries);
        return bytes_equal(field, BYTES("last")); /* how the last try ended, for people */
}

int64_t ticket_pause(const ticket *t) {
        int64_t ms = t->backoff ? t->backoff : TICKET_BACKOFF_MS;

        for (int64_t i = 0; i < t->tries && ms < TICKET_BACKOFF_MAX_MS; i++)
                ms *= 2;
        return ms < TICKET_BACKOFF_MAX_MS ? ms : TICKET_BACKOFF_MAX_MS;
}
