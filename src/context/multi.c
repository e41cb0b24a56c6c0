/* SPDX-License-Identifier: Apache-2.0 */
#include "multi.h"

#include "../base/mem.h"
#include "context/commands.h"
#include "store.h"

/* A command in a queue; the copies of its arguments lie behind. */
typedef struct queued {
        list node;
        const command *cmd;
        int argc;
        bytes argv[];
} queued;

/* A name that somebody watches. */
typedef struct watched {
        list watches;
        db *db;
        size_t n_name;
        char name[];
} watched;

typedef struct watch {
        list node;    /* of the name's */
        list of_mine; /* of the client's */
        watched *name;
        client *client;
} watch;

typedef struct multi {
        list commands;
        size_t n_commands, n_bytes;
        list watches;
} multi;

static multi *multi_of(client *c) {
        if (!c->multi) {
                c->multi = mem_zero(sizeof(*c->multi));
                if (!c->multi)
                        return NULL;
                list_init(&c->multi->commands);
                list_init(&c->multi->watches);
        }
        return c->multi;
}

/* watching */

static const void *name_of(const void *entry, size_t *ret_n) {
        const watched *w = entry;

        *ret_n = w->n_name;
        return w->name;
}

static watched *find(db *d, bytes name) {
        void **slot = table_find(&d->watched, table_hash(name.p, name.n), name.p, name.n);

        return slot ? *slot : NULL;
}

static watched *find_or_add(db *d, bytes name) {
        watched *w = find(d, name);

        if (w)
                return w;
        if (table_count(&d->watched) == 0)
                table_init(&d->watched, name_of);
        w = mem_new(sizeof(*w) + name.n);
        if (!w)
                return NULL;
        w->db = d;
        w->n_name = name.n;
        memcpy(w->name, name.p, name.n);
        list_init(&w->watches);
        return table_add(&d->watched, table_hash(name.p, name.n), w) < 0 ? mem_free(w) : w;
}

static void drop_if_idle(watched *w) {
        if (!list_is_empty(&w->watches))
                return;
        table_take(&w->db->watched, table_hash(w->name, w->n_name), w->name, w->n_name);
        mem_free(w);
}

static bool is_watched_by(const watched *w, const client *c) {
        list_each(node, &w->watches)
                if (container_of(node, watch, node)->client == c)
                        return true;
        return false;
}

static int watch_key(client *c, bytes name) {
        multi *m = multi_of(c);
        watched *w;
        watch *mine;

        /* one that has expired is gone from here on, and does not change by that later */
        db_peek(c->db, name);
        w = m ? find_or_add(c->db, name) : NULL;
        if (!w)
                return -1;
        if (is_watched_by(w, c))
                return 0;
        mine = mem_new(sizeof(*mine));
        if (!mine) {
                drop_if_idle(w);
                return -1;
        }
        mine->client = c;
        mine->name = w;
        list_init(&mine->node);
        list_init(&mine->of_mine);
        list_append(&w->watches, &mine->node);
        list_append(&m->watches, &mine->of_mine);
        return 0;
}

static void unwatch(client *c) {
        c->flags &= ~(uint32_t)CLIENT_DIRTY_CAS;
        if (!c->multi)
                return;
        for (list *node; (node = list_take_first(&c->multi->watches));) {
                watch *mine = container_of(node, watch, of_mine);

                list_remove(&mine->node);
                drop_if_idle(mine->name);
                mem_free(mine);
        }
}

static void touch(const watched *w) {
        list_each(node, &w->watches)
                container_of(node, watch, node)->client->flags |= CLIENT_DIRTY_CAS;
}

void multi_touch(db *d, bytes name) {
        watched *w = table_count(&d->watched) > 0 ? find(d, name) : NULL;

        if (w)
                touch(w);
}

static bool has(db *d, const watched *w) {
        return table_find(&d->keys, table_hash(w->name, w->n_name), w->name, w->n_name);
}

void multi_touch_all(db *d, db *with) {
        table_iter i;
        watched *w;

        if (table_count(&d->watched) == 0)
                return;
        table_iter_begin(&i, &d->watched);
        while ((w = table_iter_next(&i)))
                if (has(d, w) || (with && has(with, w)))
                        touch(w);
        table_iter_end(&i);
}

/* A watched key whose time has come has changed. */
static void look_for_expired(client *c) {
        list_each(node, &c->multi->watches) {
                watched *w = container_of(node, watch, of_mine)->name;

                db_peek(w->db, (bytes){ w->name, w->n_name });
        }
}

