/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG
#include "say.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask.h"
#include "out.h"

typedef struct say {
        ws_in in;
        FILE *words;
        FILE *message; /* in progress, or NULL */
        char *text;
        size_t n_text;
        ws_opcode opcode;
} say;

static const char *const names[] = {
        [WS_TEXT] = "text", [WS_BINARY] = "binary", [WS_CLOSE] = "close",
        [WS_PING] = "ping", [WS_PONG] = "pong",
};

static void say_bytes(FILE *out, const void *bytes, size_t n) {
        const uint8_t *p = bytes;

        for (; n; n--, p++)
                if (*p > 0x20 && *p < 0x7f && *p != '%')
                        fputc(*p, out);
                else
                        fprintf(out, "%%%02X", *p);
}

/* A frame of that, for a reader of the same side, says it again. */
static void check_written(const say *s, ws_opcode opcode, uint16_t code, const void *p, size_t n) {
        static const uint8_t key[WS_MASK_SIZE] = { 0x12, 0xf4, 0, 0x89 };
        const uint8_t *mask = s->in.masked ? key : NULL;
        uint8_t *wire = malloc(WS_CONTROL_FRAME_MAX + n);
        ws_bytes bytes = { wire, 0 };
        ws_event ev;
        ws_in again;

        assert(wire);
        if (opcode == WS_CLOSE) {
                char reason[WS_REASON_MAX + 1];

                if (n)
                        memcpy(reason, p, n);
                reason[n] = 0;
                if (memchr(reason, 0, n)) {
                        free(wire);
                        return;
                }
                bytes.n = ws_put_close(wire, code, reason, mask);
        } else if (opcode >= WS_CLOSE) {
                bytes.n = ws_put_control(wire, opcode, p, n, mask);
        } else {
                bytes.n = ws_put_head(wire, opcode, true, n, mask);
                if (n)
                        memcpy(wire + bytes.n, p, n);
                if (mask)
                        ws_mask(wire + bytes.n, wire + bytes.n, n, mask, 0);
                bytes.n += n;
        }
        ws_in_init(&again, s->in.masked);
        assert(ws_in_next(&again, &bytes, &ev) == 1 && bytes.n == 0);
        assert(ev.opcode == opcode && ev.first && ev.last && ev.piece.n == n);
        assert(opcode != WS_CLOSE || ev.code == code);
        assert(n == 0 || !memcmp(ev.piece.p, p, n));
        free(wire);
}

static void message_end(say *s, bool whole) {
        assert(fclose(s->message) == 0);
        s->message = NULL;
        fprintf(s->words, "%s ", names[s->opcode]);
        say_bytes(s->words, s->text, s->n_text);
        fputs(whole ? "\n" : "...\n", s->words);
        if (whole)
                check_written(s, s->opcode, 0, s->text, s->n_text);
        free(s->text);
}

static void on_event(say *s, const ws_event *ev) {
        if (ev->opcode < WS_CLOSE) {
                assert(ev->first == !s->message);
                if (ev->first) {
                        s->opcode = ev->opcode;
                        s->message = open_memstream(&s->text, &s->n_text);
                        assert(s->message);
                }
                assert(ev->opcode == s->opcode && (ev->first || ev->last || ev->piece.n));
                fwrite(ev->piece.p, 1, ev->piece.n, s->message);
                if (ev->last)
                        message_end(s, true);
                return;
        }
        assert(ev->first && ev->last);
        fputs(names[ev->opcode], s->words);
        if (ev->opcode == WS_CLOSE)
                fprintf(s->words, " %u", ev->code);
        fputc(' ', s->words);
        say_bytes(s->words, ev->piece.p, ev->piece.n);
        fputc('\n', s->words);
        check_written(s, ev->opcode, ev->code, ev->piece.p, ev->piece.n);
}

char *ws_say(ws_in in, const uint8_t *wire, size_t n, ws_cuts cuts) {
        say s = { .in = in };
        size_t at = 0, n_words;
        char *words = NULL;
        ws_event ev;
        int r = 0;

        s.words = open_memstream(&words, &n_words);
        assert(s.words);
        for (bool first = true; at < n && r >= 0; first = false) {
                size_t n_piece = first ? cuts.first : cuts.step;
                ws_bytes bytes;
                uint8_t *piece;

                if (n_piece > n - at)
                        n_piece = n - at;
                piece = malloc(n_piece ? n_piece : 1);
                assert(piece);
                memcpy(piece, wire + at, n_piece);
                at += n_piece;
                bytes = (ws_bytes){ piece, n_piece };
                while ((r = ws_in_next(&s.in, &bytes, &ev)) > 0)
                        on_event(&s, &ev);
                assert(r < 0 || bytes.n == 0);
                free(piece);
        }

        if (s.message)
                message_end(&s, false);
        if (r < 0) {
                assert(r == (s.in.code == WS_TOO_BIG ? -EMSGSIZE : -EPROTO) && s.in.why);
                assert(ws_in_next(&s.in, &(ws_bytes){ 0 }, &ev) == r);
                fprintf(s.words, "error %u\n", s.in.code);
        } else {
                fputs(ws_in_is_between(&s.in) ? "ok\n" : "cut\n", s.words);
        }
        assert(fclose(s.words) == 0);
        return words;
}
