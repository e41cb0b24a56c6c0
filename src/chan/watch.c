/* SPDX-License-Identifier: Apache-2.0 */
/* A callback on a receiver: posted to the loop when a receive would not wait, and again
 * until it would. */
#include "../base/fork.h"
#include "../base/mem.h"
#include "end.h"
#include "wire.h"

struct watch {
        port by;
        beam_receiver *rx;
        void (*fn)(void *data, beam_receiver *rx);
        void *data;
        bool running, dropped;
};

static void watch_arm(watch *w) {
        if (w->rx->pipe) {
                pipe_watch(w->rx->pipe, &w->by);
                if (receiver_cut(w->rx))
                        post_put(&w->by.post);
        } else {
                wire_watch(w->rx->wire, &w->by);
                wire_want(w->rx->wire);
                if (wire_is_readable(w->rx->wire))
                        port_wake(&w->by);
        }
}

static bool is_readable(const beam_receiver *rx) {
        if (!rx->pipe)
                return wire_is_readable(rx->wire);
        return receiver_cut(rx) || pipe_is_readable(rx->pipe);
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
                pipe_unwatch(rx->pipe, &w->by);
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

int receiver_watch(beam_receiver *rx, bool user, void (*fn)(void *data, beam_receiver *rx),
                   void *data) {
        loop *l = loop_get();
        watch *w;

        if (!rx || !l)
                return -ENOMEM;
        if (receiver_is_of_parent(rx))
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
        port_init(&w->by, l, user, on_watch);
        w->rx = rx;
        w->fn = fn;
        w->data = data;
        rx->watch = w;
        if (rx->pipe)
                l->n_foreign++;
        watch_arm(w);
        return 0;
}

int beam_receiver_watch(beam_receiver *rx, void (*fn)(void *data, beam_receiver *rx), void *data) {
        return receiver_watch(rx, true, fn, data);
}
