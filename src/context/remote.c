/* SPDX-License-Identifier: Apache-2.0 */
/* One who executes commands over a link, on a context or a Redis that is served there. */
#include <errno.h>
#include <sys/socket.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../link/dial.h"
#include "../link/sock.h"
#include "../loop/loop.h"
#include "../wire/resp/out.h"
#include "../wire/resp/reply.h"
#include "api.h"

enum {
        READ_SIZE = 16 * 1024,
        /* Of what it is told while it waits for a result. Picked: as much as a server keeps of
         * answers that nobody reads. */
        TOLD_MAX = 64 << 20,
};

typedef struct remote {
        beam_client base;
        source src;
        fork_fd in_child;
        sock_kind kind;
        int fd;
        bool lost;  /* a reply is missing, and no other can be told from it */
        bool ready; /* the socket, since it was last looked at */
        resp_out out;
        resp_reply reply;
        char *in;
        size_t n_in, size, n_read; /* of those in `in`, the reply before took n_read */
        resp_out told;             /* before results that were waited for, */
        size_t n_taken;            /* and how much of that has been */
        beam_session *over;        /* made for it alone, or NULL */
} remote;

static void on_ready(source *src, unsigned events) {
        (void)events;
        container_of(src, remote, src)->ready = true;
}

static int wait_for(remote *m, unsigned want, int64_t deadline) {
        loop *l = loop_get();

        m->ready = false;
        source_want(&m->src, want);
        while (!m->ready) {
                if (deadline != BEAM_FOREVER && clock_now() >= deadline)
                        return -ETIMEDOUT;
                loop_turn(l, deadline);
        }
        source_want(&m->src, 0);
        return 0;
}

