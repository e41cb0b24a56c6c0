/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending, receiving and choosing, with waiting.
 *
 * First every arm is tried; then, while other cores may be about to help, a moment
 * is spent looking again; then the thread leaves word with each pipe and turns its
 * loop until one of them has chosen it, an arm on a wire can go, or the deadline
 * has come. Ends on wires need no word left: only this thread's loop moves them.
 */
#include <string.h>

#include "../base/clock.h"
#include "../base/cpu.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "session.h"
#include "wire.h"

enum {
        N_INLINE = 8,
        /* A look costs about 40 ns, a wake-up over cores 50 us and more. Measured on two cores. */
        SPIN_MIN = 50,    /* looks before each sleep */
        SPIN_AWAKE = 600, /* while looking has paid */
        SPIN_LONG = 2500, /* once in so many waits: as long as a wake-up takes, or two sides */
        SPIN_RETRY = 32,  /* that always sleep would never come to be awake together */
        /* A sender looks by itself after 1 ms, 2, 4 ... up to so many. */
        LOOK_MAX_MS = 64,
};

static chan_pipe *arm_pipe(const beam_arm *a) {
        return a->tx ? a->tx->pipe : a->rx ? a->rx->pipe : NULL;
}

static wire *arm_wire(const beam_arm *a) {
        return a->tx ? a->tx->wire : a->rx ? a->rx->wire : NULL;
}

/* Without waiting: whether the arm has gone, its result in r. */
static bool try_arm(beam_arm *a) {
        if (a->tx) {
                if (a->tx->pipe)
                        a->r = a->msg->n > a->tx->pipe->max_msg ? -EMSGSIZE
                                                                : sender_put(a->tx, a->msg);
                else
                        a->r = wire_send(a->tx->wire, a->msg, NULL);
        } else if (a->rx) {
                a->r = a->rx->pipe ? receiver_take(a->rx, &a->msg)
                                   : wire_recv(a->rx->wire, &a->msg);
        } else
                return false;
        return a->r != -EAGAIN;
}

/* What must hold before an arm may be tried at all. */
static int check_arm(const beam_arm *a) {
        chan_pipe *p = arm_pipe(a);
        const wire *w = arm_wire(a);

        if (p && p->forks != fork_count())
                return -ECHILD;
        if (w && w->s && (w->s->base.forks != fork_count()))
                return -ECHILD;
        if (a->tx && !a->msg)
                return -EINVAL;
        if (w && w->s && w->s->loop != loop_mine())
                return -EINVAL;
        /* what goes over memory may go to another thread */
        if (a->tx && p && a->msg->extra) {
                int r = msg_detach(a->msg);

                return r < 0 ? r : passage_carry(p, a->tx->over, a->msg);
        }
        return 0;
}

static size_t slot_is_ready(void *arg) {
        const beam_arm *a = arg;
        const ring *r = &arm_pipe(a)->ring;

        return a->tx ? ring_has_room(r) : ring_first(r) != NULL;
}

static bool spin(loop *l, beam_arm *a) {
        chan_pipe *p = arm_pipe(a);
        uint16_t *budget;
        unsigned n;

        if (!p || !p->ring.depth || (a->tx ? p->tx.shared : p->rx.shared) || !loop_is_bare(l))
                return false;
        if (patience_pays(a->tx ? &p->tx.patience : &p->rx.patience, false, slot_is_ready, a))
                return try_arm(a);
        if (!loop_has_company(l))
                return false;
        budget = a->tx ? &p->tx.looks : &p->rx.looks;
        if (*budget < SPIN_MIN)
                *budget = SPIN_MIN;
        n = *budget;
        if (n < SPIN_AWAKE && loop_random(l) % SPIN_RETRY == 0)
                n = SPIN_LONG;
        for (unsigned i = 0; i < n; i++) {
                cpu_relax();
                if (slot_is_ready(a)) {
                        *budget = SPIN_AWAKE;
                        return try_arm(a);
                }
        }
        *budget /= 2;
        return false;
}

/* the slow way */

