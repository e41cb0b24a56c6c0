/* SPDX-License-Identifier: Apache-2.0 */
#include "inlet.h"

#include "../base/mem.h"

int inlet_init(inlet *in, chan_pipe *p) {
        in->pipe = p;
        in->set.port = &in->port;
        in->set.loop = in->port.post.loop;
        in->waiter.set = &in->set;
        list_init(&in->waiter.node);
        if (!p->tx.shared || !p->ring.depth)
                return 0;
        in->places = mem_array(p->ring.depth, sizeof(*in->places));
        return in->places ? 0 : -ENOMEM;
}

void inlet_deinit(inlet *in) {
        in->places = mem_free(in->places);
}

void inlet_open(inlet *in) {
        chan_pipe *p = in->pipe;

        lock_take(&p->guard);
        list_append(&p->tx.ports, &in->port.node);
        in->first = ring_n_put(&p->ring);
        lock_give(&p->guard);
}

static size_t place_of(const inlet *in, size_t i) {
        return in->places ? in->places[i % in->pipe->ring.depth] : in->first + i;
}

static void see_one_taken(inlet *in) {
        in->n_seen++;
        in->n_met++;
}

static void count_pushed(inlet *in, size_t place) {
        size_t depth = in->pipe->ring.depth;

        if (in->places) {
                /* more than that do not lie in the ring */
                if (in->n_pushed - in->n_seen == depth)
                        see_one_taken(in);
                in->places[in->n_pushed % depth] = place;
        }
        in->n_pushed++;
}

/* Whether the message that waited has been put, or will never be. */
static bool has_settled(inlet *in) {
        waiter *w = &in->waiter;

        if (!in->waits)
                return true;
        lock_take(&in->pipe->guard);
        in->waits = !w->done;
        lock_give(&in->pipe->guard);
        if (in->waits)
                return false;
        if (w->r < 0) {
                in->fate = w->r;
                w->msg = beam_msg_free(w->msg);
        } else if (in->pipe->ring.depth)
                count_pushed(in, w->place);
        else
                in->n_met++;
        return true;
}

int inlet_push(inlet *in, beam_msg *msg) {
        chan_pipe *p = in->pipe;
        waiter *w = &in->waiter;
        loop *poke = NULL;
        int r;

        if (!has_settled(in))
                return -EAGAIN;
        if (!p->tx.slow) {
                r = pipe_put(p, msg);
                if (r >= 0)
                        count_pushed(in, place_of(in, in->n_pushed));
                if (r != -EAGAIN)
                        return r;
        }
        lock_take(&p->guard);
        atomic_store(&in->set.chosen, WAIT_OPEN);
        w->done = false;
        w->msg = msg;
        r = pipe_put_or_wait(p, w, &poke);
        w->place = ring_n_put(&p->ring) - 1;
        in->waits = r == -EAGAIN;
        lock_give(&p->guard);
        if (poke)
                loop_poke(poke);
        if (in->waits)
                return 0;
        w->msg = NULL;
        if (r >= 0 && p->ring.depth)
                count_pushed(in, w->place);
        else if (r >= 0)
                in->n_met++;
        return r;
}

bool inlet_is_wanted(inlet *in) {
        chan_pipe *p = in->pipe;
        bool wanted;

        if (!has_settled(in) || pipe_is_left(p))
                return false;
        if (p->ring.depth)
                return true;
        lock_take(&p->guard);
        wanted = !list_is_empty(&p->rx.waiters) || pipe_has_rx_ports(p);
        in->port.armed = true;
        lock_give(&p->guard);
        return wanted;
}

static void want(inlet *in, size_t at) {
        chan_pipe *p = in->pipe;

        lock_take(&p->guard);
        in->port.armed = true;
        in->wanted_at = at;
        if (at < p->inlets_at)
                p->inlets_at = at;
        pipe_note_tx(p);
        lock_give(&p->guard);
}

static void look_what_was_taken(inlet *in) {
        size_t n_taken = ring_n_taken(&in->pipe->ring);

        while (in->n_seen < in->n_pushed && place_of(in, in->n_seen) < n_taken)
                see_one_taken(in);
}

size_t inlet_taken(inlet *in, bool soon) {
        size_t n;

        has_settled(in);
        look_what_was_taken(in);
        if (in->n_seen < in->n_pushed) {
                want(in, place_of(in, in->n_seen) + (soon ? 1 : pipe_half(in->pipe)));
                /* it may have been too late for the note */
                look_what_was_taken(in);
        }
        n = in->n_met;
        in->n_met = 0;
        return n;
}

int inlet_left(inlet *in) {
        has_settled(in);
        if (pipe_is_left(in->pipe))
                return pipe_tx_end(in->pipe);
        return in->fate ? in->fate : -EAGAIN;
}

void inlet_end(inlet *in, passage *over, uint32_t code, const char *text, int cut) {
        wakes k = { 0 };

        if (in->ended)
                return;
        in->ended = true;
        lock_take(&in->pipe->guard);
        pipe_tx_over(in->pipe, over, code, text, cut, &k);
        pipe_give(in->pipe, &k);
}

void inlet_close(inlet *in, passage *over, uint32_t code, const char *text) {
        chan_pipe *p = in->pipe;
        wakes k = { 0 };

        lock_take(&p->guard);
        list_remove(&in->port.node);
        in->port.armed = false;
        /* what waited in line, or went on to be taken elsewhere, is not waited for */
        list_remove(&in->waiter.node);
        if (!in->ended)
                pipe_tx_over(p, over, code, text, 0, &k);
        pipe_note_tx(p);
        pipe_tx_leave(p, over, &k);
        post_cancel(&in->port.post);
        beam_msg_free(in->waiter.msg);
        inlet_deinit(in);
}

/* for the pipe */

void inlets_serve(chan_pipe *p) {
        size_t n_taken = ring_n_taken(&p->ring);

        p->inlets_at = PIPE_NEVER;
        list_each(node, &p->tx.ports) {
                inlet *in = container_of(node, inlet, port.node);

                if (in->port.armed && in->wanted_at <= n_taken)
                        port_wake(&in->port);
                else if (in->port.armed && in->wanted_at < p->inlets_at)
                        p->inlets_at = in->wanted_at;
        }
}

void inlets_tell(chan_pipe *p) {
        list_each(node, &p->tx.ports) {
                post_put(&container_of(node, port, node)->post);
        }
}
