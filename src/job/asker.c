/* SPDX-License-Identifier: Apache-2.0 */
#include "asker.h"

#include <errno.h>

#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../context/store.h"
#include "../link/reach.h"
#include "../link/sock.h"
#include "../loop/loop.h"
#include "../wire/resp/out.h"
#include "../wire/resp/reply.h"
#include "../wire/resp/request.h"

enum {
        /* What is read at once. Picked; as the loop's own buffer. */
        READ_SIZE = 64 * 1024,
        /* Of a buffer that is empty; what is larger goes back. */
        KEPT_MAX = 4 * READ_SIZE,
};

typedef struct question {
        asker_fn *fn;
        void *data;
} question;

struct asker {
        loop *loop;
        uint32_t forks;
        post step; /* something is to be sent, executed or told */
        int error; /* that it was lost by */
        bool is_delivering, is_freed;

        resp_out out; /* requests, of which `sent` bytes have gone */
        size_t sent;
        question *questions; /* a ring of `size`, a power of two: n from `first` on */
        size_t first, n, size;
        question loss; /* whom to tell of it */
        char *in;      /* n_in bytes from the first that was not consumed, at n_used */
        size_t n_in, n_used, in_size;
        resp_reply reply;

        /* in this process */
        client *client; /* or NULL */
        resp_request request;

        /* at a URL */
        url at;
        reach reach;
        bool is_reaching;
        source src;
        fork_fd in_child;
        sock_kind kind;
        int fd; /* or -1 */

        /* if it is shared */
        size_t n_holders;
        char *user, *password; /* or NULL */
        asker *next;
};

static __thread asker *shared; /* all of this thread */

/* questions */