typedef struct choice {
        beam_arm *arms;
        waiter *waiters;
        size_t n;
        waitset set;
        chan_pipe **pipes; /* those in memory, in the order of their addresses, once each */
        size_t n_pipes, n_wires;
        bool looks; /* a sender waits at a ring */
} choice;

static void sort_pipes(choice *c) {
        for (size_t i = 0; i < c->n; i++) {
                chan_pipe *p = arm_pipe(&c->arms[i]);
                size_t at = c->n_pipes;

                if (!p) {
                        c->n_wires += arm_wire(&c->arms[i]) != NULL;
                        continue;
                }
                while (at && c->pipes[at - 1] > p)
                        at--;
                if (at && c->pipes[at - 1] == p)
                        continue;
                memmove(&c->pipes[at + 1], &c->pipes[at], (c->n_pipes - at) * sizeof(*c->pipes));
                c->pipes[at] = p;
                c->n_pipes++;
        }
}

/* Leave word at each pipe, all of them locked, or find that an arm can go after all. */
static int enlist(choice *c) {
        loop *pokes[N_INLINE];
        size_t n_pokes = 0;
        int chosen = -1;

        for (size_t i = 0; i < c->n_pipes; i++)
                lock_take(&c->pipes[i]->guard);
        for (size_t i = 0; i < c->n && chosen < 0; i++) {
                beam_arm *a = &c->arms[i];
                waiter *w = &c->waiters[i];
                chan_pipe *p = arm_pipe(a);
                loop *poke = NULL;

                if (!p)
                        continue;
                w->set = &c->set;
                w->arm = (int)i;
                w->msg = a->tx ? a->msg : NULL;
                a->r = a->tx ? pipe_put_or_wait(p, w, &poke) : pipe_take_or_wait(p, w, &poke);
                if (poke && n_pokes < N_INLINE)
                        pokes[n_pokes++] = poke;
                else if (poke)
                        loop_poke(poke);
                if (a->r != -EAGAIN) {
                        if (a->rx)
                                a->msg = w->msg;
                        chosen = (int)i;
                } else if (a->tx && p->ring.depth)
                        c->looks = true;
        }
        for (size_t i = c->n_pipes; i > 0; i--)
                lock_give(&c->pipes[i - 1]->guard);
        for (size_t i = 0; i < n_pokes; i++)
                loop_poke(pokes[i]);
        return chosen;
}

static void delist(choice *c) {
        for (size_t i = 0; i < c->n; i++)
                if (c->waiters[i].set && arm_pipe(&c->arms[i]))
                        pipe_leave(arm_pipe(&c->arms[i]), &c->waiters[i]);
}

/* The session in memory of an arm's end has been cut off. */
static int try_cuts(choice *c) {
        for (size_t i = 0; i < c->n; i++) {
                beam_arm *a = &c->arms[i];
                int r = !arm_pipe(a) ? 0 : a->tx ? sender_cut(a->tx) : receiver_cut(a->rx);
                int open = WAIT_OPEN;

                if (r && atomic_compare_exchange_strong(&c->set.chosen, &open, (int)i)) {
                        c->waiters[i].r = r;
                        c->waiters[i].done = true;
                        return (int)i;
                }
        }
        return -1;
}

/* An arm on a wire may go, if no other thread has chosen one in memory meanwhile. */
static int try_wires(choice *c) {
        for (size_t i = 0; i < c->n; i++) {
                beam_arm *a = &c->arms[i];
                wire *w = arm_wire(a);
                int open = WAIT_OPEN;

                if (!w)
                        continue;
                if (!c->n_pipes) {
                        if (try_arm(a))
                                return (int)i;
                        continue;
                }
                if (a->rx ? !wire_is_readable(w) : !wire_is_ready(w, a->msg))
                        continue;
                if (!atomic_compare_exchange_strong(&c->set.chosen, &open, (int)i))
                        return -1;
                if (try_arm(a))
                        return (int)i;
                /* It could not after all; somebody may have passed us by meanwhile. */
                atomic_store(&c->set.chosen, WAIT_OPEN);
                for (size_t k = 0; k < c->n_pipes; k++) {
                        pipe_tell_rx(c->pipes[k]);
                        pipe_look_again(c->pipes[k]);
                }
        }
        return -1;
}

