/* SPDX-License-Identifier: Apache-2.0 */
#include "replica.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../block.h"
#include "../file/load.h"
#include "../text.h"
#include "master.h"
#include "upstream.h"

/* From one attempt to the next, as in Redis. */
#define RETRY CLOCK_SECOND

/* What is executed of the stream, or loaded, in one go: far below the 5 ms that nobody may
 * hold the loop for. Picked. */
#define SLICE (CLOCK_SECOND / 1000)

typedef enum replica_state { LOST, SEEKS, TALKS, LOADS, FOLLOWS } replica_state;

struct replica {
        store *store;
        url url;
        char host[URL_TEXT_MAX];
        char address[URL_TEXT_MAX + 8]; /* of its client */
        replica_state state;
        upstream up;
        post more;         /* there may be more to be done of what has come */
        client *client;    /* in whose name the master's commands are executed */
        bool can_resume;   /* the master knows the stream that the store is at */
        int64_t lost_at;   /* clock_now(), or 0: there was no link yet */
        int64_t held_at;   /* clock_now(): when the link that there is was whole */
        uint64_t n_failed; /* commands, which is to say that it may not be the same any more */

        /* of LOADS */
        store *beside; /* what is loaded */
        load load;
        int loaded; /* 1: all is */
};

static void end_loading(replica *r) {
        if (!r->beside)
                return;
        load_deinit(&r->load);
        r->beside = store_free(r->beside);
        r->store->is_receiving = false;
}

/* Whether who is followed has yet to become a master, by this. */
static bool gives_over(const replica *r) {
        return r->store->failover.state == FAILOVER_GIVES;
}

static int begin(replica *r, int64_t when) {
        const config *cfg = &r->store->config;
        const psync_options options = {
                .id = r->can_resume ? master_id(r->store->master) : NULL,
                .offset = master_offset(r->store->master),
                .user = cfg->masteruser[0] ? cfg->masteruser : NULL,
                .password = cfg->masterauth[0] ? cfg->masterauth : NULL,
                .port = r->store->port,
                .gives_over = gives_over(r),
        };

        r->state = when ? LOST : SEEKS;
        return upstream_open(&r->up, loop_get(), &r->url, &options,
                             cfg->repl_timeout * CLOCK_SECOND, when);
}

/* Whatever it was: a second later it may be different, and a link that has held for longer
 * than that may be so at once. */
static void lose(replica *r) {
        int64_t now = clock_now(), next = clock_add(now, RETRY);

        if (r->state == FOLLOWS) {
                r->lost_at = now;
                if (now - r->held_at > RETRY)
                        next = 0;
        }
        end_loading(r);
        upstream_close(&r->up);
        /* without memory there is nothing that would call back: try until there is */
        if (begin(r, next) < 0)
                post_put(&r->more);
}

/* its client: a master's commands may change what nobody else may */

static void on_wake(client *c) {
        replica *r = c->owner;

        if (c->flags & CLIENT_CLOSING)
                post_put(&r->more);
}

static int renew_client(replica *r, int db_number) {
        client *c = client_new(r->store);

        if (!c)
                return -ENOMEM;
        c->flags |= CLIENT_MASTER | CLIENT_REPLY_OFF;
        c->owner = r;
        c->wake = on_wake;
        c->address = r->address;
        c->db = &r->store->dbs[db_number < r->store->n_dbs ? db_number : 0];
        client_free(r->client);
        r->client = c;
        return 0;
}

/* a snapshot */

static int begin_loading(replica *r) {
        int rc;

        rc = store_new(&r->store->config, &r->beside);
        if (rc < 0)
                return rc;
        r->beside->follows = true;
        r->beside->side = r->store->side;
        r->store->is_receiving = true;
        load_init(&r->load, r->beside);
        r->loaded = 0;
        r->state = LOADS;
        return 0;
}

static int load_some(replica *r, bytes some) {
        size_t rest = 0;

        if (r->loaded)
                return -EPROTO;
        r->loaded = load_feed(&r->load, some.p, some.n, &rest);
        if (r->loaded < 0)
                return r->loaded;
        return r->loaded == 1 && rest > 0 ? -EPROTO : 0;
}

/* All is there: what was held before goes. */
static int exchange(replica *r) {
        const psync *p = &r->up.psync;
        store *s = r->store;
        int stream_db = r->load.stream_db, rc;

        if (r->loaded != 1)
                return -EPROTO;
        rc = renew_client(r, stream_db);
        if (rc < 0)
                return rc;
        for (int i = 0; i < s->n_dbs; i++)
                db_take_all(&s->dbs[i], &r->beside->dbs[i]);
        tracking_changed_all(s);
        s->n_changes++;
        end_loading(r);
        r->can_resume = p->id[0] != '\0';
        master_take_stream(s->master, p->id, p->offset, stream_db);
        block_serve(s);
        return 0;
}

/* the stream */

static void execute(replica *r) {
        const resp_request *request = &r->up.psync.request;
        store *s = r->store;
        uint64_t n_errors = s->stats.n_errors;

        s->obeys = true;
        client_exec(r->client, request->argv, (int)request->argc);
        s->obeys = false;
        r->n_failed += s->stats.n_errors - n_errors;
}

static void relay(replica *r) {
        bytes raw = upstream_raw(&r->up);

        master_relay(r->store->master, raw.p, raw.n, r->client->db->number);
}

static void follow(replica *r) {
        r->state = FOLLOWS;
        r->held_at = clock_now();
        r->lost_at = 0;
        upstream_ack(&r->up);
}

