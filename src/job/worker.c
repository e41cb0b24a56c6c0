/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <sys/random.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "key.h"

/* Before the link is looked for again. Picked. */
#define AGAIN (CLOCK_SECOND)

static const char lease_ms[] = "10000", take_s[] = "5";

/* asking */

static void on_lost(void *data, int r, resp_cursor reply) {
        (void)reply;
        worker_lose(data, r);
}

static int ask_whom(worker *w, asker **ret) {
        int r = w->ctx ? asker_new(w->ctx->store, ret)
                       : asker_open(&w->at, w->user, w->password, ret);

        if (r == 0)
                asker_tell_loss(*ret, on_lost, w);
        return r;
}

static bytes key_of(const worker *w, char key[static KEY_MAX], const char *what) {
        return key_print(key, "/beam/workers/%s%s", w->token, what);
}

static bool has_come(worker *w, int r) {
        if (r < 0)
                worker_lose(w, r);
        return r == 0;
}

/* taking jobs */

static bool has_place(worker *w) {
        return w->n_claims + routines_left(&w->routines) < w->n_jobs;
}

static void on_taken(void *data, int r, resp_cursor reply) {
        taker *t = data;
        worker *w = t->worker;
        char key[KEY_MAX];
        resp_value v;

        if (!has_come(w, r))
                return;
        t->is_waiting = false;
        if (resp_cursor_next(&reply, &v) && v.type == RESP_BULK) {
                r = claim_new(w, v.text, t->queue, has_place(w));
                if (r == -EINVAL)
                        asker_say(w->main, NULL, NULL, BYTES("LREM"), key_of(w, key, "/taken"),
                                  BYTES("1"), v.text);
                else if (r < 0)
                        worker_lose(w, r);
        } else if (resp_value_is_error(&v)) {
                worker_lose(w, -EPROTO); /* there is something else than a list */
        }
        worker_take(w);
}

/* over channels */

static void take_order(worker *w, beam_msg *msg) {
        /* who has sent it sees that it is dropped, and nobody else is harmed */
        if (claim_take(w, msg) < 0)
                beam_msg_free(msg);
}

static void on_order(hire *h, beam_msg *msg) {
        worker *w = container_of(h, worker, hire);

        if (!has_place(w) && !w->is_stopping)
                w->order = msg;
        else
                take_order(w, msg);
        worker_take(w);
}

static void on_hire_ready(hire *h) {
        worker_take(container_of(h, worker, hire));
}

static void on_hire_left(hire *h) {
        worker *w = container_of(h, worker, hire);

        w->is_awaited = false;
        post_put(&w->step);
}

static bytes name_served(hire *h, size_t i) {
        const worker *w = container_of(h, worker, hire);

        return i < w->programs.n ? bytes_of(w->programs.all[i].name) : (bytes){ 0 };
}

/* What has come already is before what still lies there. */
static void take_orders(worker *w) {
        if (w->order && has_place(w)) {
                beam_msg *msg = w->order;

                w->order = NULL;
                take_order(w, msg);
        }
        if (!w->order && has_place(w))
                hire_ask(&w->hire);
}

/* A wait ends before a lease does that was renewed when it should be, so that nothing is taken by
 * who does not live. */
void worker_take(worker *w) {
        char key[KEY_MAX];

        if (w->is_stopping)
                post_put(&w->step);
        if (!w->is_serving || w->is_stopping || w->lost)
                return;
        take_orders(w);
        for (size_t i = 0; i < w->n_takers && has_place(w); i++) {
                taker *t = &w->takers[i];

                if (t->is_waiting)
                        continue;
                t->is_waiting = true;
                asker_say(t->asker, on_taken, t, BYTES("BLMOVE"), bytes_of(t->queue),
                          key_of(w, key, "/taken"), BYTES("LEFT"), BYTES("RIGHT"),
                          bytes_of(take_s));
        }
}

static int open_takers(worker *w) {
        int r = 0;

        w->takers = mem_array(1 + w->programs.n, sizeof(*w->takers));
        if (!w->takers)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < 1 + w->programs.n; i++) {
                taker *t = &w->takers[w->n_takers++];
                char key[KEY_MAX] = "/jobs/start";

                if (i > 0)
                        key_print(key, "/beam/queue/%s", w->programs.all[i - 1].name);
                *t = (taker){ .worker = w, .queue = mem_text(key) };
                r = t->queue ? ask_whom(w, &t->asker) : -ENOMEM;
        }
        return r;
}

