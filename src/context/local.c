/* SPDX-License-Identifier: Apache-2.0 */
/* A context of this process: the store, and those who execute on it here. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../loop/loop.h"
#include "../wire/resp/reply.h"
#include "api.h"
#include "block.h"
#include "file/load.h"
#include "store.h"
#include "sync/replica.h"

typedef struct local {
        beam_client base;
        client *client;
} local;

int beam_context_new(beam_context **ret) {
        beam_context *ctx = mem_zero(sizeof(*ctx));
        int r = ctx ? store_new(NULL, &ctx->store) : -ENOMEM;

        if (r < 0) {
                mem_free(ctx);
                return r;
        }
        ctx->forks = fork_count();
        *ret = ctx;
        return 0;
}

beam_context *beam_context_free(beam_context *ctx) {
        if (!ctx)
                return NULL;
        store_free(ctx->store);
        return mem_free(ctx);
}

/* The directory and the name in it. */
static int split_path(const char *path, config *cfg) {
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        size_t n = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;

        if (!*name)
                return -EISDIR;
        if (n >= sizeof(cfg->dir) || strlen(name) >= sizeof(cfg->dbfilename))
                return -ENAMETOOLONG;
        if (n > 0)
                memcpy(cfg->dir, path, n);
        cfg->dir[n] = '\0';
        if (n == 0 && !getcwd(cfg->dir, sizeof(cfg->dir)))
                return -errno;
        memcpy(cfg->dbfilename, name, strlen(name) + 1);
        return 0;
}

static bool is_empty(const store *s) {
        for (int i = 0; i < s->n_dbs; i++)
                if (db_size(&s->dbs[i]) > 0)
                        return false;
        return true;
}

static int load_from(store *s, const char *path) {
        int r;

        s->now = clock_wall_ms();
        r = load_file(s, path);
        if (r == -ENOENT)
                return 0;
        for (int i = 0; r < 0 && i < s->n_dbs; i++)
                db_flush(&s->dbs[i]);
        return r;
}

int beam_context_keep(beam_context *ctx, const char *path, const char *rules) {
        save_rule read[SAVE_RULES_MAX];
        config cfg = ctx->store->config;
        int r = split_path(path, &cfg);

        if (ctx->forks != fork_count())
                return -ECHILD;
        if (r < 0)
                return r;
        /* now, and not when the first save fails */
        if (access(*cfg.dir ? cfg.dir : "/", W_OK | X_OK) < 0)
                return -errno;
        if (!rules)
                rules = "3600 1 300 100 60 10000";
        if (strlen(rules) >= sizeof(cfg.save) || save_read_rules(bytes_of(rules), read) < 0)
                return -EINVAL;
        memcpy(cfg.save, rules, strlen(rules) + 1);
        if (!is_empty(ctx->store))
                return -EEXIST;
        r = load_from(ctx->store, path);
        if (r == 0)
                ctx->store->config = cfg;
        return r;
}

int beam_context_save(beam_context *ctx) {
        if (ctx->forks != fork_count())
                return -ECHILD;
        save_cancel(ctx->store);
        snapshot_clear(ctx->store);
        return save_now(ctx->store);
}

void beam_context_on_shutdown(beam_context *ctx, void (*fn)(void *data), void *data) {
        ctx->store->shutdown.fn = fn;
        ctx->store->shutdown.data = data;
}

int beam_context_follow(beam_context *ctx, const char *text) {
        url u;
        int r;

        if (ctx->forks != fork_count())
                return -ECHILD;
        if (!text) {
                replica_stop(ctx->store);
                return 0;
        }
        r = url_parse(text, &u);
        if (r == 0 && u.kind == URL_MEM)
                r = -EINVAL;
        return r < 0 ? r : replica_start(ctx->store, &u);
}

/* executing */

/* In `out` lies, from the front: what was borrowed last, which has been sent as it were; and
 * what the client was told meanwhile. */
static void give_back(client *c) {
        size_t left = c->out.n - c->sent;

        if (left > 0)
                memmove(c->out.p, c->out.p + c->sent, left);
        resp_out_cut(&c->out, left);
        c->sent = 0;
}

static size_t length_of(const client *c, size_t at) {
        resp_reply reader;

        resp_reply_init(&reader);
        reader.max_bytes = SIZE_MAX;
        return resp_reply_next(&reader, (const char *)c->out.p + at, c->out.n - at) == 1
                       ? reader.consumed
                       : 0;
}

