/* SPDX-License-Identifier: Apache-2.0 */
#include "end.h"

#include <assert.h>

#include "../base/fork.h"
#include "../base/mem.h"
#include "bridge.h"
#include "session.h"
#include "stream.h"
#include "wire.h"

/* A program's callback on a receiver: posted to the loop when a receive would not
 * wait, and again until it would. */
struct watch {
        port by;
        beam_receiver *rx;
        void (*fn)(void *data, beam_receiver *rx);
        void *data;
        bool running, dropped;
};

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
                pipe_tx_close(p, 0, NULL);
                pipe_rx_close(p, 0, NULL);
                return r;
        }
        *ret_tx = tx;
        return 0;
}

/* The wire gets ends of its own, for the bridge; the program's stands on a pipe. */

int sender_detach(beam_sender *tx) {
        beam_sender *outer = NULL, *old;
        beam_receiver *rx = NULL;
        bridge *b = NULL;
        int r;

        if (!tx->wire)
                return 0;
        old = wire_sender(tx->wire);
        r = old ? beam_pipe(tx->wire->depth, &outer, &rx) : -ENOMEM;
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
        beam_receiver *outer = NULL, *old;
        beam_sender *tx = NULL;
        bridge *b = NULL;
        int r;

        if (!rx->wire)
                return 0;
        watch_free(rx);
        old = wire_receiver(rx->wire);
        r = old ? beam_pipe(rx->wire->depth, &tx, &outer) : -ENOMEM;
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

        if (is_of_parent(tx->pipe, tx->wire))
                return -ECHILD;
        r = sender_detach(tx);
        if (r < 0)
                return r;
        r = sender_new(tx->pipe, &twin);
        if (r < 0)
                return r;
        pipe_tx_dup(tx->pipe);
        *ret = twin;
        return 0;
}

int beam_receiver_dup(beam_receiver *rx, beam_receiver **ret) {
        beam_receiver *twin;
        int r;

        if (is_of_parent(rx->pipe, rx->wire))
                return -ECHILD;
        r = receiver_detach(rx);
        if (r < 0)
                return r;
        r = receiver_new(rx->pipe, &twin);
        if (r < 0)
                return r;
        pipe_rx_dup(rx->pipe);
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
        if (!tx)
                return NULL;
        if (tx->pipe) {
                if (tx->pipe->forks == fork_count())
                        pipe_tx_close(tx->pipe, code, text);
        } else if (!is_foreign(tx->wire)) {
                wire_end(tx->wire, code, text);
                flush_if_outside(tx->wire);
                wire_release(tx->wire);
        }
        return mem_free(tx);
}

beam_sender *beam_sender_close(beam_sender *tx) {
        return beam_sender_fail(tx, BEAM_CODE_NONE, NULL);
}

