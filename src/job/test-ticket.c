/* SPDX-License-Identifier: Apache-2.0 */
#include "ticket.h"

#include <errno.h>

#include "test.h"

static int take(ticket *t, const char *field, const char *value) {
        return ticket_take(t, bytes_of(field), bytes_of(value));
}

TEST(fields) {
        ticket t = { 0 };

        assert_eq(take(&t, "retry", "3"), 1);
        assert_true(t.has_retry);
        assert_eq(t.retry, 3);
        assert_eq(take(&t, "backoff", "200"), 1);
        assert_eq(take(&t, "at", "1700000000000"), 1);
        assert_eq(t.at, 1700000000000);
        assert_eq(take(&t, "delay", "5"), 1);
        assert_eq(take(&t, "tries", "2"), 1);
        assert_eq(take(&t, "last", "exited 3"), 1);
        assert_eq(take(&t, "output", "log"), 0);
        assert_eq(take(&t, "", ""), 0);
}

TEST(what_they_cannot_be) {
        static const char *const bad[][2] = {
                { "retry", "" },
                { "retry", "-1" },
                { "retry", "x" },
                { "retry", "1e3" },
                { "retry", "1000001" },
                { "backoff", "3600001" },
                { "backoff", "01" },
                { "at", "1.5" },
                { "at", "9999999999999999" },
                { "delay", "-5" },
                { "delay", "99999999999999999999" },
                { "tries", "many" },
        };
        ticket t = { 0 };

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_eq(take(&t, bad[i][0], bad[i][1]), -EINVAL);
}

TEST(pauses_become_longer) {
        ticket t = { 0 };

        assert_eq(ticket_pause(&t), TICKET_BACKOFF_MS);
        t.tries = 3;
        assert_eq(ticket_pause(&t), 8 * TICKET_BACKOFF_MS);
        t.backoff = 7;
        assert_eq(ticket_pause(&t), 56);
        t.tries = TICKET_RETRY_MAX;
        assert_eq(ticket_pause(&t), TICKET_BACKOFF_MAX_MS);
        t.backoff = TICKET_BACKOFF_MAX_MS;
        t.tries = 0;
        assert_eq(ticket_pause(&t), TICKET_BACKOFF_MAX_MS);
}
