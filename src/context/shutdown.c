/* SPDX-License-Identifier: Apache-2.0 */
#include "shutdown.h"

#include <errno.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "../loop/loop.h"
#include "block.h"
#include "store.h"

/* From one look at the replicas to the next, as in Redis. */
#define LOOK (CLOCK_SECOND / 10)

struct shutdown_watch {
        store *store;
        timer timer;
        post post;
};

static void on_post(post *p) {
        const shutdown_plan *d = &container_of(p, struct shutdown_watch, post)->store->shutdown;

        d->fn(d->data);
}

/* What is on its way to replicas is no use to anybody any more. */
static int save(store *s) {
        bool is_wanted = save_is_wanted(s) && !(s->shutdown.flags & SHUTDOWN_NOSAVE);

        if (!is_wanted && !(s->shutdown.flags & SHUTDOWN_SAVE))
                return 0;
        save_cancel(s);
        master_stop_transfer(s->master);
        snapshot_clear(s);
        return save_now(s);
}

static void change(store *s, shutdown_state state) {
        shutdown_plan *d = &s->shutdown;

        if (d->state == SHUTDOWN_WAITS) {
                timer_stop(&d->watch->timer);
                hold_end(s);
        }
        d->state = state;
        block_retry(&d->waiting);
}

static void finish(store *s) {
        if (save(s) < 0 && !(s->shutdown.flags & SHUTDOWN_FORCE)) {
                change(s, SHUTDOWN_RUNS);
                return;
        }
        change(s, SHUTDOWN_OVER);
        /* without memory for that somebody may be answered whose change is not saved */
        hold_begin(s, CLOCK_NEVER, true);
        post_put(&s->shutdown.watch->post);
}

static void on_time(timer *t) {
        store *s = container_of(t, struct shutdown_watch, timer)->store;
        bool is_time = clock_now() >= s->shutdown.deadline || master_is_heard(s->master);

        if (is_time || timer_start(t, loop_get(), clock_now() + LOOK) < 0)
                finish(s);
}

int shutdown_init(store *s) {
        struct shutdown_watch *w = mem_zero(sizeof(*w));

        s->shutdown = (shutdown_plan){ .watch = w };
        list_init(&s->shutdown.waiting);
        if (!w)
                return -ENOMEM;
        w->store = s;
        w->timer.fn = on_time;
        return 0;
}

void shutdown_deinit(store *s) {
        shutdown_plan *d = &s->shutdown;

        if (d->state == SHUTDOWN_WAITS)
                timer_stop(&d->watch->timer);
        if (d->state == SHUTDOWN_OVER)
                post_cancel(&d->watch->post);
        d->state = SHUTDOWN_RUNS;
        d->watch = mem_free(d->watch);
}

void shutdown_begin(store *s, unsigned flags) {
        shutdown_plan *d = &s->shutdown;
        int64_t now = clock_now();

        if (d->state != SHUTDOWN_RUNS || !d->fn || !loop_get())
                return;
        post_init(&d->watch->post, loop_get(), true, on_post);
        d->flags = flags;
        d->deadline = clock_add(now, s->config.shutdown_timeout * CLOCK_SECOND);
        if (flags & SHUTDOWN_NOW || d->deadline == now || master_is_heard(s->master) ||
            timer_start(&d->watch->timer, loop_get(), now + LOOK) < 0) {
                finish(s);
                return;
        }
        d->state = SHUTDOWN_WAITS;
        hold_begin(s, CLOCK_NEVER, false);
        master_ask(s->master);
}

int shutdown_abort(store *s) {
        if (s->shutdown.state != SHUTDOWN_WAITS)
                return -ENOENT;
        change(s, SHUTDOWN_RUNS);
        return 0;
}

int64_t shutdown_left(const store *s) {
        int64_t left = s->shutdown.deadline - clock_now();

        if (s->shutdown.state != SHUTDOWN_WAITS)
                return -1;
        return left > 0 ? left / (CLOCK_SECOND / 1000) : 0;
}
