/* SPDX-License-Identifier: Apache-2.0 */
#include "heir.h"

#include "../base/decimal.h"
#include "../base/mem.h"
#include "key.h"
#include "tally.h"
#include "verdict.h"
#include "worker.h"

/* Of one worker in one go; the rest the next time. In the words of the commands. */
#define JOBS_LAST "63"
#define NAMES "64"
#define WORKERS "64"

/* What one worker has left, while it is looked after. */
typedef struct estate {
        list node;
        heir *heir;
        char token[WORKER_TOKEN_MAX + 1];
        size_t n_open; /* questions under way, and orphans: at none it is done with */
        list orphans;
} estate;

/* A job that it had taken, or a name that it served. */
typedef struct orphan {
        list node;
        estate *estate;
        deed deed;
        sink sink;
        ticket ticket;
        char name[PROGRAMS_NAME_MAX + 1];
} orphan;

static void orphan_free(orphan *o) {
        fence_forget(&o->deed);
        asker_forget(o->estate->heir->asker, o);
        sink_deinit(&o->sink);
        list_remove(&o->node);
        mem_free(o);
}

static void estate_free(estate *e) {
        asker_forget(e->heir->asker, e);
        for (list *node; (node = list_first(&e->orphans));)
                orphan_free(container_of(node, orphan, node));
        list_remove(&e->node);
        mem_free(e);
}

/* One thing less to be done. */
static void settle(estate *e) {
        if (--e->n_open == 0)
                estate_free(e);
}

static void bury(orphan *o) {
        estate *e = o->estate;

        orphan_free(o);
        settle(e);
}

static orphan *orphan_new(estate *e) {
        orphan *o = mem_zero(sizeof(*o));

        if (!o)
                return NULL; /* it is found again the next time */
        o->estate = e;
        list_init(&o->node);
        list_append(&e->orphans, &o->node);
        e->n_open++;
        return o;
}

static bytes key_of(const estate *e, char key[static KEY_MAX], const char *what) {
        return key_print(key, "/beam/workers/%s%s", e->token, what);
}

/* jobs that it had taken */

static void untake(const estate *e, bytes id, asker *a) {
        char key[KEY_MAX];

        asker_say(a, NULL, NULL, BYTES("LREM"), key_of(e, key, "/taken"), BYTES("1"), id);
}

static void say_lost(deed *d, asker *a) {
        orphan *o = container_of(d, orphan, deed);

        verdict_say(&(verdict){ .sink = &o->sink,
                                .exit = "lost",
                                .status = -1,
                                .why = "its worker was lost",
                                .ticket = &o->ticket },
                    a);
        untake(o->estate, bytes_of(o->sink.id), a);
}

static void say_back(deed *d, asker *a) {
        orphan *o = container_of(d, orphan, deed);

        untake(o->estate, bytes_of(o->sink.id), a);
        asker_say(a, NULL, NULL, BYTES("LPUSH"), BYTES("/jobs/start"), bytes_of(o->sink.id));
}

/* If the lock has changed it is looked at again the next time. */
static void on_deed(deed *d, bool is_done) {
        (void)is_done;
        bury(container_of(d, orphan, deed));
}

/* Where its output goes, and which streams have ended there; whether it is to be tried again. */
static void on_fields(void *data, int r, resp_cursor reply) {
        orphan *o = data;
        resp_value head, field, value;
        tally said = { 0 };
        streams outputs = streams_usual(true);
        const streams none = { 0 };
        bool is_there = true;

        if (r < 0 || !resp_cursor_next(&reply, &head) || head.type != RESP_ARRAY)
                return;
        for (size_t n = head.n / 2; n > 0; n--) {
                resp_cursor_next(&reply, &field);
                resp_cursor_next(&reply, &value);
                if (bytes_equal(field.text, BYTES("output"))) {
                        o->sink.is_log = bytes_equal(value.text, BYTES("log"));
                        is_there = !bytes_equal(value.text, BYTES("channel"));
                } else if (bytes_equal(field.text, BYTES("outputs"))) {
                        (void)streams_read(value.text, &outputs);
                } else {
                        (void)tally_announce(&said, field.text, value.text);
                }
                (void)ticket_take(&o->ticket, field.text, value.text); /* as its worker did */
        }
        if (sink_init(&o->sink, is_there ? &outputs : &none) < 0)
                return;
        for (sink_stream *st = o->sink.streams; st < o->sink.streams + o->sink.n_streams; st++)
                st->has_ended = said.streams[st->number].is_announced;
}

static void on_lock(void *data, int r, resp_cursor reply) {
        orphan *o = data;
        estate *e = o->estate;
        bool is_held;
        resp_value v;

        if (r < 0)
                return;
        if (!o->sink.streams) { /* without memory it is left for the next time */
                bury(o);
                return;
        }
        is_held = resp_cursor_next(&reply, &v) && v.type != RESP_NULL;
        if (is_held && !bytes_equal(v.text, bytes_of(e->token))) {
                untake(e, bytes_of(o->sink.id), e->heir->asker);
                bury(o);
                return;
        }
        o->deed = (deed){ .id = o->sink.id,
                          .holder = is_held ? e->token : "",
                          .say = is_held ? say_lost : say_back,
                          .done = on_deed };
        fence_put(e->heir->fence, &o->deed);
}

static void look_after(estate *e, bytes id) {
        asker *a = e->heir->asker;
        char key[KEY_MAX];
        int64_t number;
        orphan *o;

        if (!decimal_read(id.p, id.n, &number) || number < 0) {
                untake(e, id, a);
                return;
        }
        o = orphan_new(e);
        if (!o)
                return;
        memcpy(o->sink.id, id.p, id.n);
        asker_say(a, on_fields, o, BYTES("HGETALL"), key_print(key, "/beam/jobs/%s", o->sink.id));
        asker_say(a, on_lock, o, BYTES("GET"), key_print(key, "/jobs/%s", o->sink.id));
}

