/* SPDX-License-Identifier: Apache-2.0 */
#include "waiter.h"

void wakes_add(wakes *k, loop *l) {
        if (k->n < N_WAKES)
                k->loops[k->n++] = l;
        else
                loop_poke(l);
}

void wakes_poke(const wakes *k) {
        for (unsigned i = 0; i < k->n; i++)
                loop_poke(k->loops[i]);
}

bool waiter_choose(waiter *w) {
        int open = WAIT_OPEN;

        return atomic_compare_exchange_strong(&w->set->chosen, &open, w->arm);
}

waiter *waiter_choose_first(list *waiters, const waitset *own) {
        list_each(node, waiters) {
                waiter *w = container_of(node, waiter, node);

                if (w->set != own && waiter_choose(w)) {
                        list_remove(&w->node);
                        return w;
                }
        }
        return NULL;
}

void waiter_finish(waiter *w, int r, wakes *k) {
        w->r = r;
        w->done = true;
        if (w->set->port)
                post_put(&w->set->port->post);
        else
                wakes_add(k, w->set->loop);
}

void waiter_finish_all(list *waiters, int r, wakes *k) {
        waiter *w;

        while ((w = waiter_choose_first(waiters, NULL)))
                waiter_finish(w, r, k);
}