static void close_takers(worker *w) {
        for (size_t i = 0; i < w->n_takers; i++) {
                asker_free(w->takers[i].asker);
                mem_free(w->takers[i].queue);
        }
        w->takers = mem_free(w->takers);
        w->n_takers = 0;
}

/* hearing what is said to jobs */

static claim *find_claim(worker *w, bytes id) {
        list_each(node, &w->claims) {
                claim *c = container_of(node, claim, node);

                if (c->is_running && bytes_equal(bytes_of(c->run.sink.id), id))
                        return c;
        }
        return NULL;
}

/* Whether @key is that of a job, as @before and @behind say. */
static bool is_of_job(bytes key, bytes before, bytes behind, bytes *ret_id) {
        if (key.n <= before.n + behind.n || memcmp(key.p, before.p, before.n) != 0 ||
            memcmp(key.p + key.n - behind.n, behind.p, behind.n) != 0)
                return false;
        *ret_id = (bytes){ key.p + before.n, key.n - before.n - behind.n };
        return true;
}

static void hear_frame(worker *w, claim *c, bytes text) {
        char key[KEY_MAX];
        int r = run_take_frame(&c->run, text);

        if (r == -EPROTO)
                asker_say(w->main, NULL, NULL, BYTES("HINCRBY"),
                          key_print(key, "/beam/jobs/%s", c->run.sink.id), BYTES("in.bad"),
                          BYTES("1"));
        else if (r < 0)
                worker_lose(w, r);
}

static void on_heard(void *data, int r, resp_cursor reply) {
        worker *w = data;
        resp_value head, key, word;
        claim *c = NULL;
        bytes id;

        if (!has_come(w, r))
                return;
        w->is_hearing = w->is_waking = false;
        if (!resp_cursor_next(&reply, &head) || head.type != RESP_ARRAY || head.n != 2) {
                worker_lose(w, -EPROTO);
                return;
        }
        resp_cursor_next(&reply, &key);
        resp_cursor_next(&reply, &word);
        if (is_of_job(key.text, BYTES("/beam/jobs/"), BYTES("/control"), &id) &&
            (c = find_claim(w, id)))
                run_take_word(&c->run, word.text);
        else if (is_of_job(key.text, BYTES("/jobs/"), BYTES("/in"), &id) && (c = find_claim(w, id)))
                hear_frame(w, c, word.text);
        /* The first key that has something is served: who was, is the last from now on. */
        if (c) {
                list_remove(&c->node);
                list_append(&w->claims, &c->node);
        }
        worker_hear(w);
}

/* Wait for all that may be said to jobs that run now. */
static void listen_to_all(worker *w) {
        size_t n_max = 3 + 2 * w->n_claims, n = 0;
        bytes *argv = mem_array(n_max, sizeof(*argv));
        char(*keys)[KEY_MAX] = mem_array(n_max, sizeof(*keys));

        if (!argv || !keys) {
                worker_lose(w, -ENOMEM);
        } else {
                argv[n++] = BYTES("BLPOP");
                argv[n] = key_of(w, keys[n], "/wake");
                n++;
                list_each(node, &w->claims) {
                        claim *c = container_of(node, claim, node);

                        c->is_heard = c->is_running;
                        c->is_input_heard = c->is_running && run_wants_input(&c->run);
                        if (c->is_heard) {
                                argv[n] =
                                        key_print(keys[n], "/beam/jobs/%s/control", c->run.sink.id);
                                n++;
                        }
                        if (c->is_input_heard) {
                                argv[n] = key_print(keys[n], "/jobs/%s/in", c->run.sink.id);
                                n++;
                        }
                }
                argv[n++] = BYTES("0");
                w->is_hearing = true;
                asker_ask(w->ear, on_heard, w, argv, n);
        }
        mem_free(argv);
        mem_free(keys);
}

/* Whether some of the jobs would not be heard, and whether there is any. */
static bool lacks(const worker *w, bool *ret_any) {
        bool any = false, lacks = false;

        list_each(node, (list *)&w->claims) {
                const claim *c = container_of(node, claim, node);

                any |= c->is_running;
                lacks |= c->is_running &&
                         (!c->is_heard || (!c->is_input_heard && run_wants_input(&c->run)));
        }
        *ret_any = any;
        return lacks;
}

