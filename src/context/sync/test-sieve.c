/* SPDX-License-Identifier: Apache-2.0 */
#include "sieve.h"

#include "test.h"

#include <errno.h>
#include <stdio.h>

/* What is left of a command whose words stand between blanks, where keys of "a" and "b:" are
 * of interest. */
static const char *left(sieve *s, const char *line) {
        static char text[256];
        const bytes *kept;
        bytes argv[32];
        size_t argc = 0, n_kept, n = 0;
        int r;

        for (const char *p = line; *p; p += *p == ' ') {
                size_t word = strcspn(p, " ");

                argv[argc++] = (bytes){ p, word };
                p += word;
        }
        r = sieve_next(s, argv, argc, &kept, &n_kept);
        if (r == -ESTALE)
                return "?";
        assert_ok(r);
        text[0] = '\0';
        for (size_t i = 0; r > 0 && i < n_kept; i++)
                n += (size_t)sprintf(text + n, "%s%.*s", i ? " " : "", (int)kept[i].n, kept[i].p);
        return text;
}

static const struct {
        const char *line, *left;
} cases[] = {
        { "SET a 1", "SET a 1" },
        { "SET abc 1", "SET abc 1" },
        { "SET b 1", "" },
        { "SET b: 1", "SET b: 1" },
        { "set B: 1", "" },
        { "DEL a b c b:x", "DEL a b:x" },
        { "UNLINK b c", "" },
        { "MSET b 1 a 2 c 3 b:c 4", "MSET a 2 b:c 4" },
        { "RENAME a b", "DEL a" },
        { "RENAME a a2", "RENAME a a2" },
        { "RENAME b a", "?" },
        { "RENAME b c", "" },
        { "ZRANGESTORE b a 0 1", "" },
        { "ZRANGESTORE a b 0 1", "?" },
        { "LMOVE b a LEFT LEFT", "?" },
        { "LMOVE a b LEFT LEFT", "?" },
        { "SUNIONSTORE b a a", "" },
        { "SUNIONSTORE a b a", "?" },
        { "SUNIONSTORE a a2 b:c", "SUNIONSTORE a a2 b:c" },
        { "ZUNIONSTORE a 2 b: a3", "ZUNIONSTORE a 2 b: a3" },
        { "ZUNIONSTORE a 2 b a3", "?" },
        { "FLUSHALL", "FLUSHALL" },
        { "SWAPDB 0 1", "SWAPDB 0 1" },
        { "PUBLISH a x", "" },
        { "GET a", "" },
        { "NEWCOMMAND a", "?" },
};

TEST(some_keys) {
        const bytes prefixes[] = { BYTES("a"), BYTES("b:") };
        sieve s = { .prefixes = prefixes, .n_prefixes = 2 };

        for (size_t i = 0; i < n_of(cases); i++)
                assert_str(left(&s, cases[i].line), cases[i].left);
        sieve_deinit(&s);
        sieve_deinit(&s);
}

TEST(all_keys) {
        sieve s = { 0 };

        assert_true(sieve_wants(&s, BYTES("")));
        assert_str(left(&s, "RENAME b a"), "RENAME b a");
        assert_str(left(&s, "NEWCOMMAND a"), "NEWCOMMAND a");
        assert_str(left(&s, "PUBLISH a x"), "");
        sieve_deinit(&s);
}
