/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/mem.h"
#include "../link/peer.h"
#include "../link/sock.h"
#include "../link/tcp.h"
#include "../loop/loop.h"
#include "../wire/mux/mux.h"
#include "../wire/resp/request.h"
#include "api.h"
#include "store.h"

/* Without descriptors a peer stays in the kernel's queue, and the socket readable. */
#define PAUSE (CLOCK_SECOND / 10)

enum {
        /* What a client may send ahead while it is BLOCKED; then it is not read from. */
        AHEAD_MAX = 1 << 20,
        /* Answers that a client has not read; then it is not read from either. Picked: more
         * than a batch that is sent whole before the first answer is read. */
        UNREAD_MAX = 64 << 20,
        /* The same for one that has yet to say the password. */
        UNREAD_UNTRUSTED_MAX = 1 << 12,
        /* How often a connection's output is filled in one go, so that one that is as fast as
         * we are does not keep the others waiting. Picked: some hundred microseconds. */
        REFILLS_MAX = 8,
        /* Of the server's buffer for answers, kept from one round to the next. */
        KEPT_MAX = 1 << 16,
};

struct server {
        loop *loop;
        door door;
        source src;
        timer pause;
        bool paused;
        const server_calls *calls;
        void *data;
        list conns;
        resp_out spare;                 /* lent to the connection that is being read */
        char address[URL_TEXT_MAX + 2]; /* where it listens, as CLIENT LIST has it */
};

typedef struct conn {
        list node;
        server *server;
        beam_context *ctx;
        client *client; /* of that */
        source src;
        dirty dirty; /* something to be written, or to be ended, that it did not ask for */
        fork_fd in_child;
        sock_kind kind;
        int fd;
        bool is_unix;
        bool known; /* it speaks RESP: see is_visitor() */
        bool ended; /* the peer sends no more */
        resp_request in;
        char *kept;    /* what has come and is not a whole request, or NULL */
        char *address; /* of the peer, or NULL */
        size_t n_kept, size;
} conn;

/* who it is */

static void conn_leave(conn *c) {
        client_free(c->client);
        if (c->ctx)
                c->server->calls->leave(c->server->data, c->ctx);
}

static void on_wake(client *who);

/* Be a client of the context of that name, and no more of the one before. */
static int conn_enter(conn *c, bytes name) {
        const server *s = c->server;
        client *entered;
        beam_context *ctx;
        int r = s->calls->enter(s->data, name, &ctx);

        if (r < 0)
                return r;
        entered = client_new(ctx->store);
        if (!entered) {
                s->calls->leave(s->data, ctx);
                return -ENOMEM;
        }
        entered->owner = c;
        entered->wake = on_wake;
        entered->reads = true;
        client_connect(entered, c->fd);
        entered->flags |= CLIENT_TIMED | (c->is_unix ? CLIENT_UNIX : 0);
        entered->address = c->address ? c->address : s->address;
        entered->local_address = s->address;
        if (c->client) {
                entered->out = c->client->out;
                entered->sent = c->client->sent;
                resp_out_init(&c->client->out, 2);
                c->client->store->in_row = false;
        }
        conn_leave(c);
        c->client = entered;
        c->ctx = ctx;
        return 0;
}

/* Where contexts have names, who says that he is somebody asks for the one of that name. To
 * that he is whoever all are. */
static void choose_named(conn *c, bytes *argv, size_t argc) {
        size_t user = 0;

        if (argc == 3 && bytes_is(argv[0], "AUTH"))
                user = 1;
        else if (bytes_is(argv[0], "HELLO"))
                for (size_t i = 2; i + 2 < argc && !user; i++)
                        user = bytes_is(argv[i], "AUTH") ? i + 1 : 0;
        if (!user || bytes_equal(argv[user], BYTES("default")) || c->client->flags & CLIENT_MULTI)
                return;
        if (conn_enter(c, argv[user]) == 0)
                argv[user] = BYTES("default");
}

static void conn_free(conn *c) {
        list_remove(&c->node);
        dirty_cancel(&c->dirty);
        source_close(&c->src);
        fork_forget(&c->in_child);
        if (c->fd >= 0)
                fd_close(c->fd);
        conn_leave(c);
        resp_request_deinit(&c->in);
        mem_free(c->kept);
        mem_free(c->address);
        mem_free(c);
}

/* outbound */

