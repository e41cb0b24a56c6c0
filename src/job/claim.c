/* SPDX-License-Identifier: Apache-2.0 */
#include "claim.h"

#include <errno.h>

#include "../base/clock.h"
#include "../base/decimal.h"
#include "../base/mem.h"
#include "key.h"
#include "worker.h"

/* Words of control that are looked through for one that cancels, before the job runs. */
#define WORDS_MAX "63"
/* Of those who serve a name, picked by chance: one with a lease is enough. */
#define SERVERS_MAX "16"

static const char *id_of(const claim *c) {
        return c->run.sink.id;
}

/* Whether the reply has come, to a worker that goes on: one that had no memory for another reply
 * knows a part of the job only. */
static bool has_come(claim *c, int r) {
        if (r < 0)
                worker_lose(c->worker, r);
        return !c->worker->lost;
}

static void untake(claim *c, asker *a) {
        char key[KEY_MAX];

        asker_say(a, NULL, NULL, BYTES("LREM"),
                  key_print(key, "/beam/workers/%s/taken", c->worker->token), BYTES("1"),
                  bytes_of(id_of(c)));
}

/* It is none, or somebody else's. */
static void leave(claim *c) {
        untake(c, c->worker->main);
        claim_free(c);
}

/* the end of it */

static void say_end(deed *d, asker *a) {
        claim *c = container_of(d, claim, deed);

        if (c->guest)
                guest_say_counts(c->guest, id_of(c), a);
        verdict_say(&c->verdict, a);
        untake(c, a);
}

/* When the lock is another's by now there is nothing to be said. */
static void on_end(deed *d, bool is_done) {
        claim *c = container_of(d, claim, deed);

        if (!is_done) {
                leave(c);
                return;
        }
        if (c->guest)
                guest_tell_end(c->guest, &c->verdict);
        if (c->order.ticket.retry > 0) /* it may be due before long */
                later_look(&c->worker->later);
        claim_free(c);
}

static void end(claim *c, verdict v) {
        c->is_running = false;
        c->verdict = v;
        c->verdict.ticket = &c->order.ticket;
        c->verdict.is_unwanted = c->is_cancelled || c->run.is_unwanted;
        c->deed = (deed){
                .id = id_of(c), .holder = c->worker->token, .say = say_end, .done = on_end
        };
        fence_put(&c->worker->fence, &c->deed);
}

static void end_unrun(claim *c, const char *exit, const char *why) {
        end(c, (verdict){ .sink = &c->run.sink, .exit = exit, .status = -1, .why = why });
}

/* to others */

static void say_move(deed *d, asker *a) {
        claim *c = container_of(d, claim, deed);

        untake(c, a);
        asker_say(a, NULL, NULL, c->to_head ? BYTES("LPUSH") : BYTES("RPUSH"), c->target,
                  bytes_of(id_of(c)));
}

static void on_moved(deed *d, bool is_done) {
        claim *c = container_of(d, claim, deed);

        if (is_done)
                claim_free(c);
        else
                leave(c);
}

static void move(claim *c, bytes target, bool to_head) {
        c->target = target;
        c->to_head = to_head;
        c->deed = (deed){ .id = id_of(c), .holder = "", .say = say_move, .done = on_moved };
        fence_put(&c->worker->fence, &c->deed);
}

/* It is not due yet. The delay counts from now. */
static void say_later(deed *d, asker *a) {
        claim *c = container_of(d, claim, deed);
        char key[KEY_MAX], at[DECIMAL_MAX];
        bytes fields = key_print(key, "/beam/jobs/%s", id_of(c));

        asker_say(a, NULL, NULL, BYTES("HDEL"), fields, BYTES("delay"));
        asker_say(a, NULL, NULL, BYTES("HSET"), fields, BYTES("state"), BYTES("waiting"),
                  BYTES("at"), ((bytes){ at, decimal_print(c->order.ticket.at, at) }));
        later_say(a, id_of(c), c->order.ticket.at);
        untake(c, a);
}

static void on_put_off(deed *d, bool is_done) {
        claim *c = container_of(d, claim, deed);

        if (!is_done) {
                leave(c);
                return;
        }
        later_look(&c->worker->later);
        claim_free(c);
}

static void put_off(claim *c) {
        c->deed = (deed){ .id = id_of(c), .holder = "", .say = say_later, .done = on_put_off };
        fence_put(&c->worker->fence, &c->deed);
}