beam_receiver *beam_receiver_fail(beam_receiver *rx, uint32_t code, const char *text) {
        if (!rx)
                return NULL;
        assert(!rx->lies_in);
        watch_free(rx);
        if (rx->pipe) {
                if (rx->pipe->forks == fork_count())
                        pipe_rx_close(rx->pipe, code, text);
        } else if (!is_foreign(rx->wire)) {
                wire_stop(rx->wire, code, text);
                flush_if_outside(rx->wire);
                wire_release(rx->wire);
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
        chan_pipe *p = tx->pipe;

        if (!p) {
                if (!tx->wire->stop && tx->wire->flags & WIRE_LOST)
                        return lost_reason(ret);
                return reason_of(tx->wire->stop, tx->wire->flags & WIRE_STOPPED, ret);
        }
        /* written before the flag is set, and never again */
        if (!(atomic_load(&p->rx_state) & PIPE_CLOSED))
                return 0;
        *ret = (beam_reason){ p->rx_code, p->rx_text ? p->rx_text : "" };
        return 1;
}

int beam_receiver_reason(const beam_receiver *rx, beam_reason *ret) {
        chan_pipe *p = rx->pipe;
        bool closed;

        if (!p) {
                if (!rx->wire->end && rx->wire->flags & WIRE_CUT)
                        return lost_reason(ret);
                return reason_of(rx->wire->end, rx->wire->flags & WIRE_END, ret);
        }
        lock_take(&p->guard);
        closed = p->tx_closed;
        lock_give(&p->guard);
        if (!closed)
                return 0;
        *ret = (beam_reason){ p->tx_code, p->tx_text ? p->tx_text : "" };
        return 1;
}

/* watching */

static void watch_arm(watch *w) {
        if (w->rx->pipe)
                pipe_rx_watch(w->rx->pipe, &w->by);
        else {
                wire_watch(w->rx->wire, &w->by);
                wire_want(w->rx->wire);
                if (wire_is_readable(w->rx->wire)) {
                        w->by.armed = false;
                        post_put(&w->by.post);
                }
        }
}

static bool is_readable(const beam_receiver *rx) {
        return rx->pipe ? pipe_is_readable(rx->pipe) : wire_is_readable(rx->wire);
}

static void on_watch(post *p) {
        watch *w = container_of(p, watch, by.post);

        /* What it was posted for may have been received since, even before it was posted: a
         * sender looks whom to tell only after the message lies in the ring. */
        if (!is_readable(w->rx)) {
                watch_arm(w);
                return;
        }
        w->running = true;
        w->fn(w->data, w->rx);
        w->running = false;
        if (w->dropped)
                mem_free(w);
        else
                watch_arm(w);
}

void watch_free(beam_receiver *rx) {
        watch *w = rx->watch;

        if (!w)
                return;
        rx->watch = NULL;
        if (rx->pipe) {
                pipe_rx_unwatch(rx->pipe, &w->by);
                w->by.post.loop->n_foreign--;
        } else {
                wire_watch(rx->wire, NULL);
                post_cancel(&w->by.post);
        }
        if (w->running)
                w->dropped = true;
        else
                mem_free(w);
}

int beam_receiver_watch(beam_receiver *rx, void (*fn)(void *data, beam_receiver *rx), void *data) {
        loop *l = loop_get();
        watch *w;

        if (!rx || !l)
                return -ENOMEM;
        if (is_of_parent(rx->pipe, rx->wire))
                return -ECHILD;
        if (!fn) {
                watch_free(rx);
                return 0;
        }
        w = rx->watch;
        if (w) {
                w->fn = fn;
                w->data = data;
                return 0;
        }
        w = mem_zero(sizeof(*w));
        if (!w)
                return -ENOMEM;
        post_init(&w->by.post, l, true, on_watch);
        list_init(&w->by.node);
        w->rx = rx;
        w->fn = fn;
        w->data = data;
        rx->watch = w;
        if (rx->pipe)
                l->n_foreign++;
        watch_arm(w);
        return 0;
}

/* for bridges */

size_t sender_depth(const beam_sender *tx) {
        return tx->pipe ? tx->pipe->depth : tx->wire->depth;
}

size_t receiver_depth(const beam_receiver *rx) {
        return rx->pipe ? rx->pipe->depth : rx->wire->depth;
}

void receiver_adopt(beam_receiver *rx, port *by) {
        if (rx->pipe) {
                pipe_rx_adopt(rx->pipe, by);
                by->post.loop->n_foreign++;
        } else
                wire_watch(rx->wire, by);
}

int receiver_pull(beam_receiver *rx, port *by, beam_msg **ret) {
        int r;

        if (rx->pipe)
                return pipe_pull(rx->pipe, by, ret);
        r = wire_pull(rx->wire, ret);
        if (r == -EAGAIN) {
                by->armed = true;
                wire_want(rx->wire);
        }
        return r;
}

bool receiver_is_pressed(const beam_receiver *rx) {
        return rx->wire && wire_is_pressed(rx->wire);
}

void receiver_ack(beam_receiver *rx, size_t n, int r) {
        if (rx->pipe)
                pipe_ack(rx->pipe, n, r);
        else
                wire_ack(rx->wire, (uint32_t)n, r);
}

bool receiver_is_heard(const beam_receiver *rx, port *by) {
        if (rx->wire)
                by->armed = true;
        return !rx->wire || rx->wire->s;
}

void receiver_leave(beam_receiver *rx, port *by, uint32_t code, const char *text) {
        if (rx->pipe) {
                by->post.loop->n_foreign--;
                pipe_rx_unwatch(rx->pipe, by);
        }
        beam_receiver_fail(rx, code, text);
}

void sender_adopt(beam_sender *tx, port *by) {
        if (tx->pipe) {
                pipe_tx_adopt(tx->pipe, by);
                by->post.loop->n_foreign++;
        } else
                wire_watch(tx->wire, by);
}

int sender_push(beam_sender *tx, beam_msg *msg) {
        int r;

        if (tx->pipe) {
                r = msg->extra ? msg_detach(msg) : 0;
                if (r >= 0 && msg->extra)
                        r = pipe_carry(tx->pipe, msg);
                return r < 0 ? r : pipe_push(tx->pipe, msg);
        }
        r = wire_send(tx->wire, msg, NULL);
        if (r == 0 && !tx->wire->depth)
                beam_msg_free(msg);
        if (r == -EAGAIN && tx->wire->by)
                tx->wire->by->armed = true;
        return r;
}

size_t sender_pushed_taken(beam_sender *tx, bool soon) {
        wire *w = tx->wire;
        size_t n;

        if (tx->pipe)
                return pipe_pushed_taken(tx->pipe, soon);
        n = (size_t)w->said;
        w->said = 0;
        if (w->by)
                w->by->armed = true;
        return n;
}

bool sender_is_wanted(beam_sender *tx) {
        if (tx->pipe)
                return pipe_is_wanted(tx->pipe);
        if (tx->wire->by)
                tx->wire->by->armed = true;
        return (tx->wire->flags & WIRE_MAY_SEND) != 0;
}

int sender_is_left(beam_sender *tx) {
        if (tx->pipe)
                return pipe_is_left(tx->pipe);
        return tx->wire->flags & (WIRE_STOPPED | WIRE_LOST) ? wire_tx_end(tx->wire) : -EAGAIN;
}

void sender_end(beam_sender *tx, uint32_t code, const char *text) {
        if (tx->pipe)
                pipe_tx_end_early(tx->pipe, code, text);
        else
                wire_end(tx->wire, code, text);
}

void sender_leave(beam_sender *tx, port *by, uint32_t code, const char *text) {
        if (tx->pipe) {
                by->post.loop->n_foreign--;
                pipe_tx_unadopt(tx->pipe);
        }
        beam_sender_fail(tx, code, text);
}
