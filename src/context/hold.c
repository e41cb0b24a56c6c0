/* SPDX-License-Identifier: Apache-2.0 */
#include "hold.h"

#include <errno.h>

#include "../base/mem.h"
#include "../loop/loop.h"
#include "block.h"
#include "context/commands.h"
#include "multi.h"
#include "store.h"

struct hold {
        store *store;
        int64_t deadline;
        bool all, is_over;
        timer timer; /* until it is over, */
        dirty dirty; /* and then */
        list line;
};

static void on_dirty(dirty *d) {
        hold *h = container_of(d, hold, dirty);
        list line = LIST_INIT(line);

        list_move(&line, &h->line);
        h->store->hold = NULL;
        mem_free(h);
        block_release(&line);
}

static void on_time(timer *t) {
        hold *h = container_of(t, hold, timer);

        h->is_over = true;
        dirty_put(loop_get(), &h->dirty);
}

static void stop(hold *h) {
        if (h->is_over)
                dirty_cancel(&h->dirty);
        else
                timer_stop(&h->timer);
}

static hold *hold_new(store *s) {
        hold *h = mem_zero(sizeof(*h));

        if (!h)
                return NULL;
        h->store = s;
        h->is_over = true;
        h->timer.fn = on_time;
        dirty_init(&h->dirty, on_dirty);
        list_init(&h->line);
        return h;
}

hold *hold_free(hold *h) {
        if (h)
                stop(h);
        return mem_free(h);
}

int hold_begin(store *s, int64_t deadline, bool all) {
        hold *h = s->hold ? s->hold : hold_new(s);
        bool goes_on = h && !h->is_over;

        if (!h || !loop_get())
                return -ENOMEM;
        s->hold = h;
        stop(h);
        h->all = all || (goes_on && h->all);
        h->deadline = goes_on && h->deadline > deadline ? h->deadline : deadline;
        h->is_over = false;
        if (timer_start(&h->timer, loop_get(), h->deadline) == 0)
                return 0;
        on_time(&h->timer);
        return -ENOMEM;
}

void hold_end(store *s) {
        if (!s->hold || s->hold->is_over)
                return;
        timer_stop(&s->hold->timer);
        on_time(&s->hold->timer);
}

/* What may change a key, or reach replicas as something that does. */
static bool may_change(const call *c) {
        uint32_t flags = c->cmd->run == cmd_exec ? multi_flags(c->client) : c->cmd->flags;

        return flags & (CMD_WRITE | CMD_MAY_REPLICATE);
}

bool hold_takes(call *c) {
        hold *h = c->store->hold;
        const client *who = c->client;

        if (!h || h->is_over || who->flags & CLIENT_MONITOR || who->follower ||
            !(h->all || may_change(c)))
                return false;
        call_hold(c, &h->line);
        return true;
}
