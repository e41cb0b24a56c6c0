/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"
#include "wait.h"

/* A receiver that is watched, or that waits until another message may be taken. */
typedef struct source {
        beam_receiver *rx;
        server *server;
        list in_waiting;
        void (*fn)(void *data, beam_receiver *rx);
        void *data;
} source;

/* The part of a link that is nobody else's business. */
typedef struct session_link {
        server_link link;
        source opens;
} session_link;

typedef struct channel {
        source source;
        server_link *link;
        list in_channels;
        char service[256];
} channel;

static session_link *inner(server_link *l) {
        return container_of(l, session_link, link);
}

/* Receive from @src if another message may be taken, else put it in the queue. Returns
 * as beam_recv(), -ETIMEDOUT too when it has been put there. */
static int source_take(source *src, beam_msg **ret) {
        server *s = src->server;

        if (!s->acts->may_take(s->data)) {
                (void)beam_receiver_watch(src->rx, NULL, NULL);
                if (!list_is_linked(&src->in_waiting))
                        list_append(&s->waiting, &src->in_waiting);
                return -ETIMEDOUT;
        }
        return beam_recv(src->rx, ret, BEAM_NOW);
}

void server_resume(server *s) {
        list *i;

        /* One only: what it takes may have been the last that may be taken. */
        if (s->acts->may_take(s->data) && (i = list_take_first(&s->waiting))) {
                source *src = container_of(i, source, in_waiting);

                list_init(i);
                (void)beam_receiver_watch(src->rx, src->fn, src->data);
        }
}

static void channel_free(channel *ch) {
        list_remove(&ch->source.in_waiting);
        list_remove(&ch->in_channels);
        beam_receiver_close(ch->source.rx); /* its watch goes with it */
        free(ch);
}

/* Several at a time: then room is given back in bulk, and a sender who waits for it is
 * woken less often. Not all: others want their turn. Picked; not tuned. */
enum { AT_ONCE = 64 };

static void on_message(void *data, beam_receiver *rx) {
        channel *ch = data;
        server *s = ch->source.server;
        int r = 1;

        (void)rx;
        for (int i = 0; i < AT_ONCE && r > 0; i++) {
                beam_msg *msg = NULL;

                r = source_take(&ch->source, &msg);
                if (r > 0)
                        s->acts->message(s->data, ch->link, ch->service, msg);
        }
        if (r <= 0 && r != -ETIMEDOUT)
                channel_free(ch);
        server_resume(s);
}

static int channel_new(server_link *l, const char *service, beam_receiver *rx) {
        channel *ch = calloc(1, sizeof(*ch));
        int r;

        if (!ch)
                return -ENOMEM;
        ch->source = (source){ .rx = rx, .server = l->server, .fn = on_message, .data = ch };
        list_init(&ch->source.in_waiting);
        ch->link = l;
        snprintf(ch->service, sizeof(ch->service), "%s", service);
        r = beam_receiver_watch(rx, on_message, ch);
        if (r < 0) {
                free(ch);
                return r;
        }
        list_append(&l->channels, &ch->in_channels);
        return 0;
}

/* Refuse what was opened, whichever it is. */
static void refuse(beam_msg *open, uint32_t code, const char *why) {
        beam_receiver *rx = beam_msg_take_receiver(open, 0);
        beam_stream *st = beam_msg_take_stream(open, 0);
        beam_sender *tx = beam_msg_take_sender(open, 0);

        if (rx)
                beam_receiver_fail(rx, code, why);
        if (st)
                beam_stream_fail(st, code, why);
        if (tx)
                beam_sender_fail(tx, code, why);
        beam_msg_free(open);
}

/* Takes @open. */
static void opened(server_link *l, beam_msg *open) {
        server *s = l->server;
        beam_receiver *rx;
        char service[256], why[300];
        const char *name;
        size_t n;

        name = beam_msg_data(open, &n);
        snprintf(service, sizeof(service), "%.*s", (int)n, name ? name : "");

        if (s->ending) {
                refuse(open, BEAM_CODE_REFUSED, "the service is ending");
        } else if (s->o->service && strcmp(s->o->service, service) != 0) {
                snprintf(why, sizeof(why), "no service \"%s\" here", service);
                refuse(open, BEAM_CODE_NO_SERVICE, why);
        } else if (beam_msg_kind(open, 0) == BEAM_RECEIVER) {
                rx = beam_msg_take_receiver(open, 0);
                if (channel_new(l, service, rx) < 0)
                        beam_receiver_fail(rx, BEAM_CODE_INTERNAL, "out of memory");
                beam_msg_free(open);
        } else if (beam_msg_kind(open, 0) == BEAM_STREAM && s->acts->stream) {
                s->acts->stream(s->data, l, service, beam_msg_take_stream(open, 0));
                beam_msg_free(open);
        } else if (beam_msg_kind(open, 0) == BEAM_SENDER && s->acts->reader) {
                s->acts->reader(s->data, l, service, beam_msg_take_sender(open, 0));
                beam_msg_free(open);
        } else {
                refuse(open, BEAM_CODE_REFUSED, "this service takes messages only");
        }
}

