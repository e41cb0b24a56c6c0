/* SPDX-License-Identifier: Apache-2.0 */
/* beam_listen() and beam_accept() on sockets: peers come in, say hello, and wait here
 * until the program takes them. One that is slow to say it holds up nobody. */
#include <errno.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "background.h"
#include "door.h"
#include "drive.h"
#include "listener.h"
#include "mem.h"
#include "sock.h"
#include "ws.h"

/* Without descriptors a peer stays in the kernel's queue, and the socket readable. */
#define PAUSE (CLOCK_SECOND / 10)

typedef struct pending {
        list node;
        post greeting;
        session *s;
        struct sock_listener *l;
        int64_t until;
} pending;

typedef struct sock_listener {
        beam_listener base;
        loop *loop;
        beam_options opt;
        url at;
        source src;
        timer wake;
        bool timed;
        door door;
        bool given;          /* the only one */
        list waiting, ready; /* of pending: for hello, for the program */
        size_t n_waiting;
        int error; /* for the next accept */
        port *by;
} sock_listener;

static sock_listener *of(beam_listener *l) {
        return (sock_listener *)l;
}

static void wake_program(sock_listener *l) {
        if (l->by && l->by->armed) {
                l->by->armed = false;
                post_put(&l->by->post);
        }
}

static void set_timer(sock_listener *l, int64_t when);

static void drop(pending *p) {
        list_remove(&p->node);
        p->s->news = NULL;
        post_cancel(&p->greeting);
        beam_session_close(&p->s->base);
        mem_free(p);
}

static void on_greeting(post *done) {
        pending *p = container_of(done, pending, greeting);
        sock_listener *l = p->l;

        l->n_waiting--;
        source_want(&l->src, SOURCE_READ);
        p->s->news = NULL;
        if (p->s->error && !p->s->greeted) {
                /* not a peer of ours, and nobody's error here, unless it was the only one */
                if (l->door.only_one)
                        l->error = p->s->error;
                drop(p);
        } else {
                list_remove(&p->node);
                list_append(&l->ready, &p->node);
        }
        wake_program(l);
}

static int take_in(sock_listener *l, int fd) {
        pending *p = mem_zero(sizeof(*p));
        cover *c = NULL;
        int r;

        if (!p)
                return -ENOMEM;
        r = l->at.kind == URL_WS ? ws_cover_new(&l->at, false, &c) : 0;
        if (r >= 0)
                r = drive_start(fd, c, &l->opt, false, &p->s);
        if (r < 0) {
                if (c)
                        c->calls->free(c);
                mem_free(p);
                return r;
        }
        post_init(&p->greeting, l->loop, false, on_greeting);
        p->s->news = &p->greeting;
        p->l = l;
        p->until = clock_add(clock_now(), l->opt.hello_timeout);
        list_init(&p->node);
        list_append(&l->waiting, &p->node);
        l->n_waiting++;
        set_timer(l, p->until);
        return 0;
}

static void on_timer(timer *t) {
        sock_listener *l = container_of(t, sock_listener, wake);
        int64_t now = clock_now();
        list *node;

        l->timed = false;
        source_want(&l->src, SOURCE_READ);
        while ((node = list_first(&l->waiting))) {
                pending *p = container_of(node, pending, node);

                if (p->until > now) {
                        set_timer(l, p->until);
                        break;
                }
                l->n_waiting--;
                if (l->door.only_one)
                        l->error = -ETIMEDOUT;
                drop(p);
                wake_program(l);
        }
}

static void set_timer(sock_listener *l, int64_t when) {
        if (!l->timed && timer_start(&l->wake, l->loop, when) == 0)
                l->timed = true;
}

static void on_ready(source *src, unsigned events) {
        sock_listener *l = container_of(src, sock_listener, src);

        (void)events;
        while (l->n_waiting < l->opt.max_pending) {
                int fd = sock_accept(l->door.fd), r;

                if (fd == -EAGAIN)
                        return;
                r = fd < 0 ? fd : take_in(l, fd);
                if (r < 0 && fd >= 0)
                        fd_close(fd);
                if (r < 0) {
                        l->error = r;
                        break;
                }
        }
        /* full, or out of something: pause */
        source_want(src, 0);
        if (l->error) {
                wake_program(l);
                if (l->timed)
                        timer_stop(&l->wake);
                l->timed = false;
                set_timer(l, clock_add(clock_now(), PAUSE));
        }
}

static int sock_listener_accept(beam_listener *base, beam_session **ret, int64_t deadline) {
        sock_listener *l = of(base);
        pending *p;
        int r;

        if (l->loop != loop_mine())
                return -EINVAL;
        for (bool last = false; list_is_empty(&l->ready);) {
                if (l->error) {
                        r = l->error;
                        l->error = 0;
                        return r;
                }
                if (l->door.only_one && (l->given || !l->n_waiting))
                        return -EPIPE;
                if (last)
                        return -ETIMEDOUT;
                last = deadline != BEAM_FOREVER && clock_now() >= deadline;
                loop_turn(l->loop, last ? 0 : deadline);
        }
        p = container_of(list_take_first(&l->ready), pending, node);
        l->given = l->door.only_one;
        if (l->opt.background) {
                r = background_adopt(p->s, ret);
        } else {
                *ret = &p->s->base;
                r = 0;
        }
        mem_free(p);
        return r;
}