/* Whether it is to wait for its time: one that will not run anyway need not. */
static bool is_early(claim *c) {
        ticket *t = &c->order.ticket;
        int64_t now = clock_wall_ms();

        if (t->delay && now + t->delay > t->at)
                t->at = now + t->delay;
        return t->at > now && !*c->order.why && !c->is_cancelled;
}

/* running it */

static void on_over(run *r) {
        claim *c = container_of(r, claim, run);

        end(c, r->verdict);
}

static void on_wants(run *r) {
        worker_hear(container_of(r, claim, run)->worker);
}

static void say_begin(claim *c) {
        char key[KEY_MAX], pid[DECIMAL_MAX], now[DECIMAL_MAX];

        asker_say(c->worker->main, NULL, NULL, BYTES("HSET"),
                  key_print(key, "/beam/jobs/%s", id_of(c)), BYTES("state"), BYTES("running"),
                  BYTES("worker"), bytes_of(c->worker->token), BYTES("pid"),
                  ((bytes){ pid, decimal_print(run_pid(&c->run), pid) }), BYTES("began"),
                  ((bytes){ now, decimal_print(clock_wall_ms(), now) }));
}

/* Until when it may run, for a program that can be sooner done with less. */
static int give_deadline(claim *c) {
        char text[DECIMAL_MAX + 1];

        if (!c->order.timeout_ms)
                return 0;
        text[decimal_print(clock_wall_ms() + c->order.timeout_ms, text)] = '\0';
        return order_give(&c->order, "BEAM_DEADLINE", text);
}

static void begin(claim *c) {
        worker *w = c->worker;
        char mark[KEY_MAX];
        const run_options how = { .what = c->program,
                                  .mark = mark,
                                  .cwd = w->cwd,
                                  .url = w->ctx ? NULL : w->url,
                                  .routines = &w->routines };

        key_print(mark, "BEAM_JOB_MARK=%s-%s", w->token, id_of(c));
        c->run.over = on_over;
        c->run.wants = on_wants;
        c->run.asker = w->main;
        c->run.loop = w->loop;
        c->run.buffer = w->buffer;
        c->run.order = &c->order;
        c->run.guest = c->guest;
        if (give_deadline(c) < 0) {
                worker_lose(w, -ENOMEM);
                return;
        }
        if (run_start(&c->run, &how, c->why) < 0) {
                end(c, c->run.verdict);
                return;
        }
        c->is_running = true;
        /* what there was the first try had */
        if (c->order.ticket.tries > 0)
                run_end_inputs(&c->run);
        say_begin(c);
        if (c->guest && guest_begun(c->guest, run_pid(&c->run)) < 0)
                worker_lose(w, -ENOMEM);
        worker_hear(w);
}

static void on_locked(void *data, int r, resp_cursor reply) {
        claim *c = data;
        resp_value v;

        if (!has_come(c, r))
                return;
        if (!resp_cursor_next(&reply, &v) || v.type != RESP_STATUS)
                leave(c);
        else if (*c->order.why)
                end_unrun(c, "refused", c->order.why);
        else if (c->is_cancelled)
                end_unrun(c, "cancelled", NULL);
        else
                begin(c);
}

static void take_lock(claim *c) {
        char key[KEY_MAX];

        claim_look_for_owner(c);
        asker_say(c->worker->main, on_locked, c, BYTES("SET"), key_print(key, "/jobs/%s", id_of(c)),
                  bytes_of(c->worker->token), BYTES("NX"));
}

static void on_owner(void *data, int r, resp_cursor reply) {
        claim *c = data;
        resp_value v;

        if (!has_come(c, r) || !resp_cursor_next(&reply, &v) || v.type != RESP_INTEGER ||
            v.integer > 0)
                return;
        c->is_cancelled = true;
        if (c->is_running)
                run_cancel(&c->run);
}

void claim_look_for_owner(claim *c) {
        if (*c->order.owner)
                asker_say(c->worker->main, on_owner, c, BYTES("EXISTS"), bytes_of(c->order.owner));
}

/* a name that is not ours */

static void refuse_name(claim *c) {
        order_refuse(&c->order, "no such name: %.100s", c->name);
        take_lock(c);
}