static void on_open(void *data, beam_receiver *rx) {
        server_link *l = data;
        server *s = l->server;
        beam_msg *open = NULL;
        int r;

        (void)rx;
        r = source_take(&inner(l)->opens, &open);
        if (r == -ETIMEDOUT)
                return;
        if (r > 0) {
                opened(l, open);
        } else {
                /* The session is over; what it brought may still lie in its channels, so
                 * it goes after them. */
                (void)beam_receiver_watch(inner(l)->opens.rx, NULL, NULL);
                l->ended = true;
                if (s->acts->gone)
                        s->acts->gone(s->data, l);
        }
        server_resume(s);
}

static void link_free(server_link *l) {
        while (!list_is_empty(&l->channels))
                channel_free(container_of(list_first(&l->channels), channel, in_channels));
        list_remove(&inner(l)->opens.in_waiting);
        list_remove(&l->in_links);
        l->s = beam_session_close(l->s);
        free(inner(l));
}

/* Takes @session, and frees it when that fails. */
static int link_new(server *s, beam_session *session) {
        session_link *in = calloc(1, sizeof(*in));
        server_link *l;
        int r;

        if (!in) {
                beam_session_close(session);
                return -ENOMEM;
        }
        l = &in->link;
        l->s = session;
        l->server = s;
        l->peer.size = sizeof(l->peer);
        (void)beam_session_peer(session, &l->peer);
        list_init(&l->channels);
        list_init(&l->in_links);
        in->opens = (source){
                .rx = beam_session_opens(session),
                .server = s,
                .fn = on_open,
                .data = l,
        };
        list_init(&in->opens.in_waiting);
        r = beam_receiver_watch(in->opens.rx, on_open, l);
        if (r < 0) {
                link_free(l);
                return r;
        }
        list_append(&s->links, &l->in_links);
        return 0;
}

static void on_peer(void *data, beam_listener *l) {
        server *s = data;
        int r;

        /* Until there is no more: a listener on one connected peer has no other way to say
         * that it has given that one. */
        do {
                beam_session *session = NULL;

                r = beam_accept(l, &session, BEAM_NOW);
                if (r == 0)
                        r = link_new(s, session);
        } while (r == 0);
        if (r == -EPIPE) {
                (void)beam_listener_watch(l, NULL, NULL);
                s->full = true;
        } else if (r != -ETIMEDOUT) {
                say_error("a peer could not be taken: %s", beam_strerror(r));
        }
}

int server_listen(server *s, const char *url, const cli_opts *o, const server_acts *acts,
                  void *data) {
        int r, status;

        *s = (server){ .o = o, .acts = acts, .data = data };
        list_init(&s->links);
        list_init(&s->waiting);
        status = cli_listen(url, &s->l);
        if (status != CLI_DONE)
                return status;
        r = beam_listener_watch(s->l, on_peer, s);
        if (r < 0) {
                say_error("cannot listen at %s: %s", url, beam_strerror(r));
                return CLI_FAILED;
        }

        if (o->print_url) {
                const char *real = beam_listener_url(s->l);

                if (o->json) {
                        say_json j;

                        r = say_json_open(&j);
                        if (r == 0) {
                                say_json_text(&j, "url", real);
                                r = say_json_close(&j, STDOUT_FILENO);
                        }
                } else {
                        r = say_line(real, strlen(real));
                }
                if (r < 0)
                        return CLI_FAILED;
        }
        return CLI_DONE;
}

void server_link_use(server_link *l) {
        l->n_users++;
}

void server_link_unuse(server_link *l) {
        l->n_users--;
}

/* Free the links that nothing keeps any more. Here and not in a callback, which may be
 * one of the very link. Whether there was one. */
static bool reap(server *s) {
        bool found = false;

        list_each_safe(i, &s->links) {
                server_link *l = container_of(i, server_link, in_links);

                if (!list_is_empty(&l->channels) || l->n_users > 0)
                        continue;
                if (s->ending && !l->ended && beam_session_drain(l->s, BEAM_NOW) != -ETIMEDOUT)
                        l->ended = true;
                if (l->ended) {
                        link_free(l);
                        found = true;
                }
        }
        return found;
}

int server_turn(server *s, int64_t deadline) {
        int r;

        /* What the owner did since may have been all that a link was kept for: then there
         * is nothing to wait for. */
        if (reap(s))
                return 0;
        r = wait_turn(deadline);
        (void)reap(s);
        return r;
}

void server_end(server *s) {
        s->ending = true;
        s->l = beam_listener_close(s->l);
        list_each(i, &s->links) {
                server_link *l = container_of(i, server_link, in_links);

                /* What nobody has taken yet is refused with a reason, which is the truth. */
                while (!list_is_empty(&l->channels)) {
                        channel *ch = container_of(list_first(&l->channels), channel, in_channels);

                        ch->source.rx = beam_receiver_fail(ch->source.rx, BEAM_CODE_REFUSED,
                                                           "the service is ending");
                        channel_free(ch);
                }
        }
}

bool server_is_over(const server *s) {
        return (s->ending || s->full) && list_is_empty(&s->links);
}

void server_deinit(server *s) {
        if (!s->links.next)
                return;
        while (!list_is_empty(&s->links))
                link_free(container_of(list_first(&s->links), server_link, in_links));
        s->l = beam_listener_close(s->l);
}
