/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "carry.h"
#include "reason.h"
#include "session.h"

/* Nothing of the message has come but what it carries. */
#define NOT_BEGUN UINT64_MAX

/* What a declared length may cost before its bytes are there. */
enum { GROW_MIN = 256 * 1024 };

/* Room for the pieces of a stream that nobody reads yet. */
enum { PIECE_MIN = 4096 };

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

/* life */

wire *wire_new(session *s, uint64_t id, uint32_t flags, uint32_t depth) {
        wire *w = mem_zero(sizeof(*w));

        if (!w)
                return NULL;
        w->s = s;
        w->id = id;
        w->flags = flags | WIRE_HELD;
        w->depth = depth;
        list_init(&w->owing);
        list_init(&w->sending);
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

static void queue_drop(wire *w) {
        beam_msg *msg;

        if (w->s && !(w->flags & WIRE_STREAM)) {
                w->s->queued -= w->bytes_pulled;
                w->s->n_fds_held -= w->fds_pulled;
        }
        if (!(w->flags & WIRE_STREAM))
                w->bytes_pulled = w->fds_pulled = 0;

        while ((msg = msg_queue_take(&w->in))) {
                if (w->s) {
                        w->s->queued -= msg->n;
                        w->s->n_fds_held -= msg_n_fds(msg);
                }
                beam_msg_free(msg);
        }
        w->n_in = 0;
        w->bytes_in = 0;
}

static void wire_free(wire *w) {
        list_remove(&w->owing);
        list_remove(&w->sending);
        queue_drop(w);
        if (!(w->flags & WIRE_STREAM))
                beam_msg_free(w->in_msg);
        if (w->out_msg)
                msg_unpin(w->out_msg);
        mem_free(w->stop);
        mem_free(w->end);
        mem_free(w);
}

void wire_drop(wire *w) {
        if (w)
                wire_free(w);
}

static void wake(wire *w) {
        if (w->by && w->by->armed) {
                w->by->armed = false;
                post_put(&w->by->post);
        }
}

void wire_watch(wire *w, port *by) {
        w->by = by;
        if (by)
                by->armed = true;
}

/* Both sides have said all they will. */
static bool is_over(const wire *w) {
        uint32_t f = w->flags;

        if (f & WIRE_TX && !(f & WIRE_ENDED && !w->out_msg && (!w->n_unsaid || f & WIRE_STOPPED) &&
                             (!w->bytes_unsaid || f & WIRE_STOPPED || !(f & WIRE_STREAM))))
                return false;
        if (f & WIRE_RX &&
            !(f & WIRE_END && (f & WIRE_STOP || (!w->n_open && !w->bytes_in && !w->bytes_owed &&
                                                 (!(f & WIRE_STREAM) || !w->bytes_pulled)))))
                return false;
        return true;
}

static void settle(wire *w) {
        if (w->flags & WIRE_LISTED && is_over(w))
                session_unlist(w->s, w);
        if (!(w->flags & (WIRE_LISTED | WIRE_HELD)))
                wire_free(w);
}

void wire_release(wire *w) {
        w->flags &= ~(uint32_t)WIRE_HELD;
        w->by = NULL;
        settle(w);
}

/* saying */

/* Frames of a few bytes. Without memory for those the session cannot keep its word. */
static uint8_t *room(wire *w) {
        uint8_t *p = out_room(&w->s->out, MUX_FIXED_MAX);

        if (!p)
                session_fail(w->s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        return p;
}

static void said(wire *w, size_t n) {
        out_commit(&w->s->out, n);
        session_touch(w->s);
}

static void say_close(wire *w, mux_type type, uint32_t code, const char *text) {
        size_t n = text ? strlen(text) : 0;
        uint8_t *p = room(w);

        if (p)
                said(w, mux_put_close(p, type, w->id, code,
                                      (mux_bytes){ (const uint8_t *)text,
                                                   n < MUX_NAME_MAX ? n : MUX_NAME_MAX }));
}

void wire_end(wire *w, uint32_t code, const char *text) {
        if (w->flags & (WIRE_ENDED | WIRE_LOST))
                return;
        if (w->out_msg) {
                /* A part of a message is out: an orderly end comes after the rest of it, any
                 * other in its place. */
                if (!code) {
                        w->flags |= WIRE_ENDED;
                        return;
                }
                list_remove(&w->sending);
                /* taken back, so it does not count (M44) */
                w->n_unsaid--;
                w->bytes_unsaid -= w->out_msg->n;
                msg_unpin(w->out_msg);
                w->out_msg = NULL;
        }
        w->flags |= WIRE_ENDED;
        say_close(w, MUX_END, code, text);
}

static void say_owed(wire *w);

void wire_stop(wire *w, uint32_t code, const char *text) {
        bool late = w->flags & WIRE_END && !w->n_in && !w->bytes_in && !w->bytes_pulled &&
                    (w->flags & WIRE_STREAM || !w->in_msg);

        if (w->flags & (WIRE_STOP | WIRE_LOST) || !w->s) {
                queue_drop(w);
                return;
        }
        say_owed(w);
        w->flags |= WIRE_STOP;
        queue_drop(w);
        if (w->flags & WIRE_STREAM)
                w->sink_room = 0;
        list_remove(&w->owing);
        /* an end that was read to the end needs no answer */
        if (!late)
                say_close(w, MUX_STOP, code, text);
}

/* Credit: what the program has taken, at once if the peer may be waiting for it. */

static void say_owed(wire *w) {
        uint32_t flags = 0;
        uint8_t *p;

        list_remove(&w->owing);
        if (w->flags & (WIRE_LOST | WIRE_OPENS) || !w->s)
                return;
        if (!w->depth && w->flags & WIRE_WANTED && !w->n_in && w->n_open == w->n_owed &&
            !(w->flags & WIRE_STREAM))
                flags = MUX_CREDIT_WANT;
        if (!w->n_owed && !w->bytes_owed && !flags)
                return;
        p = room(w);
        if (!p)
                return;
        said(w, mux_put_credit(p, w->id, (uint8_t)flags, w->n_owed, w->bytes_owed));
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
static void owe(wire *w) {
        uint32_t f = w->flags;
        bool empty = !w->n_in && !w->bytes_in, soon;

        if (f & (WIRE_LOST | WIRE_OPENS | WIRE_STOP) || !w->s)
                return;
        soon = f & WIRE_ASK || (f & WIRE_END && empty) || w->bytes_owed >= w->s->hello.window / 2 ||
               (!(f & WIRE_STREAM) && w->n_owed >= w->depth / 2);
        if (soon) {
                list_remove(&w->owing);
                list_append(&w->s->owing, &w->owing);
                session_touch(w->s);
        } else if (!list_is_linked(&w->owing)) {
                list_append(&w->s->lazy, &w->owing);
                session_put_off(w->s);
        }
}

void wire_say_owed(wire *w) {
        say_owed(w);
        settle(w);
}

void wire_want(wire *w) {
        if (w->depth || !w->s ||
            w->flags & (WIRE_WANTED | WIRE_LOST | WIRE_END | WIRE_OPENS | WIRE_STREAM))
                return;
        w->flags |= WIRE_WANTED;
        say_owed(w);
}

/* sending */

int wire_tx_end(const wire *w) {
        if (w->flags & WIRE_LOST)
                return w->flags & WIRE_CLOSED_HERE ? -ECANCELED : -ENOTCONN;
        return w->stop && w->stop->code == BEAM_CODE_LOST ? -ENOTCONN : -EPIPE;
}

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
                w->out_msg = msg;
                w->out_off = 0;
                list_append(&s->sending, &w->sending);
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
        beam_msg *msg = w->out_msg;
        const char *label = beam_msg_label(msg);
        size_t max = s->peer.max_frame - MUX_FIXED_MAX, n_part = msg->n - w->out_off, n;
        uint8_t flags = w->out_off ? MUX_MSG_REST : MUX_MSG_HEAD;
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
                memcpy(p + n, msg->data + w->out_off, n_part);
                out_commit(&s->out, n + n_part);
        } else {
                out_commit(&s->out, n);
                out_borrow(&s->out, msg, msg->data + w->out_off, n_part);
        }
        w->out_off += n_part;
        if (flags & MUX_MSG_MORE)
                return false;

        w->out_msg = NULL;
        list_remove(&w->sending);
        msg_unpin(msg);
        if (w->flags & WIRE_ENDED)
                say_close(w, MUX_END, 0, NULL);
        wake(w);
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
        if (!has_credit(w) || w->out_msg || s->out.n >= OUT_HIGH)
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
        return has_credit(w) && !w->out_msg && w->s->out.n < OUT_HIGH &&
               msg_n_things(msg) <= w->s->opens_left;
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
                p = room(w);
                if (!p)
                        return -ECONNRESET;
                w->flags |= WIRE_ASKED;
                said(w, mux_put_ask(p, w->id));
        }
        return -EAGAIN;
}

