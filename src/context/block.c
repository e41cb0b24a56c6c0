/* SPDX-License-Identifier: Apache-2.0 */
#include "block.h"

#include <math.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "../loop/loop.h"
#include "data/longreal.h"
#include "store.h"

/* A key that somebody waits for. */
typedef struct queue {
        list ready; /* of the store's, when the key has changed */
        list waits; /* of wait, the oldest first */
        db *db;
        bool is_served; /* just now: it stays */
        bool has_any;   /* somebody waits for its end too */
        size_t n_name;
        char name[];
} queue;

typedef struct wait {
        list node;
        queue *queue; /* NULL once it has left it */
        struct blocked *by;
} wait;

typedef struct blocked {
        client *client;
        timer timer;
        bool is_timed;
        key_type type;
        list in_line; /* of call_wait_in(), */
        bool is_held; /* or of call_hold() */
        const command *cmd;
        bytes *argv; /* copies, in the block of this */
        int argc, n_waits;
        wait waits[];
} blocked;

static const void *name_of(const void *entry, size_t *ret_n) {
        const queue *q = entry;

        *ret_n = q->n_name;
        return q->name;
}

static queue *find(db *d, bytes name) {
        void **slot = table_find(&d->waited, table_hash(name.p, name.n), name.p, name.n);

        return slot ? *slot : NULL;
}

static queue *find_or_add(db *d, bytes name) {
        queue *q = find(d, name);

        if (q)
                return q;
        if (table_count(&d->waited) == 0)
                table_init(&d->waited, name_of);
        q = mem_zero(sizeof(*q) + name.n);
        if (!q)
                return NULL;
        list_init(&q->ready);
        list_init(&q->waits);
        q->db = d;
        q->n_name = name.n;
        memcpy(q->name, name.p, name.n);
        return table_add(&d->waited, table_hash(name.p, name.n), q) < 0 ? mem_free(q) : q;
}

static void drop_if_idle(queue *q) {
        if (q->is_served || !list_is_empty(&q->waits))
                return;
        list_remove(&q->ready);
        table_take(&q->db->waited, table_hash(q->name, q->n_name), q->name, q->n_name);
        mem_free(q);
}

static void detach(blocked *b) {
        for (int i = 0; i < b->n_waits; i++) {
                list_remove(&b->waits[i].node);
                drop_if_idle(b->waits[i].queue);
        }
        if (b->is_timed)
                timer_stop(&b->timer);
        list_remove(&b->in_line);
        b->client->blocked = NULL;
        b->client->flags &= ~(uint32_t)CLIENT_BLOCKED;
        b->client->store->n_blocked--;
}

static void blocked_free(blocked *b) {
        detach(b);
        mem_free(b);
}

/* beginning to wait */

bool block_deadline(call *c, int i, int64_t *ret) {
        long double seconds, ms;

        if (!longreal_read(c->argv[i], &seconds)) {
                call_fail(c, "ERR timeout is not a float or out of range");
                return false;
        }
        ms = ceill(seconds * 1000);
        if (ms < 0 || ms >= (long double)INT64_MAX) { /* it becomes negative in Redis */
                call_fail(c, "ERR timeout is negative");
                return false;
        }
        *ret = ms == 0 ? CLOCK_NEVER
                       : clock_add(clock_now(),
                                   seconds > 9e9 ? CLOCK_NEVER : (int64_t)(seconds * 1e9));
        return true;
}

bool block_deadline_ms(call *c, int i, int64_t *ret) {
        int64_t ms;

        if (!call_integer(c, i, &ms, "ERR timeout is not an integer or out of range"))
                return false;
        if (ms < 0) {
                call_fail(c, "ERR timeout is negative");
                return false;
        }
        *ret = ms == 0 ? CLOCK_NEVER
                       : clock_add(clock_now(),
                                   ms > CLOCK_NEVER / 1000000 ? CLOCK_NEVER : ms * 1000000);
        return true;
}

static void on_time(timer *t) {
        blocked *b = container_of(t, blocked, timer);

        b->is_timed = false;
        block_end(b->client, NULL);
}

/* The arguments lie behind the waits. */
static blocked *blocked_new(call *c, int n_names) {
        size_t n_waits = sizeof(wait) * (size_t)n_names, n_argv = sizeof(bytes) * (size_t)c->argc;
        size_t n_text = 0;
        blocked *b;
        char *text;

        for (int i = 0; i < c->argc; i++)
                n_text += c->argv[i].n;
        b = mem_zero(sizeof(*b) + n_waits + n_argv + n_text);
        if (!b)
                return NULL;
        b->client = c->client;
        b->cmd = c->cmd;
        b->argc = c->argc;
        b->argv = (bytes *)(void *)((char *)b + sizeof(*b) + n_waits);
        text = (char *)b->argv + n_argv;
        for (int i = 0; i < c->argc; i++) {
                b->argv[i] = (bytes){ text, c->argv[i].n };
                memcpy(text, c->argv[i].p, c->argv[i].n);
                text += c->argv[i].n;
        }
        b->timer.fn = on_time;
        list_init(&b->in_line);
        c->client->blocked = b;
        c->client->flags |= CLIENT_BLOCKED;
        c->store->n_blocked++;
        return b;
}

static bool is_in(const blocked *b, const queue *q) {
        for (int i = 0; i < b->n_waits; i++)
                if (b->waits[i].queue == q)
                        return true;
        return false;
}

