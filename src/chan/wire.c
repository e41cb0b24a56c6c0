/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

#include "../base/mem.h"
#include "reason.h"
#include "session.h"
#include "wire-inner.h"

/* life */

wire *wire_new(session *s, uint64_t id, uint32_t flags, uint32_t depth) {
        wire *w = mem_zero(sizeof(*w));

        if (!w)
                return NULL;
        w->s = s;
        w->id = id;
        w->flags = flags | WIRE_HELD;
        w->depth = depth;
        list_init(&w->turn);
        msg_queue_init(&w->in);
        return w;
}

beam_sender *wire_sender(wire *w) {
        beam_sender *tx = mem_zero(sizeof(*tx));

        if (tx)
                tx->wire = w;
        return tx;
}

beam_receiver *wire_receiver(wire *w) {
        beam_receiver *rx = mem_zero(sizeof(*rx));

        if (rx)
                rx->wire = w;
        return rx;
}

beam_stream *wire_stream(wire *w) {
        beam_stream *st = mem_zero(sizeof(*st));

        if (st)
                st->wire = w;
        return st;
}

void wire_drop_queue(wire *w) {
        bool stream = w->flags & WIRE_STREAM;
        uint32_t n = w->n_pulled, n_fds = w->fds_pulled;
        beam_msg *msg;

        while ((msg = msg_queue_take(&w->in))) {
                n++;
                n_fds += msg_n_fds(msg);
                beam_msg_free(msg);
        }
        if (w->s) {
                w->s->n_fds_held -= n_fds;
                /* those of a stream were taken off when they were pulled */
                w->s->queued -= w->bytes_in;
                if (!stream)
                        w->s->queued -= w->bytes_pulled + (size_t)n * MSG_OVERHEAD;
        }
        w->bytes_in = 0;
        if (stream)
                return;
        w->n_pulled = w->fds_pulled = 0;
        w->bytes_pulled = 0;
}

static void drop_going(wire *w) {
        if (!wire_going(w))
                return;
        list_remove(&w->turn);
        msg_unpin(w->body);
        w->body = NULL;
}

static void wire_free(wire *w) {
        list_remove(&w->turn);
        wire_drop_queue(w);
        wire_drop_body(w);
        drop_going(w);
        mem_free(w->stop);
        mem_free(w->end);
        mem_free(w);
}

void wire_drop(wire *w) {
        if (w)
                wire_free(w);
}

void wire_watch(wire *w, port *by) {
        w->by = by;
        if (by)
                by->armed = true;
}

/* Both sides have said all they will. */
static bool is_over(const wire *w) {
        uint32_t f = w->flags;

        if (f & WIRE_TX &&
            !(f & WIRE_ENDED && !wire_going(w) && (!w->n_unsaid || f & WIRE_STOPPED) &&
              (!w->bytes_unsaid || f & WIRE_STOPPED || !(f & WIRE_STREAM))))
                return false;
        if (f & WIRE_RX &&
            !(f & WIRE_END && (f & WIRE_STOP || (!w->n_open && !w->bytes_in && !w->bytes_owed &&
                                                 (!(f & WIRE_STREAM) || !w->bytes_pulled)))))
                return false;
        return true;
}

void wire_settle(wire *w) {
        if (w->flags & WIRE_LISTED && is_over(w))
                session_unlist(w->s, w);
        if (!(w->flags & (WIRE_LISTED | WIRE_HELD)))
                wire_free(w);
}

void wire_seen(wire *w) {
        bool was_over = w->flags & WIRE_UNSEEN && !(w->flags & WIRE_LISTED);

        w->flags &= ~(uint32_t)WIRE_UNSEEN;
        if (was_over && w->s)
                session_give_back(w->s);
}

void wire_release(wire *w) {
        wire_seen(w);
        w->flags &= ~(uint32_t)WIRE_HELD;
        w->by = NULL;
        wire_settle(w);
}

void wire_on_lost(wire *w, bool closed_here) {
        if (w->n_unsaid || w->bytes_unsaid)
                w->s->unsaid_lost = true;
        if (w->flags & WIRE_RX && !(w->flags & WIRE_END))
                w->flags |= WIRE_CUT | WIRE_END;
        w->flags |= WIRE_LOST | WIRE_STOPPED | (closed_here ? WIRE_CLOSED_HERE : 0);
        w->flags &= ~(uint32_t)WIRE_LISTED;
        list_remove(&w->turn);
        drop_going(w);
        wire_drop_body(w);
        w->s = NULL;
        wire_wake(w);
        if (!(w->flags & WIRE_HELD))
                wire_free(w);
}

/* its two ends */

