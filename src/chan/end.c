/* SPDX-License-Identifier: Apache-2.0 */
#include "end.h"

#include <assert.h>

#include "../base/fork.h"
#include "../base/mem.h"
#include "bridge.h"
#include "session.h"
#include "stream.h"
#include "wire.h"

/* making */

int sender_new(chan_pipe *p, beam_sender **ret) {
        beam_sender *tx = mem_zero(sizeof(*tx));

        if (!tx)
                return -ENOMEM;
        tx->pipe = p;
        *ret = tx;
        return 0;
}

int receiver_new(chan_pipe *p, beam_receiver **ret) {
        beam_receiver *rx = mem_zero(sizeof(*rx));

        if (!rx)
                return -ENOMEM;
        rx->pipe = p;
        *ret = rx;
        return 0;
}

int beam_pipe(size_t depth, beam_sender **ret_tx, beam_receiver **ret_rx) {
        beam_sender *tx;
        chan_pipe *p;
        int r;

        r = pipe_new(depth, &p);
        if (r < 0)
                return r;
        r = sender_new(p, &tx);
        if (r >= 0) {
                r = receiver_new(p, ret_rx);
                if (r < 0)
                        mem_free(tx);
        }
        if (r < 0) {
                pipe_tx_close(p, NULL, 0, NULL);
                pipe_rx_close(p, NULL, 0, NULL);
                return r;
        }
        *ret_tx = tx;
        return 0;
}

/* The wire gets ends of its own, for the bridge; the program's stands on a pipe. */

int sender_detach(beam_sender *tx) {
        wire *w = tx->wire;
        beam_sender *outer = NULL, *old;
        beam_receiver *rx = NULL;
        bridge *b = NULL;
        int r;

        if (!w)
                return 0;
        old = wire_sender(w);
        r = old ? beam_pipe(w->depth, &outer, &rx) : -ENOMEM;
        if (r >= 0)
                r = bridge_new(rx, old, &b);
        if (r < 0) {
                beam_sender_close(outer);
                beam_receiver_close(rx);
                mem_free(old);
                return r;
        }
        *tx = *outer;
        mem_free(outer);
        bridge_start(b);
        return 0;
}

int receiver_detach(beam_receiver *rx) {
        wire *w = rx->wire;
        beam_receiver *outer = NULL, *old;
        beam_sender *tx = NULL;
        bridge *b = NULL;
        int r;

        if (!w)
                return 0;
        watch_free(rx);
        old = wire_receiver(w);
        r = old ? beam_pipe(w->depth, &tx, &outer) : -ENOMEM;
        if (r >= 0)
                r = bridge_new(old, tx, &b);
        if (r < 0) {
                beam_sender_close(tx);
                beam_receiver_close(outer);
                mem_free(old);
                return r;
        }
        *rx = *outer;
        mem_free(outer);
        bridge_start(b);
        return 0;
}

int msg_detach(beam_msg *msg) {
        int r = 0;

        for (size_t i = 0; i < msg_n_things(msg) && r >= 0; i++) {
                thing *t = msg_thing(msg, i);

                if (t->kind == BEAM_SENDER)
                        r = sender_detach(t->tx);
                else if (t->kind == BEAM_RECEIVER) {
                        watch_free(t->rx);
                        r = receiver_detach(t->rx);
                } else if (t->kind == BEAM_STREAM)
                        r = stream_detach(t->st);
        }
        return r;
}

int sender_cross(beam_sender *tx, group *g, int from, bool opened) {
        if (tx->over)
                return group_carried(g, &tx->over->member, from);
        return passage_new(tx->pipe, true, g, from, opened, &tx->over);
}

int receiver_cross(beam_receiver *rx, group *g, int from, bool opened) {
        if (rx->over)
                return group_carried(g, &rx->over->member, from);
        return passage_new(rx->pipe, false, g, from, opened, &rx->over);
}

int sender_put(beam_sender *tx, beam_msg *msg) {
        int cut = sender_cut(tx);

        return cut ? cut : pipe_put(tx->pipe, msg);
}

/* What had come is still for the only receiver, as it would be over a link. */
static bool is_cut_short(const beam_receiver *rx) {
        return receiver_cut(rx) && rx->pipe->rx.shared;
}

static int or_cut(const beam_receiver *rx, int r) {
        return r <= 0 && receiver_cut(rx) ? receiver_cut(rx) : r;
}

int receiver_take(beam_receiver *rx, beam_msg **ret) {
        return or_cut(rx, is_cut_short(rx) ? -EAGAIN : pipe_take(rx->pipe, ret));
}

int thing_cross(thing *t, group *g, int from) {
        switch (t->kind) {
        case BEAM_SENDER:
                return sender_cross(t->tx, g, from, false);
        case BEAM_RECEIVER:
                return receiver_cross(t->rx, g, from, false);
        case BEAM_STREAM:
                return stream_enter(t->st, g, from);
        default:
                return 0;
        }
}

