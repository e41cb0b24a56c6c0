/* SPDX-License-Identifier: Apache-2.0 */
#include "glob.h"

#include <ctype.h>

static unsigned char fold(char c, bool any_case) {
        unsigned char u = (unsigned char)c;

        return any_case ? (unsigned char)tolower(u) : u;
}

/* The bracket at @p, behind its '[': whether @c is in it. *@ret_p is behind the bracket. */
static bool in_bracket(const char *p, const char *end, char ch, bool any_case, const char **ret_p) {
        unsigned char c = fold(ch, any_case);
        bool not = p < end && *p == '^', found = false;

        p += not ;
        while (p < end && *p != ']') {
                unsigned char from, to;

                if (*p == '\\' && end - p >= 2)
                        p++;
                from = to = fold(*p, any_case);
                if (end - p >= 3 && p[1] == '-' && p[-1] != '\\') {
                        to = fold(p[2], any_case);
                        p += 2;
                }
                if (from > to) {
                        unsigned char swap = from;

                        from = to;
                        to = swap;
                }
                found |= c >= from && c <= to;
                p++;
        }
        *ret_p = p < end ? p + 1 : end;
        return found != not ;
}

/* One thing of the pattern, which is not a star, against one byte. */
static bool match_one(const char *p, const char *end, char c, bool any_case, const char **ret_p) {
        switch (*p) {
        case '?':
                *ret_p = p + 1;
                return true;
        case '[':
                return in_bracket(p + 1, end, c, any_case, ret_p);
        case '\\':
                if (end - p >= 2)
                        p++;
                break;
        default:
                break;
        }
        *ret_p = p + 1;
        return fold(*p, any_case) == fold(c, any_case);
}

bool glob_match(bytes pattern, bytes text, bool any_case) {
        const char *p = pattern.p, *p_end = p + pattern.n;
        const char *t = text.p, *t_end = t + text.n;
        const char *star = NULL, *behind = NULL; /* the last one, and the text that it leaves */

        /* Only the last star matters: what an earlier one takes more of, it can take too. */
        while (t < t_end) {
                const char *next;

                if (p < p_end && *p == '*') {
                        star = ++p;
                        behind = t;
                } else if (p < p_end && match_one(p, p_end, *t, any_case, &next)) {
                        p = next;
                        t++;
                } else if (star) {
                        p = star;
                        t = ++behind;
                } else {
                        return false;
                }
        }
        while (p < p_end && *p == '*')
                p++;
        return p == p_end;
}
