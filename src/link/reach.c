/* SPDX-License-Identifier: Apache-2.0 */
#include "reach.h"

#include <errno.h>
#include <netdb.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "listenfd.h"
#include "unix.h"

/* A backlog that is full has no event for when it no longer is. */
#define BACKLOG_RETRY (CLOCK_SECOND / 200)

static void end(reach *r, int fd) {
        reach_stop(r);
        r->fn(r, fd);
}

/* unix */

static int try_unix(reach *r) {
        int fd = unix_connect(r->url->name, r->url->kind == URL_ABSTRACT), got;

        if (fd != -EAGAIN)
                return fd;
        got = timer_start(&r->again, r->loop, clock_add(clock_now(), BACKLOG_RETRY));
        return got < 0 ? got : -EINPROGRESS;
}

static void on_again(timer *t) {
        reach *r = container_of(t, reach, again);
        int fd = try_unix(r);

        if (fd != -EINPROGRESS)
                end(r, fd);
}

/* tcp */

static int try_addrs(reach *r) {
        int fd = tcp_dial_next(&r->dial), got;

        if (fd < 0)
                return fd;
        got = source_open(&r->src, r->loop, fd, SOURCE_WRITE);
        if (got < 0) {
                fd_close(fd);
                return got;
        }
        r->fd = fd;
        return -EINPROGRESS;
}

static void on_writable(source *src, unsigned events) {
        reach *r = container_of(src, reach, src);
        int fd = r->fd, got = tcp_dial_finish(&r->dial, fd);

        (void)events;
        if (got == -EAGAIN)
                return;
        source_close(&r->src);
        r->fd = -1;
        if (got < 0)
                fd = try_addrs(r);
        if (fd != -EINPROGRESS)
                end(r, fd);
}

static void on_names(void *data, int got, struct addrinfo *found) {
        reach *r = data;
        int fd = got;

        for (struct addrinfo *a = found; a && r->dial.n_addrs < REACH_ADDRS; a = a->ai_next)
                if (tcp_addr_set(a->ai_addr, a->ai_addrlen, r->url->port,
                                 &r->addrs[r->dial.n_addrs]) == 0)
                        r->dial.n_addrs++;
        if (found)
                freeaddrinfo(found);
        if (got >= 0)
                fd = try_addrs(r);
        if (fd != -EINPROGRESS)
                end(r, fd);
}

static int try_tcp(reach *r) {
        int n = tcp_addrs_known(r->url->name, r->url->port, r->addrs);

        if (n < 0)
                return n;
        r->dial = (tcp_dial){ .addrs = r->addrs, .n_addrs = (size_t)n };
        if (n > 0)
                return try_addrs(r);
        n = name_query_new(r->loop, r->url->name, NULL, on_names, r, &r->query);
        return n < 0 ? n : -EINPROGRESS;
}

/* The number stays the caller's business no longer: it is the reacher's. */
static int take_fd(int fd) {
        int kind = listenfd_adopt(fd);

        if (kind < 0)
                return kind;
        return kind == LISTENFD_CONNECTED ? fd : -ENOTCONN;
}

int reach_start(reach *r, loop *l, const url *u) {
        *r = (reach){ .fn = r->fn, .loop = l, .url = u, .fd = -1 };
        r->src.fn = on_writable;
        r->again.fn = on_again;
        switch (u->kind) {
        case URL_TCP:
                return try_tcp(r);
        case URL_FD:
                return take_fd(u->fd);
        case URL_UNIX:
        case URL_ABSTRACT:
                return try_unix(r);
        default:
                return -EINVAL;
        }
}

void reach_stop(reach *r) {
        timer_stop(&r->again);
        r->query = name_query_free(r->query);
        source_close(&r->src);
        r->fd = fd_close(r->fd);
}
