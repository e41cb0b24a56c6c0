/* SPDX-License-Identifier: Apache-2.0 */
#include "pipe.h"

#include "../base/fork.h"
#include "../base/mem.h"
#include "inlet.h"
#include "passage.h"
#include "reason.h"

static void side_init(pipe_side *s, bool slow) {
        s->n_handles = s->n_open = 1;
        s->slow = slow;
        list_init(&s->waiters);
        list_init(&s->ports);
}

int pipe_new(size_t depth, chan_pipe **ret) {
        chan_pipe *p;

        if (depth > BEAM_DEPTH_MAX)
                return -EINVAL;
        p = mem_zero(sizeof(*p) + depth * sizeof(p->ring.slots[0]));
        if (!p)
                return -ENOMEM;
        p->forks = fork_count();
        p->ring.depth = depth;
        p->max_msg = SIZE_MAX;
        side_init(&p->tx, !depth);
        side_init(&p->rx, !depth);
        list_init(&p->drainers);
        list_init(&p->passages);
        p->inlets_at = p->groups_at = PIPE_NEVER;
        atomic_store_explicit(&p->wake_tx_at, PIPE_NEVER, memory_order_relaxed);
        *ret = p;
        return 0;
}

void pipe_give(chan_pipe *p, const wakes *k) {
        lock_give(&p->guard);
        wakes_poke(k);
}

void pipe_meter(chan_pipe *p, size_t max_bytes) {
        p->max_bytes = max_bytes;
        p->tx.slow = p->rx.slow = true;
}

int pipe_rx_end(const chan_pipe *p) {
        if (p->rx.cut)
                return p->rx.cut;
        return p->tx.code == BEAM_CODE_NONE   ? 0
               : p->tx.code == BEAM_CODE_LOST ? -ECONNRESET
                                              : -EPIPE;
}

int pipe_tx_end(const chan_pipe *p) {
        if (p->tx.cut)
                return p->tx.cut == -ECONNRESET ? -ENOTCONN : p->tx.cut;
        return p->rx.code == BEAM_CODE_LOST ? -ENOTCONN : -EPIPE;
}

/* the ring, metered */

static bool has_room(const chan_pipe *p) {
        return p->ring.depth && ring_has_room(&p->ring) &&
               (!p->max_bytes || p->bytes < p->max_bytes);
}

static int put(chan_pipe *p, beam_msg *msg) {
        int r = lodge_enter(p, msg);

        if (r < 0)
                return r;
        if (p->max_bytes)
                p->bytes += msg->n;
        ring_put(&p->ring, msg);
        return 0;
}

static beam_msg *take(chan_pipe *p) {
        beam_msg *msg = p->ring.depth ? ring_take(&p->ring) : NULL;

        if (!msg)
                return NULL;
        if (p->max_bytes)
                p->bytes -= msg->n;
        lodge_leave(msg);
        return msg;
}

size_t pipe_half(const chan_pipe *p) {
        return p->ring.depth > 1 ? p->ring.depth / 2 : 1;
}

/* notes */

void pipe_note_rx(chan_pipe *p) {
        bool want = !list_is_empty(&p->rx.waiters);
        uint32_t closed = atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_CLOSED;

        /* both bits are only written under the guard */
        want = want || pipe_has_rx_ports(p);
        atomic_store(&p->rx_state, closed | (want ? PIPE_NOTE : 0));
}

/* An inlet is told of the first free slot, since it cannot look by itself. */
static size_t room_at(const chan_pipe *p) {
        const waiter *first = container_of(list_first(&p->tx.waiters), waiter, node);

        if (p->max_bytes)
                return 0;
        return ring_n_put(&p->ring) - p->ring.depth + (first->set->port ? 1 : pipe_half(p));
}

void pipe_note_tx(chan_pipe *p) {
        size_t at = p->inlets_at < p->groups_at ? p->inlets_at : p->groups_at;

        if (!list_is_empty(&p->tx.waiters) && p->ring.depth && room_at(p) < at)
                at = room_at(p);
        if (!list_is_empty(&p->drainers) && ring_n_put(&p->ring) < at)
                at = ring_n_put(&p->ring);
        atomic_store(&p->wake_tx_at, at);
}