/* receiving */

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

/* What a message carries is as deep as the program has got now. */
static void surface(beam_msg *msg) {
        for (size_t i = 0; i < msg_n_things(msg); i++) {
                thing *t = msg_thing(msg, i);
                wire *w = t->kind == BEAM_RECEIVER && t->rx->wire ? t->rx->wire : NULL;

                if (w)
                        w->nest = 0;
        }
}

int wire_pull(wire *w, beam_msg **ret) {
        beam_msg *msg = msg_queue_take(&w->in);

        if (!msg)
                return w->flags & (WIRE_END | WIRE_LOST | WIRE_REFUSED) ? wire_rx_end(w) : -EAGAIN;
        w->n_in--;
        w->bytes_in -= msg->n;
        w->bytes_pulled += msg->n;
        w->fds_pulled += (uint32_t)msg_n_fds(msg);
        if (msg->extra)
                surface(msg);
        *ret = msg;
        return 1;
}

/* What @n messages of those that were pulled took up. Their sizes are not remembered, so
 * each counts as the mean of them; with the last one it is right again. */
static void release_pulled(wire *w, uint32_t n) {
        uint32_t n_pulled = w->flags & WIRE_OPENS ? n : w->n_open - w->n_in - w->n_owed;
        uint64_t bytes = n >= n_pulled ? w->bytes_pulled : w->bytes_pulled / n_pulled * n;
        uint32_t fds = n >= n_pulled ? w->fds_pulled : 0;

        w->bytes_pulled -= bytes;
        w->fds_pulled -= fds;
        w->bytes_owed += bytes;
        if (w->s) {
                w->s->queued -= bytes;
                w->s->n_fds_held -= fds;
        }
}

