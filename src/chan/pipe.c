/* SPDX-License-Identifier: Apache-2.0 */
#include "pipe.h"

#include <string.h>

#include "../base/fork.h"
#include "../base/mem.h"
#include "end.h"
#include "reason.h"
#include "stream.h"

/* A slot whose message a port has pulled and not acknowledged. */
#define TAKEN ((beam_msg *)1)

static bool on_cut(member *m, int tx_r, int rx_r);
static bool is_over(member *m);

int pipe_new(size_t depth, chan_pipe **ret) {
        chan_pipe *p;

        if (depth > BEAM_DEPTH_MAX)
                return -EINVAL;
        p = mem_zero(sizeof(*p) + depth * sizeof(p->slots[0]));
        if (!p)
                return -ENOMEM;
        p->forks = fork_count();
        p->depth = depth;
        p->max_msg = SIZE_MAX;
        p->n_tx = p->n_rx = 1;
        p->tx_slow = p->rx_slow = !depth;
        p->member.cut = on_cut;
        p->member.is_over = is_over;
        list_init(&p->tx_waiters);
        list_init(&p->rx_waiters);
        list_init(&p->rx_ports);
        list_init(&p->drainers);
        list_init(&p->unsaid);
        p->tx_note_at = PIPE_NEVER;
        atomic_store_explicit(&p->wake_tx_at, PIPE_NEVER, memory_order_relaxed);
        *ret = p;
        return 0;
}

/* Both sides closed, guard free, nobody else knows it any more. */
static void pipe_free(chan_pipe *p) {
        group_leave(&p->member);
        for (size_t i = 0; i < p->depth; i++) {
                beam_msg *msg = atomic_load_explicit(&p->slots[i], memory_order_relaxed);

                if (msg && msg != TAKEN) {
                        lodge_leave(msg);
                        beam_msg_free(msg);
                }
        }
        beam_msg_free(p->offer);
        mem_free(p->tx_text);
        mem_free(p->rx_text);
        mem_free(p);
}

int pipe_rx_end(const chan_pipe *p) {
        if (p->rx_cut)
                return p->rx_cut;
        return p->tx_code == BEAM_CODE_NONE   ? 0
               : p->tx_code == BEAM_CODE_LOST ? -ECONNRESET
                                              : -EPIPE;
}

int pipe_tx_end(const chan_pipe *p) {
        if (p->tx_cut)
                return p->tx_cut == -ECONNRESET ? -ENOTCONN : p->tx_cut;
        return p->rx_code == BEAM_CODE_LOST ? -ENOTCONN : -EPIPE;
}

/* the ring, as the side that it is says */

static size_t after(const chan_pipe *p, size_t i) {
        return i + 1 == p->depth ? 0 : i + 1;
}

static bool ring_has_room(const chan_pipe *p) {
        return p->depth && !atomic_load(&p->slots[p->tail]) &&
               (!p->max_bytes || p->bytes < p->max_bytes);
}

static int ring_put(chan_pipe *p, beam_msg *msg) {
        int r = lodge_enter(p, msg);

        if (r < 0)
                return r;
        if (p->max_bytes)
                p->bytes += msg->n;
        atomic_exchange(&p->slots[p->tail], msg);
        p->tail = after(p, p->tail);
        p->n_put++;
        return 0;
}

static size_t n_taken(const chan_pipe *p) {
        return atomic_load_explicit(&p->n_taken, memory_order_relaxed);
}

static void count_taken(chan_pipe *p) {
        atomic_store_explicit(&p->n_taken, n_taken(p) + 1, memory_order_relaxed);
}

static beam_msg *ring_take(chan_pipe *p) {
        beam_msg *msg = p->depth ? atomic_load(&p->slots[p->head]) : NULL;

        if (!msg || msg == TAKEN)
                return NULL;
        if (p->max_bytes)
                p->bytes -= msg->n;
        atomic_exchange(&p->slots[p->head], NULL);
        p->head = after(p, p->head);
        count_taken(p);
        lodge_leave(msg);
        return msg;
}

static size_t half(const chan_pipe *p) {
        return p->depth > 1 ? p->depth / 2 : 1;
}

/* waking: loops to be poked when the guard has been given back. A poke is a system
 * call, and whom it wakes wants the guard next. */