static void on_lease(void *data, int r, resp_cursor reply) {
        claim *c = data;
        resp_value v;

        if (!has_come(c, r))
                return;
        if (resp_cursor_next(&reply, &v) && v.type == RESP_INTEGER && v.integer > 0)
                c->is_served = true;
        if (--c->n_asked > 0)
                return;
        if (c->is_served)
                move(c, key_print(c->target_key, "/beam/queue/%s", c->name), false);
        else
                refuse_name(c);
}

static void on_servers(void *data, int r, resp_cursor reply) {
        claim *c = data;
        resp_value head, token;
        char key[KEY_MAX];

        if (!has_come(c, r))
                return;
        if (!resp_cursor_next(&reply, &head) || head.type != RESP_ARRAY || head.n == 0) {
                refuse_name(c);
                return;
        }
        c->n_asked = head.n;
        while (head.n-- > 0 && resp_cursor_next(&reply, &token))
                asker_say(c->worker->main, on_lease, c, BYTES("EXISTS"),
                          key_print(key, "/beam/workers/%.*s",
                                    token.text.n < WORKER_TOKEN_MAX ? (int)token.text.n
                                                                    : WORKER_TOKEN_MAX,
                                    token.text.p));
}

/* reading it */

static int settle(claim *c) {
        int r = order_close(&c->order, c->name);

        if (r == 0 && c->program->fn)
                order_fit_function(&c->order);
        else if (r == 0)
                r = permit_apply(&c->worker->permit, &c->order);
        return r;
}

static void decide(claim *c) {
        char key[KEY_MAX];

        if (!*c->name) {
                leave(c);
        } else if (c->program) {
                if (settle(c) < 0)
                        worker_lose(c->worker, -ENOMEM);
                else if (is_early(c))
                        put_off(c);
                else
                        take_lock(c);
        } else {
                asker_say(c->worker->main, on_servers, c, BYTES("SRANDMEMBER"),
                          key_print(key, "/beam/names/%s", c->name), BYTES(SERVERS_MAX));
        }
}

/* A job that was removed has an empty name, one that never was none. One that is too long to be
 * anybody's is known by its beginning, which is as little. */
static void set_name(claim *c, bytes name) {
        size_t n = name.n <= PROGRAMS_NAME_MAX ? name.n : PROGRAMS_NAME_MAX;

        memcpy(c->name, name.p, n);
        c->name[n] = '\0';
        c->program = programs_find(&c->worker->programs, name);
}

static void on_name(void *data, int r, resp_cursor reply) {
        claim *c = data;
        resp_value v;

        if (has_come(c, r) && resp_cursor_next(&reply, &v) && v.type == RESP_BULK)
                set_name(c, v.text);
}

static void on_args(void *data, int r, resp_cursor reply) {
        claim *c = data;

        if (has_come(c, r) && order_take_args(&c->order, reply) < 0)
                worker_lose(c->worker, -ENOMEM);
}

static void on_env(void *data, int r, resp_cursor reply) {
        claim *c = data;

        if (has_come(c, r) && order_take_env(&c->order, reply) < 0)
                worker_lose(c->worker, -ENOMEM);
}

static void on_fields(void *data, int r, resp_cursor reply) {
        claim *c = data;

        if (!has_come(c, r))
                return;
        if (order_take_fields(&c->order, reply) < 0 ||
            sink_init(&c->run.sink, &c->order.outputs) < 0)
                worker_lose(c->worker, -ENOMEM);
        c->run.sink.is_log = c->order.is_log;
        c->run.sink.ends_late = c->order.ticket.retry > 0;
}

/* Control: the last of what is read. */
static void on_words(void *data, int r, resp_cursor reply) {
        claim *c = data;
        resp_value v;

        if (!has_come(c, r))
                return;
        while (resp_cursor_next(&reply, &v))
                c->is_cancelled |= bytes_equal(v.text, BYTES("cancel"));
        decide(c);
}

static void read_all(claim *c) {
        asker *a = c->worker->main;
        const char *id = id_of(c);
        char key[KEY_MAX];

        asker_say(a, on_name, c, BYTES("LINDEX"), BYTES("/jobs"), bytes_of(id));
        asker_say(a, on_args, c, BYTES("LRANGE"), key_print(key, "/jobs/%s/args", id), BYTES("0"),
                  BYTES("4096")); /* one more than ORDER_WORDS_MAX, to see that there are */
        asker_say(a, on_env, c, BYTES("HGETALL"), key_print(key, "/jobs/%s/env", id));
        asker_say(a, on_fields, c, BYTES("HGETALL"), key_print(key, "/beam/jobs/%s", id));
        asker_say(a, on_words, c, BYTES("LRANGE"), key_print(key, "/beam/jobs/%s/control", id),
                  BYTES("0"), BYTES(WORDS_MAX));
}