static int wait_for_one(choice *c, int64_t deadline) {
        loop *l = c->set.loop;
        int64_t look = 1, until;
        int chosen;

        while ((chosen = atomic_load(&c->set.chosen)) == WAIT_OPEN) {
                if (c->n_pipes && (chosen = try_cuts(c)) >= 0)
                        return chosen;
                if (c->n_wires) {
                        chosen = try_wires(c);
                        if (chosen >= 0)
                                return chosen;
                        for (size_t i = 0; i < c->n; i++)
                                if (c->arms[i].rx && c->arms[i].rx->wire)
                                        wire_want(c->arms[i].rx->wire);
                }
                if (deadline != BEAM_FOREVER && clock_now() >= deadline) {
                        chosen = WAIT_OPEN;
                        if (atomic_compare_exchange_strong(&c->set.chosen, &chosen, WAIT_LEFT))
                                return -ETIMEDOUT;
                        break;
                }
                until = deadline;
                if (c->looks) {
                        int64_t at = clock_add(clock_now(), look * (CLOCK_SECOND / 1000));

                        until = at < until ? at : until;
                        if (look < LOOK_MAX_MS)
                                look *= 2;
                }
                loop_turn(l, until);
                for (size_t i = 0; c->looks && i < c->n_pipes; i++)
                        pipe_look_again(c->pipes[i]);
        }
        return chosen;
}

/* A send without depth whose message a bridge has taken: it has left, so all that the
 * deadline can do is to stop waiting for the news. */
static void wait_for_news(choice *c, int arm, int64_t deadline) {
        chan_pipe *p = arm_pipe(&c->arms[arm]);
        waiter *w = &c->waiters[arm];

        for (;;) {
                bool done;

                lock_take(&p->guard);
                done = w->done;
                lock_give(&p->guard);
                if (done)
                        return;
                if (deadline != BEAM_FOREVER && clock_now() >= deadline) {
                        w->r = -EINPROGRESS;
                        return;
                }
                loop_turn(c->set.loop, deadline);
        }
}

static int choose_slowly(beam_arm *arms, size_t n, loop *l, int64_t deadline) {
        waiter few_waiters[N_INLINE];
        chan_pipe *few_pipes[N_INLINE];
        choice c = { .arms = arms,
                     .n = n,
                     .waiters = few_waiters,
                     .pipes = few_pipes,
                     .set = { .loop = l } };
        int chosen;

        if (n > N_INLINE) {
                c.waiters = mem_array(n, sizeof(*c.waiters));
                c.pipes = mem_array(n, sizeof(*c.pipes));
                if (!c.waiters || !c.pipes) {
                        mem_free(c.waiters);
                        mem_free(c.pipes);
                        return -ENOMEM;
                }
        }
        atomic_init(&c.set.chosen, WAIT_OPEN);
        for (size_t i = 0; i < n; i++) {
                c.waiters[i] = (waiter){ 0 };
                list_init(&c.waiters[i].node);
        }
        sort_pipes(&c);

        l->n_foreign += (int)c.n_pipes;
        chosen = enlist(&c);
        if (chosen >= 0) {
                /* another thread may have chosen an arm before this one was tried */
                atomic_store(&c.set.chosen, WAIT_LEFT);
        } else {
                chosen = wait_for_one(&c, deadline);
                if (chosen >= 0 && arm_pipe(&arms[chosen])) {
                        wait_for_news(&c, chosen, deadline);
                        arms[chosen].r = c.waiters[chosen].r;
                        if (arms[chosen].rx)
                                arms[chosen].msg = c.waiters[chosen].msg;
                        else if (c.waiters[chosen].kept && arms[chosen].r == 0)
                                beam_msg_free(arms[chosen].msg);
                }
        }
        delist(&c);
        l->n_foreign -= (int)c.n_pipes;
        /* the other side may have heard of it first, and ended for its part */
        if (chosen >= 0 && arms[chosen].rx && arm_pipe(&arms[chosen]) && arms[chosen].r <= 0 &&
            receiver_cut(arms[chosen].rx))
                arms[chosen].r = receiver_cut(arms[chosen].rx);

        if (n > N_INLINE) {
                mem_free(c.waiters);
                mem_free(c.pipes);
        }
        return chosen;
}