bool pipe_has_rx_ports(const chan_pipe *p) {
        list_each(node, &p->rx.ports) {
                if (container_of(node, port, node)->armed)
                        return true;
        }
        return false;
}

void pipe_wake_rx_ports(chan_pipe *p) {
        list_each(node, &p->rx.ports) {
                port_wake(container_of(node, port, node));
        }
}

void pipe_wake_tx_ports(chan_pipe *p) {
        list_each(node, &p->tx.ports) {
                port_wake(container_of(node, port, node));
        }
}

/* the other side's work, where it waits for it */

static bool is_ended(const pipe_side *s) {
        return !s->n_open;
}

void pipe_serve_rx(chan_pipe *p, wakes *k) {
        while (!list_is_empty(&p->rx.waiters) && p->ring.depth && ring_first(&p->ring)) {
                waiter *w = waiter_choose_first(&p->rx.waiters, NULL);

                if (!w)
                        break;
                w->msg = take(p);
                waiter_finish(w, 1, k);
        }
        if (is_ended(&p->tx))
                waiter_finish_all(&p->rx.waiters, pipe_rx_end(p), k);
        pipe_wake_rx_ports(p);
        pipe_note_rx(p);
}

static void put_waiting(chan_pipe *p, const waitset *own, wakes *k) {
        while (!list_is_empty(&p->tx.waiters) && has_room(p)) {
                waiter *w = waiter_choose_first(&p->tx.waiters, own);
                int r;

                if (!w)
                        break;
                w->place = ring_n_put(&p->ring);
                r = put(p, w->msg);
                if (r == 0)
                        w->msg = NULL;
                waiter_finish(w, r, k);
        }
}

void pipe_serve_tx(chan_pipe *p, wakes *k) {
        put_waiting(p, NULL, k);
        if (!list_is_empty(&p->drainers) && ring_is_drained(&p->ring))
                waiter_finish_all(&p->drainers, 0, k);
        if (ring_n_taken(&p->ring) >= p->inlets_at)
                inlets_serve(p);
        if (ring_n_taken(&p->ring) >= p->groups_at)
                passages_serve(p);
        pipe_note_tx(p);
        if (atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_NOTE)
                pipe_serve_rx(p, k);
}

void pipe_tell_rx(chan_pipe *p) {
        wakes k = { 0 };

        lock_take(&p->guard);
        pipe_serve_rx(p, &k);
        pipe_give(p, &k);
}

void pipe_tell_tx(chan_pipe *p) {
        wakes k = { 0 };

        lock_take(&p->guard);
        pipe_serve_tx(p, &k);
        pipe_give(p, &k);
}

/* without waiting */

static int put_locked(chan_pipe *p, beam_msg *msg, const waitset *own, wakes *k) {
        waiter *w;
        int r;

        if (atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_CLOSED)
                return pipe_tx_end(p);
        if (p->ring.depth) {
                /* others who wait came before */
                put_waiting(p, own, k);
                r = has_room(p) ? put(p, msg) : -EAGAIN;
                if (atomic_load(&p->rx_state) & PIPE_NOTE)
                        pipe_serve_rx(p, k);
                return r;
        }
        w = waiter_choose_first(&p->rx.waiters, own);
        if (!w)
                return -EAGAIN;
        w->msg = msg;
        waiter_finish(w, 1, k);
        pipe_note_rx(p);
        return 0;
}

static int take_locked(chan_pipe *p, beam_msg **ret, const waitset *own, wakes *k) {
        beam_msg *msg = take(p);
        waiter *w;

        if (msg) {
                *ret = msg;
                if (ring_n_taken(&p->ring) >= atomic_load(&p->wake_tx_at))
                        pipe_serve_tx(p, k);
                return 1;
        }
        w = p->ring.depth ? NULL : waiter_choose_first(&p->tx.waiters, own);
        if (w) {
                *ret = waiter_take_msg(w);
                waiter_finish(w, 0, k);
                return 1;
        }
        /* all that was pushed has been taken: an inlet that counts may say so */
        if (p->ring.depth)
                pipe_wake_tx_ports(p);
        return is_ended(&p->tx) ? pipe_rx_end(p) : -EAGAIN;
}

int pipe_put_slow(chan_pipe *p, beam_msg *msg) {
        wakes k = { 0 };
        int r;

        lock_take(&p->guard);
        r = put_locked(p, msg, NULL, &k);
        pipe_give(p, &k);
        return r;
}

