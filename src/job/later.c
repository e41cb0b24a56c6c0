/* SPDX-License-Identifier: Apache-2.0 */
#include "later.h"

#include <stdlib.h>

#include "../base/clock.h"
#include "../base/decimal.h"
#include "../base/mem.h"
#include "key.h"
#include "sink.h"
#include "worker.h"

#define LATER BYTES("/beam/later")

/* In one go. In the words of the command, and of a transaction's size. */
#define LAST "63"

/* A job that is due. */
typedef struct due {
        list node;
        later *later;
        deed deed;
        char id[SINK_ID_MAX + 1];
        bool is_there;
} due;

static due *due_free(due *d) {
        fence_forget(&d->deed);
        asker_forget(d->later->asker, d);
        list_remove(&d->node);
        mem_free(d);
        return NULL;
}

static void on_score(void *data, int r, resp_cursor reply) {
        due *d = data;
        resp_value v;

        d->is_there = r == 0 && resp_cursor_next(&reply, &v) && v.type == RESP_BULK;
}

static void look_whether_there(deed *x, asker *a) {
        due *d = container_of(x, due, deed);

        asker_say(a, on_score, d, BYTES("ZSCORE"), LATER, bytes_of(d->id));
}

static void say_due(deed *x, asker *a) {
        due *d = container_of(x, due, deed);

        if (!d->is_there)
                return;
        asker_say(a, NULL, NULL, BYTES("ZREM"), LATER, bytes_of(d->id));
        asker_say(a, NULL, NULL, BYTES("RPUSH"), BYTES("/jobs/start"), bytes_of(d->id));
}

/* A job that has a lock runs, or has ended: it waits for nothing. */
static void on_put(deed *x, bool is_done) {
        due *d = container_of(x, due, deed);
        later *l = d->later;

        if (!is_done)
                asker_say(l->asker, NULL, NULL, BYTES("ZREM"), LATER, bytes_of(d->id));
        due_free(d);
        if (list_is_empty(&l->dues))
                later_look(l);
}

static void put(later *l, bytes id) {
        int64_t number;
        due *d;

        if (!decimal_read(id.p, id.n, &number) || number < 0) {
                asker_say(l->asker, NULL, NULL, BYTES("ZREM"), LATER, id);
                return;
        }
        d = mem_zero(sizeof(*d));
        if (!d)
                return; /* it is found again at the next beat */
        d->later = l;
        memcpy(d->id, id.p, id.n);
        d->deed = (deed){ .id = d->id,
                          .holder = "",
                          .watched = "/beam/later",
                          .look = look_whether_there,
                          .say = say_due,
                          .done = on_put };
        list_init(&d->node);
        list_append(&l->dues, &d->node);
        fence_put(l->fence, &d->deed);
}

static int64_t read_score(bytes text) {
        char copy[64];
        double ms;

        snprintf(copy, sizeof(copy), "%.*s", (int)(text.n < 63 ? text.n : 63), text.p);
        ms = strtod(copy, NULL);
        return ms < 0 ? 0 : ms < 0x1p60 ? (int64_t)ms : INT64_MAX;
}

/* Others look on their beats, too: further away than that nothing has to be remembered. */
static void look_at(later *l, int64_t ms) {
        int64_t wait = ms - clock_wall_ms();

        timer_stop(&l->timer);
        if (wait < WORKER_BEAT / (CLOCK_SECOND / 1000))
                timer_start(&l->timer, l->loop,
                            clock_add(clock_now(), (wait > 1 ? wait : 1) * (CLOCK_SECOND / 1000)));
}

static void on_first(void *data, int r, resp_cursor reply) {
        later *l = data;
        resp_value head, id, score;
        int64_t now = clock_wall_ms();

        l->is_looking = false;
        if (r < 0 || !resp_cursor_next(&reply, &head) || head.type != RESP_ARRAY)
                return;
        for (size_t n = head.n / 2; n > 0; n--) {
                int64_t ms;

                resp_cursor_next(&reply, &id);
                resp_cursor_next(&reply, &score);
                ms = read_score(score.text);
                if (ms > now) {
                        look_at(l, ms);
                        break;
                }
                put(l, id.text);
        }
}

void later_look(later *l) {
        if (l->is_looking || !list_is_empty(&l->dues))
                return;
        l->is_looking = asker_say(l->asker, on_first, l, BYTES("ZRANGE"), LATER, BYTES("0"),
                                  BYTES(LAST), BYTES("WITHSCORES")) == 0;
}

static void on_time(timer *t) {
        later_look(container_of(t, later, timer));
}

void later_init(later *l) {
        l->timer.fn = on_time;
        l->is_looking = false;
        list_init(&l->dues);
}

void later_deinit(later *l) {
        if (!l->asker)
                return;
        timer_stop(&l->timer);
        asker_forget(l->asker, l);
        for (list *node; (node = list_first(&l->dues));)
                due_free(container_of(node, due, node));
        l->asker = NULL;
}

void later_say(asker *a, const char *id, int64_t ms) {
        char text[DECIMAL_MAX];

        asker_say(a, NULL, NULL, BYTES("ZADD"), LATER, ((bytes){ text, decimal_print(ms, text) }),
                  bytes_of(id));
}