/* What a send on a wire still has to do once its message is in the queue. */
static int settle_send(beam_sender *tx, beam_msg *msg, loop *l, int64_t deadline) {
        wire *w = tx->wire;
        int r;

        if (w->s && !loop_holds_back(l)) {
                loop_flush(l);
                if (w->s && w->s->out.n)
                        session_settle(w->s, deadline);
        }
        if (w->depth)
                return 0;
        while ((r = wire_fate(w)) == -EAGAIN) {
                if (deadline != BEAM_FOREVER && clock_now() >= deadline)
                        return -EINPROGRESS;
                loop_turn(l, deadline);
        }
        if (r == 0)
                beam_msg_free(msg);
        return r;
}

/* A send of depth 0 over a link takes a round trip: it is not for BEAM_NOW. */
static bool is_too_late(const beam_arm *a, int64_t deadline) {
        return deadline <= BEAM_NOW && a->tx && a->tx->wire && !a->tx->wire->depth &&
               !(a->tx->wire->flags & (WIRE_STOPPED | WIRE_LOST));
}

int beam_select(beam_arm *arms, size_t n_arms, int64_t deadline) {
        loop *l = loop_get();
        size_t first;
        int chosen = -1;

        if (!l)
                return -ENOMEM;
        for (size_t i = 0; i < n_arms; i++) {
                if (arms[i].tx && arms[i].rx)
                        return -EINVAL;
                arms[i].r = check_arm(&arms[i]);
                if (arms[i].r < 0)
                        return (int)i;
        }

        first = n_arms > 1 ? loop_random(l) % n_arms : 0;
        for (size_t k = 0; k < n_arms && chosen < 0; k++) {
                size_t i = (first + k) % n_arms;

                if (is_too_late(&arms[i], deadline))
                        continue;
                if (try_arm(&arms[i]))
                        chosen = (int)i;
        }
        if (chosen < 0 && deadline <= BEAM_NOW) {
                if (loop_is_bare(l))
                        return -ETIMEDOUT;
                /* what has come is as good as there */
                loop_turn(l, 0);
                for (size_t i = 0; i < n_arms && chosen < 0; i++)
                        if (!is_too_late(&arms[i], deadline) && try_arm(&arms[i]))
                                chosen = (int)i;
                if (chosen < 0)
                        return -ETIMEDOUT;
        }
        if (chosen < 0 && n_arms == 1 && spin(l, &arms[0]))
                chosen = 0;
        if (chosen < 0)
                chosen = choose_slowly(arms, n_arms, l, deadline);
        if (chosen >= 0 && arms[chosen].tx && arms[chosen].tx->wire && arms[chosen].r >= 0)
                arms[chosen].r = settle_send(arms[chosen].tx, arms[chosen].msg, l, deadline);
        return chosen;
}

int sender_send(beam_sender *tx, beam_msg *msg) {
        beam_arm arm = { .tx = tx, .msg = msg };
        int r = check_arm(&arm);

        if (r == 0) {
                try_arm(&arm);
                r = arm.r;
        }
        return r;
}

static bool is_mine(const wire *w, const loop *l) {
        return w->s && w->s->loop == l && l && w->s->base.forks == fork_count();
}

static bool is_plain(const chan_pipe *p, const beam_msg *msg) {
        return p && !msg->extra && p->forks == fork_count() && msg->n <= p->max_msg;
}

