/* SPDX-License-Identifier: Apache-2.0 */
#include "passage.h"

#include "../base/mem.h"
#include "end.h"
#include "inlet.h"
#include "stream.h"

/* A handle that was cut off may just have been putting in another message. With others
 * there would have been the guard; alone, what it put is all that there is. */
static bool is_taken(const passage *over) {
        const chan_pipe *p = over->pipe;
        size_t mark = p->tx.shared ? over->mark : ring_n_put(&p->ring);

        return !over->tx || ring_n_taken(&p->ring) >= mark;
}

static bool is_drained(const chan_pipe *p) {
        return ring_n_taken(&p->ring) >= ring_n_put(&p->ring);
}

/* Nothing more will be heard of the pipe as a whole. */
static bool is_pipe_over(const chan_pipe *p) {
        return pipe_is_left(p) || (!p->tx.n_open && is_drained(p));
}

static bool is_over(member *m) {
        passage *over = container_of(m, passage, member);
        bool r;

        lock_take(&over->pipe->guard);
        r = is_pipe_over(over->pipe) || (over->ended && is_taken(over));
        lock_give(&over->pipe->guard);
        return r;
}

int passage_drained(const passage *over) {
        bool taken;

        lock_take(&over->pipe->guard);
        taken = is_taken(over);
        lock_give(&over->pipe->guard);
        return taken ? 0 : -ECONNRESET;
}

/* Those who wait with the handle look by themselves what became of it. */
static void wake_waiters(const list *waiters, wakes *k) {
        list_each(node, waiters) {
                const waiter *w = container_of(node, waiter, node);

                if (!w->set->port)
                        wakes_add(k, w->set->loop);
        }
}

static bool on_cut(member *m, int r, int r_home) {
        passage *over = container_of(m, passage, member);
        chan_pipe *p = over->pipe;
        pipe_side *side = over->tx ? &p->tx : &p->rx;
        wakes k = { 0 };
        bool lost;

        lock_take(&p->guard);
        if (!over->done && !passage_cut(over)) {
                atomic_store(&over->cut, over->tx && r == -ECONNRESET ? -ENOTCONN : r);
                (over->tx ? pipe_tx_over : pipe_rx_over)(p, over, BEAM_CODE_LOST, NULL, r_home, &k);
                wake_waiters(&side->waiters, &k);
                if (over->tx) {
                        wake_waiters(&p->drainers, &k);
                        inlets_tell(p);
                } else
                        pipe_wake_rx_ports(p);
        }
        lost = p->left ||
               (over->tx ? !is_taken(over) : pipe_is_left(p) && !ring_is_empty(&p->ring));
        pipe_give(p, &k);
        return lost;
}

static passage *make(chan_pipe *p, bool tx) {
        passage *over = mem_zero(sizeof(*over));

        if (!over)
                return NULL;
        over->member.cut = on_cut;
        over->member.is_over = is_over;
        over->pipe = p;
        over->tx = tx;
        list_init(&over->node);
        return over;
}

/* Once it is in the group it may have been cut already, and is listed then. */
static void enlist(passage *over) {
        lock_take(&over->pipe->guard);
        if (!list_is_linked(&over->node))
                list_append(&over->pipe->passages, &over->node);
        lock_give(&over->pipe->guard);
}

int passage_new(chan_pipe *p, bool tx, group *g, int from, bool opened, passage **ret) {
        passage *over = make(p, tx);
        int r;

        if (!over)
                return -ENOMEM;
        r = (opened ? group_open : group_enter)(g, &over->member, !from, from, from);
        if (r < 0) {
                mem_free(over);
                return r;
        }
        enlist(over);
        *ret = over;
        return 0;
}

int passage_dup(const passage *over, passage **ret) {
        passage *twin = make(over->pipe, over->tx);
        int r;

        if (!twin)
                return -ENOMEM;
        r = group_join(&over->member, &twin->member);
        if (r < 0) {
                mem_free(twin);
                return r;
        }
        enlist(twin);
        *ret = twin;
        return 0;
}

static int carry_over(group *g, int from, const beam_msg *msg) {
        int r = group_check(g, !from, msg);

        for (size_t i = 0; i < msg_n_things(msg) && r >= 0; i++)
                r = thing_cross(msg_thing(msg, i), g, from);
        return r;
}

/* With one receiver it is known where the message goes. */
static group *group_of_receiver(chan_pipe *p, int *ret_from) {
        group *g = NULL;

        lock_take(&p->guard);
        list_each(node, &p->passages) {
                const passage *over = container_of(node, passage, node);

                if (!over->tx && !p->rx.shared) {
                        g = over->member.of;
                        *ret_from = over->member.side[1];
                        group_ref(g);
                        break;
                }
        }
        lock_give(&p->guard);
        return g;
}

int passage_carry(chan_pipe *p, const passage *over, const beam_msg *msg) {
        group *g;
        int from, r = lodge_check(p, msg);

        if (r == 0 && over)
                r = carry_over(over->member.of, over->member.side[0], msg);
        g = r < 0 ? NULL : group_of_receiver(p, &from);
        if (g) {
                r = carry_over(g, from, msg);
                group_unref(g);
        }
        return r;
}

/* for the pipe */

bool passage_end(passage *over) {
        chan_pipe *p = over->pipe;

        if (over->ended)
                return false;
        over->ended = true;
        over->mark = ring_n_put(&p->ring);
        list_remove(&over->node);
        list_prepend(&p->passages, &over->node);
        if (is_taken(over))
                group_stir(over->member.of);
        else if (over->mark < p->groups_at)
                p->groups_at = over->mark;
        return true;
}

void passage_drop(passage *over) {
        over->dropped = true;
}

void passages_serve(chan_pipe *p) {
        bool all = is_pipe_over(p);

        p->groups_at = !p->tx.n_open && !all ? ring_n_put(&p->ring) : PIPE_NEVER;
        list_each(node, &p->passages) {
                const passage *over = container_of(node, passage, node);

                if (!over->ended && !all)
                        break;
                if (all || is_taken(over))
                        group_stir(over->member.of);
                else if (over->mark < p->groups_at)
                        p->groups_at = over->mark;
        }
}

void passages_refuse(chan_pipe *p) {
        list_each(node, &p->passages) {
                const passage *over = container_of(node, passage, node);

                if (!over->tx || !over->ended || !is_taken(over))
                        group_refused(over->member.of);
        }
}

/* One of a receiver that is the only one says where messages go, as long as there are any;
 * one that was opened counts as long as the channel. */
static bool is_done(const passage *over) {
        return over->dropped && is_taken(over) && !over->member.opened &&
               (over->tx || over->pipe->rx.shared);
}

void passages_take_done(chan_pipe *p, bool all, list *ret) {
        list_each_safe(node, &p->passages) {
                passage *over = container_of(node, passage, node);

                if (!over->ended && !all)
                        break;
                if (!all && !is_done(over))
                        continue;
                over->done = true;
                list_remove(&over->node);
                list_append(ret, &over->node);
        }
}

void passages_free(list *done) {
        list *node;

        while ((node = list_take_first(done))) {
                passage *over = container_of(node, passage, node);

                group_leave(&over->member);
                mem_free(over);
        }
}
