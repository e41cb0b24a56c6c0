/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

#include "../base/clock.h"
#include "carry.h"
#include "session.h"
#include "wire-inner.h"

/* Nothing of the message has come but what it carries. */
#define NOT_BEGUN UINT64_MAX

/* What a declared length may cost before its bytes are there. */
enum { GROW_MIN = 256 * 1024 };

/* to the program */

/* A bridge tells of what was read further on when it comes round to it, and is asked here. */
static bool is_read(const wire *w, uint32_t nth) {
        uint32_t n = w->n_read;

        if (w->by && w->by->ask)
                n += (uint32_t)w->by->ask(w->by);
        return (int32_t)(n - nth) > 0;
}

size_t wire_nesting(const wire *w) {
        size_t n = 0;

        for (const wire *in; w->carrier; w = in, n++) {
                in = session_find(w->s, w->carrier);
                if (!in || is_read(in, w->nth))
                        break;
        }
        return n;
}

static void see_things(const beam_msg *msg) {
        for (size_t i = 0; i < msg_n_things(msg); i++) {
                const thing *t = msg_thing(msg, i);
                wire *w = t->kind == BEAM_SENDER     ? t->tx->wire
                          : t->kind == BEAM_RECEIVER ? t->rx->wire
                          : t->kind == BEAM_STREAM   ? t->st->wire
                                                     : NULL;

                if (w)
                        wire_seen(w);
        }
}

int wire_pull(wire *w, beam_msg **ret) {
        beam_msg *msg = msg_queue_take(&w->in);

        if (!msg)
                return w->flags & (WIRE_END | WIRE_LOST | WIRE_REFUSED) ? wire_rx_end(w) : -EAGAIN;
        w->n_pulled++;
        w->bytes_in -= msg->n;
        w->bytes_pulled += msg->n;
        w->fds_pulled += msg_n_fds(msg);
        if (msg->extra)
                see_things(msg);
        *ret = msg;
        return 1;
}

/* What @n messages of those that were pulled took up. Their sizes are not remembered, so
 * each counts as the mean of them; with the last one it is right again. */
static void release_pulled(wire *w, uint32_t n) {
        bool all = n >= w->n_pulled;
        uint64_t bytes = all ? w->bytes_pulled : w->bytes_pulled / w->n_pulled * n;
        uint32_t fds = all ? w->fds_pulled : 0;

        n = all ? w->n_pulled : n;
        w->n_pulled -= n;
        w->bytes_pulled -= bytes;
        w->fds_pulled -= fds;
        w->bytes_owed += bytes;
        if (w->s) {
                w->s->queued -= bytes + (uint64_t)MSG_OVERHEAD * n;
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
        w->n_read += n;
        w->n_owed += n;
        wire_owe(w);
}

int wire_recv(wire *w, beam_msg **ret) {
        int r = wire_pull(w, ret);

        if (r == 1)
                wire_ack(w, 1, 0);
        return r;
}

/* from the peer */

void wire_deliver(wire *w, beam_msg *msg) {
        w->flags &= ~(uint32_t)WIRE_WANTED;
        w->n_open++;
        w->bytes_in += msg->n;
        msg_queue_put(&w->in, msg);
        /* the last for which there was credit: what was taken before is told now */
        if (w->n_owed && w->n_open >= w->depth)
                wire_owe(w);
        wire_wake(w);
}

static bool is_begun(const wire *w) {
        return w->body && w->body->left != NOT_BEGUN;
}

/* All of it counts from its beginning, since it is held until its end. */
static uint64_t body_cost(const wire *w) {
        return MSG_OVERHEAD + (is_begun(w) ? w->body->n + w->body->left : 0);
}

void wire_drop_body(wire *w) {
        if (!wire_coming(w))
                return;
        if (w->s) {
                w->s->queued -= body_cost(w);
                w->s->n_fds_held -= msg_n_fds(w->body);
        }
        w->body = beam_msg_free(w->body);
}

void wire_refuse(wire *w, const char *why) {
        wire_give_credit(w);
        w->flags |= WIRE_REFUSED | WIRE_STOP;
        wire_drop_body(w);
        wire_say_close(w, MUX_STOP, BEAM_CODE_LIMIT, why);
        wire_wake(w);
}

static bool is_too_much(const session *s, uint64_t n) {
        return n > s->opt.max_queued || s->queued > s->opt.max_queued - n;
}

int wire_on_thing(wire *w, const mux_event *ev) {
        session *s = w->s;
        int r;

        if (!(w->flags & WIRE_STOP) && !w->body && is_too_much(s, MSG_OVERHEAD))
                wire_refuse(w, "too much that nobody takes");
        if (w->flags & WIRE_STOP)
                return carry_drop(s, ev);
        if (is_begun(w))
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "a thing in the middle of a message");
        if (!w->body) {
                if (msg_reserve(&w->body, 0) < 0)
                        return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
                w->body->left = NOT_BEGUN;
                s->queued += MSG_OVERHEAD;
        }
        r = carry_take(w, ev, &w->body);
        if (r < 0 && r != -ENOBUFS)
                return r;
        s->n_fds_held += msg_thing(w->body, msg_n_things(w->body) - 1)->kind == BEAM_FD;
        if (r == -ENOBUFS) {
                wire_refuse(w, "too deep, or too many descriptors");
                return 0;
        }
        return 0;
}

