/* SPDX-License-Identifier: Apache-2.0 */
#include "desk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/mem.h"
#include "../chan/end.h"
#include "../context/client.h"
#include "../context/store.h"
#include "errand.h"

typedef struct caller {
        list node;
        desk *desk;
        annex_guest *guest;
        beam_receiver *rx;
        bool is_known; /* has said the password */
        bool is_worker;
        station station; /* of one */
} caller;

/* who serves what */

static bool serves(const station *s, bytes name) {
        for (const char *at = s->names; at && *at; at += strlen(at) + 1)
                if (bytes_equal(bytes_of(at), name))
                        return true;
        return false;
}

static bool is_served(const desk *d, bytes name) {
        list_each(node, (list *)&d->stations) {
                if (serves(container_of(node, station, node), name))
                        return true;
        }
        return false;
}

/* The first one that wants such a job, in the order in which they wanted one. */
static station *find_hands(desk *d, bytes name) {
        list_each(node, &d->stations) {
                station *s = container_of(node, station, node);

                if (s->wants && serves(s, name))
                        return s;
        }
        return NULL;
}

/* Each that waits, in order, to one who wants it. */
static void on_match(post *p) {
        desk *d = container_of(p, desk, match);

        list_each_safe(node, &d->waiting) {
                errand *e = container_of(node, errand, in_waiting);
                station *s;

                while (e && (s = find_hands(d, e->order.name))) {
                        int r;

                        s->wants = false; /* it may want another one at once */
                        r = errand_give(e, s);
                        if (r == -ENOMEM) {
                                s->wants = true;
                                errand_refuse(e, "out of memory", BYTES(""));
                        }
                        if (r == 0 || r == -ENOMEM)
                                e = NULL;
                }
        }
}

void desk_place(desk *d, errand *e) {
        if (!is_served(d, e->order.name)) {
                errand_refuse(e, "no such name: ", e->order.name);
        } else if (d->n_waiting >= DESK_WAITING_MAX ||
                   e->order.text.n > DESK_BYTES_MAX - d->n_bytes) {
                errand_refuse(e, "too many wait here", BYTES(""));
        } else {
                list_append(&d->waiting, &e->in_waiting);
                d->n_waiting++;
                d->n_bytes += e->order.text.n;
                post_put(&d->match);
        }
}

void desk_drop(desk *d, errand *e) {
        if (!list_is_linked(&e->in_waiting))
                return;
        list_remove(&e->in_waiting);
        d->n_waiting--;
        d->n_bytes -= e->order.text.n;
}

int desk_enter(desk *d, station *s, const char *token) {
        if (strlen(token) > DESK_TOKEN_MAX)
                return -EINVAL;
        s->desk = d;
        snprintf(s->token, sizeof(s->token), "%s", token);
        list_init(&s->node);
        list_append(&d->stations, &s->node);
        return 0;
}

int desk_serve(station *s, bytes name) {
        size_t n = 0;
        char *grown;

        if (name.n == 0 || memchr(name.p, '\0', name.n))
                return -EINVAL;
        if (serves(s, name))
                return 0;
        while (s->names && s->names[n])
                n += strlen(s->names + n) + 1;
        grown = mem_resize(s->names, n + name.n + 2);
        if (!grown)
                return -ENOMEM;
        memcpy(grown + n, name.p, name.n);
        grown[n + name.n] = grown[n + name.n + 1] = '\0';
        s->names = grown;
        return 0;
}

void desk_want(station *s) {
        s->wants = true;
        list_remove(&s->node);
        list_append(&s->desk->stations, &s->node);
        post_put(&s->desk->match);
}

/* Who waits for a name that nobody serves any more is refused, as one who comes now. */
static void refuse_unserved(desk *d) {
        list_each_safe(node, &d->waiting) {
                errand *e = container_of(node, errand, in_waiting);

                if (!is_served(d, e->order.name))
                        errand_refuse(e, "no such name: ", e->order.name);
        }
}

void desk_leave(station *s) {
        desk *d = s->desk;

        if (!d)
                return;
        s->desk = NULL;
        s->to = beam_sender_close(s->to);
        list_remove(&s->node);
        s->names = mem_free(s->names);
        refuse_unserved(d);
}

/* who comes over a channel */

static bool may_ask(const caller *c) {
        return c->is_known || !*c->desk->ctx->store->config.requirepass;
}

static void take_password(caller *c, slip *s) {
        bytes user = BYTES("default"), password;

        if (!slip_next(s, &password))
                return;
        if (s->n_left > 0) {
                user = password;
                slip_next(s, &password);
        }
        c->is_known = client_is_known(c->desk->ctx->store, user, password);
}

static void take_order(caller *c, beam_msg *msg, const slip_order *o) {
        const char *why = NULL;
        uint32_t code = BEAM_CODE_REFUSED;

        if (!may_ask(c)) {
                why = "NOAUTH Authentication required.";
        } else if (errand_new(c->desk, msg, o) < 0) {
                why = "out of memory";
                code = BEAM_CODE_INTERNAL;
        }
        if (!why)
                return;
        beam_sender_fail(beam_msg_take_sender(msg, SLIP_TELL), code, why);
        beam_msg_free(msg);
}

static int take_names(caller *c, slip *s) {
        char token[DESK_TOKEN_MAX + 1];
        bytes text;
        int r = 0;

        if (!slip_next(s, &text) || text.n == 0 || text.n > DESK_TOKEN_MAX ||
            memchr(text.p, '\0', text.n))
                return -EPROTO;
        memcpy(token, text.p, text.n);
        token[text.n] = '\0';
        if (!c->is_worker || !c->station.desk)
                r = desk_enter(c->desk, &c->station, token);
        c->is_worker = true;
        while (r == 0 && slip_next(s, &text))
                r = desk_serve(&c->station, text);
        return r;
}

