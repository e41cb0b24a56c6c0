/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of keys
 *
 *     char key[KEY_MAX];
 *     asker_say(a, on_status, r, BYTES("GET"), key_print(key, "/jobs/%s/status", r->id));
 */

#include <stdarg.h>
#include <stdio.h>

#include "../base/bytes.h"

/* For /beam/queue/ and /beam/names/ with the longest name that is looked at, and what is of a
 * worker or a job. */
enum { KEY_MAX = 320 };

__attribute__((format(printf, 2, 3))) static inline bytes key_print(char buf[static KEY_MAX],
                                                                    const char *format, ...) {
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(buf, KEY_MAX, format, args);
        va_end(args);
        return (bytes){ buf, (size_t)n };
}
