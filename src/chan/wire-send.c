/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

#include "../base/clock.h"
#include "carry.h"
#include "session.h"
#include "wire-inner.h"

static bool has_credit(const wire *w) {
        if (w->bytes_unsaid >= w->s->peer.window)
                return false;
        return w->depth ? w->n_unsaid < w->depth : (w->flags & WIRE_MAY_SEND) != 0;
}

static uint64_t time_left(const beam_msg *msg) {
        int64_t left;

        if (msg->deadline == BEAM_FOREVER)
                return MUX_NO_DEADLINE;
        left = msg->deadline - clock_now();
        return left > 0 ? (uint64_t)left / 1000 : 0;
}

/* Small: copied into the queue. Large: borrowed. Larger than a frame: part by part. */
static int say_msg(wire *w, beam_msg *msg) {
        session *s = w->s;
        const char *label = beam_msg_label(msg);
        bool parts = msg->n > s->peer.max_frame - MUX_FIXED_MAX;
        bool head = *label || msg->deadline != BEAM_FOREVER || parts;
        bool copy = msg->n <= OUT_COPY_MAX;
        uint8_t *p;
        size_t n;

        if (parts) {
                msg_pin(msg);
                w->body = msg;
                msg->left = msg->n;
                list_append(&s->sending, &w->turn);
                return 0;
        }
        p = out_room(&s->out, MUX_FIXED_MAX + (copy ? msg->n : 0));
        if (!p)
                return -ENOMEM;
        if (head)
                n = mux_put_msg_head(p, w->id, MUX_MSG_HEAD, msg->n, time_left(msg),
                                     (mux_bytes){ (const uint8_t *)label, strlen(label) },
                                     (uint32_t)msg->n);
        else
                n = mux_put_head(p, &(mux_head){ .length = (uint32_t)msg->n,
                                                 .type = MUX_MSG,
                                                 .channel = w->id });
        if (copy && msg->n)
                memcpy(p + n, msg->data, msg->n);
        out_commit(&s->out, n + (copy ? msg->n : 0));
        if (!copy)
                out_borrow(&s->out, msg, msg->data, msg->n);
        return 0;
}

/* One more part of a large message; true when that was the last. */
bool wire_say_part(wire *w) {
        session *s = w->s;
        beam_msg *msg = w->body;
        const char *label = beam_msg_label(msg);
        size_t max = s->peer.max_frame - MUX_FIXED_MAX, n_part = msg->left, n;
        uint8_t flags = msg->left < msg->n ? MUX_MSG_REST : MUX_MSG_HEAD;
        const uint8_t *from = msg->data + (msg->n - msg->left);
        uint8_t *p;

        if (n_part > max) {
                n_part = max;
                flags |= MUX_MSG_MORE;
        }
        p = out_reserve(&s->out, 0) < 0
                    ? NULL
                    : out_room(&s->out, MUX_FIXED_MAX + (n_part <= OUT_COPY_MAX ? n_part : 0));
        if (!p) {
                session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
                return true;
        }
        if (flags & MUX_MSG_HEAD)
                n = mux_put_msg_head(p, w->id, flags, msg->n, time_left(msg),
                                     (mux_bytes){ (const uint8_t *)label, strlen(label) },
                                     (uint32_t)n_part);
        else
                n = mux_put_head(p, &(mux_head){ .length = (uint32_t)n_part,
                                                 .type = MUX_MSG,
                                                 .flags = flags,
                                                 .channel = w->id });
        if (n_part <= OUT_COPY_MAX) {
                memcpy(p + n, from, n_part);
                out_commit(&s->out, n + n_part);
        } else {
                out_commit(&s->out, n);
                out_borrow(&s->out, msg, from, n_part);
        }
        msg->left -= n_part;
        if (flags & MUX_MSG_MORE)
                return false;

        w->body = NULL;
        list_remove(&w->turn);
        msg_unpin(msg);
        if (w->flags & WIRE_ENDED)
                wire_say_close(w, MUX_END, 0, NULL);
        wire_wake(w);
        return true;
}

int wire_send(wire *w, beam_msg *msg, wire *back) {
        session *s = w->s;
        carry c = { 0 };
        size_t n = msg->n;
        int r;

        if (w->flags & (WIRE_LOST | WIRE_STOPPED))
                return wire_tx_end(w);
        if (w->flags & WIRE_ENDED)
                return -EINVAL;
        if (s->error)
                return -ENOTCONN;
        if (n > s->peer.max_msg)
                return -EMSGSIZE;
        if (!has_credit(w) || w->body || s->out.n >= OUT_HIGH)
                return -EAGAIN;

        if (msg->extra || back) {
                r = carry_prepare(s, msg, back, &c);
                if (r < 0)
                        return r;
        }
        r = out_reserve(&s->out, c.n_fds);
        if (r >= 0 && !out_room(&s->out, MUX_FIXED_MAX))
                r = -ENOMEM;
        if (r < 0) {
                carry_cancel(&c);
                return r;
        }
        carry_commit(s, w, msg, &c);
        r = say_msg(w, msg);
        if (r < 0)
                return session_fail(s, r, BEAM_CODE_INTERNAL, "out of memory");

        w->flags &= ~(uint32_t)(WIRE_MAY_SEND | WIRE_ASKED);
        w->n_unsaid++;
        w->bytes_unsaid += n;
        if (w->depth)
                beam_msg_free(msg);
        session_touch(s);
        return 0;
}

bool wire_is_ready(const wire *w, const beam_msg *msg) {
        if (w->flags & (WIRE_LOST | WIRE_STOPPED | WIRE_ENDED) || w->s->error ||
            msg->n > w->s->peer.max_msg)
                return true;
        return has_credit(w) && !w->body && w->s->out.n < OUT_HIGH &&
               msg_n_things(msg) <= w->s->opens_left;
}