enum { N_WAKES = 8 };

typedef struct wakes {
        loop *loops[N_WAKES];
        unsigned n;
} wakes;

static void wakes_add(wakes *k, loop *l) {
        if (k->n < N_WAKES)
                k->loops[k->n++] = l;
        else
                loop_poke(l);
}

static void give(chan_pipe *p, const wakes *k) {
        lock_give(&p->guard);
        for (unsigned i = 0; i < k->n; i++)
                loop_poke(k->loops[i]);
}

static bool choose(waiter *w) {
        int open = WAIT_OPEN;

        return atomic_compare_exchange_strong(&w->set->chosen, &open, w->arm);
}

/* The first of @waiters that is not of @own choice and has now been chosen. */
static waiter *choose_first(list *waiters, const waitset *own) {
        list_each(node, waiters) {
                waiter *w = container_of(node, waiter, node);

                if (w->set != own && choose(w)) {
                        list_remove(&w->node);
                        return w;
                }
        }
        return NULL;
}

static void finish(waiter *w, int r, wakes *k) {
        w->r = r;
        w->done = true;
        wakes_add(k, w->set->loop);
}

static void finish_all(list *waiters, int r, wakes *k) {
        waiter *w;

        while ((w = choose_first(waiters, NULL)))
                finish(w, r, k);
}

/* notes */

static void note_rx(chan_pipe *p) {
        bool want = !list_is_empty(&p->rx_waiters);
        uint32_t closed = atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_CLOSED;

        list_each(node, &p->rx_ports) {
                want |= container_of(node, port, node)->armed;
        }
        /* both bits are only written under the guard */
        atomic_store(&p->rx_state, closed | (want ? PIPE_NOTE : 0));
}

static void note_tx(chan_pipe *p) {
        size_t at = PIPE_NEVER;

        if (!list_is_empty(&p->tx_waiters) && p->depth)
                at = p->max_bytes ? 0 : p->n_put - p->depth + half(p);
        if (!list_is_empty(&p->drainers) && p->n_put < at)
                at = p->n_put;
        if (p->tx_port && p->tx_port->armed && p->tx_note_at < at)
                at = p->tx_note_at;
        if (p->member.of && p->tx_closed && p->n_put < at)
                at = p->n_put;
        atomic_store(&p->wake_tx_at, at);
}

static void post_if_armed(port *by) {
        if (by && by->armed) {
                by->armed = false;
                post_put(&by->post);
        }
}

/* The receiver has gone: a port that was not waiting for room is told as well. */
static void post_tx(chan_pipe *p) {
        if (p->tx_port)
                post_put(&p->tx_port->post);
}

static void post_rx(chan_pipe *p) {
        list_each(node, &p->rx_ports) {
                post_if_armed(container_of(node, port, node));
        }
}

static size_t n_in_ring(const chan_pipe *p) {
        size_t n = 0;

        for (size_t i = 0; i < p->depth; i++)
                n += atomic_load(&p->slots[i]) != NULL;
        return n;
}

static bool drained(const chan_pipe *p) {
        return p->n_put == 0 || !p->depth ||
               !atomic_load(&p->slots[p->tail ? p->tail - 1 : p->depth - 1]);
}

/* The other side's work, where it waits for it. */

static void serve_rx(chan_pipe *p, wakes *k) {
        while (!list_is_empty(&p->rx_waiters)) {
                beam_msg *msg = p->depth ? atomic_load(&p->slots[p->head]) : NULL;
                waiter *w;

                if (!msg || msg == TAKEN)
                        break;
                w = choose_first(&p->rx_waiters, NULL);
                if (!w)
                        break;
                w->msg = ring_take(p);
                finish(w, 1, k);
        }
        if (p->tx_closed)
                finish_all(&p->rx_waiters, pipe_rx_end(p), k);
        post_rx(p);
        note_rx(p);
}

