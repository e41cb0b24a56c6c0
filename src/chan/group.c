/* SPDX-License-Identifier: Apache-2.0 */
#include "group.h"

#include <errno.h>

#include "../base/mem.h"
#include "msg.h"

enum { N_WAITING = 4 };

struct group {
        lock guard;
        _Atomic int refs;
        beam_options opt[2];
        size_t n_open[2]; /* by the side that opened them */
        list members;
        bool away, cut;
        /* Read and written under the guards of members, which come after this one. */
        _Atomic bool refused, lost;
        _Atomic(loop *) waiting[N_WAITING];
};

group *group_new(const beam_options *side0, const beam_options *side1) {
        group *g = mem_zero(sizeof(*g));

        if (!g)
                return NULL;
        g->refs = 1;
        g->opt[0] = *side0;
        g->opt[1] = *side1;
        list_init(&g->members);
        return g;
}

void group_unref(group *g) {
        if (g && atomic_fetch_sub(&g->refs, 1) == 1)
                mem_free(g);
}

void group_ref(group *g) {
        atomic_fetch_add(&g->refs, 1);
}

static void list_member(group *g, member *m, int side0, int side1, int by) {
        m->of = g;
        m->side[0] = (uint8_t)side0;
        m->side[1] = (uint8_t)side1;
        m->opened_by = (uint8_t)by;
        list_init(&m->node);
        list_append(&g->members, &m->node);
        group_ref(g);
}

static int enter(group *g, member *m, int side0, int side1, int by, bool opened) {
        int r = 0;

        if (m->of)
                return 0;
        lock_take(&g->guard);
        if (g->cut)
                r = -ENOTCONN;
        else if (g->away)
                r = -EPIPE;
        else if (opened && g->n_open[by] >= g->opt[!by].max_channels)
                r = -EAGAIN;
        if (r == 0) {
                list_member(g, m, side0, side1, by);
                m->opened = opened;
                g->n_open[by] += opened;
        }
        lock_give(&g->guard);
        return r;
}

void group_stir(group *g) {
        for (int i = 0; i < N_WAITING; i++) {
                loop *l = atomic_load(&g->waiting[i]);

                /* it may have stopped waiting by now: loops outlive that, and do not mind */
                if (l)
                        loop_poke(l);
        }
}

int group_open(group *g, member *m, int side0, int side1, int by) {
        return enter(g, m, side0, side1, by, true);
}

int group_enter(group *g, member *m, int side0, int side1, int by) {
        return enter(g, m, side0, side1, by, false);
}

int group_join(const member *m, member *twin) {
        group *g = m->of;
        int r;

        lock_take(&g->guard);
        r = g->cut ? -ENOTCONN : 0;
        if (r == 0)
                list_member(g, twin, m->side[0], m->side[1], m->opened_by);
        lock_give(&g->guard);
        return r;
}

int group_carried(group *g, member *m, int from) {
        int r = 0;

        if (m->of != g)
                return 0;
        lock_take(&g->guard);
        if (g->cut)
                r = -ENOTCONN;
        else
                m->side[0] = (uint8_t)!from;
        lock_give(&g->guard);
        return r;
}

void group_leave(member *m) {
        group *g = m->of;

        if (!g)
                return;
        lock_take(&g->guard);
        list_remove(&m->node);
        m->of = NULL;
        g->n_open[m->opened_by] -= m->opened;
        group_stir(g);
        lock_give(&g->guard);
        group_unref(g);
}

int group_check(group *g, int side, const beam_msg *msg) {
        const beam_options *opt = &g->opt[side];

        if (msg_n_things(msg) > opt->max_things)
                return -E2BIG;
        for (size_t i = 0; opt->fds == BEAM_FDS_REFUSE && i < msg_n_things(msg); i++)
                if (beam_msg_kind(msg, i) == BEAM_FD)
                        return -ENOBUFS;
        return 0;
}

size_t group_max_msg(const group *g, int side) {
        return g->opt[side].max_msg;
}

void group_cut(group *g, int side) {
        lock_take(&g->guard);
        g->cut = true;
        /* under the guard: a member that is about to be freed waits for it first */
        list_each(node, &g->members) {
                member *m = container_of(node, member, node);

                if (m->cut(m, m->side[0] == side ? -ECANCELED : -ECONNRESET,
                           m->side[1] == side ? -ECANCELED : -ECONNRESET))
                        g->lost = true;
        }
        group_stir(g);
        lock_give(&g->guard);
}

bool group_drained(group *g) {
        bool all = true;

        lock_take(&g->guard);
        g->away = true;
        list_each(node, &g->members) {
                member *m = container_of(node, member, node);

                all = all && m->is_over(m);
        }
        lock_give(&g->guard);
        return all;
}

void group_wait(group *g, loop *l) {
        for (int i = 0; i < N_WAITING; i++) {
                loop *nobody = NULL;

                if (atomic_compare_exchange_strong(&g->waiting[i], &nobody, l))
                        return;
        }
}

void group_forget(group *g, loop *l) {
        for (int i = 0; i < N_WAITING; i++) {
                loop *mine = l;

                if (atomic_compare_exchange_strong(&g->waiting[i], &mine, NULL))
                        return;
        }
}

void group_refused(group *g) {
        atomic_store(&g->refused, true);
}

bool group_has_refused(group *g) {
        return atomic_load(&g->refused);
}

bool group_has_lost(group *g) {
        return atomic_load(&g->lost);
}
