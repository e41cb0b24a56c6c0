/* SPDX-License-Identifier: Apache-2.0 */
#include "glob.h"

#include "test.h"

static bool match(const char *pattern, const char *text) {
        return glob_match(bytes_of(pattern), bytes_of(text), false);
}

TEST(patterns) {
        static const struct {
                const char *pattern, *text;
                bool is;
        } cases[] = {
                { "", "", true },
                { "", "a", false },
                { "*", "", true },
                { "*", "abc", true },
                { "a*c", "abc", true },
                { "a*c", "ac", true },
                { "a*c", "abd", false },
                { "a?c", "abc", true },
                { "a?c", "ac", false },
                { "a**", "a", true },
                { "[abc]", "b", true },
                { "[abc]", "d", false },
                { "[^abc]", "d", true },
                { "[^abc]", "a", false },
                { "[a-c]x", "bx", true },
                { "[c-a]x", "bx", true },
                { "[a-c", "b", true },
                { "[", "a", false },
                { "\\*", "*", true },
                { "\\*", "a", false },
                { "a\\", "a\\", true },
                { "[\\]]", "]", true },
                { "*.txt", "a.txt", true },
                { "*.txt", ".tx", false },
                { "h[ae]llo", "hello", true },
                { "*a*b*c", "xxaxxbxxc", true },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                assert_eq(match(cases[i].pattern, cases[i].text), cases[i].is);
        assert_eq(glob_match(BYTES("aBc"), BYTES("AbC"), true), true);
        assert_eq(glob_match(BYTES("aBc"), BYTES("AbC"), false), false);
}

/* A star for each letter, and no end that fits: no longer than the product of both. */
TEST(stars_do_not_explode, .timeout = 10) {
        char pattern[2001], text[20001];

        for (int i = 0; i < 2000; i++)
                pattern[i] = i % 2 ? '*' : 'a';
        pattern[2000] = 'b';
        memset(text, 'a', sizeof(text));
        assert_eq(glob_match((bytes){ pattern, sizeof(pattern) }, (bytes){ text, sizeof(text) },
                             false),
                  false);
}