static void serve_tx(chan_pipe *p, wakes *k) {
        waiter *w;

        while (!list_is_empty(&p->tx_waiters) && ring_has_room(p)) {
                w = choose_first(&p->tx_waiters, NULL);
                if (!w)
                        break;
                finish(w, ring_put(p, w->msg), k);
        }
        if (!list_is_empty(&p->drainers) && drained(p))
                finish_all(&p->drainers, 0, k);
        if (n_taken(p) >= p->tx_note_at)
                post_if_armed(p->tx_port);
        note_tx(p);
        if (p->member.of && p->tx_closed && drained(p)) {
                atomic_store(&p->wake_tx_at, PIPE_NEVER);
                group_stir(p->member.of);
        }
        if (atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_NOTE)
                serve_rx(p, k);
}

void pipe_tell_rx(chan_pipe *p) {
        wakes k = { 0 };

        lock_take(&p->guard);
        serve_rx(p, &k);
        give(p, &k);
}

void pipe_tell_tx(chan_pipe *p) {
        wakes k = { 0 };

        lock_take(&p->guard);
        serve_tx(p, &k);
        give(p, &k);
}

/* without waiting */

static int put_locked(chan_pipe *p, beam_msg *msg, const waitset *own, wakes *k) {
        waiter *w;
        int r;

        if (atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_CLOSED)
                return pipe_tx_end(p);
        if (p->depth) {
                if (!ring_has_room(p))
                        return -EAGAIN;
                r = ring_put(p, msg);
                if (r >= 0 && atomic_load(&p->rx_state) & PIPE_NOTE)
                        serve_rx(p, k);
                return r;
        }
        w = choose_first(&p->rx_waiters, own);
        if (!w)
                return -EAGAIN;
        w->msg = msg;
        finish(w, 1, k);
        note_rx(p);
        p->n_put++;
        return 0;
}

static void offer_taken(chan_pipe *p) {
        p->n_put++;
        post_if_armed(p->tx_port);
}

static int take_locked(chan_pipe *p, beam_msg **ret, const waitset *own, wakes *k) {
        beam_msg *msg = ring_take(p);
        waiter *w;

        if (msg) {
                *ret = msg;
                if (n_taken(p) >= atomic_load(&p->wake_tx_at))
                        serve_tx(p, k);
                return 1;
        }
        if (p->offer) {
                *ret = p->offer;
                p->offer = NULL;
                offer_taken(p);
                return 1;
        }
        w = p->depth ? NULL : choose_first(&p->tx_waiters, own);
        if (w) {
                *ret = w->msg;
                finish(w, 0, k);
                return 1;
        }
        /* all that was pushed has been taken: a port that counts may say so */
        if (p->depth)
                post_if_armed(p->tx_port);
        return p->tx_closed ? pipe_rx_end(p) : -EAGAIN;
}

int pipe_put_slow(chan_pipe *p, beam_msg *msg) {
        wakes k = { 0 };
        int r;

        lock_take(&p->guard);
        r = put_locked(p, msg, NULL, &k);
        give(p, &k);
        return r;
}

int pipe_take_slow(chan_pipe *p, beam_msg **ret) {
        wakes k = { 0 };
        int r;

        lock_take(&p->guard);
        r = take_locked(p, ret, NULL, &k);
        give(p, &k);
        return r;
}

/* The receiver closed while the message went in. If it is still there, nobody has it. */
int pipe_put_late(chan_pipe *p, _Atomic(beam_msg *) *slot, beam_msg *msg) {
        beam_msg *there = msg;

        return atomic_compare_exchange_strong(slot, &there, NULL) ? pipe_tx_end(p) : 0;
}

/* waiting */

int pipe_put_or_wait(chan_pipe *p, waiter *w, loop **ret_poke) {
        wakes k = { 0 };
        int r;

        r = put_locked(p, w->msg, w->set, &k);
        if (r == -EAGAIN) {
                list_append(&p->tx_waiters, &w->node);
                note_tx(p);
                if (ring_has_room(p)) {
                        list_remove(&w->node);
                        note_tx(p);
                        r = put_locked(p, w->msg, w->set, &k);
                } else if (!p->depth)
                        post_rx(p);
        }
        *ret_poke = k.n ? k.loops[0] : NULL;
        for (unsigned i = 1; i < k.n; i++)
                loop_poke(k.loops[i]);
        return r;
}

