/* SPDX-License-Identifier: Apache-2.0 */
#include "dial.h"

#include <errno.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/mem.h"
#include "background.h"
#include "drive.h"
#include "mem.h"
#include "reach.h"
#include "url.h"
#include "ws.h"

static bool is_past(int64_t deadline) {
        return deadline != BEAM_FOREVER && clock_now() >= deadline;
}

typedef struct reached {
        reach reach;
        bool done;
        int fd;
} reached;

static void on_reached(reach *r, int fd) {
        reached *all = container_of(r, reached, reach);

        all->done = true;
        all->fd = fd;
}

int dial_socket(const url *u, int64_t deadline) {
        reached all = { .reach.fn = on_reached };
        loop *l = loop_get();
        int fd;

        if (!l)
                return -ENOMEM;
        fd = reach_start(&all.reach, l, u);
        if (fd != -EINPROGRESS)
                return fd;
        while (!all.done && !is_past(deadline))
                loop_turn(l, deadline);
        if (all.done)
                return all.fd;
        reach_stop(&all.reach);
        return -ETIMEDOUT;
}

/* A session on @fd, which is still the caller's on failure. */
static int start(int fd, const url *u, const beam_options *opt, session **ret) {
        cover *c = NULL;
        int r = u->kind == URL_WS ? ws_cover_new(u, true, &c) : 0;

        if (r < 0)
                return r;
        r = drive_start(fd, c, opt, true, ret);
        if (r < 0 && c)
                c->calls->free(c);
        return r;
}

int dial_url(const url *u, const beam_options *opt, session **ret, int64_t deadline) {
        beam_options all;
        session *s;
        url at = *u;
        int fd, r;

        options_fill(&all, opt);
        if (u->kind == URL_WS)
                at.kind = URL_TCP;
        fd = dial_socket(&at, deadline);
        if (fd < 0)
                return fd;
        r = start(fd, u, &all, &s);
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
