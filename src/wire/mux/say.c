/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG
#include "say.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux.h"

typedef struct say {
        FILE *out;
        const uint8_t *bytes; /* all of them */
        size_t n_used;        /* in the preface and in frames that are whole */

        /* of the MSG or DATA frame that has begun */
        mux_event begun;
        uint8_t label[MUX_LABEL_MAX];
        uint8_t *body;
        size_t n_body;
} say;

static const char *const types[] = {
        [MUX_HELLO] = "hello", [MUX_OPEN] = "open",     [MUX_THING] = "thing", [MUX_MSG] = "msg",
        [MUX_DATA] = "data",   [MUX_CREDIT] = "credit", [MUX_END] = "end",     [MUX_STOP] = "stop",
        [MUX_ASK] = "ask",     [MUX_PING] = "ping",     [MUX_PONG] = "pong",   [MUX_AWAY] = "away",
};
static const char *const kinds[] = {
        [MUX_SENDER] = "sender", [MUX_RECEIVER] = "receiver",   [MUX_STREAM] = "stream",
        [MUX_FD] = "fd",         [MUX_FD_BRIDGE] = "fd-bridge",
};

static void say_escaped(FILE *out, const void *bytes, size_t n) {
        const uint8_t *p = bytes;

        for (; n > 0; n--, p++)
                if (*p > 0x20 && *p < 0x7f && *p != '%')
                        fputc(*p, out);
                else
                        fprintf(out, "%%%02X", *p);
}

static void say_hello(FILE *out, const mux_hello *h) {
        fprintf(out, "hello role=%u fds=%u id=", h->role, h->fds);
        for (size_t i = 0; i < sizeof(h->id); i++)
                fprintf(out, "%02x", h->id[i]);
        fprintf(out, " max_frame=%" PRIu32 " max_msg=%" PRIu64 " max_things=%" PRIu32, h->max_frame,
                h->max_msg, h->max_things);
        fprintf(out, " max_opens=%" PRIu32 " window=%" PRIu32 " features=%" PRIu64, h->max_opens,
                h->window, h->features);
}

static void say_body(say *s, const mux_event *ev) {
        const mux_head *h = &ev->head;

        if (h->type == MUX_MSG) {
                const char *plus = "";

                fputs(" flags=", s->out);
                for (int i = 0; i < 3; i++)
                        if (h->flags & 1 << i) {
                                static const char *const names[] = { "more", "head", "rest" };
                                fprintf(s->out, "%s%s", plus, names[i]);
                                plus = "+";
                        }
        }
        if (h->type == MUX_MSG && h->flags & MUX_MSG_HEAD) {
                fprintf(s->out, " total=%" PRIu64 " left=", s->begun.msg.total);
                if (s->begun.msg.left == MUX_NO_DEADLINE)
                        fputs("none", s->out);
                else
                        fprintf(s->out, "%" PRIu64, s->begun.msg.left);
                fputs(" label=", s->out);
                say_escaped(s->out, s->label, s->begun.msg.label.n);
        }
        fputs(" payload=", s->out);
        say_escaped(s->out, s->body, s->n_body);
}

static void say_frame(say *s, const mux_event *ev) {
        const mux_head *h = &ev->head;

        if (h->type == MUX_HELLO) {
                say_hello(s->out, &ev->hello);
                fputc('\n', s->out);
                return;
        }

        fputs(types[h->type], s->out);
        if (h->type != MUX_PING && h->type != MUX_PONG && h->type != MUX_AWAY)
                fprintf(s->out, " channel=%" PRIu64, h->channel);

        switch (h->type) {
        case MUX_OPEN:
                fprintf(s->out, " kind=%s depth=%" PRIu32 " name=", kinds[ev->open.kind],
                        ev->open.depth);
                say_escaped(s->out, ev->open.name.p, ev->open.name.n);
                break;
        case MUX_THING:
                fprintf(s->out, " kind=%s ways=%u depth=%" PRIu32 " new=%" PRIu64 " fds=%u",
                        kinds[ev->open.kind], ev->open.ways, ev->open.depth, ev->open.channel,
                        h->n_fds);
                break;
        case MUX_MSG:
        case MUX_DATA:
                say_body(s, ev);
                break;
        case MUX_CREDIT:
                fprintf(s->out, " messages=%" PRIu32 " bytes=%" PRIu64 " want=%d",
                        ev->credit.n_msgs, ev->credit.n_bytes, h->flags & MUX_CREDIT_WANT);
                break;
        case MUX_END:
        case MUX_STOP:
        case MUX_AWAY:
                fprintf(s->out, " code=%" PRIu32, ev->close.code);
                if (h->type == MUX_AWAY)
                        fprintf(s->out, " last=%" PRIu64, ev->close.last);
                fputs(" text=", s->out);
                say_escaped(s->out, ev->close.text.p, ev->close.text.n);
                break;
        case MUX_PING:
        case MUX_PONG:
                fputs(" data=", s->out);
                say_escaped(s->out, ev->ping, sizeof(ev->ping));
                break;
        default:
                break;
        }
        fputc('\n', s->out);
}