/* the queue */

static void drop_queue(client *c) {
        multi *m = c->multi;

        if (!m)
                return;
        for (list *node; (node = list_take_first(&m->commands));)
                mem_free(container_of(node, queued, node));
        m->n_commands = m->n_bytes = 0;
}

void multi_discard(client *c) {
        drop_queue(c);
        unwatch(c);
        c->flags &= ~(uint32_t)(CLIENT_MULTI | CLIENT_DIRTY_EXEC);
}

void multi_forget(client *c) {
        multi_discard(c);
        c->multi = mem_free(c->multi);
}

void multi_queue(call *c) {
        multi *m = multi_of(c->client);
        size_t n = sizeof(queued) + (size_t)c->argc * sizeof(bytes);
        queued *q;
        char *at;

        for (int i = 0; i < c->argc; i++)
                n += c->argv[i].n;
        q = m && m->n_bytes + n <= MULTI_MAX ? mem_new(n) : NULL;
        if (!q) {
                c->client->flags |= CLIENT_DIRTY_EXEC;
                call_fail(c, "OOM the transaction is too large");
                return;
        }
        q->cmd = c->cmd;
        q->argc = c->argc;
        at = (char *)&q->argv[c->argc];
        for (int i = 0; i < c->argc; i++) {
                q->argv[i] = (bytes){ at, c->argv[i].n };
                memcpy(at, c->argv[i].p, c->argv[i].n);
                at += c->argv[i].n;
        }
        list_init(&q->node);
        list_append(&m->commands, &q->node);
        m->n_commands++;
        m->n_bytes += n;
        resp_out_status(c->out, "QUEUED");
}

uint32_t multi_flags(const client *c) {
        uint32_t flags = 0;

        if (c->multi)
                list_each(node, &c->multi->commands)
                        flags |= container_of(node, queued, node)->cmd->flags;
        return flags;
}

int multi_count(const client *c) {
        return c->flags & CLIENT_MULTI ? (int)c->multi->n_commands : -1;
}

size_t multi_size(const client *c) {
        return c->multi ? c->multi->n_bytes : 0;
}

/* commands */

void cmd_multi(call *c) {
        if (c->client->flags & CLIENT_MULTI) {
                call_fail(c, "ERR MULTI calls can not be nested");
                return;
        }
        if (!multi_of(c->client)) {
                call_fail_memory(c);
                return;
        }
        c->client->flags |= CLIENT_MULTI;
        resp_out_ok(c->out);
}

void cmd_discard(call *c) {
        if (!(c->client->flags & CLIENT_MULTI)) {
                call_fail(c, "ERR DISCARD without MULTI");
                return;
        }
        multi_discard(c->client);
        resp_out_ok(c->out);
}

void cmd_watch(call *c) {
        if (c->client->flags & CLIENT_MULTI) {
                call_fail(c, "ERR WATCH inside MULTI is not allowed");
                return;
        }
        for (int i = 1; i < c->argc; i++) {
                if (watch_key(c->client, c->argv[i]) < 0) {
                        call_fail_memory(c);
                        return;
                }
        }
        resp_out_ok(c->out);
}

void cmd_unwatch(call *c) {
        unwatch(c->client);
        resp_out_ok(c->out);
}

void cmd_exec(call *c) {
        client *who = c->client;
        store *s = c->store;
        list commands = LIST_INIT(commands);

        if (!(who->flags & CLIENT_MULTI)) {
                call_fail(c, "ERR EXEC without MULTI");
                return;
        }
        look_for_expired(who);
        if (who->flags & CLIENT_DIRTY_EXEC) {
                multi_discard(who);
                call_fail(c, "EXECABORT Transaction discarded because of previous errors.");
                return;
        }
        if (who->flags & CLIENT_DIRTY_CAS) {
                multi_discard(who);
                resp_out_null_array(c->out);
                return;
        }
        resp_out_array(c->out, who->multi->n_commands);
        list_move(&commands, &who->multi->commands);
        multi_discard(who);
        who->flags |= CLIENT_IN_EXEC;
        feed_begin(&s->feed);
        for (list *node; (node = list_take_first(&commands));) {
                queued *q = container_of(node, queued, node);

                client_run(who, &(call){ .cmd = q->cmd, .argv = q->argv, .argc = q->argc });
                mem_free(q);
        }
        feed_end(&s->feed, who->db);
        call_send_nothing(c);
        who->flags &= ~(uint32_t)CLIENT_IN_EXEC;
        s->current = c;
}