/* It serves names, and wants one job. */
static int take_worker(caller *c, beam_msg *msg, slip *s) {
        beam_sender *to = beam_msg_take_sender(msg, 0);
        int r = !may_ask(c) ? -EACCES : to ? take_names(c, s) : -EPROTO;

        if (r < 0) {
                beam_sender_fail(to, r == -EACCES ? BEAM_CODE_REFUSED : BEAM_CODE_PROTOCOL,
                                 r == -EACCES ? "NOAUTH Authentication required."
                                              : "what is this?");
                return r;
        }
        beam_sender_close(c->station.to);
        c->station.to = to;
        desk_want(&c->station);
        return 0;
}

static void free_caller(caller *c) {
        list_remove(&c->node);
        desk_leave(&c->station);
        beam_receiver_close(c->rx);
        mem_free(c);
}

static void take(caller *c, beam_msg *msg) {
        slip_order o;
        bytes verb;
        slip s;

        if (slip_read_order(msg, false, &o) == 0) {
                take_order(c, msg, &o);
                return;
        }
        if (slip_open(msg, &s) == 0 && slip_next(&s, &verb)) {
                if (bytes_equal(verb, BYTES("auth")))
                        take_password(c, &s);
                else if (bytes_equal(verb, BYTES("serve")))
                        take_worker(c, msg, &s);
                else if (bytes_equal(verb, BYTES("leave")))
                        desk_leave(&c->station);
        }
        beam_sender_fail(beam_msg_take_sender(msg, SLIP_TELL), BEAM_CODE_PROTOCOL,
                         "that is no order");
        beam_msg_free(msg);
}

static void on_message(void *data, beam_receiver *rx) {
        caller *c = data;
        annex_guest *g = c->guest;
        beam_msg *msg;
        int r = beam_recv(rx, &msg, BEAM_NOW);

        if (r == 1) {
                take(c, msg);
        } else if (r != -ETIMEDOUT) {
                free_caller(c);
                g->over(g);
        }
}

static int come(annex *base, beam_msg *open, annex_guest *g) {
        desk *d = container_of(base, desk, annex);
        caller *c = mem_zero(sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->rx = beam_msg_take_receiver(open, 0);
        if (!c->rx) {
                mem_free(c);
                return -EINVAL;
        }
        c->desk = d;
        c->guest = g;
        list_init(&c->node);
        r = receiver_watch(c->rx, false, on_message, c);
        if (r < 0) {
                free_caller(c);
                return r;
        }
        list_append(&d->callers, &c->node);
        g->inside = c;
        return 0;
}

static void leave(annex *base, annex_guest *g) {
        (void)base;
        free_caller(g->inside);
}

/* the desk itself */

static void on_fence_lost(fence *f, int r) {
        (void)f;
        (void)r; /* of which the asker tells, too */
}

static int open_askers(desk *d);

/* Somebody has killed our client there, or there was no memory. What was on its way is nobody's
 * any more. */
static void on_lost(void *data, int r, resp_cursor reply) {
        desk *d = data;

        (void)r;
        (void)reply;
        for (list *node; (node = list_first(&d->errands));)
                errand_free(container_of(node, errand, node));
        (void)open_askers(d);
}

/* New ones for those that there are, or these stay as they were. */
static int open_askers(desk *d) {
        asker *one, *other;
        int r = asker_new(d->ctx->store, &one);

        if (r < 0)
                return r;
        r = asker_new(d->ctx->store, &other);
        if (r < 0) {
                asker_free(one);
                return r;
        }
        fence_deinit(&d->fence);
        asker_free(d->asker);
        asker_free(d->careful);
        d->asker = one;
        d->careful = other;
        asker_tell_loss(one, on_lost, d);
        asker_tell_loss(other, on_lost, d);
        fence_init(&d->fence, other);
        return 0;
}

int desk_open(beam_context *ctx, desk **ret) {
        desk *d = mem_zero(sizeof(*d));
        loop *l = d ? loop_get() : NULL;
        int r;

        if (!l) {
                mem_free(d);
                return -ENOMEM;
        }
        d->annex = (annex){ .service = "jobs", .come = come, .leave = leave };
        d->ctx = ctx;
        d->fence.lost = on_fence_lost;
        post_init(&d->match, l, false, on_match);
        list_init(&d->callers);
        list_init(&d->stations);
        list_init(&d->errands);
        list_init(&d->waiting);
        r = open_askers(d);
        if (r < 0) {
                mem_free(d);
                return r;
        }
        ctx->annex = &d->annex;
        *ret = d;
        return 0;
}

desk *desk_of(const beam_context *ctx) {
        return ctx->annex ? container_of(ctx->annex, desk, annex) : NULL;
}

desk *desk_close(desk *d) {
        if (!d)
                return NULL;
        d->ctx->annex = NULL;
        for (list *node; (node = list_first(&d->errands));)
                errand_free(container_of(node, errand, node));
        for (list *node; (node = list_first(&d->callers));) {
                caller *c = container_of(node, caller, node);
                annex_guest *g = c->guest;

                free_caller(c);
                g->over(g);
        }
        for (list *node; (node = list_first(&d->stations));) {
                station *s = container_of(node, station, node);

                desk_leave(s);
                s->closed(s);
        }
        post_cancel(&d->match);
        fence_deinit(&d->fence);
        asker_free(d->asker);
        asker_free(d->careful);
        return mem_free(d);
}