/* The frame written from its event. Returns the bytes before the body. */
static size_t put_again(const say *s, const mux_event *ev, uint8_t out[static MUX_FIXED_MAX]) {
        const mux_head *h = &ev->head;

        switch (h->type) {
        case MUX_OPEN:
                return mux_put_open(out, h->channel, ev->open.kind, ev->open.depth, ev->open.name);
        case MUX_THING:
                return mux_put_thing(out, h->channel, ev->open.kind, ev->open.ways,
                                     ev->open.channel, ev->open.depth);
        case MUX_MSG:
                if (h->flags & MUX_MSG_HEAD)
                        return mux_put_msg_head(
                                out, h->channel, h->flags, s->begun.msg.total, s->begun.msg.left,
                                (mux_bytes){ s->label, s->begun.msg.label.n }, (uint32_t)s->n_body);
                return mux_put_head(out, h);
        case MUX_DATA:
                return mux_put_head(out, h);
        case MUX_CREDIT:
                return mux_put_credit(out, h->channel, h->flags, ev->credit.n_msgs,
                                      ev->credit.n_bytes);
        case MUX_END:
        case MUX_STOP:
                return mux_put_close(out, h->type, h->channel, ev->close.code, ev->close.text);
        case MUX_ASK:
                return mux_put_ask(out, h->channel);
        case MUX_PING:
        case MUX_PONG:
                return mux_put_ping(out, h->type, ev->ping);
        case MUX_AWAY:
                return mux_put_away(out, ev->close.code, ev->close.last, ev->close.text);
        default:
                assert(false);
                return 0;
        }
}

/* A HELLO may leave fields out and put them in any order, so not its bytes are
 * compared but what they say. */
static void check_hello(const mux_event *ev) {
        mux_decoder d;
        mux_event again;
        uint8_t out[MUX_FIXED_MAX];
        mux_bytes in = { out, mux_put_hello(out, &ev->hello) };

        mux_decoder_init(&d, MUX_FRAME_MIN);
        d.bare = true;
        assert(mux_decode(&d, &in, &again) == 1 && in.n == 0);
        assert(!memcmp(again.hello.id, ev->hello.id, sizeof(again.hello.id)));
        assert(again.hello.role == ev->hello.role && again.hello.fds == ev->hello.fds);
        assert(again.hello.max_frame == ev->hello.max_frame);
        assert(again.hello.max_msg == ev->hello.max_msg);
        assert(again.hello.max_things == ev->hello.max_things);
        assert(again.hello.max_opens == ev->hello.max_opens);
        assert(again.hello.window == ev->hello.window);
        assert(again.hello.features == ev->hello.features);
        mux_decoder_deinit(&d);
}

