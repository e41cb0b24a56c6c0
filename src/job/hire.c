/* SPDX-License-Identifier: Apache-2.0 */
#include "hire.h"

#include <errno.h>
#include <stdio.h>

#include "../base/fds.h"
#include "../chan/end.h"
#include "../chan/session.h"
#include "../link/drive.h"

enum {
        ASKING_DEPTH = 16, /* of the channel on which it is asked; picked */
        /* A plain Redis never says hello: it is not asked again. */
        WAITED_MAX = 3,
};

static void on_reached(reach *r, int fd);
static void on_news(post *p);

/* in this process */

static void on_order(station *s, beam_msg *order) {
        hire *h = container_of(s, hire, station);

        h->is_asked = false;
        h->take(h, order);
}

static void on_closed(station *s) {
        hire *h = container_of(s, hire, station);

        h->is_open = h->is_asked = false;
        h->desk = NULL;
}

static void enter(hire *h) {
        bytes name;

        h->station = (station){ .take = on_order, .closed = on_closed };
        if (desk_enter(h->desk, &h->station, h->token) < 0)
                return;
        for (size_t i = 0; (name = h->name(h, i)).n > 0; i++)
                if (desk_serve(&h->station, name) < 0)
                        return;
        h->is_open = true;
        h->ready(h);
}

/* over a session */

static void hang_up(hire *h) {
        if (h->is_reaching)
                reach_stop(&h->reach);
        h->is_open = h->is_asked = h->is_reaching = false;
        h->orders = beam_receiver_close(h->orders);
        h->to = beam_sender_close(h->to);
        if (h->session) {
                session *s = h->session;

                h->session = NULL;
                s->news = NULL;
                beam_session_close(&s->base);
        }
}

static void begin(hire *h, int fd) {
        if (drive_start(fd, NULL, NULL, true, &h->session) < 0)
                fd_close(fd);
        else
                h->session->news = &h->news;
}

static void on_reached(reach *r, int fd) {
        hire *h = container_of(r, hire, reach);

        h->is_reaching = false;
        if (fd >= 0)
                begin(h, fd);
}

static void dial(hire *h) {
        int fd = reach_start(&h->reach, loop_get(), h->at);

        h->is_reaching = fd == -EINPROGRESS;
        if (fd >= 0)
                begin(h, fd);
}

static int say_password(hire *h) {
        if (!h->password)
                return 0;
        if (!h->user)
                return slip_say(h->to, BYTES("auth"), bytes_of(h->password));
        return slip_say(h->to, BYTES("auth"), bytes_of(h->user), bytes_of(h->password));
}

/* The other side has said hello, or will say nothing more. */
static void on_news(post *p) {
        hire *h = container_of(p, hire, news);

        if (session_greeting(h->session) == 1 && h->is_open)
                return;
        if (session_greeting(h->session) != 1 ||
            beam_session_open(&h->session->base, "jobs", ASKING_DEPTH, &h->to, BEAM_NOW) < 0 ||
            say_password(h) < 0) {
                bool was_leaving = h->is_leaving;

                if (!h->is_open)
                        h->n_waited = WAITED_MAX;
                hang_up(h);
                if (was_leaving)
                        h->left(h);
                return;
        }
        h->is_open = true;
        h->n_waited = 0;
        h->ready(h);
}

static void on_orders(void *data, beam_receiver *rx) {
        hire *h = data;
        beam_msg *order = NULL;
        int r = beam_recv(rx, &order, BEAM_NOW);

        if (r == -ETIMEDOUT)
                return;
        h->orders = beam_receiver_close(rx);
        h->is_asked = false;
        if (r == 1)
                h->take(h, order);
        if (h->is_leaving)
                h->left(h);
}

static int ask_over(hire *h) {
        beam_sender *to;
        beam_msg *msg;
        size_t later, n = 2;
        resp_out out;
        bytes name;
        int r = beam_pipe(1, &to, &h->orders);

        if (r < 0)
                return r;
        resp_out_init(&out, 2);
        later = resp_out_later(&out);
        resp_out_bulk_text(&out, "serve");
        resp_out_bulk_text(&out, h->token);
        for (; (name = h->name(h, n - 2)).n > 0; n++)
                resp_out_bulk(&out, name.p, name.n);
        resp_out_head(&out, later, RESP_ARRAY, n);
        r = slip_msg(&out, &msg);
        if (r < 0) {
                beam_sender_close(to);
                return r;
        }
        r = beam_msg_put_sender(msg, to);
        if (r < 0)
                beam_sender_close(to);
        else
                r = sender_send(h->to, msg);
        if (r < 0)
                beam_msg_free(msg);
        return r < 0 ? r : receiver_watch(h->orders, false, on_orders, h);
}

/* both */

void hire_open(hire *h, const char *token) {
        snprintf(h->token, sizeof(h->token), "%s", token);
        h->reach.fn = on_reached;
        post_init(&h->news, loop_get(), false, on_news);
        h->is_leaving = false;
        h->n_waited = 0;
        if (h->desk)
                enter(h);
        else if (h->at)
                dial(h);
}

void hire_close(hire *h) {
        desk_leave(&h->station);
        hang_up(h);
        if (h->news.fn)
                post_cancel(&h->news);
}

void hire_ask(hire *h) {
        if (!h->is_open || h->is_asked || h->is_leaving)
                return;
        h->is_asked = true;
        if (h->desk)
                desk_want(&h->station);
        else if (ask_over(h) < 0)
                hang_up(h);
}

bool hire_leave(hire *h) {
        h->is_leaving = true;
        if (h->desk) {
                desk_leave(&h->station);
                return false;
        }
        return h->is_open && slip_say(h->to, BYTES("leave")) == 0 && h->is_asked;
}

void hire_retry(hire *h) {
        if (!h->at || h->is_open || h->is_reaching || h->is_leaving || h->n_waited >= WAITED_MAX)
                return;
        h->n_waited++;
        if (!h->session)
                dial(h);
        else if (h->n_waited == WAITED_MAX)
                hang_up(h);
}