/* A wait is ended by what it waits for alone; so it also waits for a word to ourselves. */
void worker_hear(worker *w) {
        char key[KEY_MAX];
        bool any, lacking = lacks(w, &any);

        if (w->lost)
                return;
        if (!w->is_hearing && any) {
                listen_to_all(w);
        } else if (w->is_hearing && lacking && !w->is_waking) {
                w->is_waking = true;
                asker_say(w->main, NULL, NULL, BYTES("RPUSH"), key_of(w, key, "/wake"), BYTES(""));
        }
}

/* the lease */

static void on_leased(void *data, int r, resp_cursor reply) {
        worker *w = data;
        resp_value v;

        if (!has_come(w, r))
                return;
        /* it expired, and others act on that */
        if (!resp_cursor_next(&reply, &v) || v.type != RESP_STATUS)
                worker_lose(w, -ETIMEDOUT);
        else
                w->leased = w->asked;
}

static void ask_lease(worker *w, bytes how) {
        char key[KEY_MAX];

        w->asked = clock_now();
        asker_say(w->main, on_leased, w, BYTES("SET"), key_of(w, key, ""), BYTES("1"), how,
                  BYTES("PX"), bytes_of(lease_ms));
}

static void on_beat(timer *t) {
        worker *w = container_of(t, worker, beat);

        if (timer_start(&w->beat, w->loop, clock_add(clock_now(), WORKER_BEAT)) < 0)
                worker_lose(w, -ENOMEM);
        /* Who did not come to renew it for so long does not know whether it is still there, and
         * has no right to write. */
        if (clock_now() - w->leased >= (int64_t)WORKER_LEASE_MS * (CLOCK_SECOND / 1000))
                worker_lose(w, -ETIMEDOUT);
        if (w->lost)
                return;
        ask_lease(w, BYTES("XX"));
        list_each(node, &w->claims) {
                claim *c = container_of(node, claim, node);

                if (c->is_running)
                        claim_look_for_owner(c);
        }
        hire_retry(&w->hire);
        fence_retry(&w->fence);
        heir_look(&w->heir);
        later_look(&w->later);
}

/* coming and going */

static void on_entered(void *data, int r, resp_cursor reply) {
        worker *w = data;
        resp_value v;

        if (!has_come(w, r))
                return;
        if (!resp_cursor_next(&reply, &v) || resp_value_is_error(&v)) {
                worker_lose(w, -EPROTO);
                return;
        }
        w->is_serving = true;
        w->told(w, 0);
        hire_open(&w->hire, w->token);
        heir_look(&w->heir);
        later_look(&w->later);
        worker_take(w);
}

/* First the lease, as whoever is among the workers without one is lost. */
static void enter(worker *w) {
        char key[KEY_MAX];

        ask_lease(w, BYTES("NX"));
        w->leased = w->asked;
        asker_say(w->main, NULL, NULL, BYTES("SADD"), BYTES("/beam/workers"), bytes_of(w->token));
        for (size_t i = 0; i < w->programs.n; i++) {
                bytes name = bytes_of(w->programs.all[i].name);

                asker_say(w->main, NULL, NULL, BYTES("SADD"), key_of(w, key, "/names"), name);
                asker_say(w->main, i + 1 == w->programs.n ? on_entered : NULL, w, BYTES("SADD"),
                          key_print(key, "/beam/names/%s", w->programs.all[i].name),
                          bytes_of(w->token));
        }
}

static void on_fence_lost(fence *f, int r) {
        worker_lose(container_of(f, worker, fence), r);
}

static int make_token(worker *w) {
        uint64_t random[WORKER_TOKEN / 16];

        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return -EIO;
        for (size_t i = 0; i < WORKER_TOKEN / 16; i++)
                snprintf(w->token + 16 * i, 17, "%016llx", (unsigned long long)random[i]);
        return 0;
}

static int link_up(worker *w) {
        int r = make_token(w);

        w->lost = 0;
        if (r == 0)
                r = ask_whom(w, &w->main);
        if (r == 0)
                r = ask_whom(w, &w->ear);
        if (r == 0)
                r = open_takers(w);
        if (r == 0)
                r = timer_start(&w->beat, w->loop, clock_add(clock_now(), WORKER_BEAT));
        if (r < 0)
                return r;
        fence_init(&w->fence, w->main);
        w->heir.asker = w->main;
        w->heir.fence = &w->fence;
        w->heir.token = w->token;
        heir_init(&w->heir);
        w->later.loop = w->loop;
        w->later.asker = w->main;
        w->later.fence = &w->fence;
        later_init(&w->later);
        enter(w);
        return 0;
}