static bool is_over(const conn *c) {
        return c->client->flags & CLIENT_CLOSE_NOW || c->client->out.failed ||
               (c->client->flags & CLIENT_CLOSING && c->client->out.n == 0);
}

/* Write what has been said, up to where the kernel takes no more. */
static void conn_write(conn *c) {
        resp_out *out = &c->client->out;

        while (c->client->sent < out->n && !out->failed) {
                struct iovec iov = { .iov_base = out->p + c->client->sent,
                                     .iov_len = out->n - c->client->sent };
                ssize_t n = sock_send(c->kind, c->fd, &iov, 1, NULL, 0);

                if (n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM)
                        break;
                if (n < 0) {
                        client_close(c->client, true);
                        break;
                }
                c->client->sent += (size_t)n;
                c->client->store->stats.n_sent += (size_t)n;
                c->client->store->stats.n_writes++;
        }
        /* an answer that is missing ends the connection, even if it was the only one */
        if (c->client->sent == out->n && !out->failed) {
                resp_out_cut(out, 0);
                c->client->sent = 0;
        }
}

static bool conn_refill(conn *c) {
        client *who = c->client;

        return who->refill && who->out.n == 0 && !is_over(c) && who->refill(who);
}

/* Write what there is. Returns false when the connection has ended, and is no more. */
static bool conn_flush(conn *c) {
        resp_out *out = &c->client->out;
        unsigned want;

        conn_write(c);
        for (int i = 0; conn_refill(c) && i < REFILLS_MAX; i++)
                conn_write(c);
        if (out->n > 0 && client_is_behind(c->client))
                client_close(c->client, true);
        if (is_over(c)) {
                conn_free(c);
                return false;
        }
        want = out->n ? SOURCE_WRITE : 0u;
        if (!c->ended &&
            out->n - c->client->sent <
                    (client_is_trusted(c->client) ? UNREAD_MAX : UNREAD_UNTRUSTED_MAX) &&
            !(c->client->flags & CLIENT_BLOCKED && c->n_kept >= AHEAD_MAX))
                want |= SOURCE_READ;
        source_want(&c->src, want);
        c->client->reads = want & SOURCE_READ;
        c->client->writes = want & SOURCE_WRITE;
        return true;
}

/* inbound */

/* The keys of the requests at @buf, which come next, are fetched. Returns for how many requests
 * that is done with, 1 at least. */
static size_t fetch_ahead(const conn *c, const char *buf, size_t n) {
        bytes names[DB_FETCH_MAX];
        size_t n_names = 0, used;

        if (!db_is_large(c->client->db))
                return DB_FETCH_MAX;
        while (n_names < DB_FETCH_MAX &&
               (used = resp_request_glance(buf, n, &names[n_names])) > 0) {
                buf += used;
                n -= used;
                n_names++;
        }
        if (n_names < 2)
                return 1;
        db_fetch(c->client->db, names, n_names);
        return n_names;
}

/* Execute what is whole of the @n bytes at @buf. Returns how many were used. */
static size_t execute(conn *c, char *buf, size_t n) {
        size_t used = 0, n_fetched = 0;

        c->client->unread = n;
        c->in.max_bulk = c->client->store->config.proto_max_bulk_len;
        while (used < n && !(c->client->flags & (CLIENT_BLOCKED | CLIENT_CLOSING))) {
                int r;

                if (n_fetched == 0)
                        n_fetched = fetch_ahead(c, buf + used, n - used);
                n_fetched--;
                c->in.untrusted = !client_is_trusted(c->client);
                r = resp_request_next(&c->in, buf + used, n - used);
                if (r == 0)
                        break;
                if (r < 0) {
                        char text[RESP_ERROR_TEXT_MAX];

                        resp_request_error(&c->in, text);
                        /* which has no place in the stream that a follower is sent */
                        resp_out_error(client_answers(c->client), text);
                        c->client->flags |= CLIENT_CLOSING;
                        break;
                }
                used += c->in.consumed;
                if (c->in.argc > 0 && c->server->calls->has_names)
                        choose_named(c, c->in.argv, c->in.argc);
                if (c->in.argc > 0)
                        client_exec(c->client, c->in.argv, (int)c->in.argc);
                c->client->store->in_row = true;
        }
        c->client->store->in_row = false;
        return used;
}