static bool is_of_parent(const chan_pipe *p, const wire *w) {
        return p ? p->forks != fork_count() : w->s && w->s->base.forks != fork_count();
}

bool sender_is_of_parent(const beam_sender *tx) {
        return is_of_parent(tx->pipe, tx->wire);
}

bool receiver_is_of_parent(const beam_receiver *rx) {
        return is_of_parent(rx->pipe, rx->wire);
}

int beam_sender_dup(beam_sender *tx, beam_sender **ret) {
        beam_sender *twin;
        int r;

        if (sender_is_of_parent(tx))
                return -ECHILD;
        r = sender_detach(tx);
        if (r < 0)
                return r;
        r = sender_new(tx->pipe, &twin);
        if (r < 0)
                return r;
        pipe_tx_dup(tx->pipe);
        r = tx->over ? passage_dup(tx->over, &twin->over) : 0;
        if (r < 0) {
                beam_sender_close(twin);
                return r;
        }
        *ret = twin;
        return 0;
}

int beam_receiver_dup(beam_receiver *rx, beam_receiver **ret) {
        beam_receiver *twin;
        int r;

        if (receiver_is_of_parent(rx))
                return -ECHILD;
        r = receiver_detach(rx);
        if (r < 0)
                return r;
        r = receiver_new(rx->pipe, &twin);
        if (r < 0)
                return r;
        pipe_rx_dup(rx->pipe);
        r = rx->over ? passage_dup(rx->over, &twin->over) : 0;
        if (r < 0) {
                beam_receiver_close(twin);
                return r;
        }
        *ret = twin;
        return 0;
}

/* ending */

/* What a program says outside of a round leaves at once. */
static void flush_if_outside(const wire *w) {
        loop *l = loop_mine();

        if (w->s && l && w->s->loop == l && !loop_holds_back(l))
                loop_flush(l);
}

/* Not from the session's thread, or from a child of its process: nothing can be said. */
static bool is_foreign(const wire *w) {
        return w->s && (w->s->base.forks != fork_count() || w->s->loop != loop_mine());
}

beam_sender *beam_sender_fail(beam_sender *tx, uint32_t code, const char *text) {
        wire *w = tx ? tx->wire : NULL;

        if (!tx)
                return NULL;
        if (!w) {
                if (tx->pipe->forks == fork_count())
                        pipe_tx_close(tx->pipe, tx->over, code, text);
        } else if (!is_foreign(w)) {
                wire_end(w, code, text);
                flush_if_outside(w);
                wire_release(w);
        }
        return mem_free(tx);
}

beam_sender *beam_sender_close(beam_sender *tx) {
        return beam_sender_fail(tx, BEAM_CODE_NONE, NULL);
}

beam_receiver *beam_receiver_fail(beam_receiver *rx, uint32_t code, const char *text) {
        wire *w = rx ? rx->wire : NULL;

        if (!rx)
                return NULL;
        assert(!rx->lies_in);
        watch_free(rx);
        if (!w) {
                if (rx->pipe->forks == fork_count())
                        pipe_rx_close(rx->pipe, rx->over, code, text);
        } else if (!is_foreign(w)) {
                wire_stop(w, code, text);
                flush_if_outside(w);
                wire_release(w);
        }
        return mem_free(rx);
}

beam_receiver *beam_receiver_close(beam_receiver *rx) {
        return beam_receiver_fail(rx, BEAM_CODE_NONE, NULL);
}

static int reason_of(const reason *r, bool known, beam_reason *ret) {
        if (!known)
                return 0;
        *ret = (beam_reason){ r ? r->code : BEAM_CODE_NONE, r ? r->text : "" };
        return 1;
}

static int lost_reason(beam_reason *ret) {
        *ret = (beam_reason){ BEAM_CODE_LOST, "" };
        return 1;
}

int beam_sender_reason(const beam_sender *tx, beam_reason *ret) {
        const wire *w = tx->wire;
        const chan_pipe *p = tx->pipe;

        if (w && !w->stop && w->flags & WIRE_LOST)
                return lost_reason(ret);
        if (w)
                return reason_of(w->stop, w->flags & WIRE_STOPPED, ret);

        if (sender_cut(tx))
                return lost_reason(ret);
        /* written before the flag is set, and never again */
        if (!pipe_is_left(p))
                return 0;
        *ret = (beam_reason){ p->rx.code, p->rx.text ? p->rx.text : "" };
        return 1;
}

