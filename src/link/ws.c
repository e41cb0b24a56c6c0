/* SPDX-License-Identifier: Apache-2.0 */
#include "ws.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "../base/mem.h"
#include "../wire/ws/mask.h"
#include "../wire/ws/out.h"
#include "ws-greet.h"

enum { N_MASKS = 8 }; /* asked of the kernel at once, since asking costs more than masking */

typedef struct ws_cover {
        cover base;
        bool dials;
        bool shut;       /* our Close is said, or cannot be said any more */
        ws_greet *greet; /* until it is over */
        ws_in in;
        uint8_t masks[N_MASKS][WS_MASK_SIZE];
        uint8_t n_masks;
} ws_cover;

static ws_cover *of(cover *c) {
        return (ws_cover *)c;
}

/* outbound */

/* The mask of the next frame, or NULL for a server, which has none. -EAGAIN: the kernel has no
 * randomness yet, which is in the first moments of a machine. */
static int next_mask(ws_cover *w, const uint8_t **ret) {
        *ret = NULL;
        if (!w->dials)
                return 0;
        if (w->n_masks == 0) {
                if (getrandom(w->masks, sizeof(w->masks), 0) != sizeof(w->masks))
                        return -EAGAIN;
                w->n_masks = N_MASKS;
        }
        *ret = w->masks[--w->n_masks];
        return 0;
}

static size_t ws_wrap(cover *c, const struct iovec *iov, size_t n_iov) {
        const uint8_t *mask;
        size_t n = 0, done = 0;
        uint8_t *p;

        for (size_t i = 0; i < n_iov && n < COVER_PART; i++)
                n += iov[i].iov_len;
        if (n > COVER_PART)
                n = COVER_PART;
        p = cover_room(c, WS_HEAD_MAX + n);
        if (!p || next_mask(of(c), &mask) < 0)
                return 0;
        p += ws_put_head(p, WS_BINARY, true, n, mask);
        for (; done < n; iov++) {
                size_t part = iov->iov_len < n - done ? iov->iov_len : n - done;

                if (mask)
                        ws_mask(p, iov->iov_base, part, mask, done);
                else
                        memcpy(p, iov->iov_base, part);
                p += part;
                done += part;
        }
        c->n = (size_t)(p - c->p);
        return n;
}

static void put_control(ws_cover *w, ws_opcode opcode, const uint8_t *p, size_t n) {
        const uint8_t *mask;
        uint8_t *to = cover_room(&w->base, WS_CONTROL_FRAME_MAX);

        if (to && next_mask(w, &mask) == 0)
                w->base.n += ws_put_control(to, opcode, p, n, mask);
}

static void put_close(ws_cover *w, uint16_t code, const char *why) {
        const uint8_t *mask;
        uint8_t *to;

        if (w->shut)
                return;
        w->shut = true;
        w->base.open = false;
        to = cover_room(&w->base, WS_CONTROL_FRAME_MAX);
        if (to && next_mask(w, &mask) == 0)
                w->base.n += ws_put_close(to, code, why, mask);
}

static void ws_shut(cover *c, int error) {
        uint16_t code = error == 0 || error == -EPIPE                                ? WS_NORMAL
                        : error == -EPROTO                                           ? WS_PROTOCOL
                        : error == -EMSGSIZE || error == -ENOBUFS || error == -E2BIG ? WS_TOO_BIG
                        : error == -ENOMEM                                           ? WS_INTERNAL
                                           : WS_GOING_AWAY;

        /* without an answer to the handshake there is nobody to say it to */
        if (!of(c)->greet)
                put_close(of(c), code, "");
}

/* inbound */

static int broken(ws_cover *w, session *s, int error, uint16_t code, const char *why) {
        put_close(w, code, why);
        return session_fail(s, error, BEAM_CODE_PROTOCOL, why);
}

/* Frames. A Ping is answered while there is little to send: who asks and does not read gets none.
 */
static int feed_frames(ws_cover *w, session *s, ws_bytes in) {
        ws_event ev;
        int r;

        while ((r = ws_in_next(&w->in, &in, &ev)) > 0) {
                switch (ev.opcode) {
                case WS_BINARY:
                        r = ev.piece.n ? session_feed(s, ev.piece.p, ev.piece.n) : 0;
                        if (r < 0)
                                return r;
                        break;
                case WS_TEXT:
                        return broken(w, s, -EPROTO, WS_UNSUPPORTED, "a session is binary");
                case WS_PING:
                        if (cover_left(&w->base) < COVER_PART)
                                put_control(w, WS_PONG, ev.piece.p, ev.piece.n);
                        break;
                case WS_CLOSE:
                        put_close(w, ev.code == WS_NO_CODE ? WS_NORMAL : ev.code, "");
                        return -EPIPE;
                default:
                        break;
                }
        }
        return r < 0 ? broken(w, s, r, w->in.code, w->in.why) : 0;
}

/* Hand on what the handshake has to say. */
static int put_greeting(ws_cover *w) {
        http1_out *out = &w->greet->out;
        uint8_t *to = out->n ? cover_room(&w->base, out->n) : NULL;

        if (out->n && !to)
                return -ENOMEM;
        if (to)
                memcpy(to, out->p, out->n);
        w->base.n += out->n;
        http1_out_sent(out, out->n);
        return 0;
}

static int feed_greeting(ws_cover *w, session *s, const uint8_t *p, size_t n) {
        ws_bytes rest;
        int r = ws_greet_feed(w->greet, p, n, &rest), error = put_greeting(w);

        if (r >= 0 && error < 0)
                r = error;
        if (r < 0)
                return session_fail(s, r, BEAM_CODE_PROTOCOL, w->greet->why);
        if (r == 0)
                return 0;
        w->base.open = true;
        r = feed_frames(w, s, rest);
        w->greet = ws_greet_free(w->greet);
        return r;
}

static int ws_feed(cover *c, session *s, uint8_t *p, size_t n) {
        ws_cover *w = of(c);

        return w->greet ? feed_greeting(w, s, p, n) : feed_frames(w, s, (ws_bytes){ p, n });
}

/* life */

static cover *ws_free(cover *c) {
        if (c) {
                ws_greet_free(of(c)->greet);
                mem_free(c->p);
                mem_free(c);
        }
        return NULL;
}

static const cover_calls calls = {
        .feed = ws_feed,
        .wrap = ws_wrap,
        .shut = ws_shut,
        .free = ws_free,
};

int ws_cover_new(const url *u, bool dials, cover **ret) {
        ws_cover *w = mem_zero(sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->base.calls = &calls;
        w->dials = dials;
        ws_in_init(&w->in, !dials);
        w->in.max_message = UINT64_MAX; /* a message here is only a piece of the session */
        r = ws_greet_new(u, dials, &w->greet);
        if (r >= 0)
                r = put_greeting(w);
        if (r < 0) {
                ws_free(&w->base);
                return r;
        }
        *ret = &w->base;
        return 0;
}