int pipe_take_or_wait(chan_pipe *p, waiter *w, loop **ret_poke) {
        wakes k = { 0 };
        int r;

        r = take_locked(p, &w->msg, w->set, &k);
        if (r == -EAGAIN) {
                list_append(&p->rx_waiters, &w->node);
                note_rx(p);
                if (p->depth && atomic_load(&p->slots[p->head])) {
                        list_remove(&w->node);
                        note_rx(p);
                        r = take_locked(p, &w->msg, w->set, &k);
                } else if (!p->depth)
                        post_if_armed(p->tx_port);
        }
        *ret_poke = k.n ? k.loops[0] : NULL;
        for (unsigned i = 1; i < k.n; i++)
                loop_poke(k.loops[i]);
        return r;
}

int pipe_drain_or_wait(chan_pipe *p, waiter *w) {
        if (atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_CLOSED)
                return !p->left ? 0 : p->rx_code == BEAM_CODE_LOST ? -ECONNRESET : -EPIPE;
        if (drained(p))
                return 0;
        list_append(&p->drainers, &w->node);
        note_tx(p);
        if (!drained(p))
                return -EAGAIN;
        list_remove(&w->node);
        note_tx(p);
        return 0;
}

void pipe_leave(chan_pipe *p, waiter *w) {
        lock_take(&p->guard);
        if (list_is_linked(&w->node)) {
                bool unsaid = atomic_load(&w->set->chosen) == w->arm && !w->done;

                list_remove(&w->node);
                if (unsaid)
                        p->n_orphans++;
                note_rx(p);
                note_tx(p);
        }
        lock_give(&p->guard);
}

void pipe_look_again(chan_pipe *p) {
        pipe_tell_tx(p);
}

/* handles */

void pipe_tx_dup(chan_pipe *p) {
        lock_take(&p->guard);
        p->n_tx++;
        p->tx_shared = p->tx_slow = true;
        lock_give(&p->guard);
}

void pipe_rx_dup(chan_pipe *p) {
        lock_take(&p->guard);
        p->n_rx++;
        p->rx_shared = p->rx_slow = true;
        lock_give(&p->guard);
}

static void tx_end(chan_pipe *p, uint32_t code, const char *text, wakes *k) {
        if (p->tx_closed)
                return;
        p->tx_code = code;
        p->tx_text = reason_copy(code, text);
        p->tx_closed = true;
        serve_rx(p, k);
        if (p->member.of) {
                note_tx(p);
                group_stir(p->member.of);
        }
}

void pipe_tx_end_early(chan_pipe *p, uint32_t code, const char *text) {
        wakes k = { 0 };

        lock_take(&p->guard);
        if (p->n_tx == 1)
                tx_end(p, code, text, &k);
        give(p, &k);
}

void pipe_tx_close(chan_pipe *p, uint32_t code, const char *text) {
        wakes k = { 0 };
        bool last;

        lock_take(&p->guard);
        if (--p->n_tx == 0)
                tx_end(p, code, text, &k);
        last = !p->n_tx && !p->n_rx;
        give(p, &k);
        if (last)
                pipe_free(p);
}

/* What lies in the ring goes; the slots stay as the sender may be putting in another. */
static beam_msg *ring_sweep(chan_pipe *p) {
        beam_msg *all = NULL;

        if (p->offer || p->offer_out)
                p->left = true;
        if (p->offer) {
                all = p->offer;
                all->next = NULL;
                p->offer = NULL;
        }
        p->n_left = 0;
        for (size_t i = 0; i < p->depth; i++) {
                /* most are empty, and to look costs less than to exchange */
                beam_msg *msg =
                        atomic_load(&p->slots[i]) ? atomic_exchange(&p->slots[i], NULL) : NULL;

                if (!msg)
                        continue;
                p->left = true;
                p->n_left++;
                if (msg != TAKEN) {
                        lodge_leave(msg);
                        msg->next = all;
                        all = msg;
                }
        }
        return all;
}

