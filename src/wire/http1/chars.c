/* SPDX-License-Identifier: Apache-2.0 */
#include "chars.h"

enum {
        V = CHAR_VALUE,
        G = CHAR_VALUE | CHAR_TARGET,
        T = G | CHAR_TOKEN,
        H = G | CHAR_HOST,
        A = T | CHAR_HOST,
};

const uint8_t chars[256] = {
        ['\t'] = V,
        [' '] = V,
        ['!'] = A,
        ['"'] = G,
        ['#'] = V | CHAR_TOKEN,
        ['$'] = A,
        ['%'] = A,
        ['&'] = A,
        ['\''] = A,
        ['('] = H,
        [')'] = H,
        ['*'] = A,
        ['+'] = A,
        [','] = H,
        ['-'] = A,
        ['.'] = A,
        ['/'] = G,
        [':'] = G,
        [';'] = H,
        ['<'] = G,
        ['='] = H,
        ['>'] = G,
        ['?'] = G,
        ['@'] = G,
        ['['] = G,
        ['\\'] = G,
        [']'] = G,
        ['^'] = T,
        ['_'] = A,
        ['`'] = T,
        ['{'] = G,
        ['|'] = T,
        ['}'] = G,
        ['~'] = A,
        ['0' ... '9'] = A,
        ['A' ... 'Z'] = A,
        ['a' ... 'z'] = A,
        [0x80 ... 0xff] = V,
};

static bool is_port(bytes text) {
        unsigned port = 0;

        for (size_t i = 0; i < text.n; i++) {
                if (text.p[i] < '0' || text.p[i] > '9')
                        return false;
                port = port * 10 + (unsigned)(text.p[i] - '0');
                if (port > UINT16_MAX)
                        return false;
        }
        return true;
}

bool chars_authority(bytes text) {
        bool number = text.n && text.p[0] == '[';
        const char *end = number ? memchr(text.p, ']', text.n) : memchr(text.p, ':', text.n);
        size_t n_host = end ? (size_t)(end - text.p) : text.n;

        if (text.n == 0 || n_host == 0)
                return false;
        if (number) {
                if (!end || n_host < 2)
                        return false;
                for (size_t i = 1; i < n_host; i++)
                        if (!(chars[(uint8_t)text.p[i]] & CHAR_HOST) && text.p[i] != ':')
                                return false;
                n_host++;
        } else if (!chars_are((bytes){ text.p, n_host }, CHAR_HOST)) {
                return false;
        }
        if (n_host == text.n)
                return true;
        return text.p[n_host] == ':' &&
               is_port((bytes){ text.p + n_host + 1, text.n - n_host - 1 });
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

bytes chars_trim(bytes text) {
        while (text.n && is_blank(text.p[0]))
                text.p++, text.n--;
        while (text.n && is_blank(text.p[text.n - 1]))
                text.n--;
        return text;
}

bool chars_list_next(bytes *list, bytes *ret) {
        while (list->n) {
                const char *comma = memchr(list->p, ',', list->n);
                size_t n = comma ? (size_t)(comma - list->p) : list->n;
                bytes element = chars_trim((bytes){ list->p, n });

                list->p += comma ? n + 1 : n;
                list->n -= comma ? n + 1 : n;
                if (element.n) {
                        *ret = element;
                        return true;
                }
        }
        return false;
}