void wire_ack(wire *w, uint32_t n, int r) {
        if (r < 0) {
                /* further on it was not taken, and the peer is told so */
                wire_stop(w, r == -ECONNRESET ? BEAM_CODE_LOST : BEAM_CODE_GONE, NULL);
                return;
        }
        release_pulled(w, n);
        w->n_owed += n;
        owe(w);
}

int wire_recv(wire *w, beam_msg **ret) {
        int r = wire_pull(w, ret);

        if (r == 1)
                wire_ack(w, 1, 0);
        return r;
}

static void deliver(wire *w, beam_msg *msg) {
        session *s = w->s;

        w->flags &= ~(uint32_t)WIRE_WANTED;
        if (w->flags & (WIRE_STOP | WIRE_REFUSED)) {
                beam_msg_free(msg);
                return;
        }
        w->n_in++;
        w->n_open++;
        w->bytes_in += msg->n;
        s->queued += msg->n;
        s->n_fds_held += msg_n_fds(msg);
        msg_queue_put(&w->in, msg);
        /* the last for which there was credit: what was taken before is told now */
        if (w->n_owed && w->n_open >= w->depth)
                owe(w);
        wake(w);
}

/* One of our limits: the channel goes, and its sender learns why; the session lives. */
static void refuse(wire *w, const char *why) {
        w->flags |= WIRE_REFUSED;
        beam_msg_free(w->in_msg);
        w->in_msg = NULL;
        if (!(w->flags & WIRE_STOP)) {
                say_owed(w);
                w->flags |= WIRE_STOP;
                say_close(w, MUX_STOP, BEAM_CODE_LIMIT, why);
        }
        wake(w);
}

int wire_on_thing(wire *w, const mux_event *ev) {
        session *s = w->s;
        int r;

        if (w->in_msg && w->in_total != NOT_BEGUN)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "a thing in the middle of a message");
        if (!w->in_msg) {
                w->in_msg = msg_new(0);
                if (!w->in_msg)
                        return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
                w->in_total = NOT_BEGUN;
        }
        r = carry_take(w, ev, &w->in_msg);
        if (r == -ENOBUFS) {
                refuse(w, "too deep, or too many descriptors");
                return 0;
        }
        return r;
}