void pipe_rx_close(chan_pipe *p, uint32_t code, const char *text) {
        beam_msg *left = NULL;
        wakes k = { 0 };
        bool last;

        lock_take(&p->guard);
        if (--p->n_rx == 0) {
                p->rx_code = code;
                p->rx_text = reason_copy(code, text);
                atomic_store(&p->rx_state, PIPE_CLOSED);
                left = ring_sweep(p);
                if (p->member.of && p->left)
                        group_refused(p->member.of);
                if (p->member.of)
                        group_stir(p->member.of);
                finish_all(&p->tx_waiters, pipe_tx_end(p), &k);
                while (!list_is_empty(&p->unsaid)) {
                        waiter *w = container_of(list_take_first(&p->unsaid), waiter, node);

                        finish(w, code == BEAM_CODE_LOST ? -ECONNRESET : -EPIPE, &k);
                }
                finish_all(&p->drainers, code == BEAM_CODE_LOST ? -ECONNRESET : -EPIPE, &k);
                post_tx(p);
        }
        last = !p->n_tx && !p->n_rx;
        give(p, &k);

        while (left) {
                beam_msg *msg = left;

                left = msg->next;
                beam_msg_free(msg);
        }
        if (last)
                pipe_free(p);
}

/* groups */

static bool on_cut(member *m, int tx_r, int rx_r) {
        chan_pipe *p = container_of(m, chan_pipe, member);
        wakes k = { 0 };
        bool left;

        lock_take(&p->guard);
        if (!p->tx_closed) {
                p->rx_cut = rx_r;
                p->tx_code = BEAM_CODE_LOST;
                p->tx_closed = true;
                serve_rx(p, &k);
        }
        if (!(atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_CLOSED)) {
                p->tx_cut = tx_r;
                p->rx_code = BEAM_CODE_LOST;
                p->left = !drained(p);
                /* what lies in the ring may still be received, but nobody will hear of that */
                atomic_fetch_or(&p->rx_state, PIPE_CLOSED);
                p->n_left = n_in_ring(p);
                finish_all(&p->tx_waiters, pipe_tx_end(p), &k);
                finish_all(&p->drainers, -ECONNRESET, &k);
                while (!list_is_empty(&p->unsaid))
                        finish(container_of(list_take_first(&p->unsaid), waiter, node), -ECONNRESET,
                               &k);
                post_tx(p);
        }
        left = p->left;
        give(p, &k);
        return left;
}

void pipe_cut(chan_pipe *p, int r) {
        on_cut(&p->member, r, r);
}

static bool is_over(member *m) {
        chan_pipe *p = container_of(m, chan_pipe, member);
        bool over;

        lock_take(&p->guard);
        over = atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_CLOSED ||
               (p->tx_closed && drained(p));
        lock_give(&p->guard);
        return over;
}

static int carry_to_group(chan_pipe *p, const beam_msg *msg) {
        group *g = p->member.of;
        int here = p->member.side[0], there = p->member.side[1];
        int r = g ? group_check(g, there, msg) : 0;

        for (size_t i = 0; g && i < msg_n_things(msg) && r >= 0; i++) {
                const thing *t = msg_thing(msg, i);

                if (t->kind == BEAM_SENDER)
                        r = group_enter(g, &t->tx->pipe->member, there, here, here);
                else if (t->kind == BEAM_RECEIVER)
                        r = group_enter(g, &t->rx->pipe->member, here, there, here);
                else if (t->kind == BEAM_STREAM)
                        r = stream_enter(t->st, g, here);
        }
        return r;
}

int pipe_carry(chan_pipe *p, const beam_msg *msg) {
        int r = lodge_check(p, msg);

        return r < 0 ? r : carry_to_group(p, msg);
}

/* ports */

void pipe_meter(chan_pipe *p, size_t max_bytes) {
        p->max_bytes = max_bytes;
        p->tx_slow = p->rx_slow = true;
}

void pipe_rx_adopt(chan_pipe *p, port *by) {
        lock_take(&p->guard);
        list_append(&p->rx_ports, &by->node);
        p->read = p->head;
        p->n_read = n_taken(p);
        lock_give(&p->guard);
}

void pipe_tx_adopt(chan_pipe *p, port *by) {
        lock_take(&p->guard);
        p->tx_port = by;
        p->oldest = p->tail;
        p->n_old = p->n_pushed = p->n_put;
        lock_give(&p->guard);
}

static bool is_readable(const chan_pipe *p) {
        if (p->tx_closed)
                return true;
        if (p->depth)
                return atomic_load(&p->slots[p->head]) != NULL;
        list_each(node, &p->tx_waiters) {
                if (atomic_load(&container_of(node, waiter, node)->set->chosen) == WAIT_OPEN)
                        return true;
        }
        return p->offer != NULL;
}