/* Of @n bytes at @buf @used are done with: keep the rest for the next time. */
static int keep(conn *c, char *buf, size_t used, size_t n) {
        size_t left = n - used;

        if (left == 0) {
                c->kept = mem_free(c->kept);
                c->size = 0;
                resp_request_trim(&c->in);
        } else if (buf == c->kept) {
                memmove(buf, buf + used, left);
        } else {
                c->kept = mem_copy(buf + used, left);
                if (!c->kept)
                        return -ENOMEM;
                c->size = left;
        }
        c->n_kept = c->client->unread = left;
        c->client->unread_room = c->size - left;
        return 0;
}

/* Room behind what is kept: as much as the request wants, but never more than has come
 * already, or what is said would cost memory before it is true. */
static int make_room(conn *c) {
        size_t size = c->in.want > 2 * c->n_kept ? 2 * c->n_kept : c->in.want;
        char *grown;

        if (size < c->n_kept + LOOP_BUFFER_SIZE)
                size = c->n_kept + LOOP_BUFFER_SIZE;
        if (size <= c->size)
                return 0;
        grown = mem_resize(c->kept, size);
        if (!grown)
                return -ENOMEM;
        c->kept = grown;
        c->size = size;
        return 0;
}

static void conn_read(conn *c) {
        char *buf = c->kept;
        size_t n = c->n_kept, used, room;
        struct iovec iov;
        ssize_t got;

        if (!buf) {
                buf = (char *)loop_buffer(c->server->loop);
                room = LOOP_BUFFER_SIZE;
        } else if (make_room(c) == 0) {
                buf = c->kept;
                room = c->size - n;
        } else {
                buf = NULL;
        }
        if (!buf) {
                client_close(c->client, true);
                return;
        }
        iov = (struct iovec){ .iov_base = buf + n, .iov_len = room };
        got = sock_recv(c->kind, c->fd, &iov, 1, NULL, NULL, false);
        if (got == -EAGAIN || got == -EINTR || got == -ENOBUFS || got == -ENOMEM)
                return;
        if (got <= 0) {
                c->ended = true;
                client_close(c->client, got < 0 || c->client->flags & CLIENT_BLOCKED);
                return;
        }
        c->client->store->stats.n_received += (size_t)got;
        c->client->store->stats.n_reads++;
        n += (size_t)got;
        used = execute(c, buf, n);
        if (keep(c, buf, used, n) < 0)
                client_close(c->client, true);
}

