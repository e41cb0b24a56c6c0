/* SPDX-License-Identifier: Apache-2.0 */
#include "join.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../loop/loop.h"
#include "sock.h"

enum {
        CHUNK = 64 * 1024,
        ROUNDS = 16, /* chunks before the others of the loop get their turn */
};

/* One descriptor, for one way. */
typedef struct tap {
        source src;
        int fd, flags; /* flags: to be put back, -1 if they were not changed */
        sock_kind kind;
        bool watched; /* not a regular file, which is always ready */
        bool half;    /* the other side has ended its way, and may still read ours */
        bool over;
} tap;

struct join {
        beam_stream *st;
        port by;
        tap in, out;
        uint8_t *held; /* read from the stream, and not yet written */
        size_t n_held, at_held;
        size_t n_left; /* that is still to come from the descriptor, if it is known: */
        bool is_ending;
        uint32_t forks;
        int r;
        bool has_left;                                     /* the stream, and the descriptors */
        void (*seen)(void *data, const void *p, size_t n); /* or NULL */
        void (*done)(void *data, int r);
        void *data;
        post finished; /* when somebody wants to know */
};

static void note(join *j, int r) {
        if (!j->r)
                j->r = r;
}

static void tap_give_back(tap *t) {
        if (t->watched)
                source_close(&t->src);
        t->watched = false;
        if (t->fd >= 0 && t->flags >= 0)
                fcntl(t->fd, F_SETFL, t->flags);
        t->over = true;
}

static void tap_close(tap *t) {
        tap_give_back(t);
        t->fd = fd_close(t->fd);
}

static void join_free(join *j) {
        stream_release(j->st);
        mem_free(j);
}

static void on_finished(post *p) {
        join *j = container_of(p, join, finished);

        j->done(j->data, j->r);
        join_free(j);
}

static void leave(join *j) {
        stream_watch(j->st, NULL);
        if (j->st->tube)
                j->by.post.loop->n_foreign--;
        stream_stop(j->st, 0, NULL);
        post_cancel(&j->by.post);
        j->held = mem_free(j->held);
        j->has_left = true;
}

static void finish(join *j) {
        leave(j);
        if (j->done)
                post_put(&j->finished);
        else
                join_free(j);
}

static void in_over(join *j, uint32_t code, const char *text) {
        stream_end(j->st, code, text);
        tap_close(&j->in);
}

void join_stop(join *j) {
        if (!j->has_left) {
                if (!j->in.over)
                        in_over(j, BEAM_CODE_CANCELED, NULL);
                tap_close(&j->out);
                leave(j);
        }
        post_cancel(&j->finished);
        join_free(j);
}

void join_watch(join *j, void (*seen)(void *data, const void *p, size_t n)) {
        j->seen = seen;
}

void join_end_in(join *j) {
        int n = 0;

        if (j->has_left)
                return;
        j->is_ending = true;
        if (!j->in.over && ioctl(j->in.fd, FIONREAD, &n) == 0 && n > 0)
                j->n_left = (size_t)n;
        post_put(&j->by.post);
}

/* From the descriptor to the stream, while both can. */
static void pump_in(join *j) {
        uint8_t *buf = loop_buffer(j->by.post.loop);

        for (int i = 0; !j->in.over && i < ROUNDS; i++) {
                struct iovec iov = { .iov_base = buf };
                size_t room, n_fds;
                ssize_t n;

                if (stream_left(j->st) != -EAGAIN) {
                        int r = stream_drained(j->st);

                        if (r < 0)
                                note(j, r);
                        in_over(j, BEAM_CODE_CANCELED, NULL);
                        return;
                }
                room = buf ? stream_room(j->st) : 0;
                if (!room) {
                        if (j->in.watched)
                                source_want(&j->in.src, 0);
                        return;
                }
                iov.iov_len = room < CHUNK ? room : CHUNK;
                if (j->is_ending && j->n_left < iov.iov_len)
                        iov.iov_len = j->n_left;
                n = iov.iov_len ? sock_recv(j->in.kind, j->in.fd, &iov, 1, NULL, &n_fds, false) : 0;
                if (n == -EAGAIN && j->is_ending)
                        n = 0;
                if (n == -EAGAIN) {
                        if (j->in.watched)
                                source_want(&j->in.src, SOURCE_READ);
                        return;
                }
                /* the end of a terminal whose other side has gone is an error of its own */
                if (n == 0 || n == -EIO) {
                        in_over(j, BEAM_CODE_NONE, NULL);
                        return;
                }
                if (n < 0) {
                        note(j, (int)n);
                        in_over(j, BEAM_CODE_LOST, NULL);
                        return;
                }
                if (j->is_ending)
                        j->n_left -= (size_t)n;
                if (j->seen)
                        j->seen(j->data, buf, (size_t)n);
                for (ssize_t done = 0, r; done < n; done += r) {
                        r = stream_write(j->st, buf + done, (size_t)(n - done));
                        if (r < 0) {
                                note(j, (int)r);
                                in_over(j, BEAM_CODE_INTERNAL, NULL);
                                return;
                        }
                }
        }
        if (!j->in.over)
                post_put(&j->by.post);
}

static void out_over(join *j, uint32_t code) {
        stream_stop(j->st, code, NULL);
        if (j->out.kind != SOCK_IS_FILE && j->out.fd >= 0)
                shutdown(j->out.fd, SHUT_WR);
        tap_close(&j->out);
}