int pipe_take_slow(chan_pipe *p, beam_msg **ret) {
        wakes k = { 0 };
        int r;

        lock_take(&p->guard);
        r = take_locked(p, ret, NULL, &k);
        pipe_give(p, &k);
        return r;
}

int pipe_put_heard(chan_pipe *p, _Atomic(beam_msg *) *slot, beam_msg *msg) {
        beam_msg *there = msg;

        /* if it is still there though the receiver has closed, nobody has it */
        if (atomic_load(&p->rx_state) & PIPE_CLOSED)
                return atomic_compare_exchange_strong(slot, &there, NULL) ? pipe_tx_end(p) : 0;
        pipe_tell_rx(p);
        return 0;
}

/* waiting */

static void poke_all_but_first(const wakes *k, loop **ret_poke) {
        *ret_poke = k->n ? k->loops[0] : NULL;
        for (unsigned i = 1; i < k->n; i++)
                loop_poke(k->loops[i]);
}

int pipe_put_or_wait(chan_pipe *p, waiter *w, loop **ret_poke) {
        wakes k = { 0 };
        int r;

        while ((r = put_locked(p, w->msg, w->set, &k)) == -EAGAIN) {
                list_append(&p->tx.waiters, &w->node);
                pipe_note_tx(p);
                if (!p->ring.depth)
                        pipe_wake_rx_ports(p);
                if (!has_room(p))
                        break;
                /* it has become free before the note; others who wait may still be faster */
                list_remove(&w->node);
                pipe_note_tx(p);
        }
        poke_all_but_first(&k, ret_poke);
        return r;
}

int pipe_take_or_wait(chan_pipe *p, waiter *w, loop **ret_poke) {
        wakes k = { 0 };
        int r;

        r = take_locked(p, &w->msg, w->set, &k);
        if (r == -EAGAIN) {
                list_append(&p->rx.waiters, &w->node);
                pipe_note_rx(p);
                if (p->ring.depth && ring_first(&p->ring)) {
                        list_remove(&w->node);
                        pipe_note_rx(p);
                        r = take_locked(p, &w->msg, w->set, &k);
                } else if (!p->ring.depth)
                        pipe_wake_tx_ports(p);
        }
        poke_all_but_first(&k, ret_poke);
        return r;
}

int pipe_drain_or_wait(chan_pipe *p, waiter *w) {
        bool drained = !p->ring.depth || ring_is_drained(&p->ring);

        if (pipe_is_left(p))
                return drained && !p->left            ? 0
                       : p->rx.code == BEAM_CODE_LOST ? -ECONNRESET
                                                      : -EPIPE;
        if (drained)
                return 0;
        list_append(&p->drainers, &w->node);
        pipe_note_tx(p);
        if (!ring_is_drained(&p->ring))
                return -EAGAIN;
        list_remove(&w->node);
        pipe_note_tx(p);
        return 0;
}

void pipe_leave(chan_pipe *p, waiter *w) {
        lock_take(&p->guard);
        if (list_is_linked(&w->node)) {
                list_remove(&w->node);
                pipe_note_rx(p);
                pipe_note_tx(p);
        }
        lock_give(&p->guard);
}

void pipe_look_again(chan_pipe *p) {
        pipe_tell_tx(p);
}

/* watching */

static bool is_readable(const chan_pipe *p) {
        if (is_ended(&p->tx))
                return true;
        if (p->ring.depth)
                return ring_first(&p->ring) != NULL;
        list_each(node, &p->tx.waiters) {
                if (atomic_load(&container_of(node, waiter, node)->set->chosen) == WAIT_OPEN)
                        return true;
        }
        return false;
}

bool pipe_is_readable(chan_pipe *p) {
        bool readable;

        lock_take(&p->guard);
        readable = is_readable(p);
        lock_give(&p->guard);
        return readable;
}

void pipe_watch(chan_pipe *p, port *by) {
        lock_take(&p->guard);
        if (!list_is_linked(&by->node))
                list_append(&p->rx.ports, &by->node);
        by->armed = true;
        pipe_note_rx(p);
        if (is_readable(p))
                pipe_wake_rx_ports(p);
        else if (!p->ring.depth)
                pipe_wake_tx_ports(p);
        pipe_note_rx(p);
        lock_give(&p->guard);
}

