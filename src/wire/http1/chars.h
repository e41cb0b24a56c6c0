/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which bytes may stand where
 */

#include "http1.h"

enum {
        CHAR_TOKEN = 1,  /* of a method, a field's name, a word of a list: RFC 9110, 5.6.2 */
        CHAR_VALUE = 2,  /* of a field's value: what is visible, blanks, all above ASCII */
        CHAR_TARGET = 4, /* of a request's target: visible ASCII. Not '#': a fragment stays home */
        CHAR_HOST = 8,   /* of a host's name or number, without brackets: RFC 3986, 3.2.2 */
};

extern const uint8_t chars[256];

static inline bool chars_are(bytes text, uint8_t kind) {
        for (size_t i = 0; i < text.n; i++)
                if (!(chars[(uint8_t)text.p[i]] & kind))
                        return false;
        return true;
}

static inline bool chars_token(bytes text) {
        return text.n && chars_are(text, CHAR_TOKEN);
}

/* "host", "host:port", "[::1]:port"; the port may be left empty, as RFC 3986 allows. */
bool chars_authority(bytes text);

/* @text without the blanks and tabs around it. */
bytes chars_trim(bytes text);

/* The next element of a list whose elements commas part, without the blanks around it; empty ones
 * are passed over. False at the end. No comma is looked for in quotes: of the lists that
 * are read here none has any. */
bool chars_list_next(bytes *list, bytes *ret);