/* True when nothing is held any more. */
static bool write_held(join *j) {
        while (j->at_held < j->n_held) {
                struct iovec iov = { .iov_base = j->held + j->at_held,
                                     .iov_len = j->n_held - j->at_held };
                ssize_t n = sock_send(j->out.kind, j->out.fd, &iov, 1, NULL, 0);

                if (n == -EAGAIN) {
                        if (j->out.watched)
                                source_want(&j->out.src, SOURCE_WRITE);
                        return false;
                }
                if (n < 0) {
                        note(j, (int)n);
                        out_over(j, n == -EPIPE ? BEAM_CODE_CANCELED : BEAM_CODE_LOST);
                        return false;
                }
                j->at_held += (size_t)n;
        }
        return true;
}

static void pump_out(join *j) {
        for (int i = 0; !j->out.over && i < ROUNDS; i++) {
                ssize_t n;

                if (!write_held(j))
                        return;
                if (j->out.watched && !j->out.half)
                        source_want(&j->out.src, SOURCE_GONE);
                if (!j->held)
                        j->held = mem_new(CHUNK);
                n = j->held ? stream_read(j->st, j->held, CHUNK) : -ENOMEM;
                if (n == -EAGAIN) {
                        j->n_held = j->at_held = 0;
                        j->held = mem_free(j->held);
                        return;
                }
                if (n <= 0) {
                        if (n < 0)
                                note(j, (int)n);
                        out_over(j, BEAM_CODE_NONE);
                        return;
                }
                j->n_held = (size_t)n;
                j->at_held = 0;
        }
        if (!j->out.over)
                post_put(&j->by.post);
}

static void pump(join *j) {
        stream_watch(j->st, &j->by);
        pump_in(j);
        pump_out(j);
        if (j->is_ending && j->in.over && !j->out.over)
                out_over(j, BEAM_CODE_NONE);
        if (j->in.over && j->out.over)
                finish(j);
}

static void on_stream(post *p) {
        pump(container_of(p, join, by.post));
}

static void on_in(source *src, unsigned events) {
        (void)events;
        pump(container_of(src, join, in.src));
}

/* Nobody reads there any more: known at once, not only when there is something to write. */
static void on_out(source *src, unsigned events) {
        join *j = container_of(src, join, out.src);
        struct pollfd p = { .fd = j->out.fd };

        if (events & SOURCE_GONE && j->n_held == j->at_held) {
                if (poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP))
                        out_over(j, BEAM_CODE_NONE);
                else {
                        j->out.half = true;
                        source_want(src, 0);
                }
        }
        pump(j);
}

static int tap_open(tap *t, loop *l, int fd, void (*fn)(source *, unsigned)) {
        int r;

        t->fd = fd;
        t->over = fd < 0;
        if (fd < 0)
                return 0;
        r = fcntl(fd, F_GETFL);
        if (r < 0)
                return -errno;
        if (!(r & O_NONBLOCK))
                t->flags = r;
        r = sock_adopt(fd);
        if (r < 0)
                return r;
        t->kind = (sock_kind)r;
        if (t->kind != SOCK_IS_FILE)
                t->flags = -1;
        t->src.fn = fn;
        r = source_open(&t->src, l, fd, 0);
        if (r == -EPERM)
                return 0;
        t->watched = r == 0;
        return r;
}

int join_start(beam_stream *st, int fd_in, int fd_out, bool user, void (*done)(void *data, int r),
               void *data, join **ret_j) {
        _cleanup_(fd_closep) int twin = -1;
        loop *l = loop_get();
        join *j = l ? mem_zero(sizeof(*j)) : NULL;
        int r;

        if (!j)
                return -ENOMEM;
        post_init(&j->by.post, l, false, on_stream);
        post_init(&j->finished, l, user, on_finished);
        list_init(&j->by.node);
        j->st = st;
        j->in.fd = j->out.fd = j->in.flags = j->out.flags = -1;
        j->done = done;
        j->data = data;

        /* one descriptor for each way, since each is watched and closed by itself */
        if (fd_in >= 0 && fd_in == fd_out) {
                twin = fd_dup(fd_out);
                if (twin < 0) {
                        mem_free(j);
                        return twin;
                }
        }
        r = tap_open(&j->in, l, fd_in, on_in);
        if (r >= 0)
                r = tap_open(&j->out, l, twin >= 0 ? twin : fd_out, on_out);
        if (r < 0) {
                tap_give_back(&j->in);
                tap_give_back(&j->out);
                mem_free(j);
                return r;
        }
        twin = -1;

        if (fd_in < 0)
                stream_end(st, BEAM_CODE_NONE, NULL);
        if (fd_out < 0)
                stream_stop(st, BEAM_CODE_NONE, NULL);
        stream_watch(st, &j->by);
        if (st->tube)
                l->n_foreign++;
        post_put(&j->by.post);
        *ret_j = j;
        return 0;
}

int beam_stream_join(beam_stream *st, int fd_in, int fd_out, void (*done)(void *data, int r),
                     void *data) {
        join *j;

        return join_start(st, fd_in, fd_out, true, done, data, &j);
}

int join_quietly(beam_stream *st, int fd_in, int fd_out) {
        return beam_stream_join(st, fd_in, fd_out, NULL, NULL);
}

int show_as_fd(beam_stream *st, bool readable, bool writable) {
        _cleanup_(fd_closep) int ours = -1;
        _cleanup_(fd_closep) int theirs = -1;
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        /* What the descriptor cannot do over there it cannot do here. */
        if (!readable)
                shutdown(theirs, SHUT_RD);
        if (!writable)
                shutdown(theirs, SHUT_WR);
        r = beam_stream_join(st, writable ? ours : -1, readable ? ours : -1, NULL, NULL);
        if (r < 0)
                return r;
        ours = -1;
        return take_fd(&theirs);
}
