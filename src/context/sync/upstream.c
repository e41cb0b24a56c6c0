/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream.h"

#include <errno.h>

#include "../../base/clock.h"
#include "../../base/fds.h"
#include "../../base/mem.h"

/* What is read at once. Picked; as the loop's own buffer. */
enum { READ_SIZE = 64 * 1024 };

/* Write what is to be said, as far as the kernel takes it. Where there was no memory to say
 * something the master waits for it in vain. */
static void flush(upstream *u) {
        resp_out *out = &u->psync.out;
        size_t at = 0;

        if (out->failed) {
                u->has_ended = true;
                u->error = -ENOMEM;
                return;
        }
        while (at < out->n) {
                struct iovec iov = { .iov_base = out->p + at, .iov_len = out->n - at };
                ssize_t n = sock_send(u->kind, u->fd, &iov, 1, NULL, 0);

                if (n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM)
                        break;
                if (n < 0) {
                        u->has_ended = true;
                        break;
                }
                at += (size_t)n;
        }
        if (at > 0)
                memmove(out->p, out->p + at, out->n - at);
        resp_out_cut(out, out->n - at);
        source_want(&u->src, out->n > 0 ? SOURCE_READ | SOURCE_WRITE : SOURCE_READ);
}

static void on_ready(source *src, unsigned events) {
        upstream *u = container_of(src, upstream, src);

        if (events & SOURCE_WRITE)
                flush(u);
        u->fn(u);
}

static void beat(upstream *u) {
        timer_start(&u->beat, u->loop, clock_add(clock_now(), CLOCK_SECOND));
}

static void on_beat(timer *t) {
        upstream *u = container_of(t, upstream, beat);

        beat(u);
        if (clock_now() - u->heard > u->silence)
                u->has_ended = true;
        else
                upstream_ack(u);
        if (u->has_ended)
                u->fn(u);
}

static int begin(upstream *u, int fd) {
        int r = sock_adopt(fd);

        if (r < 0)
                return r;
        u->kind = (sock_kind)r;
        r = source_open(&u->src, u->loop, fd, SOURCE_READ);
        if (r < 0)
                return r;
        u->fd = fd;
        u->heard = clock_now();
        fork_close(&u->in_child, fd);
        flush(u);
        beat(u);
        return 0;
}

static void on_reached(reach *r, int fd) {
        upstream *u = container_of(r, upstream, reach);
        int got = fd < 0 ? fd : begin(u, fd);

        if (got == 0)
                return;
        if (fd >= 0)
                fd_close(fd);
        u->error = got;
        u->fn(u);
}

/* Returns 0 when it is being reached, or has been. */
static int start(upstream *u) {
        int fd = reach_start(&u->reach, u->loop, u->url), r;

        if (fd < 0)
                return fd == -EINPROGRESS ? 0 : fd;
        r = begin(u, fd);
        if (r < 0)
                fd_close(fd);
        return r;
}

static void on_again(timer *t) {
        upstream *u = container_of(t, upstream, again);
        int r = start(u);

        if (r < 0) {
                u->error = r;
                u->fn(u);
        }
}

int upstream_open(upstream *u, loop *l, const url *at, const psync_options *options,
                  int64_t silence, int64_t when) {
        void (*fn)(upstream *) = u->fn;
        int r;

        *u = (upstream){ .fn = fn, .loop = l, .url = at, .fd = -1, .silence = silence };
        u->src.fn = on_ready;
        u->beat.fn = on_beat;
        u->again.fn = on_again;
        u->reach.fn = on_reached;
        u->reach.fd = -1;
        psync_init(&u->psync, options);
        u->is_open = true;
        r = u->psync.out.failed  ? -ENOMEM
            : when > clock_now() ? timer_start(&u->again, l, when)
                                 : start(u);
        if (r < 0)
                upstream_close(u);
        return r;
}

void upstream_close(upstream *u) {
        if (!u->is_open)
                return;
        u->is_open = false;
        timer_stop(&u->again);
        timer_stop(&u->beat);
        reach_stop(&u->reach);
        source_close(&u->src);
        if (u->fd >= 0)
                fork_forget(&u->in_child);
        u->fd = fd_close(u->fd);
        psync_deinit(&u->psync);
        u->in = mem_free(u->in);
        u->n_in = u->n_used = u->size = 0;
}

/* Room behind what is there: as much as the command in progress wants, but never more than
 * has come already, or what is said would cost memory before it is true. */
static int make_room(upstream *u) {
        size_t size = u->n_in + READ_SIZE, want = u->psync.request.want;
        char *grown;

        if (want > size)
                size = want < 2 * u->n_in ? want : 2 * u->n_in;
        if (size <= u->size)
                return 0;
        grown = mem_resize(u->in, size);
        if (!grown)
                return -ENOMEM;
        u->in = grown;
        u->size = size;
        return 0;
}

/* Returns 1 when something came, 0 when nothing is there now. */
static int read_more(upstream *u) {
        struct iovec iov;
        ssize_t n;

        if (u->n_used > 0) {
                memmove(u->in, u->in + u->n_used, u->n_in);
                u->n_used = 0;
        }
        if (make_room(u) < 0)
                return -ENOMEM;
        iov = (struct iovec){ .iov_base = u->in + u->n_in, .iov_len = u->size - u->n_in };
        n = sock_recv(u->kind, u->fd, &iov, 1, NULL, NULL, false);
        if (n == -EAGAIN || n == -EINTR || n == -ENOBUFS || n == -ENOMEM)
                return 0;
        if (n <= 0)
                return -ECONNRESET;
        u->n_in += (size_t)n;
        u->heard = clock_now();
        return 1;
}

int upstream_next(upstream *u) {
        int r = 1;

        if (u->fd < 0)
                return u->error;
        while (r > 0) {
                r = psync_next(&u->psync, u->in + u->n_used, u->n_in);
                if (r > 0) {
                        u->n_used += u->psync.consumed;
                        u->n_in -= u->psync.consumed;
                        if (u->psync.out.n > 0 || u->psync.out.failed)
                                flush(u);
                        return 1;
                }
                if (r == 0)
                        r = u->has_ended ? (u->error < 0 ? u->error : -ECONNRESET) : read_more(u);
        }
        return r;
}

void upstream_ack(upstream *u) {
        psync_ack(&u->psync);
        flush(u);
}

bytes upstream_raw(const upstream *u) {
        return (bytes){ u->in + u->n_used - u->psync.consumed, u->psync.consumed };
}
