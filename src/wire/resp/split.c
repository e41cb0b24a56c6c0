/* SPDX-License-Identifier: Apache-2.0 */
#include "split.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* As isspace(3) has it in the C locale; a word ends at fewer, see below. */
static bool is_blank(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What the backslash at @p stands for; it is not the last. Returns what follows it. */
static char *unescape(char *p, const char *end, char *ret) {
        static const char names[] = "nrtba", values[] = "\n\r\t\b\a";

        if (p[1] == 'x' && end - p >= 4 && hex_digit(p[2]) >= 0 && hex_digit(p[3]) >= 0) {
                *ret = (char)(hex_digit(p[2]) << 4 | hex_digit(p[3]));
                return p + 4;
        }
        *ret = p[1];
        for (size_t i = 0; names[i]; i++)
                if (p[1] == names[i])
                        *ret = values[i];
        return p + 2;
}

/* Undo the quotes from the one at @p on, to *@out, which is moved on. Returns what
 * follows the second one, or NULL. */
static char *unquote(char *p, const char *end, char **out) {
        char quote = *p++;

        while (p < end && *p != quote) {
                if (*p == '\\' && p + 1 < end && quote == '"') {
                        p = unescape(p, end, *out);
                } else {
                        if (*p == '\\' && p + 1 < end && p[1] == '\'' && quote == '\'')
                                p++;
                        **out = *p++;
                }
                ++*out;
        }
        if (p == end || (p + 1 < end && !is_blank(p[1])))
                return NULL;
        return p + 1;
}

int resp_split_next(resp_split *s, bytes *ret) {
        char *p = s->p, *word, *out;

        while (p < s->end && is_blank(*p))
                p++;
        if (p == s->end)
                return 0;
        word = out = p;

        /* Redis goes on past \v and \f here, though it skips them in front. */
        while (p < s->end && *p != ' ' && *p != '\t' && *p != '\n' && *p != '\r') {
                if (*p != '"' && *p != '\'') {
                        *out++ = *p++;
                        continue;
                }
                p = unquote(p, s->end, &out);
                if (!p)
                        return -EINVAL;
                break;
        }
        s->p = p;
        *ret = (bytes){ word, (size_t)(out - word) };
        return 1;
}