/* names that it served */

/* What is queued for a name that nobody serves any more is looked at by anybody. */
static void on_moved(void *data, int r, resp_cursor reply) {
        orphan *o = data;
        asker *a = o->estate->heir->asker;
        char key[KEY_MAX];
        resp_value v;

        if (r < 0)
                return;
        if (!resp_cursor_next(&reply, &v) || v.type != RESP_BULK)
                bury(o);
        else
                asker_say(a, on_moved, o, BYTES("LMOVE"), key_print(key, "/beam/queue/%s", o->name),
                          BYTES("/jobs/start"), BYTES("LEFT"), BYTES("RIGHT"));
}

static void on_left(void *data, int r, resp_cursor reply) {
        orphan *o = data;
        char key[KEY_MAX];
        resp_value v;

        if (r < 0)
                return;
        if (!resp_cursor_next(&reply, &v) || v.type != RESP_INTEGER || v.integer > 0)
                bury(o);
        else
                asker_say(o->estate->heir->asker, on_moved, o, BYTES("LMOVE"),
                          key_print(key, "/beam/queue/%s", o->name), BYTES("/jobs/start"),
                          BYTES("LEFT"), BYTES("RIGHT"));
}

static void leave_name(estate *e, bytes name) {
        asker *a = e->heir->asker;
        char key[KEY_MAX];
        orphan *o;

        asker_say(a, NULL, NULL, BYTES("SREM"), key_of(e, key, "/names"), name);
        if (name.n > PROGRAMS_NAME_MAX || memchr(name.p, '\0', name.n))
                return;
        o = orphan_new(e);
        if (!o)
                return;
        memcpy(o->name, name.p, name.n);
        asker_say(a, NULL, NULL, BYTES("SREM"), key_print(key, "/beam/names/%s", o->name),
                  bytes_of(e->token));
        asker_say(a, on_left, o, BYTES("SCARD"), key_print(key, "/beam/names/%s", o->name));
}

/* The worker itself goes when nothing of it is left. */
static void on_names(void *data, int r, resp_cursor reply) {
        estate *e = data;
        asker *a = e->heir->asker;
        resp_value head, name;
        char key[KEY_MAX], wake[KEY_MAX];

        if (r < 0)
                return;
        if (!resp_cursor_next(&reply, &head) || head.type != RESP_ARRAY || head.n == 0) {
                asker_say(a, NULL, NULL, BYTES("SREM"), BYTES("/beam/workers"), bytes_of(e->token));
                asker_say(a, NULL, NULL, BYTES("DEL"), key_of(e, key, "/taken"),
                          key_of(e, wake, "/wake"));
        } else {
                while (head.n-- > 0 && resp_cursor_next(&reply, &name))
                        leave_name(e, name.text);
        }
        settle(e);
}

/* which workers they are */

static void on_jobs(void *data, int r, resp_cursor reply) {
        estate *e = data;
        resp_value head, id;
        char key[KEY_MAX];

        if (r < 0)
                return;
        if (!resp_cursor_next(&reply, &head) || head.type != RESP_ARRAY || head.n == 0) {
                asker_say(e->heir->asker, on_names, e, BYTES("SRANDMEMBER"),
                          key_of(e, key, "/names"), BYTES(NAMES));
                return;
        }
        while (head.n-- > 0 && resp_cursor_next(&reply, &id))
                look_after(e, id.text);
        settle(e);
}

static void on_lease(void *data, int r, resp_cursor reply) {
        estate *e = data;
        char key[KEY_MAX];
        resp_value v;

        if (r < 0)
                return;
        if (!resp_cursor_next(&reply, &v) || v.type != RESP_INTEGER || v.integer > 0)
                settle(e);
        else
                asker_say(e->heir->asker, on_jobs, e, BYTES("LRANGE"), key_of(e, key, "/taken"),
                          BYTES("0"), BYTES(JOBS_LAST));
}

static void on_workers(void *data, int r, resp_cursor reply) {
        heir *h = data;
        resp_value head, token;
        char key[KEY_MAX];

        if (r < 0 || !resp_cursor_next(&reply, &head) || head.type != RESP_ARRAY)
                return;
        while (head.n-- > 0 && resp_cursor_next(&reply, &token)) {
                estate *e;

                if (bytes_equal(token.text, bytes_of(h->token)))
                        continue;
                /* no worker is called so, and it has no lease */
                if (token.text.n > WORKER_TOKEN_MAX || memchr(token.text.p, '\0', token.text.n)) {
                        asker_say(h->asker, NULL, NULL, BYTES("SREM"), BYTES("/beam/workers"),
                                  token.text);
                        continue;
                }
                e = mem_zero(sizeof(*e));
                if (!e)
                        return;
                e->heir = h;
                memcpy(e->token, token.text.p, token.text.n);
                e->n_open = 1;
                list_init(&e->orphans);
                list_init(&e->node);
                list_append(&h->estates, &e->node);
                asker_say(h->asker, on_lease, e, BYTES("EXISTS"), key_of(e, key, ""));
        }
}

void heir_init(heir *h) {
        list_init(&h->estates);
}

void heir_deinit(heir *h) {
        if (!h->asker)
                return;
        asker_forget(h->asker, h);
        for (list *node; (node = list_first(&h->estates));)
                estate_free(container_of(node, estate, node));
        h->asker = NULL;
}

void heir_look(heir *h) {
        if (list_is_empty(&h->estates))
                asker_say(h->asker, on_workers, h, BYTES("SRANDMEMBER"), BYTES("/beam/workers"),
                          BYTES(WORKERS));
}
