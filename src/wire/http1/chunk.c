/* SPDX-License-Identifier: Apache-2.0 */
#include "in-inner.h"

#include "chars.h"

static bool is_word(char c) {
        return chars[(uint8_t)c] & CHAR_TOKEN;
}

/* How many bytes of @text are a text in quotes, or 0. */
static size_t quoted(bytes text) {
        for (size_t n = 1; n < text.n; n++) {
                if (text.p[n] == '"')
                        return n + 1;
                if (text.p[n] == '\\' && ++n == text.n)
                        break;
                if (!(chars[(uint8_t)text.p[n]] & CHAR_VALUE))
                        break;
        }
        return 0;
}

static size_t word(bytes text) {
        size_t n = 0;

        while (n < text.n && is_word(text.p[n]))
                n++;
        return n;
}

static bytes behind(bytes text, size_t n) {
        return (bytes){ text.p + n, text.n - n };
}

/* RFC 9112, 7.1.1: ;name, ;name=word, ;name="text"; without the blanks around the signs that it
 * calls bad. */
static bool are_extensions(bytes text) {
        while (text.n) {
                size_t n;

                if (text.p[0] != ';')
                        return false;
                text = behind(text, 1);
                n = word(text);
                if (n == 0)
                        return false;
                text = behind(text, n);
                if (text.n == 0 || text.p[0] != '=')
                        continue;
                text = behind(text, 1);
                n = text.n && text.p[0] == '"' ? quoted(text) : word(text);
                if (n == 0)
                        return false;
                text = behind(text, n);
        }
        return true;
}

static int hex(char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

int http1_chunk_size(http1_in *in, bytes line, size_t *ret_n_digits, uint64_t *ret) {
        uint64_t size = 0;
        size_t n = 0;

        for (; n < line.n && hex(line.p[n]) >= 0; n++) {
                if (size > INT64_MAX >> 4)
                        return http1_fail(in, 413, "a chunk beyond all bounds");
                size = size << 4 | (unsigned)hex(line.p[n]);
        }
        if (n == 0)
                return http1_fail(in, 400, "a chunk without a length");
        if (!are_extensions(behind(line, n)))
                return http1_fail(in, 400, "a chunk with what is no extension behind its length");
        *ret_n_digits = n;
        *ret = size;
        return 0;
}
