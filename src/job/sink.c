/* SPDX-License-Identifier: Apache-2.0 */
#include "sink.h"

#include <inttypes.h>

#include "../base/decimal.h"
#include "../wire/rdb/crc64.h"
#include "key.h"

static int add_to_log(const sink *s, asker *a, uint8_t i, bytes d, asker_fn *fn, void *data) {
        char key[KEY_MAX], stream[DECIMAL_MAX], at[DECIMAL_MAX];

        return asker_say(
                a, fn, data, BYTES("XADD"), key_print(key, "/beam/jobs/%s/log", s->id), BYTES("*"),
                BYTES("n"), ((bytes){ stream, decimal_print(i, stream) }), BYTES("at"),
                ((bytes){ at, decimal_print((int64_t)s->streams[i].n_bytes, at) }), BYTES("d"), d);
}

static int add_to_list(const sink *s, asker *a, bytes text, asker_fn *fn, void *data) {
        char key[KEY_MAX];

        return asker_say(a, fn, data, BYTES("RPUSH"), key_print(key, "/jobs/%s/out", s->id), text);
}

int sink_put(sink *s, asker *a, uint8_t i, char *p, size_t n, asker_fn *fn, void *data) {
        sink_stream *st = &s->streams[i];
        char *head = frame_put_head(p, i);
        int r;

        if (s->is_log)
                r = add_to_log(s, a, i, (bytes){ p, n }, fn, data);
        else
                r = add_to_list(s, a, (bytes){ head, (size_t)(p - head) + n }, fn, data);
        if (r < 0)
                return r;
        st->crc = crc64(st->crc, p, n);
        st->n_bytes += n;
        return 0;
}

int64_t sink_count(resp_cursor reply) {
        resp_value v;

        return resp_cursor_next(&reply, &v) && v.type == RESP_INTEGER ? v.integer : -1;
}

int sink_ask_count(const sink *s, asker *a, asker_fn *fn, void *data) {
        char key[KEY_MAX];

        if (s->is_log)
                return asker_say(a, fn, data, BYTES("XLEN"),
                                 key_print(key, "/beam/jobs/%s/log", s->id));
        return asker_say(a, fn, data, BYTES("LLEN"), key_print(key, "/jobs/%s/out", s->id));
}

void sink_stop(sink *s, asker *a, uint8_t i) {
        if (!s->ends_late)
                sink_end(s, a, i);
}

void sink_end(sink *s, asker *a, uint8_t i) {
        sink_stream *st = &s->streams[i];
        char key[KEY_MAX], fields[2][24], n_bytes[DECIMAL_MAX], crc[17];
        const bytes empty = { (const char[]){ (char)('0' + i), ':' }, 2 };

        if (st->has_ended)
                return;
        st->has_ended = true;
        if (s->is_log)
                add_to_log(s, a, i, BYTES(""), NULL, NULL);
        else
                add_to_list(s, a, empty, NULL, NULL);
        if (!s->is_known)
                return;
        snprintf(crc, sizeof(crc), "%016" PRIx64, st->crc);
        asker_say(a, NULL, NULL, BYTES("HSET"), key_print(key, "/beam/jobs/%s", s->id),
                  ((bytes){ fields[0],
                            (size_t)snprintf(fields[0], sizeof(fields[0]), "out.%d.bytes", i) }),
                  ((bytes){ n_bytes, decimal_print((int64_t)st->n_bytes, n_bytes) }),
                  ((bytes){ fields[1],
                            (size_t)snprintf(fields[1], sizeof(fields[1]), "out.%d.crc", i) }),
                  ((bytes){ crc, 16 }));
}

void sink_close(const sink *s, asker *a, bytes status) {
        char key[KEY_MAX];

        if (s->is_log)
                asker_say(a, NULL, NULL, BYTES("XADD"), key_print(key, "/beam/jobs/%s/log", s->id),
                          BYTES("*"), BYTES("end"), status);
}