int beam_receiver_reason(const beam_receiver *rx, beam_reason *ret) {
        const wire *w = rx->wire;
        chan_pipe *p = rx->pipe;
        bool ended;

        if (w && !w->end && w->flags & WIRE_CUT)
                return lost_reason(ret);
        if (w)
                return reason_of(w->end, w->flags & WIRE_END, ret);

        if (receiver_cut(rx))
                return lost_reason(ret);
        lock_take(&p->guard);
        ended = !p->tx.n_open;
        lock_give(&p->guard);
        if (!ended)
                return 0;
        *ret = (beam_reason){ p->tx.code, p->tx.text ? p->tx.text : "" };
        return 1;
}

/* for bridges */

size_t sender_depth(const beam_sender *tx) {
        return tx->pipe ? tx->pipe->ring.depth : tx->wire->depth;
}

size_t receiver_depth(const beam_receiver *rx) {
        return rx->pipe ? rx->pipe->ring.depth : rx->wire->depth;
}

void receiver_start(beam_receiver *rx, outlet *out) {
        wire *w = rx->wire;

        watch_free(rx);
        if (w) {
                wire_watch(w, &out->port);
                return;
        }
        outlet_open(out, rx->pipe);
        out->port.post.loop->n_foreign++;
}

int receiver_pull(beam_receiver *rx, outlet *out, beam_msg **ret) {
        wire *w = rx->wire;
        int r;

        if (w) {
                r = wire_pull(w, ret);
                if (r == -EAGAIN) {
                        out->port.armed = true;
                        wire_want(w);
                }
                return r;
        }
        return or_cut(rx, is_cut_short(rx) ? -EAGAIN : outlet_pull(out, ret));
}

bool receiver_is_pressed(const beam_receiver *rx) {
        const wire *w = rx->wire;

        return w && wire_is_pressed(w);
}

void receiver_ack(beam_receiver *rx, outlet *out, size_t n) {
        wire *w = rx->wire;

        if (w)
                wire_ack(w, (uint32_t)n, 0);
        else
                outlet_ack(out, n);
}

bool receiver_is_heard(const beam_receiver *rx, outlet *out) {
        if (rx->wire)
                out->port.armed = true;
        return !rx->wire || rx->wire->s;
}

void receiver_leave(beam_receiver *rx, outlet *out, uint32_t code, const char *text, int cut) {
        if (rx->wire) {
                beam_receiver_fail(rx, code, text);
                return;
        }
        out->port.post.loop->n_foreign--;
        outlet_close(out, rx->over, code, text, cut);
        mem_free(rx);
}

int sender_prepare(const beam_sender *tx, inlet *in) {
        return tx->pipe ? inlet_init(in, tx->pipe) : 0;
}

void sender_start(beam_sender *tx, inlet *in) {
        wire *w = tx->wire;

        if (w) {
                wire_watch(w, &in->port);
                return;
        }
        inlet_open(in);
        in->port.post.loop->n_foreign++;
}

int sender_push(beam_sender *tx, inlet *in, beam_msg *msg) {
        wire *w = tx->wire;
        int r;

        if (w) {
                r = wire_send(w, msg, NULL);
                if (r == 0 && !w->depth)
                        beam_msg_free(msg);
                if (r == -EAGAIN)
                        in->port.armed = true;
                return r;
        }
        r = sender_cut(tx);
        if (r == 0 && msg->extra)
                r = msg_detach(msg);
        if (r == 0 && msg->extra)
                r = passage_carry(tx->pipe, tx->over, msg);
        return r < 0 ? r : inlet_push(in, msg);
}

size_t sender_taken(beam_sender *tx, inlet *in, bool soon) {
        wire *w = tx->wire;
        size_t n;

        if (!w)
                return inlet_taken(in, soon);
        n = (size_t)w->said;
        w->said = 0;
        in->port.armed = true;
        return n;
}

bool sender_is_wanted(beam_sender *tx, inlet *in) {
        const wire *w = tx->wire;

        if (!w)
                return inlet_is_wanted(in);
        in->port.armed = true;
        if (w->flags & (WIRE_STOPPED | WIRE_LOST))
                return false;
        return w->depth || w->flags & WIRE_MAY_SEND;
}

int sender_is_left(beam_sender *tx, inlet *in) {
        const wire *w = tx->wire;

        if (w)
                return w->flags & (WIRE_STOPPED | WIRE_LOST) ? wire_tx_end(w) : -EAGAIN;
        return sender_cut(tx) ? sender_cut(tx) : inlet_left(in);
}

void sender_end(beam_sender *tx, inlet *in, uint32_t code, const char *text, int cut) {
        wire *w = tx->wire;

        if (w)
                wire_end(w, code, text);
        else
                inlet_end(in, tx->over, code, text, cut);
}

void sender_leave(beam_sender *tx, inlet *in, uint32_t code, const char *text) {
        if (tx->wire) {
                beam_sender_fail(tx, code, text);
                return;
        }
        in->port.post.loop->n_foreign--;
        inlet_close(in, tx->over, code, text);
        mem_free(tx);
}
