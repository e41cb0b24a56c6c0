/* SPDX-License-Identifier: Apache-2.0 */
#include "streams.h"

#include "../base/decimal.h"

unsigned streams_next(const streams *s, unsigned n) {
        while (n < STREAMS_MAX && !streams_have(s, n))
                n++;
        return n;
}

size_t streams_count(const streams *s) {
        size_t n = 0;

        for (size_t i = 0; i < STREAMS_MAX / 64; i++)
                n += (size_t)__builtin_popcountll(s->bits[i]);
        return n;
}

bool streams_read(bytes text, streams *ret) {
        streams s = { 0 };

        for (bool more = text.n > 0; more;) {
                const char *comma = memchr(text.p, ',', text.n);
                size_t n_number = comma ? (size_t)(comma - text.p) : text.n;
                int64_t n;

                if (!decimal_read(text.p, n_number, &n) || n < 0 || n >= STREAMS_MAX ||
                    streams_have(&s, (unsigned)n))
                        return false;
                streams_add(&s, (unsigned)n);
                more = comma != NULL;
                text.p += n_number + more;
                text.n -= n_number + more;
        }
        *ret = s;
        return true;
}