static int begin(wire *w, const mux_event *ev) {
        session *s = w->s;
        bool head = ev->head.flags & MUX_MSG_HEAD;
        uint64_t total = head ? ev->msg.total : ev->head.length;
        size_t at_once;

        if (w->in_msg && w->in_total != NOT_BEGUN)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "a message within a message");
        if ((w->depth ? w->n_open >= w->depth : !(w->flags & (WIRE_WANTED | WIRE_STOP))) ||
            w->bytes_in + w->bytes_owed + w->bytes_pulled >= s->hello.window)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "a message without credit");
        if (total > s->opt.max_msg)
                return session_fail(s, -EMSGSIZE, BEAM_CODE_LIMIT, "a message over the limit");

        w->in_bad = (w->flags & WIRE_STOP) != 0;
        if (!w->in_bad && s->queued + total > s->opt.max_queued) {
                refuse(w, "too much that nobody takes");
                w->in_bad = true;
        }
        w->in_off = 0;
        if (w->in_bad) {
                w->in_msg = beam_msg_free(w->in_msg);
                return 0;
        }

        at_once = total < GROW_MIN ? (size_t)total : GROW_MIN;
        if (w->in_msg) {
                int r = msg_grow(&w->in_msg, at_once);

                if (r < 0)
                        return session_fail(s, r, BEAM_CODE_INTERNAL, "out of memory");
        } else {
                w->in_msg = msg_new(at_once);
                if (!w->in_msg)
                        return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        }
        w->in_total = total;
        if (head) {
                beam_msg *msg = w->in_msg;

                if (ev->msg.label.n) {
                        char label[BEAM_LABEL_MAX + 1] = { 0 };

                        memcpy(label, ev->msg.label.p, ev->msg.label.n);
                        if (beam_msg_set_label(msg, label) < 0)
                                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL,
                                                    "out of memory");
                }
                if (ev->msg.left != MUX_NO_DEADLINE)
                        msg->deadline =
                                clock_add(clock_now(), ev->msg.left > INT64_MAX / 1000
                                                               ? INT64_MAX
                                                               : (int64_t)ev->msg.left * 1000);
        }
        return 0;
}

/* Room for @n more bytes, doubling, so that a length that is only claimed costs little. */
static int make_room(wire *w, size_t n) {
        uint64_t need = w->in_off + n, size = w->in_msg->n;

        if (need <= size)
                return 0;
        size = 2 * size > need ? 2 * size : need;
        return msg_grow(&w->in_msg, (size_t)(size < w->in_total ? size : w->in_total));
}

/* The whole of a small message in one piece, which is most of them. */
static int on_small(wire *w, const mux_event *ev) {
        beam_msg *msg = msg_new(ev->piece.n);

        if (!msg)
                return session_fail(w->s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        if (ev->piece.n)
                memcpy(msg->data, ev->piece.p, ev->piece.n);
        deliver(w, msg);
        return 0;
}

int wire_on_msg(wire *w, const mux_event *ev) {
        session *s = w->s;
        bool more = ev->head.flags & MUX_MSG_MORE;
        int r;

        if (ev->first && ev->last && !ev->head.flags && !w->in_msg && w->n_open < w->depth &&
            w->bytes_in + w->bytes_owed + w->bytes_pulled < s->hello.window &&
            ev->piece.n <= s->opt.max_msg && s->queued + ev->piece.n <= s->opt.max_queued)
                return on_small(w, ev);

        if (ev->first) {
                if (!(ev->head.flags & MUX_MSG_REST)) {
                        if (more && !(ev->head.flags & MUX_MSG_HEAD))
                                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                                    "parts of a message without its size");
                        r = begin(w, ev);
                        if (r < 0)
                                return r;
                } else if (!w->in_bad && (!w->in_msg || w->in_total == NOT_BEGUN))
                        return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "a part of no message");
        }
        if (w->in_bad) {
                if (ev->last && !more)
                        w->in_bad = false;
                return 0;
        }

        if (ev->piece.n > w->in_total - w->in_off)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "a message longer than it said");
        r = make_room(w, ev->piece.n);
        if (r < 0)
                return session_fail(s, r, BEAM_CODE_INTERNAL, "out of memory");
        if (ev->piece.n && ev->piece.p != w->in_msg->data + w->in_off)
                memcpy(w->in_msg->data + w->in_off, ev->piece.p, ev->piece.n);
        w->in_off += ev->piece.n;

        if (ev->last && !more) {
                beam_msg *msg = w->in_msg;

                if (w->in_off != w->in_total)
                        return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                            "a message shorter than it said");
                msg->n = w->in_off;
                w->in_msg = NULL;
                deliver(w, msg);
        }
        return 0;
}

