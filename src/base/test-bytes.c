/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include "test.h"

#include <stdlib.h>

TEST(equal_and_order) {
        assert_true(bytes_equal(BYTES(""), (bytes){ 0 }));
        assert_true(bytes_equal(BYTES("a\0b"), (bytes){ "a\0b", 3 }));
        assert_false(bytes_equal(BYTES("a\0b"), BYTES("a\0c")));
        assert_false(bytes_equal(BYTES("a"), BYTES("ab")));

        assert_eq(bytes_compare(BYTES(""), (bytes){ 0 }), 0);
        assert_lt(bytes_compare(BYTES("a"), BYTES("a\0")), 0);
        assert_gt(bytes_compare(BYTES("b"), BYTES("ab")), 0);
        assert_lt(bytes_compare(BYTES("a"), BYTES("\xff")), 0);
}

/* The name of a command is whatever a client sends: a 0 in it ends no text, and must not
 * lead past the end of either. */
TEST(is_word) {
        static const struct {
                bytes a;
                bool is;
        } cases[] = {
                { BYTES("ping"), true },    { BYTES("PING"), true },      { BYTES("pInG"), true },
                { BYTES(""), false },       { BYTES("pin"), false },      { BYTES("pings"), false },
                { BYTES("ping\0"), false }, { BYTES("ping\0xx"), false }, { BYTES("pin\0"), false },
                { BYTES("\0ping"), false }, { BYTES("pi\0g"), false },    { { 0 }, false },
        };
        char *word = malloc(5);

        memcpy(word, "ping", 5);
        for (size_t i = 0; i < n_of(cases); i++)
                assert_eq(bytes_is(cases[i].a, word), cases[i].is);
        free(word);
}
