/* SPDX-License-Identifier: Apache-2.0 */
/* Which context a connection gets: the one, one of its own, or that of a name; and which
 * way it comes. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/list.h"
#include "../base/mem.h"
#include "../link/url.h"
#include "api.h"
#include "serve.h"
#include "store.h"
#include "visitors.h"

enum {
        NAMES_MAX = 1024, /* contexts of one server; picked: whoever may connect may make one */
        NAME_MAX_BYTES = 255,
};

typedef struct named {
        list node;
        beam_context *ctx;
        char name[];
} named;

struct beam_context_server {
        server *server;
        visitors visitors;
        uint32_t forks;
        beam_context *shared; /* or NULL */
        beam_context_setup *setup;
        void *data;
        list named;
        size_t n_named;
};

static int make(const beam_context_server *s, const char *name, beam_context **ret) {
        beam_context *ctx;
        int r = beam_context_new(&ctx);

        if (r < 0)
                return r;
        r = s->setup ? s->setup(s->data, ctx, name) : 0;
        if (r < 0) {
                beam_context_free(ctx);
                return -ECONNREFUSED;
        }
        *ret = ctx;
        return 0;
}

static int enter_shared(void *data, bytes name, beam_context **ret) {
        (void)name;
        *ret = ((beam_context_server *)data)->shared;
        return 0;
}

static void leave_kept(void *data, beam_context *ctx) {
        (void)data, (void)ctx;
}

static int enter_own(void *data, bytes name, beam_context **ret) {
        (void)name;
        return make(data, "", ret);
}

static void leave_own(void *data, beam_context *ctx) {
        (void)data;
        beam_context_free(ctx);
}

static int enter_named(void *data, bytes name, beam_context **ret) {
        beam_context_server *s = data;
        named *found;
        int r;

        list_each(node, &s->named) {
                found = container_of(node, named, node);
                if (bytes_equal(bytes_of(found->name), name)) {
                        *ret = found->ctx;
                        return 0;
                }
        }
        if (s->n_named == NAMES_MAX)
                return -ENOBUFS;
        if (name.n > NAME_MAX_BYTES || memchr(name.p, 0, name.n))
                return -EINVAL;
        found = mem_zero(sizeof(*found) + name.n + 1);
        if (!found)
                return -ENOMEM;
        memcpy(found->name, name.p, name.n);
        r = make(s, found->name, &found->ctx);
        if (r < 0) {
                mem_free(found);
                return r;
        }
        list_init(&found->node);
        list_append(&s->named, &found->node);
        s->n_named++;
        *ret = found->ctx;
        return 0;
}

static void visit(void *data, int fd) {
        visitors_take(&((beam_context_server *)data)->visitors, fd);
}

static const server_calls shared_calls = { .enter = enter_shared,
                                           .leave = leave_kept,
                                           .visit = visit },
                          own_calls = { .enter = enter_own, .leave = leave_own, .visit = visit },
                          named_calls = { .enter = enter_named,
                                          .leave = leave_kept,
                                          .visit = visit,
                                          .has_names = true };

/* A session is one client more where there is one context. */
static bool admit(void *data) {
        const beam_context_server *s = data;

        if (!s->shared)
                return true;
        s->shared->store->n_clients++;
        if (!store_is_full(s->shared->store))
                return true;
        s->shared->store->n_clients--;
        return false;
}

static void leave_session(void *data) {
        const beam_context_server *s = data;

        if (s->shared)
                s->shared->store->n_clients--;
}

/* The stream is joined to one end of a pair, whose other end is a connection: so that there
 * is one way only in which a connection is read and written. */
static int take_stream(void *data, beam_stream *st, void (*done)(void *data, int r),
                       void *done_data, join **ret) {
        beam_context_server *s = data;
        int fds[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        r = server_take(s->server, fds[0]);
        if (r < 0) {
                fd_close(fds[0]);
                fd_close(fds[1]);
                return r;
        }
        r = join_start(st, fds[1], fds[1], false, done, done_data, ret);
        if (r < 0)
                fd_close(fds[1]); /* which ends the connection */
        return r;
}

/* Behind it there is one context. */
static annex *open_annex(void *data) {
        beam_context_server *s = data;

        return s->shared ? s->shared->annex : NULL;
}

static int serve(const char *text, const server_calls *calls, beam_context_server from,
                 beam_context_server **ret) {
        beam_context_server *s;
        url u = { 0 };
        int r = text ? url_parse(text, &u) : 0;

        if (r < 0)
                return r;
        s = mem_new(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = from;
        s->forks = fork_count();
        list_init(&s->named);
        s->visitors = (visitors){ .admit = admit,
                                  .leave = leave_session,
                                  .take = take_stream,
                                  .annex = open_annex,
                                  .data = s };
        visitors_init(&s->visitors);
        r = server_new(text && u.kind != URL_MEM ? &u : NULL, calls, s, &s->server);
        if (r == 0 && text && u.kind == URL_MEM) {
                r = visitors_listen(&s->visitors, text);
                if (r < 0)
                        server_free(s->server);
        }
        if (r < 0) {
                mem_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

/* What a master is told of where the context is. */
static void note_port(beam_context *ctx, const char *text) {
        url u;

        if (url_parse(text, &u) == 0 && u.kind == URL_TCP)
                ctx->store->port = u.port;
}

int beam_context_serve(beam_context *ctx, const char *text, beam_context_server **ret) {
        int r;

        if (ctx->forks != fork_count())
                return -ECHILD;
        r = serve(text, &shared_calls, (beam_context_server){ .shared = ctx }, ret);
        if (r == 0)
                note_port(ctx, beam_context_server_url(*ret));
        return r;
}

int beam_context_serve_each(const char *text, beam_context_setup *setup, void *data,
                            beam_context_server **ret) {
        return serve(text, &own_calls, (beam_context_server){ .setup = setup, .data = data }, ret);
}

int beam_context_serve_named(const char *text, beam_context_setup *setup, void *data,
                             beam_context_server **ret) {
        return serve(text, &named_calls, (beam_context_server){ .setup = setup, .data = data },
                     ret);
}

const char *beam_context_server_url(const beam_context_server *s) {
        return s->visitors.at ? beam_listener_url(s->visitors.at) : server_url(s->server);
}

int beam_context_server_take(beam_context_server *s, int fd) {
        return s->forks != fork_count() ? -ECHILD : server_take(s->server, fd);
}

int beam_context_server_take_stream(beam_context_server *s, beam_stream *st) {
        join *joined;

        return s->forks != fork_count() ? -ECHILD : take_stream(s, st, NULL, NULL, &joined);
}

beam_context_server *beam_context_server_free(beam_context_server *s) {
        if (!s)
                return NULL;
        if (s->forks == fork_count()) {
                visitors_deinit(&s->visitors);
                server_free(s->server);
        }
        for (list *node; (node = list_take_first(&s->named));) {
                named *n = container_of(node, named, node);

                beam_context_free(n->ctx);
                mem_free(n);
        }
        return mem_free(s);
}
