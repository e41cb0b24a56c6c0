/* SPDX-License-Identifier: Apache-2.0 */
/* beam_serve(): everything that peers send, to one function. */
#include <string.h>

#include "../base/mem.h"
#include "../chan/session.h"

typedef struct server {
        void (*fn)(void *data, const char *service, beam_msg *msg);
        void *data;
        list clients;
} server;

typedef struct client {
        server *of;
        beam_session *s;
        list node;
        list channels;
        bool over; /* nothing more is opened: it goes with its last channel */
} client;

typedef struct channel {
        client *of;
        beam_receiver *rx;
        list node;
        char service[];
} channel;

static void client_free(client *c);

static void channel_free(channel *c) {
        client *of = c->of;

        beam_receiver_close(c->rx);
        list_remove(&c->node);
        mem_free(c);
        if (of->over && list_is_empty(&of->channels))
                client_free(of);
}

static void client_free(client *c) {
        list *node;

        c->over = false;
        while ((node = list_first(&c->channels)))
                channel_free(container_of(node, channel, node));
        beam_session_close(c->s);
        list_remove(&c->node);
        mem_free(c);
}

static void on_msg(void *data, beam_receiver *rx) {
        channel *c = data;
        beam_msg *msg;
        int r;

        r = beam_recv(rx, &msg, BEAM_NOW);
        if (r == 1)
                c->of->of->fn(c->of->of->data, c->service, msg);
        else if (r != -ETIMEDOUT)
                channel_free(c);
}

static int serve_channel(client *of, beam_msg *msg) {
        size_t n;
        const char *service = beam_msg_data(msg, &n);
        channel *c = mem_zero(sizeof(*c) + n + 1);
        int r;

        if (!c)
                return -ENOMEM;
        c->of = of;
        memcpy(c->service, service, n);
        list_init(&c->node);
        list_append(&of->channels, &c->node);
        c->rx = beam_msg_take_receiver(msg, 0);
        /* senders and streams have nobody here to use them; the message closes them */
        r = c->rx ? beam_receiver_watch(c->rx, on_msg, c) : -EOPNOTSUPP;
        if (r < 0)
                channel_free(c);
        return r;
}

static void on_open(void *data, beam_receiver *opens) {
        client *c = data;
        beam_msg *msg;
        int r;

        r = beam_recv(opens, &msg, BEAM_NOW);
        if (r == 1) {
                serve_channel(c, msg);
                beam_msg_free(msg);
        } else if (r != -ETIMEDOUT) {
                beam_receiver_watch(opens, NULL, NULL);
                c->over = true;
                if (list_is_empty(&c->channels))
                        client_free(c);
        }
}

static void on_peer(void *data, beam_listener *l) {
        server *of = data;
        client *c;

        c = mem_zero(sizeof(*c));
        if (!c)
                return;
        c->of = of;
        list_init(&c->channels);
        list_init(&c->node);
        if (beam_accept(l, &c->s, BEAM_NOW) < 0) {
                mem_free(c);
                return;
        }
        list_append(&of->clients, &c->node);
        if (beam_receiver_watch(beam_session_opens(c->s), on_open, c) < 0)
                client_free(c);
}

int beam_serve(const char *url, const beam_options *opt,
               void (*fn)(void *data, const char *service, beam_msg *msg), void *data) {
        server s = { .fn = fn, .data = data, .clients = LIST_INIT(s.clients) };
        beam_listener *l;
        list *node;
        int r;

        r = beam_listen(url, opt, &l);
        if (r < 0)
                return r;
        r = beam_listener_watch(l, on_peer, &s);
        if (r >= 0)
                r = beam_loop_run(BEAM_FOREVER);
        beam_listener_close(l);
        while ((node = list_first(&s.clients)))
                client_free(container_of(node, client, node));
        return r;
}
