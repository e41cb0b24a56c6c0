/* SPDX-License-Identifier: Apache-2.0 */
#include "slip.h"

#include <errno.h>

#include "../base/decimal.h"
#include "../chan/end.h"
#include "../wire/resp/reply.h"

/* What of the @n bytes at @p is one whole value. */
static int measure(const char *p, size_t n, bytes *ret) {
        resp_reply whole;

        resp_reply_init(&whole);
        if (resp_reply_next(&whole, p, n) != 1)
                return -EPROTO;
        *ret = (bytes){ p, whole.consumed };
        return 0;
}

static bool next_text(resp_cursor *c, bytes *ret) {
        resp_value v;

        if (!resp_cursor_next(c, &v) || v.type != RESP_BULK)
                return false;
        *ret = v.text;
        return true;
}

/* An array of texts, and where it begins. */
static bool next_texts(resp_cursor *c, resp_cursor *ret, size_t *ret_n) {
        resp_value v;
        bytes text;

        *ret = *c;
        if (!resp_cursor_next(c, &v) || v.type != RESP_ARRAY)
                return false;
        *ret_n = v.n;
        for (size_t i = 0; i < v.n; i++)
                if (!next_text(c, &text))
                        return false;
        ret->end = c->p;
        return true;
}

int slip_open(const beam_msg *msg, slip *ret) {
        size_t n, n_texts;
        const char *p = beam_msg_data(msg, &n);
        resp_cursor at, all;
        bytes text;

        if (measure(p, n, &text) < 0 || text.n != n)
                return -EPROTO;
        at = (resp_cursor){ p, p + n };
        if (!next_texts(&at, &all, &n_texts) || n_texts == 0)
                return -EPROTO;
        resp_cursor_next(&all, &(resp_value){ 0 });
        *ret = (slip){ all, n_texts };
        return 0;
}

bool slip_next(slip *s, bytes *ret) {
        if (s->n_left == 0)
                return false;
        s->n_left--;
        return next_text(&s->at, ret);
}

/* Numbers of streams: each once, and for each a thing that is one. */
static bool read_streams(slip_order *o, resp_cursor at, size_t n, const beam_msg *msg) {
        bool has[256] = { false };
        resp_value head;

        if (n > sizeof(o->streams) || beam_msg_things(msg) != SLIP_STREAMS + n)
                return false;
        resp_cursor_next(&at, &head);
        for (size_t i = 0; i < n; i++) {
                beam_kind kind = beam_msg_kind(msg, SLIP_STREAMS + i);
                int64_t number;
                bytes text;

                if (!next_text(&at, &text) || !decimal_read(text.p, text.n, &number) ||
                    number < 0 || number > 255 || has[number] ||
                    (kind != BEAM_STREAM && kind != BEAM_FD))
                        return false;
                has[number] = true;
                o->streams[i] = (uint8_t)number;
        }
        o->n_streams = n;
        return true;
}

static bool read_wishes(slip_order *o, resp_cursor at, size_t n) {
        resp_value head;
        bytes text;

        resp_cursor_next(&at, &head);
        for (; n > 0 && next_text(&at, &text); n--)
                if (bytes_equal(text, BYTES("stays")))
                        o->stays = true;
                else if (bytes_equal(text, BYTES("goes on")))
                        o->goes_on = true;
                else
                        return false;
        return true;
}

static bool read_id(bytes *left, bytes *ret) {
        bytes whole;
        resp_cursor at;

        if (measure(left->p, left->n, &whole) < 0)
                return false;
        at = (resp_cursor){ whole.p, whole.p + whole.n };
        left->p += whole.n;
        left->n -= whole.n;
        return next_text(&at, ret);
}

int slip_read_order(const beam_msg *msg, bool has_id, slip_order *ret) {
        enum { N_PARTS = 7 };
        size_t n_args, n_env, n_fields, n_streams, n_wishes;
        resp_cursor at, streams, wishes;
        slip_order o = { 0 };
        resp_value head;
        bytes left, verb;

        left.p = beam_msg_data(msg, &left.n);
        if (has_id && !read_id(&left, &o.id))
                return -EPROTO;
        if (measure(left.p, left.n, &o.text) < 0 || o.text.n != left.n)
                return -EPROTO;
        at = (resp_cursor){ left.p, left.p + left.n };
        if (!resp_cursor_next(&at, &head) || head.type != RESP_ARRAY || head.n != N_PARTS ||
            !next_text(&at, &verb) || !bytes_equal(verb, BYTES("run")) ||
            !next_text(&at, &o.name) || !next_texts(&at, &o.args, &n_args) ||
            !next_texts(&at, &o.env, &n_env) || !next_texts(&at, &o.fields, &n_fields) ||
            !next_texts(&at, &streams, &n_streams) || !next_texts(&at, &wishes, &n_wishes))
                return -EPROTO;
        if (n_env % 2 || n_fields % 2 || o.name.n == 0 ||
            beam_msg_kind(msg, SLIP_TELL) != BEAM_SENDER ||
            beam_msg_kind(msg, SLIP_WORDS) != BEAM_RECEIVER ||
            !read_streams(&o, streams, n_streams, msg) || !read_wishes(&o, wishes, n_wishes))
                return -EPROTO;
        *ret = o;
        return 0;
}

void slip_put(resp_out *out, const bytes *texts, size_t n) {
        resp_out_array(out, n);
        for (size_t i = 0; i < n; i++)
                resp_out_bulk(out, texts[i].p, texts[i].n);
}

int slip_msg(resp_out *out, beam_msg **ret) {
        beam_msg *msg = NULL;
        int r = out->failed ? -ENOMEM : beam_msg_new(out->p, out->n, &msg);

        if (r == 0)
                r = beam_msg_set_label(msg, "resp");
        if (r == 0)
                *ret = msg;
        else
                beam_msg_free(msg);
        resp_out_deinit(out);
        return r;
}

int slip_send(beam_sender *tx, const bytes *texts, size_t n) {
        beam_msg *msg = NULL;
        resp_out out;
        int r;

        resp_out_init(&out, 2);
        slip_put(&out, texts, n);
        r = slip_msg(&out, &msg);
        if (r == 0)
                r = sender_send(tx, msg);
        if (r < 0)
                beam_msg_free(msg);
        return r;
}