/* Whether the first byte is that of mux, with which no request begins (spec/mux.md, M4). */
static bool is_visitor(conn *c) {
        uint8_t first;
        ssize_t n = recv(c->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

        c->known = n >= 0 || errno != EAGAIN;
        return n == 1 && first == mux_preface[0];
}

static void leave_to_visit(conn *c) {
        server *s = c->server;
        int fd = c->fd;

        c->fd = -1;
        conn_free(c);
        s->calls->visit(s->data, fd);
}

static void on_ready(source *src, unsigned events) {
        conn *c = container_of(src, conn, src);
        resp_out *out = &c->client->out, *spare = &c->server->spare;
        bool lends = !out->p;

        if (!c->known && is_visitor(c)) {
                leave_to_visit(c);
                return;
        }
        if (lends) {
                out->p = spare->p;
                out->cap = spare->cap;
                spare->p = NULL;
                spare->cap = 0;
        }
        if (events & SOURCE_READ)
                conn_read(c);
        if (!conn_flush(c))
                return;
        out = &c->client->out; /* which may be another client by now */
        if (out->n == 0 && out->cap <= KEPT_MAX && !spare->p) {
                spare->p = out->p;
                spare->cap = out->cap;
                out->p = NULL;
                out->cap = 0;
        } else if (out->n == 0) {
                resp_out_deinit(out);
        }
}

/* Something was said to the client that it had not asked for, or its answer has come: then
 * it goes on with what it has sent ahead. */
static void on_dirty(dirty *d) {
        conn *c = container_of(d, conn, dirty);

        if (c->n_kept > 0) {
                size_t n = c->n_kept, used = execute(c, c->kept, n);

                if (keep(c, c->kept, used, n) < 0)
                        client_close(c->client, true);
        }
        if (conn_flush(c) && c->client->out.n == 0)
                resp_out_deinit(&c->client->out);
}

/* Who wakes it may be in the middle of a command, of its own even. */
static void on_wake(client *who) {
        conn *c = who->owner;

        dirty_put(c->server->loop, &c->dirty);
}

/* coming in */

/* One connection more than there may be: it is told so, if it listens, in Redis's words. */
static bool is_too_many(const conn *c) {
        bytes why = BYTES("-ERR max number of clients reached\r\n");

        if (!store_is_full(c->client->store))
                return false;
        sock_send(c->kind, c->fd, &(struct iovec){ (char *)why.p, why.n }, 1, NULL, 0);
        return true;
}

int server_take(server *s, int fd) {
        beam_peer peer = { .size = sizeof(peer) };
        bool is_at_path;
        conn *c;
        int r = sock_adopt(fd);

        if (r < 0)
                return r;
        peer_get(fd, &peer);
        c = mem_zero(sizeof(*c));
        if (!c)
                return -ENOMEM;
        /* Nobody wants descriptors here: without them a unix socket is read more cheaply, and the
         * kernel closes those that come all the same. */
        c->kind = r == SOCK_IS_UNIX ? SOCK_IS_PLAIN : (sock_kind)r;
        c->fd = fd;
        c->server = s;
        c->is_unix = strcmp(peer.address, "unix") == 0;
        c->src.fn = on_ready;
        dirty_init(&c->dirty, on_dirty);
        is_at_path = c->is_unix && s->address[0] == '/';
        c->address = is_at_path ? NULL : mem_text(peer.address);
        r = c->address || is_at_path ? conn_enter(c, BYTES("")) : -ENOMEM;
        if (r == 0 && is_too_many(c))
                r = -ECONNREFUSED;
        if (r == 0)
                r = source_open(&c->src, s->loop, fd, SOURCE_READ);
        if (r < 0) {
                conn_leave(c);
                mem_free(c->address);
                mem_free(c);
                return r;
        }
        tcp_keep_alive(fd, c->client->store->config.tcp_keepalive);
        resp_request_init(&c->in);
        fork_close(&c->in_child, fd);
        list_init(&c->node);
        list_append(&s->conns, &c->node);
        return 0;
}

static void on_pause_over(timer *t) {
        server *s = container_of(t, server, pause);

        s->paused = false;
        source_want(&s->src, SOURCE_READ);
}

static void on_peer(source *src, unsigned events) {
        server *s = container_of(src, server, src);

        (void)events;
        for (;;) {
                int r, fd = sock_accept(s->door.fd);

                if (fd == -EAGAIN)
                        return;
                r = fd < 0 ? fd : server_take(s, fd);
                if (fd >= 0 && r < 0)
                        fd_close(fd);
                if (r < 0 && r != -ECONNREFUSED)
                        break;
        }
        /* out of something: pause */
        if (timer_start(&s->pause, s->loop, clock_add(clock_now(), PAUSE)) == 0) {
                source_want(src, 0);
                s->paused = true;
        }
}

static bool is_somewhere(const server *s) {
        return s->door.url[0];
}

/* A path goes as one of port 0, as in Redis. */
static void print_address(server *s) {
        const char *at = strchr(s->door.url, ':') + 1;
        bool is_tcp = strncmp(at, "//", 2) == 0;

        snprintf(s->address, sizeof(s->address), is_tcp ? "%s" : "%s:0", is_tcp ? at + 2 : at);
}

int server_new(const url *at, const server_calls *calls, void *data, server **ret) {
        server *s = mem_zero(sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->loop = loop_get();
        s->calls = calls;
        s->data = data;
        s->src.fn = on_peer;
        s->pause.fn = on_pause_over;
        list_init(&s->conns);
        r = !s->loop ? -ENOMEM : at ? door_open(at, &s->door) : 0;
        if (r < 0) {
                mem_free(s);
                return r;
        }
        resp_out_init(&s->spare, 2);
        if (!at) {
                *ret = s;
                return 0;
        }
        print_address(s);
        r = s->door.only_one ? server_take(s, s->door.fd)
                             : source_open(&s->src, s->loop, s->door.fd, SOURCE_READ);
        if (r < 0) {
                door_close(&s->door);
                mem_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

server *server_free(server *s) {
        if (!s)
                return NULL;
        for (list *node; (node = list_first(&s->conns));)
                conn_free(container_of(node, conn, node));
        if (s->paused)
                timer_stop(&s->pause);
        if (is_somewhere(s) && !s->door.only_one)
                source_close(&s->src);
        if (is_somewhere(s))
                door_close(&s->door);
        resp_out_deinit(&s->spare);
        return mem_free(s);
}

const char *server_url(const server *s) {
        return s->door.url;
}