static int send_all(remote *m, int64_t deadline) {
        for (size_t at = 0; at < m->out.n;) {
                struct iovec iov = { .iov_base = m->out.p + at, .iov_len = m->out.n - at };
                ssize_t n = sock_send(m->kind, m->fd, &iov, 1, NULL, 0);
                int r = 0;

                if (n > 0)
                        at += (size_t)n;
                else if (n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM)
                        r = wait_for(m, SOURCE_WRITE, deadline);
                else
                        r = -ECONNRESET;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_more(remote *m, int64_t deadline) {
        size_t size = m->n_in + READ_SIZE;
        struct iovec iov;
        ssize_t n;

        /* twice what has come, until it is all: what is announced may be a lie */
        if (m->reply.want > size)
                size = m->reply.want < 2 * m->n_in ? m->reply.want : 2 * m->n_in;
        if (size > m->size) {
                char *grown = mem_resize(m->in, size);

                if (!grown)
                        return -ENOMEM;
                m->in = grown;
                m->size = size;
        }
        iov = (struct iovec){ .iov_base = m->in + m->n_in, .iov_len = m->size - m->n_in };
        n = sock_recv(m->kind, m->fd, &iov, 1, NULL, NULL, false);
        if (n == -EAGAIN || n == -EINTR)
                return wait_for(m, SOURCE_READ, deadline);
        if (n <= 0)
                return -ECONNRESET;
        m->n_in += (size_t)n;
        return 0;
}

/* What was borrowed last is needed no more. */
static void give_back(remote *m) {
        memmove(m->in, m->in + m->n_read, m->n_in - m->n_read);
        m->n_in -= m->n_read;
        m->n_read = 0;
        if (m->n_taken == m->told.n) {
                resp_out_cut(&m->told, 0);
                m->n_taken = 0;
        }
}

static int read_reply(remote *m, bytes *ret, int64_t deadline) {
        int r;

        while ((r = resp_reply_next(&m->reply, m->in, m->n_in)) == 0) {
                r = read_more(m, deadline);
                if (r < 0)
                        break;
        }
        if (r < 0)
                return r;
        m->n_read = m->reply.consumed;
        *ret = (bytes){ m->in, m->n_read };
        return 0;
}

static int read_answer(remote *m, const bytes *argv, int argc, bytes *ret, int64_t deadline) {
        for (;;) {
                int r = read_reply(m, ret, deadline);

                if (r < 0 || result_answers(*ret, argv, argc))
                        return r;
                if (m->told.n + ret->n > TOLD_MAX)
                        return -ENOBUFS;
                resp_out_raw(&m->told, ret->p, ret->n);
                if (m->told.failed)
                        return -ENOMEM;
                give_back(m);
        }
}

static int remote_exec(beam_client *base, const bytes *argv, int argc, bytes *ret,
                       int64_t deadline) {
        remote *m = container_of(base, remote, base);
        int r;

        if (m->lost)
                return -ENOTCONN;
        give_back(m);
        resp_out_cut(&m->out, 0);
        resp_out_request(&m->out, argv, (size_t)argc);
        if (m->out.failed)
                return -ENOMEM;
        r = send_all(m, deadline);
        if (r == 0)
                r = read_answer(m, argv, argc, ret, deadline);
        m->lost = r < 0;
        return r;
}

static int remote_next(beam_client *base, bytes *ret, int64_t deadline) {
        remote *m = container_of(base, remote, base);
        resp_reply reader;
        int r;

        if (m->lost)
                return -ENOTCONN;
        give_back(m);
        if (m->n_taken < m->told.n) {
                const char *at = (const char *)m->told.p + m->n_taken;

                resp_reply_init(&reader);
                resp_reply_next(&reader, at, m->told.n - m->n_taken);
                m->n_taken += reader.consumed;
                *ret = (bytes){ at, reader.consumed };
                return 0;
        }
        r = read_reply(m, ret, deadline);
        m->lost = r < 0 && r != -ETIMEDOUT;
        return r;
}

static void remote_free(beam_client *base) {
        remote *m = container_of(base, remote, base);

        if (base->forks == fork_count()) {
                source_close(&m->src);
                fork_forget(&m->in_child);
                fd_close(m->fd);
                beam_session_close(m->over);
        }
        resp_out_deinit(&m->out);
        resp_out_deinit(&m->told);
        mem_free(m->in);
        mem_free(m);
}

static const client_calls remote_calls = { .exec = remote_exec,
                                           .next = remote_next,
                                           .free = remote_free };

/* A client on the socket @fd, which is its own when this succeeds. */
static int start(int fd, beam_client **ret) {
        remote *m = mem_zero(sizeof(*m));
        int r = m ? sock_adopt(fd) : -ENOMEM;

        if (r >= 0) {
                m->kind = (sock_kind)r;
                m->src.fn = on_ready;
                r = source_open(&m->src, loop_get(), fd, 0);
        }
        if (r >= 0) {
                m->in = mem_new(READ_SIZE);
                m->size = READ_SIZE;
                if (!m->in) {
                        source_close(&m->src);
                        r = -ENOMEM;
                }
        }
        if (r < 0) {
                mem_free(m);
                return r;
        }
        m->fd = fd;
        fork_close(&m->in_child, fd);
        resp_out_init(&m->out, 3);
        resp_out_init(&m->told, 3);
        resp_reply_init(&m->reply);
        m->base = (beam_client){ .calls = &remote_calls, .forks = fork_count() };
        *ret = &m->base;
        return 0;
}

int beam_client_take_stream(beam_stream *st, beam_client **ret) {
        int fds[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        r = start(fds[0], ret);
        if (r < 0) {
                fd_close(fds[0]);
                fd_close(fds[1]);
                return r;
        }
        r = beam_stream_join(st, fds[1], fds[1], NULL, NULL);
        if (r < 0) {
                fd_close(fds[1]);
                *ret = beam_client_free(*ret);
        }
        return r;
}

/* In memory there is no socket: a stream of a session. */
static int dial_memory(const char *text, beam_client **ret, int64_t deadline) {
        beam_session *s;
        beam_stream *st;
        int r = beam_dial(text, NULL, &s, deadline);

        if (r < 0)
                return r;
        r = beam_session_open_stream(s, "context", &st, deadline);
        if (r == 0) {
                r = beam_client_take_stream(st, ret);
                if (r < 0)
                        beam_stream_close(st);
        }
        if (r < 0) {
                beam_session_close(s);
                return r;
        }
        container_of(*ret, remote, base)->over = s;
        return 0;
}

int beam_client_dial(const char *text, beam_client **ret, int64_t deadline) {
        url u;
        int fd, r = url_parse(text, &u);

        if (r < 0)
                return r;
        if (u.kind == URL_MEM)
                return dial_memory(text, ret, deadline);
        fd = dial_socket(&u, deadline);
        if (fd < 0)
                return fd;
        r = start(fd, ret);
        if (r < 0)
                fd_close(fd);
        return r;
}
