/* SPDX-License-Identifier: Apache-2.0 */
#include "lodge.h"

#include <pthread.h>

#include "../base/fork.h"
#include "end.h"

static lock guard;
static uint64_t rounds; /* so that each search has marks of its own */

static void after_fork(void) {
        /* another thread may have had it; what lodges in what is the parent's */
        guard = (lock){ 0 };
}

static void install(void) {
        fork_in_child(after_fork);
}

static beam_receiver *receiver_at(const beam_msg *msg, size_t i) {
        const thing *t = msg_thing(msg, i);

        return t->kind == BEAM_RECEIVER ? t->rx : NULL;
}

bool lodge_has_receivers(const beam_msg *msg) {
        for (size_t i = 0; i < msg_n_things(msg); i++)
                if (receiver_at(msg, i))
                        return true;
        return false;
}

static bool carries(const beam_msg *msg, const chan_pipe *p) {
        for (size_t i = 0; i < msg_n_things(msg); i++)
                if (receiver_at(msg, i) && receiver_at(msg, i)->pipe == p)
                        return true;
        return false;
}

/* Look at @p and all pipes in which a receiver of those looked at lies. */
static bool has_way_round(chan_pipe *p, const beam_msg *msg) {
        chan_pipe *last = p;

        p->lodge_round = ++rounds;
        p->lodge_next = NULL;
        for (; p; p = p->lodge_next) {
                if (carries(msg, p))
                        return true;
                for (beam_receiver *rx = p->lodgers; rx; rx = rx->next_lodger) {
                        chan_pipe *in = rx->lies_in;

                        if (in->lodge_round == rounds)
                                continue;
                        in->lodge_round = rounds;
                        in->lodge_next = NULL;
                        last->lodge_next = in;
                        last = in;
                }
        }
        return false;
}

static void take_guard(void) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, install);
        lock_take(&guard);
}

int lodge_check(chan_pipe *p, const beam_msg *msg) {
        bool round;

        if (!lodge_has_receivers(msg))
                return 0;
        take_guard();
        round = has_way_round(p, msg);
        lock_give(&guard);
        return round ? -ELOOP : 0;
}

int lodge_enter(chan_pipe *p, const beam_msg *msg) {
        int r = 0;

        if (!lodge_has_receivers(msg))
                return 0;
        take_guard();
        if (has_way_round(p, msg))
                r = -ELOOP;
        for (size_t i = 0; i < msg_n_things(msg) && r >= 0; i++) {
                beam_receiver *rx = receiver_at(msg, i);

                if (!rx)
                        continue;
                rx->lies_in = p;
                rx->next_lodger = rx->pipe->lodgers;
                rx->pipe->lodgers = rx;
        }
        lock_give(&guard);
        return r;
}

void lodge_leave(const beam_msg *msg) {
        for (size_t i = 0; i < msg_n_things(msg); i++) {
                beam_receiver *rx = receiver_at(msg, i);

                if (!rx || !rx->lies_in)
                        continue;
                take_guard();
                for (beam_receiver **at = &rx->pipe->lodgers; *at; at = &(*at)->next_lodger)
                        if (*at == rx) {
                                *at = rx->next_lodger;
                                break;
                        }
                rx->lies_in = NULL;
                rx->next_lodger = NULL;
                lock_give(&guard);
        }
}