size_t wire_place(wire *w, uint8_t **ret) {
        if (w->flags & WIRE_STREAM) {
                if (!w->sink_room || w->in.first)
                        return 0;
                *ret = w->sink;
                return w->sink_room;
        }
        if (!w->in_msg || w->in_bad || w->in_total == NOT_BEGUN)
                return 0;
        if (w->in_off == w->in_msg->n && make_room(w, 1) < 0)
                return 0;
        *ret = w->in_msg->data + w->in_off;
        return w->in_msg->n - w->in_off;
}

/* the peer's word about what we send */

int wire_on_credit(wire *w, const mux_event *ev) {
        uint32_t n = ev->credit.n_msgs;

        if (n > w->n_unsaid || ev->credit.n_bytes > w->bytes_unsaid)
                return session_fail(w->s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "credit for more than was sent");
        w->n_unsaid -= n;
        w->n_said += n;
        w->bytes_said += ev->credit.n_bytes;
        w->bytes_unsaid -= ev->credit.n_bytes;
        if (ev->head.flags & MUX_CREDIT_WANT && !w->depth)
                w->flags |= WIRE_MAY_SEND;
        wake(w);
        settle(w);
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
        if (w->out_msg) {
                list_remove(&w->sending);
                msg_unpin(w->out_msg);
                w->out_msg = NULL;
                w->flags &= ~(uint32_t)WIRE_ENDED;
        }
        if (!(w->flags & WIRE_ENDED)) {
                w->flags |= WIRE_ENDED;
                say_close(w, MUX_END, BEAM_CODE_CANCELED, NULL);
        }
        wake(w);
        settle(w);
        return 0;
}

int wire_on_end(wire *w, uint32_t code, mux_bytes text) {
        if (w->flags & WIRE_END)
                return session_fail(w->s, -EPROTO, BEAM_CODE_PROTOCOL, "END twice");
        if (!(w->flags & WIRE_STREAM)) {
                if (w->in_msg && !code)
                        return session_fail(w->s, -EPROTO, BEAM_CODE_PROTOCOL,
                                            "END in the middle of a message");
                w->in_msg = beam_msg_free(w->in_msg);
        }
        w->flags |= WIRE_END;
        w->in_bad = false;
        w->end = reason_new(code, text.p, text.n);
        if (!(w->flags & WIRE_STOP) && (w->n_owed || w->bytes_owed))
                owe(w);
        wake(w);
        settle(w);
        return 0;
}

void wire_on_ask(wire *w) {
        w->flags |= WIRE_ASK;
        if (w->n_owed || w->bytes_owed)
                owe(w);
        wake(w);
}

bool wire_is_pressed(const wire *w) {
        return w->s && (w->flags & WIRE_ASK ||
                        w->bytes_in + w->bytes_owed + w->bytes_pulled >= w->s->hello.window / 2);
}

void wire_on_lost(wire *w, bool closed_here) {
        if (w->n_unsaid || w->bytes_unsaid)
                w->s->unsaid_lost = true;
        if (w->flags & WIRE_RX && !(w->flags & WIRE_END))
                w->flags |= WIRE_CUT | WIRE_END;
        w->flags |= WIRE_LOST | WIRE_STOPPED | (closed_here ? WIRE_CLOSED_HERE : 0);
        w->flags &= ~(uint32_t)WIRE_LISTED;
        list_remove(&w->owing);
        list_remove(&w->sending);
        if (w->out_msg) {
                msg_unpin(w->out_msg);
                w->out_msg = NULL;
        }
        if (!(w->flags & WIRE_STREAM))
                w->in_msg = beam_msg_free(w->in_msg);
        w->s = NULL;
        wake(w);
        if (!(w->flags & WIRE_HELD))
                wire_free(w);
}

/* streams */

