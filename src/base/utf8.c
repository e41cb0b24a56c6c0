/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

/* How many bytes the character at @p takes, 0 if it is not one. The bounds on the
 * second byte are table 3-7 of the Unicode standard: they shut out the overlong
 * forms, the surrogates and what lies above U+10FFFF. */
static size_t character(const uint8_t *p, size_t n) {
        uint8_t low = 0x80, high = 0xbf;
        size_t size;

        if (p[0] < 0x80)
                return 1;
        if (p[0] < 0xc2 || p[0] > 0xf4)
                return 0;

        size = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (n < size)
                return 0;
        if (p[0] == 0xe0)
                low = 0xa0;
        else if (p[0] == 0xed)
                high = 0x9f;
        else if (p[0] == 0xf0)
                low = 0x90;
        else if (p[0] == 0xf4)
                high = 0x8f;

        if (p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < size; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return size;
}

bool utf8_is_valid(const void *text, size_t n) {
        const uint8_t *p = text;

        while (n) {
                uint64_t eight;
                size_t size;

                /* names are ASCII nearly always: eight at a time */
                if (n >= sizeof(eight)) {
                        memcpy(&eight, p, sizeof(eight));
                        if (!(eight & UINT64_C(0x8080808080808080))) {
                                p += sizeof(eight);
                                n -= sizeof(eight);
                                continue;
                        }
                }
                size = character(p, n);
                if (!size)
                        return false;
                p += size;
                n -= size;
        }
        return true;
}

size_t utf8_cut(const void *text, size_t n, size_t max) {
        const uint8_t *p = text;

        if (n <= max)
                return n;
        while (max && (p[max] & 0xc0) == 0x80)
                max--;
        return max;
}

/* Begins a character with @c; the bounds are those of character(). */
static bool stream_begin(utf8_stream *s, uint8_t c) {
        if (c < 0xc2 || c > 0xf4)
                return false;
        s->n_left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        s->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        s->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        return true;
}

size_t utf8_stream_feed(utf8_stream *s, const void *text, size_t n) {
        const uint8_t *p = text;

        for (size_t i = 0; i < n;) {
                uint64_t eight;

                if (s->n_left) {
                        if (p[i] < s->low || p[i] > s->high)
                                return i;
                        s->n_left--;
                        s->low = 0x80;
                        s->high = 0xbf;
                        i++;
                        continue;
                }
                while (n - i >= sizeof(eight)) {
                        memcpy(&eight, p + i, sizeof(eight));
                        if (eight & UINT64_C(0x8080808080808080))
                                break;
                        i += sizeof(eight);
                }
                while (i < n && p[i] < 0x80)
                        i++;
                if (i < n && !stream_begin(s, p[i++]))
                        return i - 1;
        }
        return n;
}