bool pipe_is_readable(chan_pipe *p) {
        bool readable;

        lock_take(&p->guard);
        readable = is_readable(p);
        lock_give(&p->guard);
        return readable;
}

void pipe_rx_watch(chan_pipe *p, port *by) {
        lock_take(&p->guard);
        if (!list_is_linked(&by->node))
                list_append(&p->rx_ports, &by->node);
        by->armed = true;
        note_rx(p);
        if (is_readable(p))
                post_rx(p);
        else if (!p->depth)
                post_if_armed(p->tx_port);
        note_rx(p);
        lock_give(&p->guard);
}

void pipe_rx_unwatch(chan_pipe *p, port *by) {
        lock_take(&p->guard);
        list_remove(&by->node);
        by->armed = false;
        note_rx(p);
        lock_give(&p->guard);
        post_cancel(&by->post);
}

void pipe_tx_unadopt(chan_pipe *p) {
        lock_take(&p->guard);
        if (p->tx_port) {
                p->tx_port->armed = false;
                post_cancel(&p->tx_port->post);
        }
        p->tx_port = NULL;
        note_tx(p);
        lock_give(&p->guard);
}

/* With several receivers the others take from the head too, so nothing is left behind
 * there: taken is acknowledged. */
static beam_msg *pull_next(chan_pipe *p) {
        beam_msg *msg;

        if (p->rx_shared)
                return ring_take(p);
        msg = atomic_load(&p->slots[p->read]);
        if (!msg || msg == TAKEN)
                return NULL;
        if (p->max_bytes)
                p->bytes_pulled += msg->n;
        atomic_store(&p->slots[p->read], TAKEN);
        p->read = after(p, p->read);
        p->n_read++;
        lodge_leave(msg);
        return msg;
}

/* A sender that waits without a ring keeps its message until it is known what became
 * of it; what goes on is a copy of the bytes, and all that it carries. */
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

static int pull_from_waiter(chan_pipe *p, beam_msg **ret) {
        if (p->offer) {
                *ret = p->offer;
                p->offer = NULL;
                p->offer_out = true;
                return 1;
        }
        list_each(node, &p->tx_waiters) {
                waiter *w = container_of(node, waiter, node);
                int r;

                if (!choose(w))
                        continue;
                list_remove(&w->node);
                r = split(w->msg, ret);
                if (r < 0) {
                        wakes k = { 0 };

                        finish(w, r, &k);
                        loop_poke(k.loops[0]);
                        return -EAGAIN;
                }
                w->kept = true;
                list_append(&p->unsaid, &w->node);
                return 1;
        }
        return -EAGAIN;
}

int pipe_pull(chan_pipe *p, port *by, beam_msg **ret) {
        wakes k = { 0 };
        beam_msg *msg;
        int r;

        if (!p->rx_slow) {
                msg = pull_next(p);
                if (msg) {
                        *ret = msg;
                        return 1;
                }
        }

        lock_take(&p->guard);
        if (p->depth) {
                by->armed = true;
                note_rx(p);
                msg = pull_next(p);
                if (msg)
                        *ret = msg;
                r = msg ? 1 : -EAGAIN;
                if (msg) {
                        by->armed = false;
                        note_rx(p);
                        if (p->rx_shared && n_taken(p) >= atomic_load(&p->wake_tx_at))
                                serve_tx(p, &k);
                }
        } else {
                r = pull_from_waiter(p, ret);
                by->armed = r == -EAGAIN;
                note_rx(p);
                if (by->armed)
                        post_if_armed(p->tx_port);
        }
        if (r == -EAGAIN && p->tx_closed)
                r = pipe_rx_end(p);
        give(p, &k);
        return r;
}