static void link_down(worker *w) {
        w->is_serving = w->is_hearing = w->is_waking = false;
        timer_stop(&w->beat);
        w->lost = w->lost ? w->lost : -ECANCELED;
        for (list *node; (node = list_first(&w->claims));)
                claim_free(container_of(node, claim, node));
        w->order = beam_msg_free(w->order);
        hire_close(&w->hire);
        later_deinit(&w->later);
        heir_deinit(&w->heir);
        fence_deinit(&w->fence);
        close_takers(w);
        w->ear = asker_free(w->ear);
        w->main = asker_free(w->main);
}

static void on_again(timer *t) {
        worker *w = container_of(t, worker, again);
        int r = link_up(w);

        if (r < 0)
                worker_lose(w, r);
}

/* What is lost is not taken apart by who found out: it may be in the middle of it. */
void worker_lose(worker *w, int r) {
        if (w->lost)
                return;
        w->lost = r;
        post_put(&w->step);
}

static void finish(worker *w) {
        w->is_stopped = true;
        link_down(w);
        w->stopped(w);
}

static void on_gone(void *data, int r, resp_cursor reply) {
        worker *w = data;

        (void)r;
        (void)reply;
        w->is_stopped = true;
        post_put(&w->step);
}

/* Others need not wait for the lease to end. What a taker got at the last moment they put back. */
static void leave(worker *w) {
        char key[KEY_MAX], wake[KEY_MAX];

        asker_say(w->main, on_gone, w, BYTES("DEL"), key_of(w, key, ""), key_of(w, wake, "/wake"));
}

static void on_step(post *p) {
        worker *w = container_of(p, worker, step);
        int r = w->lost;

        if (w->is_stopped || (r < 0 && w->is_stopping)) {
                finish(w);
        } else if (r < 0) {
                link_down(w);
                w->told(w, r);
                timer_start(&w->again, w->loop, clock_add(clock_now(), AGAIN));
        } else if (w->is_stopping && !w->is_leaving && !w->is_awaited && w->n_claims == 0) {
                w->is_leaving = true;
                leave(w);
        }
}

/* One that was left had a place for itself until now. */
static void on_returned(routines *all) {
        worker_take(container_of(all, worker, routines));
}

int worker_open(worker *w) {
        w->loop = loop_get();
        w->buffer = mem_new(FRAME_HEAD_MAX + FRAME_DATA_MAX);
        if (!w->loop || !w->buffer) {
                w->buffer = mem_free(w->buffer);
                return -ENOMEM;
        }
        list_init(&w->claims);
        routines_init(&w->routines, on_returned);
        w->hire.desk = w->ctx ? desk_of(w->ctx) : NULL;
        w->hire.at = w->ctx ? NULL : &w->at;
        w->hire.user = w->user;
        w->hire.password = w->password;
        w->hire.name = name_served;
        w->hire.take = on_order;
        w->hire.ready = on_hire_ready;
        w->hire.left = on_hire_left;
        w->fence.lost = on_fence_lost;
        w->beat.fn = on_beat;
        w->again.fn = on_again;
        post_init(&w->step, w->loop, false, on_step);
        on_again(&w->again);
        return 0;
}

void worker_stop(worker *w) {
        w->is_stopping = true;
        close_takers(w);
        timer_stop(&w->again);
        w->is_awaited = hire_leave(&w->hire);
        if (w->order) {
                beam_msg *msg = w->order;

                w->order = NULL;
                take_order(w, msg);
        }
        if (!w->is_serving)
                w->is_stopped = true;
        post_put(&w->step);
}

void worker_cancel(worker *w) {
        list_each(node, &w->claims) {
                claim *c = container_of(node, claim, node);

                if (c->is_running)
                        run_cancel(&c->run);
        }
}

void worker_close(worker *w) {
        if (!w->buffer)
                return;
        post_cancel(&w->step);
        timer_stop(&w->again);
        link_down(w);
        routines_deinit(&w->routines);
        w->buffer = mem_free(w->buffer);
}