static void sock_listener_watch(beam_listener *base, port *by) {
        sock_listener *l = of(base);

        l->by = by;
        if (by) {
                by->armed = true;
                if (!list_is_empty(&l->ready) || l->error)
                        wake_program(l);
        }
}

static void sock_listener_close(beam_listener *base) {
        sock_listener *l = of(base);
        list *node;

        if (base->forks == fork_count()) {
                while ((node = list_first(&l->waiting)))
                        drop(container_of(node, pending, node));
                while ((node = list_first(&l->ready)))
                        drop(container_of(node, pending, node));
                if (l->timed)
                        timer_stop(&l->wake);
                source_close(&l->src);
                door_close(&l->door);
        }
        mem_free(l);
}

static const listener_calls sock_calls = {
        .accept = sock_listener_accept,
        .watch = sock_listener_watch,
        .close = sock_listener_close,
};

/* The socket of a WebSocket is one of TCP, and its port the one that the kernel chose. */
static int open_door(sock_listener *l) {
        url at = l->at;
        int r;

        if (at.kind == URL_WS)
                at.kind = URL_TCP;
        r = door_open(&at, &l->door);
        if (r < 0)
                return r;
        strcpy(l->base.url, l->door.url);
        if (l->at.kind == URL_WS && url_parse(l->door.url, &at) == 0) {
                l->at.port = at.port;
                url_print(&l->at, l->base.url, sizeof(l->base.url));
        }
        return 0;
}

static int sock_listen(const url *u, const beam_options *opt, beam_listener **ret) {
        loop *here = loop_get();
        sock_listener *l = here ? mem_zero(sizeof(*l)) : NULL;
        int r;

        if (!l)
                return -ENOMEM;
        l->base.calls = &sock_calls;
        l->base.forks = fork_count();
        l->loop = here;
        l->src.fn = on_ready;
        l->wake.fn = on_timer;
        options_fill(&l->opt, opt);
        list_init(&l->waiting);
        list_init(&l->ready);

        l->at = *u;
        r = open_door(l);
        if (r < 0) {
                mem_free(l);
                return r;
        }
        r = l->door.only_one ? take_in(l, l->door.fd)
                             : source_open(&l->src, here, l->door.fd, SOURCE_READ);
        if (r < 0) {
                door_close(&l->door);
                mem_free(l);
                return r;
        }
        *ret = &l->base;
        return 0;
}

/* the program's calls */

struct listener_watch {
        port by;
        beam_listener *l;
        void (*fn)(void *data, beam_listener *l);
        void *data;
        bool running, dropped;
};

static void on_watch(post *p) {
        listener_watch *w = container_of(p, listener_watch, by.post);

        w->running = true;
        w->fn(w->data, w->l);
        w->running = false;
        if (w->dropped)
                mem_free(w);
        else
                w->l->calls->watch(w->l, &w->by);
}

static void unwatch(beam_listener *l) {
        listener_watch *w = l->watch;

        if (!w)
                return;
        l->watch = NULL;
        l->calls->watch(l, NULL);
        post_cancel(&w->by.post);
        if (w->running)
                w->dropped = true;
        else
                mem_free(w);
}

int listener_watch_for(beam_listener *l, bool user, void (*fn)(void *data, beam_listener *l),
                       void *data) {
        loop *here = loop_get();
        listener_watch *w;

        if (l->forks != fork_count())
                return -ECHILD;
        if (!here)
                return -ENOMEM;
        if (!fn) {
                unwatch(l);
                return 0;
        }
        if (!l->watch) {
                l->watch = mem_zero(sizeof(*l->watch));
                if (!l->watch)
                        return -ENOMEM;
                post_init(&l->watch->by.post, here, user, on_watch);
                list_init(&l->watch->by.node);
        }
        w = l->watch;
        w->l = l;
        w->fn = fn;
        w->data = data;
        l->calls->watch(l, &w->by);
        return 0;
}

int beam_listener_watch(beam_listener *l, void (*fn)(void *data, beam_listener *l), void *data) {
        return listener_watch_for(l, true, fn, data);
}

int beam_listen(const char *text, const beam_options *opt, beam_listener **ret) {
        url u;
        int r;

        r = url_parse(text, &u);
        if (r < 0)
                return r;
        return u.kind == URL_MEM ? mem_listen(u.name, opt, ret) : sock_listen(&u, opt, ret);
}

const char *beam_listener_url(const beam_listener *l) {
        return l->url;
}

int beam_accept(beam_listener *l, beam_session **ret, int64_t deadline) {
        return l->forks != fork_count() ? -ECHILD : l->calls->accept(l, ret, deadline);
}

beam_listener *beam_listener_close(beam_listener *l) {
        if (l) {
                unwatch(l);
                l->calls->close(l);
        }
        return NULL;
}
