/* SPDX-License-Identifier: Apache-2.0 */
#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/mem.h"
#include "background.h"
#include "drive.h"
#include "listenfd.h"
#include "mem.h"
#include "tcp.h"
#include "unix.h"
#include "url.h"

/* A backlog that is full has no event for when it no longer is. */
#define BACKLOG_RETRY (CLOCK_SECOND / 200)

static bool is_past(int64_t deadline) {
        return deadline != BEAM_FOREVER && clock_now() >= deadline;
}

static int dial_unix(const url *u, int64_t deadline) {
        loop *l = loop_get();
        int fd;

        while ((fd = unix_connect(u->name, u->kind == URL_ABSTRACT)) == -EAGAIN) {
                int64_t retry = clock_add(clock_now(), BACKLOG_RETRY);

                if (is_past(deadline))
                        return -ETIMEDOUT;
                while (!is_past(retry))
                        loop_turn(l, retry < deadline ? retry : deadline);
        }
        return fd;
}

typedef struct writable {
        source src;
        bool ready;
} writable;

static void on_writable(source *src, unsigned events) {
        (void)events;
        container_of(src, writable, src)->ready = true;
}

static int wait_writable(int fd, int64_t deadline) {
        writable w = { .src.fn = on_writable };
        loop *l = loop_get();
        int r = source_open(&w.src, l, fd, SOURCE_WRITE);

        if (r < 0)
                return r;
        while (!w.ready && !is_past(deadline))
                loop_turn(l, deadline);
        source_close(&w.src);
        return w.ready ? 0 : -ETIMEDOUT;
}

static int dial_addrs(const tcp_addr *addrs, size_t n, int64_t deadline) {
        tcp_dial d = { .addrs = addrs, .n_addrs = n };
        int fd, r;

        while ((fd = tcp_dial_next(&d)) >= 0) {
                r = -EAGAIN;
                while (r == -EAGAIN) {
                        r = wait_writable(fd, deadline);
                        if (r < 0) {
                                fd_close(fd);
                                return r;
                        }
                        r = tcp_dial_finish(&d, fd);
                }
                if (r == 0)
                        return fd;
        }
        return fd;
}

typedef struct names {
        bool done;
        int r;
        struct addrinfo *found;
} names;

static void on_names(void *data, int r, struct addrinfo *found) {
        *(names *)data = (names){ .done = true, .r = r, .found = found };
}

static int dial_name(const url *u, int64_t deadline) {
        enum { N_ADDRS = 16 }; /* picked: nobody waits for a seventeenth connect() */
        tcp_addr addrs[N_ADDRS];
        name_query *q = NULL;
        loop *l = loop_get();
        names n = { 0 };
        size_t n_addrs = 0;
        int r;

        r = name_query_new(l, u->name, NULL, on_names, &n, &q);
        if (r < 0)
                return r;
        while (!n.done && !is_past(deadline))
                loop_turn(l, deadline);
        name_query_free(q);
        if (!n.done)
                return -ETIMEDOUT;
        if (n.r < 0)
                return n.r;
        for (struct addrinfo *a = n.found; a && n_addrs < N_ADDRS; a = a->ai_next)
                if (tcp_addr_set(a->ai_addr, a->ai_addrlen, u->port, &addrs[n_addrs]) == 0)
                        n_addrs++;
        freeaddrinfo(n.found);
        return dial_addrs(addrs, n_addrs, deadline);
}

static int dial_tcp(const url *u, int64_t deadline) {
        tcp_addr known[TCP_LOCAL_ADDRS];
        int n = tcp_addrs_known(u->name, u->port, known);

        if (n < 0)
                return n;
        return n ? dial_addrs(known, (size_t)n, deadline) : dial_name(u, deadline);
}

/* The number stays the caller's business no longer: it is the session's. */
static int dial_fd(int fd) {
        int kind = listenfd_adopt(fd);

        if (kind < 0)
                return kind;
        return kind == LISTENFD_CONNECTED ? fd : -ENOTCONN;
}

int dial_socket(const url *u, int64_t deadline) {
        if (!loop_get())
                return -ENOMEM;
        switch (u->kind) {
        case URL_TCP:
                return dial_tcp(u, deadline);
        case URL_FD:
                return dial_fd(u->fd);
        case URL_UNIX:
        case URL_ABSTRACT:
                return dial_unix(u, deadline);
        default:
                return -EINVAL;
        }
}

int dial_url(const url *u, const beam_options *opt, session **ret, int64_t deadline) {
        beam_options all;
        session *s;
        int fd, r;

        options_fill(&all, opt);
        fd = dial_socket(u, deadline);
        if (fd < 0)
                return fd;
        r = drive_start(fd, &all, true, &s);
        if (r < 0) {
                if (u->kind != URL_FD)
                        fd_close(fd);
                return r;
        }

        all.hello_timeout = clock_add(clock_now(), all.hello_timeout);
        if (all.hello_timeout < deadline)
                deadline = all.hello_timeout;
        while ((r = session_greeting(s)) == 0) {
                if (is_past(deadline)) {
                        r = -ETIMEDOUT;
                        break;
                }
                loop_turn(s->loop, deadline);
        }
        if (r < 0) {
                beam_session_close(&s->base);
                return r;
        }
        *ret = s;
        return 0;
}

int beam_dial(const char *text, const beam_options *opt, beam_session **ret, int64_t deadline) {
        session *s;
        url u;
        int r;

        r = url_parse(text, &u);
        if (r < 0)
                return r;
        if (u.kind == URL_MEM)
                return mem_dial(u.name, opt, ret, deadline);
        if (opt && opt->background)
                return background_dial(&u, opt, ret, deadline);
        r = dial_url(&u, opt, &s, deadline);
        if (r < 0)
                return r;
        *ret = &s->base;
        return 0;
}