static int put_question(asker *a, question q) {
        if (a->n == a->size) {
                size_t size = a->size ? 2 * a->size : 16;
                question *grown = mem_array(size, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                for (size_t i = 0; i < a->n; i++)
                        grown[i] = a->questions[(a->first + i) & (a->size - 1)];
                mem_free(a->questions);
                a->questions = grown;
                a->size = size;
                a->first = 0;
        }
        a->questions[(a->first + a->n++) & (a->size - 1)] = q;
        return 0;
}

static question take_question(asker *a) {
        question q = a->questions[a->first];

        a->first = (a->first + 1) & (a->size - 1);
        a->n--;
        return q;
}

void asker_forget(asker *a, const void *data) {
        if (a->loss.data == data)
                a->loss.fn = NULL;
        for (size_t i = 0; i < a->n; i++) {
                question *q = &a->questions[(a->first + i) & (a->size - 1)];

                if (q->data == data)
                        q->fn = NULL;
        }
}

/* answers */

static void hang_up(asker *a) {
        if (a->forks != fork_count())
                return; /* in a child: what it had is closed there, and its numbers are others' */
        if (a->is_reaching)
                reach_stop(&a->reach);
        a->is_reaching = false;
        if (a->fd >= 0) {
                source_close(&a->src);
                fork_forget(&a->in_child);
                a->fd = fd_close(a->fd);
        }
        a->client = client_free(a->client);
}

static void lose(asker *a, int r) {
        if (a->error)
                return;
        a->error = r;
        hang_up(a);
        post_put(&a->step);
}

static void destroy(asker *a) {
        post_cancel(&a->step);
        hang_up(a);
        resp_out_deinit(&a->out);
        resp_request_deinit(&a->request);
        mem_free(a->user);
        mem_free(a->password);
        mem_free(a->questions);
        mem_free(a->in);
        mem_free(a);
}

/* Whether somebody else has it still. */
static bool is_held(asker *a) {
        if (a->n_holders == 0 || --a->n_holders > 0)
                return a->n_holders > 0;
        for (asker **at = &shared; *at; at = &(*at)->next)
                if (*at == a) {
                        *at = a->next;
                        break;
                }
        return false;
}

asker *asker_free(asker *a) {
        if (!a || is_held(a))
                return NULL;
        /* from within an answer: whoever gives it has still to look at this */
        a->is_freed = true;
        if (!a->is_delivering)
                destroy(a);
        return NULL;
}

/* Answer what has been answered, and fail the rest once it is lost. The asker may be gone
 * then. */
static void deliver(asker *a) {
        const resp_cursor none = { 0 };
        int r = 0;

        if (a->is_delivering)
                return;
        a->is_delivering = true;
        while (!a->is_freed && !a->error) {
                const char *p = a->in + a->n_used;
                question q;

                r = resp_reply_next(&a->reply, p, a->n_in);
                if (r <= 0)
                        break;
                a->n_used += a->reply.consumed;
                a->n_in -= a->reply.consumed;
                if (a->n == 0) {
                        r = -EPROTO;
                        break;
                }
                q = take_question(a);
                if (q.fn)
                        q.fn(q.data, 0, (resp_cursor){ p, p + a->reply.consumed });
        }
        if (!a->is_freed && r < 0)
                lose(a, r);
        while (!a->is_freed && a->error && a->n > 0) {
                question q = take_question(a);

                if (q.fn)
                        q.fn(q.data, a->error, none);
        }
        if (!a->is_freed && a->error && a->loss.fn) {
                question q = a->loss;

                a->loss.fn = NULL;
                q.fn(q.data, a->error, none);
        }
        a->is_delivering = false;
        if (a->is_freed) {
                destroy(a);
                return;
        }
        if (a->n_in == 0 && a->in_size > KEPT_MAX) {
                a->in = mem_free(a->in);
                a->in_size = 0;
        }
        if (a->n_in == 0)
                a->n_used = 0;
}

/* sending */

/* What has gone makes room once it is most of what lies there, so that moving the rest costs
 * less than sending it did. */
static void compact(asker *a) {
        size_t left = a->out.n - a->sent;

        if (left > a->sent)
                return;
        if (left > 0)
                memmove(a->out.p, a->out.p + a->sent, left);
        resp_out_cut(&a->out, left);
        a->sent = 0;
        if (left == 0 && a->out.cap > KEPT_MAX)
                resp_out_deinit(&a->out);
}

/* in this process */

/* Take what the client was answered, in place: it has been answered in whole replies. */
static void fetch(asker *a) {
        resp_out *out = &a->client->out;

        if (out->failed) {
                lose(a, -ENOMEM);
                return;
        }
        if (out->n == 0)
                return;
        mem_free(a->in);
        a->in = (char *)out->p;
        a->n_in = out->n;
        a->in_size = out->cap;
        a->n_used = 0;
        out->p = NULL;
        out->n = out->cap = 0;
}

static void execute(asker *a) {
        if (a->client->flags & CLIENT_CLOSING) {
                lose(a, -ECONNRESET);
                return;
        }
        while (a->sent < a->out.n && !(a->client->flags & (CLIENT_BLOCKED | CLIENT_CLOSING))) {
                int r = resp_request_next(&a->request, (char *)a->out.p + a->sent,
                                          a->out.n - a->sent);

                if (r <= 0) {
                        lose(a, r < 0 ? r : -EPROTO);
                        return;
                }
                a->sent += a->request.consumed;
                client_exec(a->client, a->request.argv, (int)a->request.argc);
        }
        compact(a);
        /* what it was told before it is closed is still to be heard */
        if (a->client->flags & CLIENT_CLOSING)
                post_put(&a->step);
        fetch(a);
}

static void on_wake(client *c) {
        asker *a = c->owner;

        post_put(&a->step);
}

/* at a URL */

static void flush(asker *a) {
        while (a->sent < a->out.n) {
                struct iovec iov = { .iov_base = a->out.p + a->sent,
                                     .iov_len = a->out.n - a->sent };
                ssize_t n = sock_send(a->kind, a->fd, &iov, 1, NULL, 0);

                if (n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM)
                        break;
                if (n < 0) {
                        lose(a, -ECONNRESET);
                        return;
                }
                a->sent += (size_t)n;
        }
        compact(a);
        source_want(&a->src, a->out.n > 0 ? SOURCE_READ | SOURCE_WRITE : SOURCE_READ);
}

/* Room behind what is there: as much as the reply wants, but never more than has come
 * already, or what is said would cost memory before it is true. */
static int make_room(asker *a) {
        size_t size = a->n_in + READ_SIZE, want = a->reply.want;
        char *grown;

        if (a->n_used > 0) {
                memmove(a->in, a->in + a->n_used, a->n_in);
                a->n_used = 0;
        }
        if (want > size)
                size = want < 2 * a->n_in ? want : 2 * a->n_in;
        if (size <= a->in_size)
                return 0;
        grown = mem_resize(a->in, size);
        if (!grown)
                return -ENOMEM;
        a->in = grown;
        a->in_size = size;
        return 0;
}

static void read_more(asker *a) {
        struct iovec iov;
        ssize_t n;

        if (make_room(a) < 0) {
                lose(a, -ENOMEM);
                return;
        }
        iov = (struct iovec){ .iov_base = a->in + a->n_in, .iov_len = a->in_size - a->n_in };
        n = sock_recv(a->kind, a->fd, &iov, 1, NULL, NULL, false);
        if (n == -EAGAIN || n == -EINTR || n == -ENOBUFS || n == -ENOMEM)
                return;
        if (n <= 0)
                lose(a, -ECONNRESET);
        else
                a->n_in += (size_t)n;
}

static void on_ready(source *src, unsigned events) {
        asker *a = container_of(src, asker, src);

        if (events & SOURCE_WRITE)
                flush(a);
        if (events & (SOURCE_READ | SOURCE_GONE))
                read_more(a);
        deliver(a);
}

/* The socket is the asker's when this succeeds. */
static int begin(asker *a, int fd) {
        int r = sock_adopt(fd);

        if (r < 0)
                return r;
        a->kind = (sock_kind)r;
        r = source_open(&a->src, a->loop, fd, SOURCE_READ);
        if (r < 0)
                return r;
        a->fd = fd;
        fork_close(&a->in_child, fd);
        return 0;
}

static void on_reached(reach *reached, int fd) {
        asker *a = container_of(reached, asker, reach);
        int r = fd < 0 ? fd : begin(a, fd);

        a->is_reaching = false;
        if (r == 0) {
                post_put(&a->step);
                return;
        }
        if (fd >= 0)
                fd_close(fd);
        lose(a, r);
}

static int start(asker *a) {
        int fd = reach_start(&a->reach, a->loop, &a->at), r;

        if (fd == -EINPROGRESS) {
                a->is_reaching = true;
                return 0;
        }
        r = fd < 0 ? fd : begin(a, fd);
        if (fd >= 0 && r < 0)
                fd_close(fd);
        return r;
}

/* The first question: without it none of the others would be answered as asked. */
static void on_auth(void *data, int r, resp_cursor reply) {
        asker *a = data;
        resp_value v;

        if (r == 0 && resp_cursor_next(&reply, &v) && resp_value_is_error(&v))
                lose(a, -EACCES);
}

static int say_password(asker *a, const char *user, const char *password) {
        if (!password)
                return 0;
        if (!user)
                return asker_say(a, on_auth, a, BYTES("AUTH"), bytes_of(password));
        return asker_say(a, on_auth, a, BYTES("AUTH"), bytes_of(user), bytes_of(password));
}

/* both */

static void on_step(post *p) {
        asker *a = container_of(p, asker, step);

        if (a->client)
                execute(a);
        else if (a->fd >= 0)
                flush(a);
        deliver(a);
}

static asker *new_one(void) {
        asker *a = mem_zero(sizeof(*a));
        loop *l = a ? loop_get() : NULL;

        if (!l)
                return mem_free(a);
        a->loop = l;
        a->forks = fork_count();
        a->fd = -1;
        a->reach.fn = on_reached;
        a->src.fn = on_ready;
        post_init(&a->step, l, false, on_step);
        resp_out_init(&a->out, 2);
        resp_reply_init(&a->reply);
        resp_request_init(&a->request);
        return a;
}

int asker_new(store *s, asker **ret) {
        asker *a = new_one();

        if (!a)
                return -ENOMEM;
        a->client = client_new(s);
        if (!a->client) {
                destroy(a);
                return -ENOMEM;
        }
        a->client->owner = a;
        a->client->wake = on_wake;
        *ret = a;
        return 0;
}

int asker_open(const url *at, const char *user, const char *password, asker **ret) {
        asker *a = new_one();
        int r;

        if (!a)
                return -ENOMEM;
        a->at = *at;
        r = say_password(a, user, password);
        if (r == 0)
                r = start(a);
        if (r < 0) {
                destroy(a);
                return r;
        }
        *ret = a;
        return 0;
}

static bool is_same_text(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

/* One that is lost is no help, and in a child of fork() it is the parent's. */
static bool is_fit(const asker *a, const url *at, const char *user, const char *password) {
        return !a->error && a->forks == fork_count() && a->at.kind == at->kind &&
               a->at.port == at->port && strcmp(a->at.name, at->name) == 0 &&
               is_same_text(a->user, user) && is_same_text(a->password, password);
}

static int copy(const char *text, char **ret) {
        *ret = text ? mem_text(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

int asker_share(const url *at, const char *user, const char *password, asker **ret) {
        asker *a = shared;
        int r;

        while (a && !is_fit(a, at, user, password))
                a = a->next;
        if (!a) {
                r = asker_open(at, user, password, &a);
                if (r < 0)
                        return r;
                if (copy(user, &a->user) < 0 || copy(password, &a->password) < 0) {
                        destroy(a);
                        return -ENOMEM;
                }
                a->next = shared;
                shared = a;
        }
        a->n_holders++;
        *ret = a;
        return 0;
}

int asker_ask(asker *a, asker_fn *fn, void *data, const bytes *argv, size_t argc) {
        size_t before = a->out.n;

        if (a->error)
                return -ENOTCONN;
        resp_out_request(&a->out, argv, argc);
        if (a->out.failed || put_question(a, (question){ fn, data }) < 0) {
                resp_out_cut(&a->out, before);
                lose(a, -ENOMEM);
                return -ENOMEM;
        }
        post_put(&a->step);
        return 0;
}

void asker_tell_loss(asker *a, asker_fn *fn, void *data) {
        a->loss = (question){ fn, data };
}

size_t asker_unsent(const asker *a) {
        return a->out.n - a->sent;
}