int wire_on_data(wire *w, const mux_event *ev) {
        session *s = w->s;
        const uint8_t *p = ev->piece.p;
        size_t n = ev->piece.n;

        if (ev->first &&
            ev->head.length > s->hello.window - w->bytes_in - w->bytes_owed - w->bytes_pulled &&
            !(w->flags & WIRE_STOP))
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "bytes without credit");
        if (w->flags & WIRE_STOP || !n)
                return 0;
        if (w->sink_room && !w->in.first) {
                size_t taken = n < w->sink_room ? n : w->sink_room;

                if (p != w->sink)
                        memcpy(w->sink, p, taken);
                w->sink += taken;
                w->sink_room -= taken;
                p += taken;
                n -= taken;
                w->bytes_owed += taken;
                owe(w);
        }
        if (n) {
                beam_msg *last = w->in.first ? container_of(w->in.last, beam_msg, next) : NULL;

                /* small pieces share a block, or each would cost one */
                if (!last || msg_room(last) - last->n < n) {
                        last = msg_new(n < PIECE_MIN ? PIECE_MIN : n);
                        if (!last)
                                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL,
                                                    "out of memory");
                        last->n = 0;
                        msg_queue_put(&w->in, last);
                }
                memcpy(last->data + last->n, p, n);
                last->n += n;
                w->bytes_in += n;
                s->queued += n;
        }
        wake(w);
        return 0;
}

ssize_t wire_read_pull(wire *w, void *buf, size_t n) {
        size_t got = 0;

        while (got < n && w->in.first) {
                beam_msg *msg = w->in.first;
                size_t part = msg->n - w->in_off;

                part = part < n - got ? part : n - got;
                memcpy((uint8_t *)buf + got, msg->data + w->in_off, part);
                got += part;
                w->in_off += part;
                if (w->in_off == msg->n) {
                        msg_queue_take(&w->in);
                        beam_msg_free(msg);
                        w->in_off = 0;
                }
        }
        if (got) {
                w->bytes_in -= got;
                w->bytes_pulled += got;
                if (w->s)
                        w->s->queued -= got;
                return (ssize_t)got;
        }
        return w->flags & (WIRE_END | WIRE_LOST) ? wire_rx_end(w) : -EAGAIN;
}

void wire_read_ack(wire *w, size_t n) {
        w->bytes_pulled -= n;
        w->bytes_owed += n;
        if (w->s)
                owe(w);
}

ssize_t wire_read(wire *w, void *buf, size_t n) {
        ssize_t r = wire_read_pull(w, buf, n);

        if (r > 0)
                wire_read_ack(w, (size_t)r);
        return r;
}

/* As much as one wire_write() takes: one frame. */
size_t wire_room(const wire *w) {
        size_t window, n = OUT_BLOCK_SIZE - MUX_FIXED_MAX;

        if (w->flags & (WIRE_LOST | WIRE_STOPPED | WIRE_ENDED) || w->s->out.n >= OUT_HIGH)
                return 0;
        window = w->s->peer.window - w->bytes_unsaid;
        n = n < w->s->peer.max_frame ? n : w->s->peer.max_frame;
        return n < window ? n : window;
}

ssize_t wire_write(wire *w, const void *buf, size_t n) {
        session *s = w->s;
        size_t may, done = 0, n_head;
        uint8_t head[MUX_HEAD_SIZE], *p;

        if (w->flags & (WIRE_LOST | WIRE_STOPPED))
                return wire_tx_end(w);
        if (w->flags & WIRE_ENDED)
                return -EPIPE;
        if (s->error)
                return -ENOTCONN;
        may = wire_room(w);
        if (!may)
                return -EAGAIN;
        if (n > may)
                n = may;

        p = out_room(&s->out, MUX_HEAD_SIZE + n);
        if (!p)
                return -ENOMEM;
        n_head = mux_put_head(
                head, &(mux_head){ .length = (uint32_t)n, .type = MUX_DATA, .channel = w->id });

        /* Many bytes go past the queue when it is empty: to the kernel without a copy. */
        if (n > OUT_COPY_MAX && !s->out.n && !loop_holds_back(s->loop)) {
                struct iovec iov[2] = {
                        { .iov_base = head, .iov_len = n_head },
                        { .iov_base = (void *)(uintptr_t)buf, .iov_len = n },
                };

                session_fill(s);
                if (!s->out.n)
                        done = s->link->write(s->link, iov, 2);
                p = out_room(&s->out, MUX_HEAD_SIZE + n);
                if (!p)
                        return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        }
        if (done < n_head) {
                memcpy(p, head + done, n_head - done);
                p += n_head - done;
                out_commit(&s->out, n_head - done);
                done = n_head;
        }
        if (done < n_head + n) {
                memcpy(p, (const uint8_t *)buf + (done - n_head), n_head + n - done);
                out_commit(&s->out, n_head + n - done);
        }
        w->bytes_unsaid += n;
        w->flags &= ~(uint32_t)WIRE_ASKED;
        session_touch(s);
        return (ssize_t)n;
}
