/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <errno.h>

#include "test.h"

/* Redis's own example. */
static const bytes nine = { "123456789", 9 };
#define CRC_OF_NINE "e9c6d914c4b8d9ca"

static int announce(tally *t, const char *field, const char *value) {
        return tally_announce(t, bytes_of(field), bytes_of(value));
}

TEST(all_of_it_is_whole) {
        tally t = { 0 };

        assert_true(tally_is_whole(&t));
        assert_eq(tally_miss(&t, 1, 0, 1), 0);
        tally_add(&t, 1, (bytes){ nine.p, 4 });
        assert_eq(tally_miss(&t, 1, 4, 1), 0);
        tally_add(&t, 1, (bytes){ nine.p + 4, 5 });
        assert_false(tally_is_whole(&t)); /* nobody has said how much there was */
        assert_eq(announce(&t, "out.1.bytes", "9"), 0);
        assert_eq(announce(&t, "out.1.crc", CRC_OF_NINE), 0);
        assert_eq(announce(&t, "out.2.bytes", "0"), 0);
        assert_eq(announce(&t, "out.2.crc", "0000000000000000"), 0);
        assert_true(tally_is_whole(&t));
}

TEST(what_is_missing_shows) {
        tally t = { 0 };

        announce(&t, "out.2.bytes", "9");
        announce(&t, "out.2.crc", CRC_OF_NINE);
        assert_false(tally_is_whole(&t));
        assert_eq(tally_miss(&t, 2, 3, 1), 3);
        tally_add(&t, 2, (bytes){ nine.p + 3, 6 });
        assert_eq(t.streams[2].n, 9);
        assert_false(tally_is_whole(&t));
        assert_eq(tally_miss(&t, 2, 8, 1), -EPROTO);
        assert_eq(tally_miss(&t, 3, UINT64_MAX, 1), -EPROTO);
        assert_eq(tally_miss(&t, 2, 0, 0), 0);
        assert_eq(t.streams[2].n, 9);
}

TEST(other_bytes_show) {
        tally t = { 0 };

        announce(&t, "out.255.bytes", "9");
        announce(&t, "out.255.crc", CRC_OF_NINE);
        tally_add(&t, 255, BYTES("123456788"));
        assert_false(tally_is_whole(&t));
        tally_unwant(&t, 255);
        assert_true(tally_is_whole(&t));
}

TEST(fields_that_are_none) {
        static const struct {
                const char *field, *value;
                int r;
        } cases[] = {
                { "out.1.bytes", "-1", -EPROTO },
                { "out.1.bytes", "", -EPROTO },
                { "out.1.bytes", "1 ", -EPROTO },
                { "out.1.crc", "0", -EPROTO },
                { "out.1.crc", "000000000000000g", -EPROTO },
                { "out.1.crc", "00000000000000000", -EPROTO },
                { "out.256.bytes", "1", 0 },
                { "out.01.bytes", "1", 0 },
                { "out..bytes", "1", 0 },
                { "out.1", "1", 0 },
                { "out.", "1", 0 },
                { "why", "1", 0 },
                { "", "", 0 },
        };

        for (size_t i = 0; i < n_of(cases); i++) {
                tally t = { 0 };

                assert_eq(announce(&t, cases[i].field, cases[i].value), cases[i].r);
                for (unsigned k = 0; k < TALLY_STREAMS && cases[i].r == 0; k++)
                        assert_false(t.streams[k].is_announced);
        }
}
