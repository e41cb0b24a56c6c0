/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

#include "test.h"

#include <stdlib.h>
#include <string.h>

#define T(text) text, sizeof(text) - 1

/* in a block of its own, so that reading past it is seen */
static bool is_valid(const char *text, size_t n) {
        char *copy = malloc(n ? n : 1);
        bool valid;

        memcpy(copy, text, n);
        valid = utf8_is_valid(copy, n);
        free(copy);
        return valid;
}

TEST(valid) {
        static const struct {
                const char *text;
                size_t n;
                bool valid;
        } cases[] = {
                { T(""), true },
                { T("plain"), true },
                { T("with a \0 in it"), true },
                { T("\x7f"), true },
                { T("\xc2\x80"), true },         /* U+0080 */
                { T("\xdf\xbf"), true },         /* U+07FF */
                { T("\xe0\xa0\x80"), true },     /* U+0800 */
                { T("\xed\x9f\xbf"), true },     /* U+D7FF */
                { T("\xee\x80\x80"), true },     /* U+E000 */
                { T("\xef\xbf\xbf"), true },     /* U+FFFF */
                { T("\xf0\x90\x80\x80"), true }, /* U+10000 */
                { T("\xf4\x8f\xbf\xbf"), true }, /* U+10FFFF */
                { T("\x80"), false },            /* begins in the middle */
                { T("\xbf"), false },
                { T("\xc0\x80"), false }, /* overlong */
                { T("\xc1\xbf"), false },
                { T("\xe0\x9f\xbf"), false },
                { T("\xf0\x8f\xbf\xbf"), false },
                { T("\xed\xa0\x80"), false }, /* surrogates */
                { T("\xed\xbf\xbf"), false },
                { T("\xf4\x90\x80\x80"), false }, /* above U+10FFFF */
                { T("\xf5\x80\x80\x80"), false },
                { T("\xff"), false },
                { T("\xfe"), false },
                { T("\xc2"), false }, /* cut */
                { T("\xe0\xa0"), false },
                { T("\xf0\x90\x80"), false },
                { T("\xc2\x41"), false }, /* not continued */
                { T("\xe0\xa0\x41"), false },
                { T("\xf0\x90\x80\xc0"), false },
        };
        char shifted[64];

        for (size_t i = 0; i < n_of(cases); i++)
                /* at each place relative to the eight bytes that are looked at at once */
                for (size_t before = 0; before < 18; before++)
                        for (size_t after = 0; after < 10; after++) {
                                size_t n = before + cases[i].n + after;
                                bool valid = cases[i].valid;

                                memset(shifted, 'a', sizeof(shifted));
                                memcpy(shifted + before, cases[i].text, cases[i].n);
                                if (is_valid(shifted, n) != valid)
                                        test_fail("case %zu, %zu before, %zu after", i, before,
                                                  after);
                        }
}

/* In a stream, cut at every place, the same is valid; and what is not is found where it is. */
TEST(streams) {
        static const struct {
                const char *text;
                size_t n, n_valid, n_left;
        } cases[] = {
                { T("12345678a\xc3\xa4\xe2\x82\xac\xf0\x90\x80\x80"
                    "12345678"),
                  26, 0 },
                { T("\xe2\x82"), 2, 1 },
                { T("a\xf4"), 2, 3 },
                { T("12345678\xff"), 8, 0 },
                { T("\x80"), 0, 0 },
                { T("a\xc3"
                    "b"),
                  2, 1 },
                { T("\xe0\x9f\xbf"), 1, 2 },
                { T("\xed\xa0\x80"), 1, 2 },
                { T("\xf0\x8f\xbf\xbf"), 1, 3 },
                { T("\xf4\x90\x80\x80"), 1, 3 },
                { T("\xf0\x90\x80x"), 3, 1 },
                { T("\xc1\xbf"), 0, 0 },
                { T("\xf5\x80"), 0, 0 },
        };

        for (size_t i = 0; i < n_of(cases); i++)
                for (size_t at = 0; at <= cases[i].n; at++) {
                        utf8_stream s = { 0 };
                        size_t n = utf8_stream_feed(&s, cases[i].text, at);

                        if (n == at)
                                n += utf8_stream_feed(&s, cases[i].text + at, cases[i].n - at);
                        assert_eq(n, cases[i].n_valid);
                        assert_eq(s.n_left, cases[i].n_left);
                }
}

TEST(cut) {
        static const struct {
                const char *text;
                size_t n, max, want;
        } cases[] = {
                { T("abc"), 3, 3 },
                { T("abc"), 10, 3 },
                { T("abc"), 2, 2 },
                { T("abc"), 0, 0 },
                { T("a\xc3\xa4"), 2, 1 },
                { T("a\xc3\xa4"), 3, 3 },
                { T("\xf0\x90\x80\x80"), 3, 0 },
                { T("\xf0\x90\x80\x80x"), 4, 4 },
                { T("\xe2\x82\xac\xe2\x82\xac"), 5, 3 },
        };

        for (size_t i = 0; i < n_of(cases); i++)
                assert_eq(utf8_cut(cases[i].text, cases[i].n, cases[i].max), cases[i].want);
}