static void say_event(say *s, const mux_decoder *d, const mux_event *ev) {
        bool has_body = ev->head.type == MUX_MSG || ev->head.type == MUX_DATA;
        size_t n_frame = MUX_HEAD_SIZE + ev->head.length;

        if (ev->first) {
                assert(ev->offset == 0);
                s->begun = *ev;
                s->n_body = 0;
                if (ev->head.type == MUX_MSG && ev->head.flags & MUX_MSG_HEAD)
                        memcpy(s->label, ev->msg.label.p, ev->msg.label.n);
        } else {
                assert(has_body && ev->piece.n > 0);
                assert(!memcmp(&ev->head.channel, &s->begun.head.channel, 8));
                assert(ev->head.type == s->begun.head.type);
                assert(ev->head.flags == s->begun.head.flags);
                assert(ev->head.length == s->begun.head.length);
        }
        assert(has_body || (ev->first && ev->last && ev->piece.n == 0));
        assert(ev->offset == s->n_body);
        assert(ev->last == (mux_decoder_left(d) == 0));

        if (ev->piece.n) {
                memcpy(s->body + s->n_body, ev->piece.p, ev->piece.n);
                s->n_body += ev->piece.n;
        }
        if (!ev->last)
                return;

        if (ev->head.type == MUX_HELLO) {
                check_hello(ev);
        } else {
                uint8_t out[MUX_FIXED_MAX];
                size_t n = put_again(s, ev, out);

                assert(n + s->n_body == n_frame);
                assert(!memcmp(out, s->bytes + s->n_used, n));
                if (s->n_body)
                        assert(!memcmp(s->body, s->bytes + s->n_used + n, s->n_body));
        }
        s->n_used += n_frame;
        say_frame(s, ev);
}

/* As a caller does that reads the payload straight into its place. */
static void skip(say *s, mux_decoder *d, mux_bytes *in) {
        while (mux_decoder_left(d) > 0 && in->n > 0) {
                uint32_t n = mux_decoder_left(d);
                if (n > in->n)
                        n = (uint32_t)in->n;

                mux_event ev = mux_decoder_skip(d, in->p, n);
                assert(ev.piece.p == in->p && ev.piece.n == n);
                in->p += n;
                in->n -= n;
                say_event(s, d, &ev);
        }
}

char *mux_say(const uint8_t *bytes, size_t n, mux_start start, uint32_t max_frame, mux_cuts cuts) {
        say s = { .bytes = bytes, .n_used = start == MUX_START_PREFACE ? MUX_PREFACE_SIZE : 0 };
        size_t at = 0, n_text;
        char *text = NULL;
        mux_decoder d;
        mux_event ev;
        int r = 0;

        s.out = open_memstream(&text, &n_text);
        s.body = malloc(n + 1);
        assert(s.out && s.body);

        mux_decoder_init(&d, max_frame);
        d.bare = start != MUX_START_PREFACE;
        if (start == MUX_START_FRAMES) {
                uint8_t hello[MUX_FIXED_MAX];
                mux_bytes in = { hello, 0 };

                in.n = mux_put_hello(hello, &(mux_hello){ .role = MUX_DIALLED,
                                                          .max_frame = MUX_FRAME_MIN,
                                                          .window = 1 });
                r = mux_decode(&d, &in, &ev);
                assert(r == 1 && in.n == 0 && ev.head.type == MUX_HELLO);
        }

        for (bool first = true; at < n && r >= 0; first = false) {
                size_t n_piece = first ? cuts.first : cuts.step;
                if (n_piece > n - at)
                        n_piece = n - at;

                uint8_t *piece = malloc(n_piece ? n_piece : 1);
                assert(piece);
                memcpy(piece, bytes + at, n_piece);
                at += n_piece;

                mux_bytes in = { piece, n_piece };
                if (cuts.skip)
                        skip(&s, &d, &in);
                while ((r = mux_decode(&d, &in, &ev)) > 0) {
                        say_event(&s, &d, &ev);
                        if (cuts.skip)
                                skip(&s, &d, &in);
                }
                assert(r < 0 || in.n == 0);
                free(piece);
        }

        if (r == -EPROTO)
                fputs("error protocol\n", s.out);
        else if (r == -EMSGSIZE)
                fputs("error limit\n", s.out);
        else if (r == -ENOMEM)
                fputs("out of memory\n", s.out);
        else
                fputs(s.n_used == n ? "ok\n" : "cut\n", s.out);
        assert(mux_decode(&d, &(mux_bytes){ 0 }, &ev) == (r < 0 ? r : 0));

        mux_decoder_deinit(&d);
        mux_decoder_deinit(&d);
        assert(fclose(s.out) == 0);
        free(s.body);
        return text;
}