static reason *reason_new(uint32_t code, const void *text, size_t n) {
        reason *r;

        if (!code)
                return NULL;
        r = mem_zero(sizeof(*r) + n + 1);
        if (!r)
                return NULL;
        r->code = code;
        if (n)
                memcpy(r->text, text, n);
        return r;
}

/* Frames of a few bytes. Without memory for those the session cannot keep its word. */
uint8_t *wire_frame(wire *w) {
        uint8_t *p = out_room(&w->s->out, MUX_FIXED_MAX);

        if (!p)
                session_fail(w->s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        return p;
}

void wire_said(wire *w, size_t n) {
        out_commit(&w->s->out, n);
        session_touch(w->s);
}

void wire_say_close(wire *w, mux_type type, uint32_t code, const char *text) {
        size_t n = text ? strlen(text) : 0;
        uint8_t *p = wire_frame(w);

        if (p)
                wire_said(w, mux_put_close(p, type, w->id, code,
                                           (mux_bytes){ (const uint8_t *)text,
                                                        n < MUX_NAME_MAX ? n : MUX_NAME_MAX }));
}

void wire_end(wire *w, uint32_t code, const char *text) {
        if (w->flags & (WIRE_ENDED | WIRE_LOST))
                return;
        if (wire_going(w)) {
                /* A part of a message is out: an orderly end comes after the rest of it, any
                 * other in its place. */
                if (!code) {
                        w->flags |= WIRE_ENDED;
                        return;
                }
                /* taken back, so it does not count (M44) */
                w->n_unsaid--;
                w->bytes_unsaid -= w->body->n;
                drop_going(w);
        }
        w->flags |= WIRE_ENDED;
        wire_say_close(w, MUX_END, code, text);
}

void wire_stop(wire *w, uint32_t code, const char *text) {
        bool late = w->flags & WIRE_END && !w->in.first && !w->bytes_pulled && !wire_coming(w);

        if (w->flags & (WIRE_STOP | WIRE_LOST) || !w->s) {
                wire_drop_queue(w);
                return;
        }
        wire_give_credit(w);
        w->flags |= WIRE_STOP;
        wire_drop_queue(w);
        wire_drop_body(w);
        if (w->flags & WIRE_STREAM)
                w->sink_room = 0;
        /* an end that was read to the end needs no answer */
        if (!late)
                wire_say_close(w, MUX_STOP, code, text);
}

int wire_on_end(wire *w, uint32_t code, mux_bytes text) {
        if (w->flags & WIRE_END)
                return session_fail(w->s, -EPROTO, BEAM_CODE_PROTOCOL, "END twice");
        if (wire_coming(w) && !code)
                return session_fail(w->s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "END in the middle of a message");
        wire_drop_body(w);
        w->flags |= WIRE_END;
        w->end = reason_new(code, text.p, text.n);
        if (!(w->flags & WIRE_STOP) && (w->n_owed || w->bytes_owed))
                wire_owe(w);
        wire_wake(w);
        wire_settle(w);
        return 0;
}

int wire_on_stop(wire *w, uint32_t code, mux_bytes text) {
        if (w->flags & WIRE_STOPPED)
                return session_fail(w->s, -EPROTO, BEAM_CODE_PROTOCOL, "STOP twice");
        w->flags |= WIRE_STOPPED;
        w->stop = reason_new(code, text.p, text.n);
        if (w->n_unsaid || w->bytes_unsaid) {
                w->flags |= WIRE_LEFT;
                w->s->refused = true;
        }
        if (wire_going(w)) {
                drop_going(w);
                w->flags &= ~(uint32_t)WIRE_ENDED;
        }
        if (!(w->flags & WIRE_ENDED)) {
                w->flags |= WIRE_ENDED;
                wire_say_close(w, MUX_END, BEAM_CODE_CANCELED, NULL);
        }
        wire_wake(w);
        wire_settle(w);
        return 0;
}

int wire_tx_end(const wire *w) {
        if (w->flags & WIRE_LOST)
                return w->flags & WIRE_CLOSED_HERE ? -ECANCELED : -ENOTCONN;
        return w->stop && w->stop->code == BEAM_CODE_LOST ? -ENOTCONN : -EPIPE;
}

int wire_rx_end(const wire *w) {
        if (w->flags & WIRE_REFUSED)
                return -ENOBUFS;
        if (w->flags & WIRE_CLOSED_HERE)
                return -ECANCELED;
        if (!w->end)
                return w->flags & WIRE_CUT ? -ECONNRESET : 0;
        return w->end->code == BEAM_CODE_LOST ? -ECONNRESET : -EPIPE;
}

bool wire_is_readable(const wire *w) {
        return w->in.first || w->flags & (WIRE_END | WIRE_LOST | WIRE_REFUSED);
}