void pipe_ack(chan_pipe *p, size_t n, int r) {
        wakes k = { 0 };

        if (!p->depth) {
                lock_take(&p->guard);
                for (; n; n--) {
                        if (p->offer_out) {
                                p->offer_out = false;
                                offer_taken(p);
                        } else if (p->n_orphans)
                                p->n_orphans--;
                        else if (!list_is_empty(&p->unsaid))
                                finish(container_of(list_take_first(&p->unsaid), waiter, node), r,
                                       &k);
                }
                give(p, &k);
                return;
        }

        if (p->rx_shared)
                return;
        if (p->max_bytes) {
                /* sizes are not remembered: each counts as the mean of those pulled */
                size_t n_pulled = p->n_read - n_taken(p), bytes;

                lock_take(&p->guard);
                bytes = n >= n_pulled ? p->bytes_pulled : p->bytes_pulled / n_pulled * n;
                p->bytes_pulled -= bytes;
                p->bytes -= bytes;
                lock_give(&p->guard);
        }
        for (; n; n--) {
                atomic_exchange(&p->slots[p->head], NULL);
                p->head = after(p, p->head);
                count_taken(p);
        }
        if (n_taken(p) >= atomic_load(&p->wake_tx_at))
                pipe_tell_tx(p);
}

static bool is_port_waiting(const chan_pipe *p) {
        bool waiting = false;

        list_each(node, &p->rx_ports) {
                waiting |= container_of(node, port, node)->armed;
        }
        return waiting && !p->offer && !p->offer_out;
}

static int push_offer(chan_pipe *p, beam_msg *msg) {
        wakes k = { 0 };
        int r;

        lock_take(&p->guard);
        r = put_locked(p, msg, NULL, &k);
        if (r == -EAGAIN && is_port_waiting(p)) {
                p->offer = msg;
                post_rx(p);
                r = 0;
        }
        if (p->tx_port)
                p->tx_port->armed = true;
        give(p, &k);
        return r;
}

static int do_push(chan_pipe *p, beam_msg *msg);
int pipe_push(chan_pipe *p, beam_msg *msg) {
        int r = do_push(p, msg);
        if (r >= 0)
                p->n_pushed++;
        return r;
}
static int do_push(chan_pipe *p, beam_msg *msg) {
        int r = p->depth ? pipe_put(p, msg) : push_offer(p, msg);

        if (r != -EAGAIN || !p->depth)
                return r;
        lock_take(&p->guard);
        if (p->tx_port)
                p->tx_port->armed = true;
        p->tx_note_at = p->n_put - p->depth + 1;
        note_tx(p);
        lock_give(&p->guard);
        /* once more, as it may have been too late for the note */
        return pipe_put(p, msg);
}

size_t pipe_pushed_taken(chan_pipe *p, bool soon) {
        size_t n = 0, n_old;

        if (p->tx_shared && p->depth) {
                n = p->n_pushed - p->n_old;
                p->n_old = p->n_pushed;
                return n;
        }
        if (!p->depth) {
                /* others count here: producers, or the receiver that took an offer */
                lock_take(&p->guard);
                n = p->n_put - p->n_old;
                p->n_old = p->n_put;
                lock_give(&p->guard);
                return n;
        }
        n_old = p->n_old;
        for (int pass = 0; pass < 2; pass++) {
                while (p->n_old < p->n_put && !atomic_load(&p->slots[p->oldest])) {
                        p->oldest = after(p, p->oldest);
                        p->n_old++;
                        n++;
                }
                if (pass || p->n_old == p->n_put)
                        break;
                lock_take(&p->guard);
                if (p->tx_port)
                        p->tx_port->armed = true;
                p->tx_note_at = p->n_old + (soon ? 1 : half(p));
                note_tx(p);
                lock_give(&p->guard);
        }
        if (atomic_load(&p->rx_state) & PIPE_CLOSED) {
                /* A slot may have been swept as well as taken. Looked at last, since the receiver
                 * says that it goes before it sweeps. */
                lock_take(&p->guard);
                n = p->n_put - p->n_left - n_old;
                p->n_old = n_old + n;
                lock_give(&p->guard);
        }
        return n;
}

bool pipe_is_wanted(chan_pipe *p) {
        bool wanted;

        lock_take(&p->guard);
        wanted = !list_is_empty(&p->rx_waiters) || is_port_waiting(p);
        if (p->tx_port)
                p->tx_port->armed = true;
        note_tx(p);
        lock_give(&p->guard);
        return wanted;
}

int pipe_is_left(chan_pipe *p) {
        if (!(atomic_load(&p->rx_state) & PIPE_CLOSED))
                return -EAGAIN;
        return pipe_tx_end(p);
}
