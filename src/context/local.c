/* SPDX-License-Identifier: Apache-2.0 */
/* A context of this process: the store, those who execute on it here, and its servers. */
#include <errno.h>

#include "../base/clock.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../loop/loop.h"
#include "api.h"
#include "block.h"
#include "serve.h"

struct beam_context {
        store *store;
        uint32_t forks;
};

struct beam_context_server {
        server *server;
        uint32_t forks;
};

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

/* executing */

static int local_exec(beam_client *base, const bytes *argv, int argc, bytes *ret,
                      int64_t deadline) {
        client *c = container_of(base, local, base)->client;

        if (c->store->mounting.is_calling)
                return -EBUSY;
        resp_out_cut(&c->out, 0);
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
        *ret = (bytes){ (const char *)c->out.p, c->out.n };
        return 0;
}

static void local_free(beam_client *base) {
        local *l = container_of(base, local, base);

        client_free(l->client);
        mem_free(l);
}

static const client_calls local_calls = { .exec = local_exec, .free = local_free };

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

int beam_context_mount(beam_context *ctx, int number, const char *prefix,
                       const beam_mount_calls *calls, void *data, beam_mount **ret) {
        if (ctx->forks != fork_count())
                return -ECHILD;
        if (number < 0 || number >= ctx->store->n_dbs)
                return -EINVAL;
        return mount_new(&ctx->store->dbs[number], bytes_of(prefix), calls, data, ret);
}

int beam_mount_changed(beam_mount *m, beam_arg name) {
        return mount_changed(m, (bytes){ name.data, name.n });
}

beam_mount *beam_mount_free(beam_mount *m) {
        return mount_free(m);
}

/* serving */

static store *choose(void *data, const beam_peer *peer) {
        (void)peer;
        return data;
}

int beam_context_serve(beam_context *ctx, const char *text, beam_context_server **ret) {
        beam_context_server *s;
        url u;
        int r = url_parse(text, &u);

        if (r < 0)
                return r;
        if (ctx->forks != fork_count())
                return -ECHILD;
        s = mem_zero(sizeof(*s));
        r = s ? server_new(&u, choose, ctx->store, &s->server) : -ENOMEM;
        if (r < 0) {
                mem_free(s);
                return r;
        }
        s->forks = fork_count();
        *ret = s;
        return 0;
}

const char *beam_context_server_url(const beam_context_server *s) {
        return server_url(s->server);
}

int beam_context_server_take(beam_context_server *s, int fd) {
        return s->forks != fork_count() ? -ECHILD : server_take(s->server, fd);
}

beam_context_server *beam_context_server_free(beam_context_server *s) {
        if (!s)
                return NULL;
        if (s->forks == fork_count())
                server_free(s->server);
        return mem_free(s);
}
