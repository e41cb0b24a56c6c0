/* SPDX-License-Identifier: Apache-2.0 */
#include "failover.h"

#include <errno.h>
#include <stdio.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../../loop/loop.h"
#include "../store.h"
#include "replica.h"

/* From one look at the replicas to the next. Picked. */
#define LOOK (CLOCK_SECOND / 10)

struct failover_watch {
        store *store;
        timer timer; /* of WAITS */
        post post;   /* the replica does not want to */
};

/* This store as before, or a replica: who waits goes on. */
static void settle(store *s) {
        failover *f = &s->failover;

        if (f->state == FAILOVER_WAITS)
                timer_stop(&f->watch->timer);
        f->state = FAILOVER_NONE;
        f->host = mem_free((char *)f->host);
        hold_end(s);
}

void failover_abort(store *s) {
        failover_state before = s->failover.state;

        settle(s);
        if (before == FAILOVER_GIVES)
                replica_stop(s);
}

static void give(store *s, const char *host, uint16_t port) {
        url u = { .kind = URL_TCP, .port = port };

        timer_stop(&s->failover.watch->timer);
        s->failover.state = FAILOVER_GIVES;
        snprintf(u.name, sizeof(u.name), "%s", host);
        if (replica_start(s, &u) < 0)
                failover_abort(s);
}

static void on_time(timer *t) {
        store *s = container_of(t, struct failover_watch, timer)->store;
        failover *f = &s->failover;
        char host[MASTER_HOST_MAX];
        uint16_t port = f->port;
        bool is_over = clock_now() >= f->deadline;

        if (master_find_done(s->master, f->host, host, &port))
                give(s, host, port);
        else if (is_over && f->is_forced)
                give(s, f->host, f->port);
        else if (is_over || timer_start(t, loop_get(), clock_now() + LOOK) < 0)
                failover_abort(s);
}

static void on_post(post *p) {
        store *s = container_of(p, struct failover_watch, post)->store;

        if (s->failover.state == FAILOVER_GIVES)
                failover_abort(s);
}

void failover_end(store *s, bool took_over) {
        if (took_over)
                settle(s);
        else
                post_put(&s->failover.watch->post); /* the replica is in the middle of it */
}

int failover_init(store *s) {
        struct failover_watch *w = mem_zero(sizeof(*w));

        s->failover = (failover){ .watch = w };
        if (!w)
                return -ENOMEM;
        w->store = s;
        w->timer.fn = on_time;
        return 0;
}

void failover_deinit(store *s) {
        failover *f = &s->failover;

        if (f->state == FAILOVER_WAITS)
                timer_stop(&f->watch->timer);
        if (f->state == FAILOVER_GIVES)
                post_cancel(&f->watch->post);
        f->state = FAILOVER_NONE;
        f->host = mem_free((char *)f->host);
        f->watch = mem_free(f->watch);
}

int failover_begin(store *s, const char *host, uint16_t port, bool is_forced, int64_t deadline) {
        failover *f = &s->failover;
        char *copy = host ? mem_text(host) : NULL;
        int r = host && !copy ? -ENOMEM : hold_begin(s, CLOCK_NEVER, false);

        if (r == 0)
                r = timer_start(&f->watch->timer, loop_get(), clock_now() + LOOK);
        if (r < 0) {
                mem_free(copy);
                hold_end(s);
                return -ENOMEM;
        }
        post_init(&f->watch->post, loop_get(), false, on_post);
        f->host = copy;
        f->port = port;
        f->is_forced = is_forced;
        f->deadline = deadline;
        f->state = FAILOVER_WAITS;
        master_ask(s->master);
        return 0;
}

const char *failover_name(const store *s) {
        static const char *const names[] = {
                [FAILOVER_NONE] = "no-failover",
                [FAILOVER_WAITS] = "waiting-for-sync",
                [FAILOVER_GIVES] = "failover-in-progress",
        };

        return names[s->failover.state];
}