void pipe_unwatch(chan_pipe *p, port *by) {
        lock_take(&p->guard);
        list_remove(&by->node);
        by->armed = false;
        pipe_note_rx(p);
        lock_give(&p->guard);
        post_cancel(&by->post);
}

/* handles */

static void dup(chan_pipe *p, pipe_side *s) {
        lock_take(&p->guard);
        s->n_handles++;
        s->n_open++;
        /* only once, while nobody else can be looking */
        if (!s->shared)
                s->shared = s->slow = true;
        lock_give(&p->guard);
}

void pipe_tx_dup(chan_pipe *p) {
        dup(p, &p->tx);
}

void pipe_rx_dup(chan_pipe *p) {
        dup(p, &p->rx);
}

/* Whether that was the last of @side's handles to end. */
static bool is_last_over(chan_pipe *p, pipe_side *side, passage *over) {
        if (over && !passage_end(over))
                return false;
        side->n_open--;
        if (!list_is_empty(&p->passages))
                passages_serve(p);
        return is_ended(side);
}

void pipe_tx_over(chan_pipe *p, passage *over, uint32_t code, const char *text, int cut, wakes *k) {
        if (!is_last_over(p, &p->tx, over))
                return;
        p->tx.code = code;
        p->tx.text = reason_copy(code, text);
        p->rx.cut = cut;
        pipe_serve_rx(p, k);
        pipe_note_tx(p);
}

void pipe_rx_over(chan_pipe *p, passage *over, uint32_t code, const char *text, int cut, wakes *k) {
        int unknown = code == BEAM_CODE_LOST ? -ECONNRESET : -EPIPE;

        if (!is_last_over(p, &p->rx, over))
                return;
        p->rx.code = code;
        p->rx.text = reason_copy(code, text);
        p->tx.cut = cut;
        /* what lies in the ring may still be received, while there is a handle */
        atomic_fetch_or(&p->rx_state, PIPE_CLOSED);
        waiter_finish_all(&p->tx.waiters, pipe_tx_end(p), k);
        waiter_finish_all(&p->drainers, unknown, k);
        inlets_tell(p);
}

static void free_all(chan_pipe *p, list *passages, bool last) {
        passages_free(passages);
        if (!last)
                return;
        mem_free(p->tx.text);
        mem_free(p->rx.text);
        mem_free(p);
}

/* The passages that are kept no longer, all of them with the last handle. */
static bool is_last(chan_pipe *p, passage *over, list *ret_done) {
        bool last = !p->tx.n_handles && !p->rx.n_handles;

        if (over)
                passage_drop(over);
        passages_take_done(p, last, ret_done);
        return last;
}

void pipe_tx_leave(chan_pipe *p, passage *over, const wakes *k) {
        list done = LIST_INIT(done);
        bool last;

        p->tx.n_handles--;
        last = is_last(p, over, &done);
        pipe_give(p, k);
        free_all(p, &done, last);
}

void pipe_rx_leave(chan_pipe *p, passage *over, const wakes *k) {
        list done = LIST_INIT(done);
        beam_msg *left = NULL;
        bool last, some;

        if (--p->rx.n_handles == 0) {
                left = ring_sweep(&p->ring, &some);
                for (const beam_msg *msg = left; msg; msg = msg->next)
                        lodge_leave(msg);
                p->left = p->left || some;
                if (p->left)
                        passages_refuse(p);
        }
        last = is_last(p, over, &done);
        pipe_give(p, k);

        while (left) {
                beam_msg *msg = left;

                left = msg->next;
                beam_msg_free(msg);
        }
        free_all(p, &done, last);
}

void pipe_tx_close(chan_pipe *p, passage *over, uint32_t code, const char *text) {
        wakes k = { 0 };

        lock_take(&p->guard);
        pipe_tx_over(p, over, code, text, 0, &k);
        pipe_tx_leave(p, over, &k);
}

void pipe_rx_close(chan_pipe *p, passage *over, uint32_t code, const char *text) {
        wakes k = { 0 };

        lock_take(&p->guard);
        pipe_rx_over(p, over, code, text, 0, &k);
        pipe_rx_leave(p, over, &k);
}
