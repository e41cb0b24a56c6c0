/* SPDX-License-Identifier: Apache-2.0 */
#include "visitors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/bytes.h"
#include "../base/fds.h"
#include "../base/mem.h"
#include "../chan/end.h"
#include "../link/listener.h"

typedef struct visitor {
        visitors *of;
        list node;
        beam_listener *greets; /* where it says hello, or NULL */
        beam_session *session; /* then */
        list visits;
        bool is_over; /* it opens nothing more, and goes with the last of these */
} visitor;

typedef struct visit {
        visitor *of;
        list node;
        join *join;        /* of a stream, or */
        annex *annex;      /* what it came in by, */
        annex_guest guest; /* as this */
} visit;

static visitor *visitor_new(visitors *v) {
        visitor *new = mem_zero(sizeof(*new));

        if (!new || !v->admit(v->data))
                return mem_free(new);
        new->of = v;
        list_init(&new->visits);
        list_init(&new->node);
        list_append(&v->all, &new->node);
        return new;
}

/* What closing the session has still to say may run what is posted: it must not come back here. */
static void visitor_free(visitor *v) {
        if (v->session)
                receiver_watch(beam_session_opens(v->session), false, NULL, NULL);
        for (list *node; (node = list_take_first(&v->visits));) {
                visit *one = container_of(node, visit, node);

                if (one->annex)
                        one->annex->leave(one->annex, &one->guest);
                else
                        join_stop(one->join);
                mem_free(one);
        }
        beam_listener_close(v->greets);
        beam_session_close(v->session);
        list_remove(&v->node);
        v->of->leave(v->of->data);
        mem_free(v);
}

static void end_visit(visit *one) {
        visitor *v = one->of;

        list_remove(&one->node);
        mem_free(one);
        if (v->is_over && list_is_empty(&v->visits))
                visitor_free(v);
}

static void on_stream_over(void *data, int r) {
        (void)r;
        end_visit(data);
}

static void on_guest_over(annex_guest *g) {
        end_visit(container_of(g, visit, guest));
}

static void keep_visit(visitor *v, visit *one) {
        one->of = v;
        list_init(&one->node);
        list_append(&v->visits, &one->node);
}

static int take_stream(visitor *v, beam_stream *st) {
        visit *new = mem_zero(sizeof(*new));
        int r;

        if (!new)
                return -ENOMEM;
        r = v->of->take(v->of->data, st, on_stream_over, new, &new->join);
        if (r < 0) {
                mem_free(new);
                return r;
        }
        keep_visit(v, new);
        return 0;
}

static void come_in(visitor *v, annex *a, beam_msg *open) {
        visit *new = mem_zero(sizeof(*new));

        if (!new)
                return;
        new->annex = a;
        new->guest.over = on_guest_over;
        if (a->come(a, open, &new->guest) < 0)
                mem_free(new);
        else
                keep_visit(v, new);
}

static void refuse(beam_msg *open) {
        static const char why[] = "there is a context here, and no such service";

        beam_stream_fail(beam_msg_take_stream(open, 0), BEAM_CODE_NO_SERVICE, why);
        beam_sender_fail(beam_msg_take_sender(open, 0), BEAM_CODE_NO_SERVICE, why);
        beam_receiver_fail(beam_msg_take_receiver(open, 0), BEAM_CODE_NO_SERVICE, why);
}

/* A channel of the service "context" is closed unread, with the message. */
static void opened(visitor *v, beam_msg *open) {
        bytes service;
        beam_stream *st;
        annex *a = v->of->annex(v->of->data);

        service.p = beam_msg_data(open, &service.n);
        if (service.n == 0 || bytes_equal(service, BYTES("context"))) {
                st = beam_msg_take_stream(open, 0);
                if (st && take_stream(v, st) < 0)
                        beam_stream_fail(st, BEAM_CODE_INTERNAL, "out of memory or descriptors");
        } else if (a && bytes_equal(service, bytes_of(a->service))) {
                come_in(v, a, open);
        } else {
                refuse(open);
        }
        beam_msg_free(open);
}

static void on_open(void *data, beam_receiver *opens) {
        visitor *v = data;
        beam_msg *open;
        int r = beam_recv(opens, &open, BEAM_NOW);

        if (r == 1) {
                opened(v, open);
        } else if (r == 0) {
                receiver_watch(opens, false, NULL, NULL);
                v->is_over = true;
                if (list_is_empty(&v->visits))
                        visitor_free(v);
        } else if (r != -ETIMEDOUT) {
                visitor_free(v);
        }
}

/* A session that has said hello; -ETIMEDOUT: nobody has yet, others: nobody will. */
static int enter(visitor *v, beam_listener *l) {
        int r = beam_accept(l, &v->session, BEAM_NOW);

        if (r == 0)
                r = receiver_watch(beam_session_opens(v->session), false, on_open, v);
        return r;
}

static void on_greeted(void *data, beam_listener *l) {
        visitor *v = data;
        int r = enter(v, l);

        if (r < 0 && r != -ETIMEDOUT)
                visitor_free(v);
}

static void on_mem_peer(void *data, beam_listener *l) {
        visitor *v = visitor_new(data);
        beam_session *nobody;

        if (!v && beam_accept(l, &nobody, BEAM_NOW) == 0)
                beam_session_close(nobody);
        else if (v && enter(v, l) < 0)
                visitor_free(v);
}

void visitors_init(visitors *v) {
        list_init(&v->all);
}

void visitors_deinit(visitors *v) {
        for (list *node; (node = list_first(&v->all));)
                visitor_free(container_of(node, visitor, node));
        v->at = beam_listener_close(v->at);
}

int visitors_listen(visitors *v, const char *url) {
        int r = beam_listen(url, NULL, &v->at);

        if (r == 0)
                r = listener_watch_for(v->at, false, on_mem_peer, v);
        if (r < 0)
                v->at = beam_listener_close(v->at);
        return r;
}

void visitors_take(visitors *v, int fd) {
        visitor *new = visitor_new(v);
        char url[32];

        snprintf(url, sizeof(url), "fd:%d", fd);
        if (!new || beam_listen(url, NULL, &new->greets) < 0) {
                fd_close(fd);
                if (new)
                        visitor_free(new);
        } else if (listener_watch_for(new->greets, false, on_greeted, new) < 0) {
                visitor_free(new);
        }
}
