/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "session.h"
#include "wire-inner.h"

/* to the peer */

void wire_give_credit(wire *w) {
        uint32_t flags = 0;
        uint8_t *p;

        /* one that has left the table is in the list of those that are over */
        if (!(w->flags & WIRE_LISTED))
                return;
        list_remove(&w->turn);
        if (!w->depth && w->flags & WIRE_WANTED && w->n_open == w->n_owed &&
            !(w->flags & WIRE_STREAM))
                flags = MUX_CREDIT_WANT;
        if (!w->n_owed && !w->bytes_owed && !flags)
                return;
        p = wire_frame(w);
        if (!p)
                return;
        wire_said(w, mux_put_credit(p, w->id, (uint8_t)flags, w->n_owed, w->bytes_owed));
        w->n_open -= w->n_owed;
        w->n_owed = 0;
        w->bytes_owed = 0;
        if (!w->n_open && !w->bytes_in)
                w->flags &= ~(uint32_t)WIRE_ASK;
}

/* Told at once what the peer may be stopped for: half of what it may send, the rest of
 * what it asked about, the last of a channel. Everything else is told with what leaves
 * anyway, or when the thread has nothing else to do: to tell each message as it is taken
 * would wake a peer that is out of credit once for each. */
void wire_owe(wire *w) {
        uint32_t f = w->flags;
        bool soon;

        if (!(f & WIRE_LISTED) || f & WIRE_STOP)
                return;
        soon = f & WIRE_ASK || (f & WIRE_END && !w->in.first) ||
               w->bytes_owed >= SESSION_WINDOW / 2 ||
               (!(f & WIRE_STREAM) && w->n_owed >= w->depth / 2);
        if (soon) {
                list_remove(&w->turn);
                list_append(&w->s->owing, &w->turn);
                session_touch(w->s);
        } else if (!list_is_linked(&w->turn)) {
                list_append(&w->s->lazy, &w->turn);
                session_put_off(w->s);
        }
}

void wire_say_owed(wire *w) {
        wire_give_credit(w);
        wire_settle(w);
}

void wire_want(wire *w) {
        if (w->depth || !w->s ||
            w->flags & (WIRE_WANTED | WIRE_LOST | WIRE_END | WIRE_OPENS | WIRE_STREAM))
                return;
        w->flags |= WIRE_WANTED;
        wire_give_credit(w);
}

void wire_on_ask(wire *w) {
        w->flags |= WIRE_ASK;
        if (w->n_owed || w->bytes_owed)
                wire_owe(w);
        wire_wake(w);
}

bool wire_is_pressed(const wire *w) {
        return w->s && (w->flags & WIRE_ASK ||
                        w->bytes_in + w->bytes_owed + w->bytes_pulled >= SESSION_WINDOW / 2);
}

/* from the peer */

int wire_on_credit(wire *w, const mux_event *ev) {
        uint32_t n = ev->credit.n_msgs;

        if (n > w->n_unsaid || ev->credit.n_bytes > w->bytes_unsaid)
                return session_fail(w->s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "credit for more than was sent");
        w->n_unsaid -= n;
        w->said += w->flags & WIRE_STREAM ? ev->credit.n_bytes : n;
        w->bytes_unsaid -= ev->credit.n_bytes;
        if (ev->head.flags & MUX_CREDIT_WANT && !w->depth)
                w->flags |= WIRE_MAY_SEND;
        wire_wake(w);
        wire_settle(w);
        return 0;
}

int wire_fate(wire *w) {
        if (!w->n_unsaid)
                return 0;
        if (w->flags & WIRE_LOST || (w->stop && w->stop->code == BEAM_CODE_LOST))
                return -ECONNRESET;
        return w->flags & WIRE_STOPPED ? -EPIPE : -EAGAIN;
}

int wire_drained(wire *w) {
        uint8_t *p;

        if (!w->n_unsaid && !w->bytes_unsaid)
                return 0;
        if (w->flags & WIRE_LOST || (w->stop && w->stop->code == BEAM_CODE_LOST))
                return -ECONNRESET;
        if (w->flags & WIRE_STOPPED)
                return -EPIPE;
        if (!(w->flags & WIRE_ASKED)) {
                p = wire_frame(w);
                if (!p)
                        return -ECONNRESET;
                w->flags |= WIRE_ASKED;
                wire_said(w, mux_put_ask(p, w->id));
        }
        return -EAGAIN;
}
