/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <errno.h>

#include "../base/decimal.h"
#include "../wire/rdb/crc64.h"

int64_t tally_miss(tally *t, unsigned stream, uint64_t at, size_t n) {
        tally_stream *s = &t->streams[stream];
        uint64_t missing = at - s->n;

        if (n == 0 && at < s->n) {
                s->has_hole = true;
                return 0;
        }
        if (at < s->n || missing > INT64_MAX)
                return -EPROTO;
        if (missing > 0) {
                s->has_hole = true;
                s->n = at;
        }
        return (int64_t)missing;
}

void tally_add(tally *t, unsigned stream, bytes data) {
        tally_stream *s = &t->streams[stream];

        s->n += data.n;
        if (!s->has_hole)
                s->crc = crc64(s->crc, data.p, data.n);
}

static int read_hex(bytes text, uint64_t *ret) {
        uint64_t v = 0;

        if (text.n != 16)
                return -EPROTO;
        for (size_t i = 0; i < text.n; i++) {
                static const char digits[] = "0123456789abcdef";
                char c = text.p[i] >= 'A' && text.p[i] <= 'F' ? (char)(text.p[i] + 32) : text.p[i];
                const char *digit = c ? strchr(digits, c) : NULL;

                if (!digit)
                        return -EPROTO;
                v = v << 4 | (uint64_t)(digit - digits);
        }
        *ret = v;
        return 0;
}

static bool take_end(bytes *text, bytes end) {
        if (text->n < end.n || memcmp(text->p + text->n - end.n, end.p, end.n) != 0)
                return false;
        text->n -= end.n;
        return true;
}

int tally_announce(tally *t, bytes field, bytes value) {
        const bytes out = BYTES("out.");
        bool is_crc;
        tally_stream *s;
        int64_t n;

        if (field.n < out.n || memcmp(field.p, out.p, out.n) != 0)
                return 0;
        field.p += out.n;
        field.n -= out.n;
        is_crc = take_end(&field, BYTES(".crc"));
        if (!is_crc && !take_end(&field, BYTES(".bytes")))
                return 0;
        if (!decimal_read(field.p, field.n, &n) || n < 0 || n >= TALLY_STREAMS)
                return 0;
        s = &t->streams[n];
        s->is_announced = true;
        if (is_crc)
                return read_hex(value, &s->crc_there);
        if (!decimal_read(value.p, value.n, &n) || n < 0)
                return -EPROTO;
        s->n_there = (uint64_t)n;
        return 0;
}

void tally_unwant(tally *t, unsigned stream) {
        t->streams[stream].is_unwanted = true;
}

void tally_restart(tally *t) {
        for (unsigned i = 0; i < TALLY_STREAMS; i++) {
                tally_stream *s = &t->streams[i];

                s->n = s->crc = 0;
                s->has_hole = false;
        }
}

bool tally_is_whole(const tally *t) {
        for (unsigned i = 0; i < TALLY_STREAMS; i++) {
                const tally_stream *s = &t->streams[i];

                if (s->is_unwanted || (!s->is_announced && s->n == 0))
                        continue;
                if (!s->is_announced || s->has_hole || s->n != s->n_there || s->crc != s->crc_there)
                        return false;
        }
        return true;
}