/* The master goes on where this store is, which may have been a master itself until now. */
static int go_on(replica *r) {
        master *m = r->store->master;

        if (!r->client && renew_client(r, master_db(m)) < 0)
                return -ENOMEM;
        master_rename_stream(m, r->up.psync.id);
        follow(r);
        if (gives_over(r))
                failover_end(r->store, true);
        return 0;
}

static int refused(replica *r) {
        if (gives_over(r))
                failover_end(r->store, false);
        return -ECONNREFUSED;
}

static int act(replica *r) {
        int rc = 0;

        switch (r->up.psync.event) {
        case PSYNC_FULL:
                return gives_over(r) ? refused(r) : begin_loading(r);
        case PSYNC_FILE:
                return load_some(r, r->up.psync.payload);
        case PSYNC_WHOLE:
                rc = exchange(r);
                if (rc == 0)
                        follow(r);
                return rc;
        case PSYNC_CONTINUE:
                return go_on(r);
        case PSYNC_COMMAND:
                execute(r);
                relay(r);
                return 0;
        case PSYNC_PASSED:
                if (r->state == FOLLOWS)
                        relay(r);
                else if (r->state < TALKS)
                        r->state = TALKS;
                return 0;
        case PSYNC_REFUSED:
                return refused(r);
        }
        return rc;
}

static void act_for_a_slice(replica *r) {
        int64_t until = clock_now() + SLICE;
        int rc;

        while ((rc = upstream_next(&r->up)) > 0) {
                rc = act(r);
                if (rc < 0)
                        break;
                if (clock_now() >= until) {
                        post_put(&r->more);
                        return;
                }
        }
        if (rc < 0)
                lose(r);
}

static void on_upstream(upstream *u) {
        act_for_a_slice(container_of(u, replica, up));
}

static void on_more(post *p) {
        replica *r = container_of(p, replica, more);

        if (r->client && r->client->flags & CLIENT_CLOSING) {
                r->client->flags &= ~(uint32_t)(CLIENT_CLOSING | CLIENT_CLOSE_NOW);
                lose(r);
        } else if (!upstream_is_open(&r->up)) {
                lose(r);
        } else {
                act_for_a_slice(r);
        }
}

/* the whole */

static replica *replica_new(store *s, const url *u) {
        replica *r = loop_get() ? mem_zero(sizeof(*r)) : NULL;
        int rc;

        if (!r)
                return NULL;
        r->store = s;
        r->url = *u;
        if (u->kind == URL_TCP)
                snprintf(r->host, sizeof(r->host), "%s", u->name);
        else
                url_print(u, r->host, sizeof(r->host));
        snprintf(r->address, sizeof(r->address), "%s:%d", r->host, u->port);
        r->up.fn = on_upstream;
        r->can_resume = master_has_stream(s->master);
        post_init(&r->more, loop_get(), false, on_more);
        s->follows = true;
        master_follow(s->master);
        rc = begin(r, 0);
        if (rc == -ENOMEM)
                return replica_free(r);
        if (rc < 0)
                lose(r);
        return r;
}

int replica_start(store *s, const url *u) {
        replica_free(s->replica);
        s->replica = replica_new(s, u);
        if (!s->replica)
                master_own_stream(s->master);
        return s->replica ? 0 : -ENOMEM;
}

void replica_stop(store *s) {
        if (!s->replica)
                return;
        s->replica = replica_free(s->replica);
        master_own_stream(s->master);
}

replica *replica_free(replica *r) {
        if (!r)
                return NULL;
        end_loading(r);
        upstream_close(&r->up);
        post_cancel(&r->more);
        client_free(r->client);
        r->store->follows = false;
        return mem_free(r);
}

bool replica_is_of(const replica *r, const url *u) {
        return r->url.kind == u->kind && r->url.port == u->port &&
               strcmp(r->url.name, u->name) == 0;
}

bool replica_is_online(const replica *r) {
        return r->state == FOLLOWS;
}

void replica_tell_info(const replica *r, text *t) {
        bool is_up = replica_is_online(r);
        int64_t now = clock_now();

        text_add(t, "master_host:%s\r\nmaster_port:%d\r\n", r->host, r->url.port);
        text_add(t, "master_link_status:%s\r\n", is_up ? "up" : "down");
        text_add(t, "master_last_io_seconds_ago:%" PRId64 "\r\n",
                 is_up ? (now - r->up.heard) / CLOCK_SECOND : -1);
        text_add(t, "master_sync_in_progress:%d\r\n", r->state == LOADS);
        text_add(t, "slave_read_repl_offset:%" PRId64 "\r\n", master_offset(r->store->master));
        text_add(t, "slave_repl_offset:%" PRId64 "\r\n", master_offset(r->store->master));
        if (!is_up)
                text_add(t, "master_link_down_since_seconds:%" PRId64 "\r\n",
                         r->lost_at ? (now - r->lost_at) / CLOCK_SECOND : -1);
        text_add(t, "slave_priority:100\r\nslave_read_only:%d\r\nreplica_announced:1\r\n",
                 r->store->config.replica_read_only);
        if (r->n_failed > 0)
                text_add(t, "slave_failed_commands:%" PRIu64 "\r\n", r->n_failed);
}

void replica_tell_role(const replica *r, resp_out *out) {
        static const char *const states[] = {
                [LOST] = "connect", [SEEKS] = "connecting",  [TALKS] = "handshake",
                [LOADS] = "sync",   [FOLLOWS] = "connected",
        };

        resp_out_array(out, 5);
        resp_out_bulk_text(out, "slave");
        resp_out_bulk_text(out, r->host);
        resp_out_integer(out, r->url.port);
        resp_out_bulk_text(out, states[r->state]);
        resp_out_integer(out, replica_is_online(r) ? master_offset(r->store->master) : -1);
}