static int make(worker *w, bytes id, claim **ret) {
        claim *c;
        int64_t number;

        if (!decimal_read(id.p, id.n, &number) || number < 0)
                return -EINVAL;
        c = mem_zero(sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->worker = w;
        memcpy(c->run.sink.id, id.p, id.n);
        c->run.sink.is_known = true;
        run_init(&c->run);
        order_init(&c->order);
        list_init(&c->node);
        list_append(&w->claims, &c->node);
        w->n_claims++;
        *ret = c;
        return 0;
}

static int give_env(claim *c) {
        int r = order_inherit(&c->order, &c->worker->given);

        return r < 0 ? r : order_give(&c->order, "BEAM_JOB", id_of(c));
}

int claim_new(worker *w, bytes id, const char *queue, bool has_place) {
        claim *c;
        int r = make(w, id, &c);

        if (r < 0)
                return r;
        c->queue = queue;
        if (!has_place) {
                move(c, bytes_of(queue), true);
                return 0;
        }
        if (give_env(c) < 0) {
                claim_free(c);
                return -ENOMEM;
        }
        read_all(c);
        return 0;
}

/* over a channel */

static void on_guest_word(guest *g, bytes word) {
        claim *c = g->data;

        if (c->is_running)
                run_take_word(&c->run, word);
}

static void on_guest_left(guest *g) {
        claim *c = g->data;

        if (c->is_running)
                run_cancel(&c->run);
}

static void on_guest_emptied(guest *g) {
        claim *c = g->data;

        run_emptied(&c->run);
}

/* What speaks of keys says nothing here, and who says it means something else than he gets. */
static void refuse_fields(order *o, resp_cursor fields) {
        static const char *const others[] = { "output", "keep",    "owner", "state",
                                              "inputs", "outputs", "retry", "backoff",
                                              "delay",  "at",      "tries" };
        resp_value head, field;

        resp_cursor_next(&fields, &head);
        for (size_t n = head.n / 2; n > 0; n--) {
                resp_cursor_next(&fields, &field);
                for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                        if (bytes_equal(field.text, bytes_of(others[i])))
                                order_refuse(o, "the field %s is not for a job over a channel",
                                             others[i]);
                resp_cursor_next(&fields, &field);
        }
}

static int take_order(claim *c, const slip_order *o) {
        int r = give_env(c);

        refuse_fields(&c->order, o->fields);
        if (r == 0)
                r = order_take_args(&c->order, o->args);
        if (r == 0)
                r = order_take_env(&c->order, o->env);
        if (r == 0)
                r = order_take_fields(&c->order, o->fields);
        if (r == 0)
                r = c->program ? settle(c) : 0;
        return r;
}

int claim_take(worker *w, beam_msg *msg) {
        char key[KEY_MAX];
        slip_order o;
        claim *c;
        int r = slip_read_order(msg, true, &o);

        if (r == 0)
                r = make(w, o.id, &c);
        if (r < 0)
                return r;
        set_name(c, o.name);
        r = take_order(c, &o);
        if (r == 0)
                r = guest_new(&o, msg, &c->guest);
        if (r < 0) {
                claim_free(c);
                return r;
        }
        c->guest->heard = on_guest_word;
        c->guest->left = on_guest_left;
        c->guest->emptied = on_guest_emptied;
        c->guest->data = c;
        beam_msg_free(msg);
        /* the lock first: what is taken and has none is started anew by others */
        if (c->program)
                take_lock(c);
        else
                refuse_name(c);
        asker_say(w->main, NULL, NULL, BYTES("RPUSH"),
                  key_print(key, "/beam/workers/%s/taken", w->token), bytes_of(id_of(c)));
        return 0;
}

claim *claim_free(claim *c) {
        worker *w = c->worker;

        fence_forget(&c->deed);
        asker_forget(w->main, c);
        run_deinit(&c->run);
        guest_free(c->guest);
        sink_deinit(&c->run.sink);
        order_deinit(&c->order);
        list_remove(&c->node);
        w->n_claims--;
        mem_free(c);
        worker_take(w);
        return NULL;
}
