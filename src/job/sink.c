/* SPDX-License-Identifier: Apache-2.0 */
#include "sink.h"

#include <errno.h>
#include <inttypes.h>

#include "../base/decimal.h"
#include "../base/mem.h"
#include "../wire/rdb/crc64.h"
#include "key.h"

int sink_init(sink *s, const streams *outputs) {
        sink_stream *all = mem_array(streams_count(outputs), sizeof(*all));
        size_t n = 0;

        if (!all)
                return -ENOMEM;
        for (unsigned i = streams_next(outputs, 0); i < STREAMS_MAX;
             i = streams_next(outputs, i + 1))
                all[n++].number = (uint8_t)i;
        s->streams = all;
        s->n_streams = n;
        return 0;
}

void sink_deinit(sink *s) {
        s->streams = mem_free(s->streams);
        s->n_streams = 0;
}

sink_stream *sink_find(const sink *s, unsigned number) {
        for (size_t i = 0; i < s->n_streams; i++)
                if (s->streams[i].number == number)
                        return &s->streams[i];
        return NULL;
}

static int add_to_log(const sink *s, asker *a, const sink_stream *st, bytes d, asker_fn *fn,
                      void *data) {
        char key[KEY_MAX], stream[DECIMAL_MAX], at[DECIMAL_MAX];

        return asker_say(a, fn, data, BYTES("XADD"), key_print(key, "/beam/jobs/%s/log", s->id),
                         BYTES("*"), BYTES("n"),
                         ((bytes){ stream, decimal_print(st->number, stream) }), BYTES("at"),
                         ((bytes){ at, decimal_print((int64_t)st->n_bytes, at) }), BYTES("d"), d);
}

static int add_to_list(const sink *s, asker *a, bytes text, asker_fn *fn, void *data) {
        char key[KEY_MAX];

        return asker_say(a, fn, data, BYTES("RPUSH"), key_print(key, "/jobs/%s/out", s->id), text);
}

int sink_put(const sink *s, asker *a, sink_stream *st, char *p, size_t n, asker_fn *fn,
             void *data) {
        char *head = frame_put_head(p, st->number);
        int r;

        if (s->is_log)
                r = add_to_log(s, a, st, (bytes){ p, n }, fn, data);
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

static void say_end(const sink *s, asker *a, const sink_stream *st) {
        char key[KEY_MAX], fields[2][24], n_bytes[DECIMAL_MAX], crc[17], empty[FRAME_HEAD_MAX];
        const char *head = frame_put_head(empty + sizeof(empty), st->number);

        if (s->is_log)
                add_to_log(s, a, st, BYTES(""), NULL, NULL);
        else
                add_to_list(s, a, (bytes){ head, (size_t)(empty + sizeof(empty) - head) }, NULL,
                            NULL);
        if (!s->is_known)
                return;
        snprintf(crc, sizeof(crc), "%016" PRIx64, st->crc);
        asker_say(a, NULL, NULL, BYTES("HSET"), key_print(key, "/beam/jobs/%s", s->id),
                  ((bytes){ fields[0], (size_t)snprintf(fields[0], sizeof(fields[0]),
                                                        "out.%d.bytes", st->number) }),
                  ((bytes){ n_bytes, decimal_print((int64_t)st->n_bytes, n_bytes) }),
                  ((bytes){ fields[1], (size_t)snprintf(fields[1], sizeof(fields[1]), "out.%d.crc",
                                                        st->number) }),
                  ((bytes){ crc, 16 }));
}

void sink_end(const sink *s, asker *a, sink_stream *st) {
        if (!st->has_ended)
                say_end(s, a, st);
        st->has_ended = true;
}

void sink_stop(const sink *s, asker *a, sink_stream *st) {
        if (!s->ends_late)
                sink_end(s, a, st);
}

void sink_say_ends(const sink *s, asker *a) {
        for (size_t i = 0; i < s->n_streams; i++)
                if (!s->streams[i].has_ended)
                        say_end(s, a, &s->streams[i]);
}

void sink_close(const sink *s, asker *a, bytes status) {
        char key[KEY_MAX];

        if (s->is_log)
                asker_say(a, NULL, NULL, BYTES("XADD"), key_print(key, "/beam/jobs/%s/log", s->id),
                          BYTES("*"), BYTES("end"), status);
}