/* Of what has been said since @before the answer goes to the front, where it is borrowed; the
 * rest it was told. There may be no answer. */
static int take_answer(client *c, size_t before, const bytes *argv, int argc, bytes *ret) {
        size_t at = before, n;
        char *copy;

        *ret = (bytes){ 0 };
        for (; (n = length_of(c, at)) > 0; at += n)
                if (result_answers((bytes){ (const char *)c->out.p + at, n }, argv, argc))
                        break;
        if (n == 0)
                return 0;
        copy = mem_copy(c->out.p + at, n);
        if (!copy)
                return -ENOMEM;
        memmove(c->out.p + n, c->out.p, at);
        memcpy(c->out.p, copy, n);
        mem_free(copy);
        c->sent = n;
        *ret = (bytes){ (const char *)c->out.p, n };
        return 0;
}

static int local_next(beam_client *base, bytes *ret, int64_t deadline) {
        client *c = container_of(base, local, base)->client;

        if (c->store->mounting.is_calling)
                return -EBUSY;
        give_back(c);
        while (c->out.n == 0 && client_hears(c)) {
                loop_turn(loop_get(), deadline);
                if (c->out.n == 0 && deadline != BEAM_FOREVER && clock_now() >= deadline)
                        return -ETIMEDOUT;
        }
        if (!client_hears(c))
                return -ENOTCONN;
        c->sent = length_of(c, 0);
        *ret = (bytes){ (const char *)c->out.p, c->sent };
        return 0;
}

static int local_exec(beam_client *base, const bytes *argv, int argc, bytes *ret,
                      int64_t deadline) {
        client *c = container_of(base, local, base)->client;
        uint64_t n_pushed = c->n_pushed;
        size_t before;

        if (c->store->mounting.is_calling)
                return -EBUSY;
        if (!client_hears(c))
                return -ENOTCONN;
        give_back(c);
        before = c->out.n;
        if (client_exec(c, argv, argc) == 0) {
                while (c->flags & CLIENT_BLOCKED) {
                        if (deadline != BEAM_FOREVER && clock_now() >= deadline) {
                                block_forget(c);
                                return -ETIMEDOUT;
                        }
                        loop_turn(loop_get(), deadline);
                }
        }
        if (c->out.failed)
                return -ENOMEM;
        if (before > 0 || c->n_pushed != n_pushed || (c->last && c->last->flags & CMD_PUBSUB))
                return take_answer(c, before, argv, argc, ret);
        c->sent = c->out.n;
        *ret = (bytes){ (const char *)c->out.p, c->out.n };
        return 0;
}

static void local_free(beam_client *base) {
        local *l = container_of(base, local, base);

        client_free(l->client);
        mem_free(l);
}

static const client_calls local_calls = { .exec = local_exec,
                                          .next = local_next,
                                          .free = local_free };

int beam_client_new(beam_context *ctx, beam_client **ret) {
        local *l;

        if (ctx->forks != fork_count())
                return -ECHILD;
        l = mem_zero(sizeof(*l));
        if (!l || !(l->client = client_new(ctx->store))) {
                mem_free(l);
                return -ENOMEM;
        }
        l->client->out.version = 3;
        l->base = (beam_client){ .calls = &local_calls, .forks = fork_count() };
        *ret = &l->base;
        return 0;
}

/* computed keys */

static int find_db(beam_context *ctx, int number, db **ret) {
        if (ctx->forks != fork_count())
                return -ECHILD;
        if (number < 0 || number >= ctx->store->n_dbs)
                return -EINVAL;
        *ret = &ctx->store->dbs[number];
        return 0;
}

int beam_context_mount(beam_context *ctx, int number, const char *prefix,
                       const beam_mount_calls *calls, void *data, beam_mount **ret) {
        db *d;
        int r = find_db(ctx, number, &d);

        return r < 0 ? r : mount_new(d, bytes_of(prefix), calls, data, ret);
}

int beam_context_mount_numbers(beam_context *ctx, int number, const char *prefix,
                               const beam_number *numbers, beam_mount **ret) {
        db *d;
        int r = find_db(ctx, number, &d);

        return r < 0 ? r : mount_numbers(d, bytes_of(prefix), numbers, ret);
}

int beam_mount_changed(beam_mount *m, beam_arg name) {
        return mount_changed(m, (bytes){ name.data, name.n });
}

beam_mount *beam_mount_free(beam_mount *m) {
        return mount_free(m);
}