static __attribute__((noinline)) int send_slowly(beam_sender *tx, beam_msg *msg, int64_t deadline) {
        beam_arm arm = { .tx = tx, .msg = msg };
        chan_pipe *p = tx->pipe;
        loop *l;
        int r;

        if (is_plain(p, msg)) {
                r = sender_put(tx, msg);
                if (r != -EAGAIN)
                        return r;
        } else if (!p && tx->wire->depth && is_mine(tx->wire, l = loop_mine())) {
                r = wire_send(tx->wire, msg, NULL);
                if (r == 0)
                        return settle_send(tx, msg, l, deadline);
                if (r != -EAGAIN)
                        return r;
        }
        r = beam_select(&arm, 1, deadline);
        return r < 0 ? r : arm.r;
}

int beam_send(beam_sender *tx, beam_msg *msg, int64_t deadline) {
        chan_pipe *p = tx->pipe;

        /* Most sends on a pipe. Nothing is called here that returns: the few registers that
         * this takes need not be saved. */
        if (is_plain(p, msg) && !tx->over && pipe_has_way(p))
                return pipe_put_straight(p, msg);
        return send_slowly(tx, msg, deadline);
}

static __attribute__((noinline)) int recv_slowly(beam_receiver *rx, beam_msg **ret_msg,
                                                 int64_t deadline) {
        beam_arm arm = { .rx = rx };
        chan_pipe *p = rx->pipe;
        int r;

        if (p && p->forks == fork_count()) {
                r = receiver_take(rx, ret_msg);
                if (r != -EAGAIN)
                        return r;
        } else if (!p && is_mine(rx->wire, loop_mine())) {
                r = wire_recv(rx->wire, ret_msg);
                if (r != -EAGAIN)
                        return r;
        }
        r = beam_select(&arm, 1, deadline);
        if (r < 0)
                return r;
        if (arm.r == 1)
                *ret_msg = arm.msg;
        return arm.r;
}

int beam_recv(beam_receiver *rx, beam_msg **ret_msg, int64_t deadline) {
        chan_pipe *p = rx->pipe;
        beam_msg *msg;

        /* most receives on a pipe, as above */
        if (p && p->forks == fork_count() && !rx->over && (msg = pipe_next(p)) && !msg->extra) {
                *ret_msg = msg;
                pipe_took(p, ring_free_slot(&p->ring));
                return 1;
        }
        return recv_slowly(rx, ret_msg, deadline);
}

static int drain_wire(wire *w, loop *l, int64_t deadline) {
        int r;

        if (w->s && w->s->base.forks != fork_count())
                return -ECHILD;
        while ((r = wire_drained(w)) == -EAGAIN) {
                if (deadline != BEAM_FOREVER && clock_now() >= deadline) {
                        loop_turn(l, 0);
                        r = wire_drained(w);
                        return r == -EAGAIN ? -ETIMEDOUT : r;
                }
                loop_turn(l, deadline);
        }
        return r;
}

static int drain_pipe(beam_sender *tx, loop *l, int64_t deadline) {
        chan_pipe *p = tx->pipe;
        waitset set = { .chosen = WAIT_OPEN, .loop = l };
        waiter w = { .set = &set };
        int r;

        if (p->forks != fork_count())
                return -ECHILD;
        list_init(&w.node);
        lock_take(&p->guard);
        r = pipe_drain_or_wait(p, &w);
        lock_give(&p->guard);
        if (r != -EAGAIN)
                return r;

        l->n_foreign++;
        while (atomic_load(&set.chosen) == WAIT_OPEN && !sender_cut(tx)) {
                int open = WAIT_OPEN;

                if (deadline != BEAM_FOREVER && clock_now() >= deadline &&
                    atomic_compare_exchange_strong(&set.chosen, &open, WAIT_LEFT))
                        break;
                loop_turn(l, deadline);
        }
        l->n_foreign--;
        pipe_leave(p, &w);
        if (w.done)
                return w.r;
        return sender_cut(tx) ? passage_drained(tx->over) : -ETIMEDOUT;
}

int beam_sender_drain(beam_sender *tx, int64_t deadline) {
        wire *w = tx->wire;
        loop *l = loop_get();

        if (!l)
                return -ENOMEM;
        if (w)
                return drain_wire(w, l, deadline);
        return sender_cut(tx) ? passage_drained(tx->over) : drain_pipe(tx, l, deadline);
}