static int begin(wire *w, const mux_event *ev) {
        session *s = w->s;
        bool head = ev->head.flags & MUX_MSG_HEAD;
        uint64_t total = head ? ev->msg.total : ev->head.length, cost;
        beam_msg *msg;

        if (is_begun(w))
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "a message within a message");
        if ((w->depth ? w->n_open >= w->depth : !(w->flags & WIRE_WANTED)) ||
            w->bytes_in + w->bytes_owed + w->bytes_pulled >= SESSION_WINDOW)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "a message without credit");
        if (total > s->opt.max_msg)
                return session_fail(s, -EMSGSIZE, BEAM_CODE_LIMIT, "a message over the limit");

        cost = total + (w->body ? 0 : MSG_OVERHEAD);
        if (is_too_much(s, cost)) {
                wire_refuse(w, "too much that nobody takes");
                return 0;
        }

        if (msg_reserve(&w->body, total < GROW_MIN ? (size_t)total : GROW_MIN) < 0)
                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        msg = w->body;
        msg->left = total;
        s->queued += cost;
        if (head) {
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
        const beam_msg *msg = w->body;
        uint64_t need = msg->n + n, twice = 2 * msg_room(msg), all = msg->n + msg->left;

        if (need <= msg_room(msg))
                return 0;
        return msg_reserve(&w->body, (size_t)(twice < need ? need : twice < all ? twice : all));
}

/* The whole of a small message in one piece, which is most of them. */
static int on_small(wire *w, const mux_event *ev) {
        beam_msg *msg = msg_new(ev->piece.n);

        if (!msg)
                return session_fail(w->s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        if (ev->piece.n)
                memcpy(msg->data, ev->piece.p, ev->piece.n);
        w->s->queued += ev->piece.n + MSG_OVERHEAD;
        wire_deliver(w, msg);
        return 0;
}

int wire_on_msg(wire *w, const mux_event *ev) {
        session *s = w->s;
        bool more = ev->head.flags & MUX_MSG_MORE;
        beam_msg *msg;
        int r;

        if (w->flags & WIRE_STOP)
                return 0;
        if (ev->first && ev->last && !ev->head.flags && !w->body && w->n_open < w->depth &&
            w->bytes_in + w->bytes_owed + w->bytes_pulled < SESSION_WINDOW &&
            ev->piece.n <= s->opt.max_msg && !is_too_much(s, ev->piece.n + MSG_OVERHEAD))
                return on_small(w, ev);

        if (ev->first) {
                if (!(ev->head.flags & MUX_MSG_REST)) {
                        if (more && !(ev->head.flags & MUX_MSG_HEAD))
                                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                                    "parts of a message without its size");
                        r = begin(w, ev);
                        if (r < 0 || w->flags & WIRE_STOP)
                                return r;
                } else if (!is_begun(w))
                        return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "a part of no message");
        }

        if (ev->piece.n > w->body->left)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "a message longer than it said");
        r = make_room(w, ev->piece.n);
        if (r < 0)
                return session_fail(s, r, BEAM_CODE_INTERNAL, "out of memory");
        msg = w->body;
        if (ev->piece.n && ev->piece.p != msg->data + msg->n)
                memcpy(msg->data + msg->n, ev->piece.p, ev->piece.n);
        msg->n += ev->piece.n;
        msg->left -= ev->piece.n;

        if (ev->last && !more) {
                if (msg->left)
                        return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                            "a message shorter than it said");
                w->body = NULL;
                wire_deliver(w, msg);
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
        if (!is_begun(w) || make_room(w, 1) < 0)
                return 0;
        *ret = w->body->data + w->body->n;
        return msg_room(w->body) - w->body->n;
}
