/* SPDX-License-Identifier: Apache-2.0 */
#include "outlet.h"

#include <string.h>

void outlet_open(outlet *out, chan_pipe *p) {
        out->pipe = p;
        list_init(&out->unsaid);
        lock_take(&p->guard);
        list_append(&p->rx.ports, &out->port.node);
        p->ring.read = p->ring.head;
        lock_give(&p->guard);
}

static beam_msg *pull_from_ring(outlet *out) {
        chan_pipe *p = out->pipe;
        beam_msg *msg = p->rx.shared ? ring_take(&p->ring) : ring_pull(&p->ring);

        if (!msg)
                return NULL;
        if (p->max_bytes && p->rx.shared)
                p->bytes -= msg->n;
        else if (p->max_bytes)
                out->bytes += msg->n;
        out->n_pulled++;
        lodge_leave(msg);
        return msg;
}

/* A program's send that waits without a ring keeps its message until it is known what
 * became of it; what goes on is a copy of the bytes, and all that it carries. */
static int split(beam_msg *msg, beam_msg **ret) {
        beam_msg *copy = msg_new(msg->n);

        if (!copy)
                return -ENOMEM;
        memcpy(copy->data, msg->data, msg->n);
        copy->deadline = msg->deadline;
        if (msg_take_extra(copy, msg) < 0) {
                beam_msg_free(copy);
                return -ENOMEM;
        }
        *ret = copy;
        return 0;
}

static int pull_from_waiter(outlet *out, beam_msg **ret, wakes *k) {
        waiter *w = waiter_choose_first(&out->pipe->tx.waiters, NULL);
        int r = 0;

        if (!w)
                return -EAGAIN;
        if (w->set->port)
                *ret = waiter_take_msg(w);
        else
                r = split(w->msg, ret);
        if (r < 0) {
                waiter_finish(w, r, k);
                return -EAGAIN;
        }
        w->kept = !w->set->port;
        w->ticket = out->n_pulled++;
        list_append(&out->unsaid, &w->node);
        return 1;
}

int outlet_pull(outlet *out, beam_msg **ret) {
        chan_pipe *p = out->pipe;
        wakes k = { 0 };
        int r;

        if (!p->rx.slow && (*ret = pull_from_ring(out)))
                return 1;

        lock_take(&p->guard);
        out->port.armed = true;
        pipe_note_rx(p);
        if (p->ring.depth)
                r = (*ret = pull_from_ring(out)) ? 1 : -EAGAIN;
        else
                r = pull_from_waiter(out, ret, &k);
        if (r == 1) {
                out->port.armed = false;
                pipe_note_rx(p);
                if (ring_n_taken(&p->ring) >= atomic_load(&p->wake_tx_at))
                        pipe_serve_tx(p, &k);
        } else if (!p->ring.depth)
                pipe_wake_tx_ports(p);
        if (r == -EAGAIN && !p->tx.n_open)
                r = pipe_rx_end(p);
        pipe_give(p, &k);
        return r;
}

static void finish_unsaid(outlet *out, int r, wakes *k) {
        while (!list_is_empty(&out->unsaid)) {
                waiter *w = container_of(list_first(&out->unsaid), waiter, node);

                if (w->ticket >= out->n_acked)
                        break;
                list_remove(&w->node);
                waiter_finish(w, r, k);
        }
}

static void ack_in_ring(outlet *out, size_t n) {
        chan_pipe *p = out->pipe;

        if (p->max_bytes) {
                /* sizes are not remembered: each counts as the mean of those pulled */
                size_t n_pulled = out->n_pulled - out->n_acked;
                size_t bytes = n >= n_pulled ? out->bytes : out->bytes / n_pulled * n;

                lock_take(&p->guard);
                p->bytes -= bytes;
                lock_give(&p->guard);
                out->bytes -= bytes;
        }
        for (size_t i = 0; i < n; i++)
                ring_free_slot(&p->ring);
        if (ring_n_taken(&p->ring) >= atomic_load(&p->wake_tx_at))
                pipe_tell_tx(p);
}

void outlet_ack(outlet *out, size_t n) {
        chan_pipe *p = out->pipe;
        wakes k = { 0 };

        if (p->ring.depth && !p->rx.shared)
                ack_in_ring(out, n);
        out->n_acked += n;
        if (p->ring.depth)
                return;
        lock_take(&p->guard);
        finish_unsaid(out, 0, &k);
        pipe_give(p, &k);
}

void outlet_close(outlet *out, passage *over, uint32_t code, const char *text, int cut) {
        chan_pipe *p = out->pipe;
        wakes k = { 0 };

        lock_take(&p->guard);
        list_remove(&out->port.node);
        out->port.armed = false;
        pipe_rx_over(p, over, code, text, cut, &k);
        /* nobody will say what became of these */
        out->n_acked = out->n_pulled;
        finish_unsaid(out, code == BEAM_CODE_LOST ? -ECONNRESET : -EPIPE, &k);
        pipe_note_rx(p);
        pipe_rx_leave(p, over, &k);
        post_cancel(&out->port.post);
}
