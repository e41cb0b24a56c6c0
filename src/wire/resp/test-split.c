/* SPDX-License-Identifier: Apache-2.0 */
#include "split.h"

#include "test.h"

#include <errno.h>
#include <stdlib.h>

#define T(text) text, sizeof(text) - 1

/* What the lines of requests cannot show: they end in a line feed, and hold no 0. */
static const struct {
        const char *line;
        size_t n;
        const char *words; /* with a | after each; NULL where a quote has no end */
} cases[] = {
        { T(""), "" },
        { T(" "), "" },
        { T("a"), "a|" },
        { T(" a "), "a|" },
        { T("a\nb\rc"), "a|b|c|" },
        { T("\"a\""), "a|" },
        { T("'a'"), "a|" },
        { T("''"), "|" },
        { T("a\""), NULL },
        { T("'"), NULL },
        { T("\"\\"), NULL },
        { T("\"\\x"), NULL },
        { T("\"\\x4"), NULL },
        { T("\"\\x41"), NULL },
        { T("\"\\x41\""), "A|" },
        { T("'\\"), NULL },
        { T("'\\'"), NULL },
        { T("'a'b"), NULL },
        { T("a '"), NULL },
};

static void check(size_t i, char *line) {
        resp_split s = { line, line + cases[i].n };
        char words[64];
        size_t n = 0;
        bytes word;
        int got;

        while ((got = resp_split_next(&s, &word)) > 0) {
                assert_lt(n + word.n + 1, sizeof(words));
                memcpy(words + n, word.p, word.n);
                n += word.n;
                words[n++] = '|';
        }
        if (!cases[i].words) {
                assert_r(got, -EINVAL);
                return;
        }
        assert_r(got, 0);
        assert_mem(words, n, cases[i].words, strlen(cases[i].words));
        assert_r(resp_split_next(&s, &word), 0);
}

/* In a block of its own; and before bytes that would make sense, if they were looked at. */
TEST(words) {
        static const char *const after[] = { "", "41\"", "\"", "'", "\\x41\"", "b" };

        for (size_t i = 0; i < n_of(cases); i++)
                for (size_t k = 0; k < n_of(after); k++) {
                        char *line = malloc(cases[i].n + strlen(after[k]) + 1);

                        memcpy(line, cases[i].line, cases[i].n);
                        memcpy(line + cases[i].n, after[k], strlen(after[k]) + 1);
                        line = realloc(line, cases[i].n + strlen(after[k]));
                        check(i, line);
                        free(line);
                }
}

TEST(any_byte) {
        char line[] = "a\0b '\0' \xff";
        resp_split s = { line, line + sizeof(line) - 1 };
        bytes word;

        assert_r(resp_split_next(&s, &word), 1);
        assert_true(bytes_equal(word, BYTES("a\0b")));
        assert_r(resp_split_next(&s, &word), 1);
        assert_true(bytes_equal(word, BYTES("\0")));
        assert_r(resp_split_next(&s, &word), 1);
        assert_true(bytes_equal(word, BYTES("\xff")));
        assert_r(resp_split_next(&s, &word), 0);
}
