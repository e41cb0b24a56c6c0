/* SPDX-License-Identifier: Apache-2.0 */
#include "name.h"

#include <errno.h>
#include <uv.h>

#include "../base/mem.h"
#include "loop.h"

struct name_query {
        uv_getaddrinfo_t request; /* first: what libuv hands back */
        void (*fn)(void *data, int r, struct addrinfo *found);
        void *data;
        loop *loop;
        post done;
        int r;
        struct addrinfo *found;
        bool running, dropped;
};

static void name_query_end(name_query *q) {
        uv_freeaddrinfo(q->found);
        mem_free(q);
}

static void on_name_post(post *p) {
        name_query *q = container_of(p, name_query, done);
        struct addrinfo *found = q->found;

        q->found = NULL;
        q->fn(q->data, q->r, found);
}

static void on_name(uv_getaddrinfo_t *request, int status, struct addrinfo *found) {
        name_query *q = (name_query *)request;

        q->running = false;
        q->loop->n_timers--;
        q->found = found;
        q->r = status == UV_EAI_AGAIN    ? -EAGAIN
               : status == UV_EAI_MEMORY ? -ENOMEM
               : status == UV_ECANCELED  ? -ECANCELED
               : status < 0              ? -EADDRNOTAVAIL
                                         : 0;
        if (q->dropped)
                name_query_end(q);
        else
                post_put(&q->done);
}

int name_query_new(loop *l, const char *host, const char *port,
                   void (*fn)(void *data, int r, struct addrinfo *found), void *data,
                   name_query **ret) {
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        uv_loop_t *uv;
        name_query *q;
        int r;

        r = loop_uv(l, &uv);
        if (r < 0)
                return r;
        q = mem_zero(sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->fn = fn;
        q->data = data;
        q->loop = l;
        post_init(&q->done, l, false, on_name_post);
        r = uv_getaddrinfo(uv, &q->request, on_name, host, port, &hints);
        if (r < 0) {
                mem_free(q);
                return r;
        }
        q->running = true;
        l->n_timers++;
        *ret = q;
        return 0;
}

name_query *name_query_free(name_query *q) {
        if (!q)
                return NULL;
        post_cancel(&q->done);
        if (q->running) {
                /* cancelling may fail, when the helper thread is at it already */
                q->dropped = true;
                uv_cancel((uv_req_t *)&q->request);
        } else
                name_query_end(q);
        return NULL;
}
