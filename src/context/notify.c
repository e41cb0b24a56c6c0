/* SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"

#include <errno.h>

/* In the order in which they are printed. */
static const struct {
        char letter;
        int class;
} letters[] = {
        { 'g', NOTIFY_GENERIC }, { '$', NOTIFY_STRING },   { 'l', NOTIFY_LIST },
        { 's', NOTIFY_SET },     { 'h', NOTIFY_HASH },     { 'z', NOTIFY_ZSET },
        { 'x', NOTIFY_EXPIRED }, { 'e', NOTIFY_EVICTED },  { 't', NOTIFY_STREAM },
        { 'n', NOTIFY_NEW },     { 'K', NOTIFY_KEYSPACE }, { 'E', NOTIFY_KEYEVENT },
        { 'm', NOTIFY_MISS },
};

enum { N_LETTERS = sizeof(letters) / sizeof(*letters) };

int notify_parse(bytes text) {
        int set = 0;

        for (size_t i = 0; i < text.n; i++) {
                int class = text.p[i] == 'A' ? NOTIFY_ALL : 0;

                for (int k = 0; !class && k < N_LETTERS; k++)
                        if (letters[k].letter == text.p[i])
                                class = letters[k].class;
                if (!class)
                        return -EINVAL;
                set |= class;
        }
        return set;
}

void notify_print(int set, char ret[static NOTIFY_TEXT_MAX]) {
        if ((set & NOTIFY_ALL) == NOTIFY_ALL) {
                *ret++ = 'A';
                set &= ~NOTIFY_ALL;
        }
        for (int k = 0; k < N_LETTERS; k++)
                if (set & letters[k].class)
                        *ret++ = letters[k].letter;
        *ret = '\0';
}