/* Without memory for one it does not wait. */
static void start_timer(call *c, blocked *b, int64_t deadline) {
        if (deadline == CLOCK_NEVER)
                return;
        if (!loop_get() || timer_start(&b->timer, loop_get(), deadline) < 0) {
                blocked_free(b);
                call_fail_memory(c);
                return;
        }
        b->is_timed = true;
}

void call_wait(call *c, key_type type, const bytes *names, int n_names, int64_t deadline,
               block_null null) {
        blocked *b;

        if (c->is_again) {
                c->waits_again = true;
                return;
        }
        if (c->client->flags & CLIENT_IN_EXEC) {
                if (null == BLOCK_NULL_ARRAY)
                        resp_out_null_array(c->out);
                else
                        resp_out_null(c->out);
                return;
        }
        b = blocked_new(c, n_names);
        if (!b) {
                call_fail_memory(c);
                return;
        }
        b->type = type;
        for (int i = 0; i < n_names; i++) {
                queue *q = find_or_add(c->db, names[i]);
                wait *w = &b->waits[b->n_waits];

                if (!q) {
                        blocked_free(b);
                        call_fail_memory(c);
                        return;
                }
                if (is_in(b, q))
                        continue;
                *w = (wait){ .queue = q, .by = b };
                list_init(&w->node);
                list_append(&q->waits, &w->node);
                q->has_any |= type == KEY_TYPES;
                b->n_waits++;
        }
        start_timer(c, b, deadline);
}

void call_wait_in(call *c, list *line, int64_t deadline) {
        blocked *b;

        if (c->is_again) {
                c->waits_again = true;
                return;
        }
        b = blocked_new(c, 0);
        if (!b) {
                call_fail_memory(c);
                return;
        }
        list_append(line, &b->in_line);
        start_timer(c, b, deadline);
}

void call_hold(call *c, list *line) {
        blocked *b = blocked_new(c, 0);

        if (!b) {
                call_fail_memory(c);
                return;
        }
        b->is_held = true;
        list_append(line, &b->in_line);
}

/* ending */

void block_forget(client *c) {
        if (c->blocked)
                blocked_free(c->blocked);
}

/* Run its command again, which answers now, or never. Returns whether it has. */
static bool run_again(blocked *b, bytes name, bool is_late) {
        client *c = b->client;
        call again = { .cmd = b->cmd,
                       .argv = b->argv,
                       .argc = b->argc,
                       .is_again = true,
                       .again_for = name,
                       .is_late = is_late };

        client_run(c, &again);
        if (again.waits_again)
                return false;
        blocked_free(b);
        client_answered(c);
        client_touch(c);
        return true;
}

bool block_end(client *c, const char *error) {
        resp_out *out = client_answers(c);
        blocked *b = c->blocked;

        if (!b || b->is_held)
                return false;
        if (!error && list_is_linked(&b->in_line))
                return run_again(b, (bytes){ 0 }, true);
        if (error)
                resp_out_error(out, error);
        else
                resp_out_null_array(out);
        blocked_free(b);
        client_answered(c);
        client_touch(c);
        return true;
}

void block_release(list *line) {
        for (list *node; (node = list_first(line));) {
                blocked *b = container_of(node, blocked, in_line);
                client *c = b->client;

                detach(b);
                client_exec(c, b->argv, b->argc);
                client_touch(c);
                mem_free(b);
        }
}

void block_retry(list *line) {
        list mine = LIST_INIT(mine);

        list_move(&mine, line);
        for (list *node; (node = list_first(&mine));) {
                blocked *b = container_of(node, blocked, in_line);

                if (!run_again(b, (bytes){ 0 }, false)) {
                        list_remove(node);
                        list_append(line, node);
                }
        }
}

void block_signal(db *d, bytes name) {
        queue *q = table_count(&d->waited) > 0 ? find(d, name) : NULL;

        if (q && !list_is_linked(&q->ready))
                list_append(&d->store->ready, &q->ready);
}

void block_signal_all(db *d) {
        table_iter i;
        queue *q;

        if (table_count(&d->waited) == 0)
                return;
        table_iter_begin(&i, &d->waited);
        while ((q = table_iter_next(&i)))
                if (!list_is_linked(&q->ready))
                        list_append(&d->store->ready, &q->ready);
        table_iter_end(&i);
}

static bool is_awaited(const wait *w, const key *k) {
        return w->by->type == KEY_TYPES || (k && k->type == w->by->type);
}

static void serve_queue(queue *q) {
        bytes name = { q->name, q->n_name };
        list mine = LIST_INIT(mine);

        q->is_served = true;
        list_move(&mine, &q->waits);
        while (!list_is_empty(&mine)) {
                wait *w = container_of(list_first(&mine), wait, node);
                key *k = db_peek(q->db, name);

                if (!k && !q->has_any)
                        break;
                if (!is_awaited(w, k) || !run_again(w->by, name, false)) {
                        list_remove(&w->node);
                        list_append(&q->waits, &w->node);
                }
        }
        list_move(&q->waits, &mine);
        q->is_served = false;
        drop_if_idle(q);
}

void block_serve(store *s) {
        if (s->is_serving)
                return;
        s->is_serving = true;
        for (list *node; (node = list_take_first(&s->ready));)
                serve_queue(container_of(node, queue, ready));
        s->is_serving = false;
}
