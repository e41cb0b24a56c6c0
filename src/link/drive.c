/* SPDX-License-Identifier: Apache-2.0 */
#include "drive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "cover.h"
#include "join.h"
#include "peer.h"
#include "sock.h"

enum {
        /* Beside a body that is read into its place: the head of the next frame and a bit,
         * so that little of the next body is read here and has to be copied. */
        TAIL = 512,
        PLACE_MIN = 4096, /* below, one read of everything is better than two */
        LARGE = 16384,    /* a body that is worth a read of its own */
        ROUNDS = 16,      /* reads, or writes, before the others of the loop get their turn */
        /* What a peer may make us answer without reading; then it is not read from. */
        STALLED = 4 * OUT_HIGH,
};

/* How long a read that waits is left in the kernel: the clock is looked at after that.
 * Set once per socket, since setting it costs as much as the poll() that it saves. */
#define NAP CLOCK_SECOND

typedef struct drive {
        session_link link;
        source src;
        session *s;
        sock_kind kind;
        int fd;
        cover *cover;     /* or NULL: the session's bytes are those on the wire */
        size_t n_covered; /* of the queue, they lie in the cover and leave it with that */
        fork_fd in_child;
        bool naps;                 /* the receive timeout is set */
        bool shutting, shut, mute; /* mute: nothing can be written any more */
} drive;

static drive *of(const session_link *l) {
        return container_of((session_link *)(uintptr_t)l, drive, link);
}

/* inbound */

static void lost(drive *d, ssize_t r) {
        /* the end stays readable for ever, and there is nothing more to learn from it */
        source_want(&d->src, 0);
        d->mute = true;
        session_lost(d->s, r < 0 ? (int)r : 0);
}

/* The same, for what is under a cover. */
static bool read_covered(drive *d, bool wait) {
        uint8_t *buffer = loop_buffer(d->s->loop);
        struct iovec iov = { .iov_base = buffer, .iov_len = LOOP_BUFFER_SIZE };
        size_t n_fds;
        ssize_t n;
        int r;

        if (!buffer) {
                session_fail(d->s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
                return false;
        }
        n = sock_recv(d->kind, d->fd, &iov, 1, NULL, &n_fds, wait);
        if (n == -EAGAIN || n == -EINTR || n == -ENOBUFS || n == -ENOMEM)
                return false;
        d->s->loop->came += n > 0 ? (size_t)n : 1;
        if (n <= 0) {
                lost(d, n);
                return false;
        }
        r = d->cover->calls->feed(d->cover, d->s, buffer, (size_t)n);
        if (r == -EPIPE && !d->s->error) {
                /* it has hung up, and still hears the answer to that */
                source_want(&d->src, 0);
                session_lost(d->s, 0);
        } else if (r == 0 && (cover_left(d->cover) || d->s->out.n))
                session_touch(d->s); /* the cover has something to say, or is open now */
        return r == 0 && n == LOOP_BUFFER_SIZE;
}

/* One read; whether there may be more. */
static bool read_once(drive *d, bool wait) {
        uint8_t *buffer = loop_buffer(d->s->loop), *place = NULL;
        int fds[SOCK_FDS_MAX];
        struct iovec iov[2];
        size_t n_iov = 0, n_place, n_fds = 0, room;
        ssize_t n;

        if (d->cover)
                return read_covered(d, wait);
        if (!buffer) {
                session_fail(d->s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
                return false;
        }
        n_place = session_place(d->s, &place);
        if (n_place < PLACE_MIN)
                n_place = 0;
        else
                iov[n_iov++] = (struct iovec){ .iov_base = place, .iov_len = n_place };
        room = n_place ? TAIL : LOOP_BUFFER_SIZE;
        /* Where large bodies follow each other, read to the end of this one and no further:
         * the next ones are then read in place. */
        if (!n_place && d->s->in.head.length >= LARGE && mux_decoder_left(&d->s->in) < room - TAIL)
                room = mux_decoder_left(&d->s->in) + TAIL;
        iov[n_iov++] = (struct iovec){ .iov_base = buffer, .iov_len = room };

        n = sock_recv(d->kind, d->fd, iov, n_iov, d->link.passes_fds ? fds : NULL, &n_fds, wait);
        if (n == -EAGAIN || n == -EINTR || n == -ENOBUFS || n == -ENOMEM)
                return false;
        if (n == -EMFILE || n == -EPROTO) {
                session_fail(d->s, n == -EMFILE ? -EMFILE : -EPROTO, BEAM_CODE_INTERNAL,
                             "no room for descriptors");
                return false;
        }
        d->s->loop->came += n > 0 ? (size_t)n : 1;
        if (n <= 0) {
                lost(d, n);
                return false;
        }
        if (n_fds && session_feed_fds(d->s, fds, n_fds) < 0)
                return false;
        if (n_place) {
                size_t in_place = (size_t)n < n_place ? (size_t)n : n_place;

                if (session_fed_in_place(d->s, place, in_place) < 0)
                        return false;
                n -= (ssize_t)in_place;
                if ((size_t)n < room)
                        room = SIZE_MAX; /* a short read: that was all */
        }
        if (n && session_feed(d->s, buffer, (size_t)n) < 0)
                return false;
        /* The kernel ends a read behind descriptors, whatever comes after them. They are for
         * the program to take first: as many as may be read at once, nobody can hold. */
        if (n_fds)
                d->s->sated = true;
        return (size_t)n == room || n_fds;
}

static void on_ready(source *src, unsigned events) {
        drive *d = container_of(src, drive, src);
        bool more = events & SOURCE_READ;

        for (int i = 0; more && i < ROUNDS && !d->s->error && !d->s->sated; i++)
                more = read_once(d, false);
        /* the program first: it wants the next bytes somewhere else */
        if (more && d->s->sated)
                source_again(src, SOURCE_READ);
        d->s->sated = false;
        if (events & SOURCE_WRITE)
                session_touch(d->s);
}

/* What is written waits for poll(), which says yes when there is room for a good part of
 * what the socket holds, where a write would take any. */
static void poll_both(drive *d, int64_t deadline) {
        bool reads = d->src.want & SOURCE_READ, writes = d->src.want & SOURCE_WRITE;
        struct pollfd p = {
                .fd = d->fd,
                .events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)),
        };

        if (poll(&p, 1, clock_poll_ms(deadline)) <= 0)
                return;
        if (p.revents & ~POLLIN)
                d->src.loop->came++;
        on_ready(&d->src, (p.revents & ~POLLOUT ? SOURCE_READ : 0u) |
                                  (p.revents & ~POLLIN ? SOURCE_WRITE : 0u));
}

static void on_look(source *src) {
        drive *d = container_of(src, drive, src);

        if (src->want & SOURCE_WRITE)
                poll_both(d, 0);
        else
                on_ready(src, SOURCE_READ);
}

/* Nothing else to wait for: wait in the read itself. */
static void on_wait(source *src, int64_t deadline) {
        drive *d = container_of(src, drive, src);

        if (src->want & SOURCE_WRITE || (deadline != CLOCK_NEVER && deadline - clock_now() < NAP)) {
                poll_both(d, deadline);
                return;
        }
        if (deadline != CLOCK_NEVER && !d->naps) {
                struct timeval nap = { .tv_sec = NAP / CLOCK_SECOND };

                d->naps = true;
                setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &nap, sizeof(nap));
        }
        on_ready(src, read_once(d, true) ? SOURCE_READ : 0);
}

/* outbound */

static void want(drive *d) {
        size_t n = d->s->out.n;
        bool writes = n && !d->mute;

        if (d->cover) {
                n += cover_left(d->cover);
                writes = !d->mute && (cover_left(d->cover) || (n && d->cover->open));
        }

        if (d->s->error)
                return;
        source_want(&d->src, (n < STALLED ? SOURCE_READ : 0u) | (writes ? SOURCE_WRITE : 0u));
}

/* The kernel takes no more, for now or ever. */
static bool is_for_now(ssize_t n) {
        /* the last two: it is short of memory */
        return n == -EAGAIN || n == -ETOOMANYREFS || n == -ENOBUFS || n == -ENOMEM;
}

static void flush_covered(drive *d) {
        cover *c = d->cover;

        for (int i = 0; i < ROUNDS && !d->mute; i++) {
                struct iovec iov[OUT_IOV_MAX];
                int fds[OUT_FDS_MAX];
                size_t n_fds, left = cover_left(c);
                ssize_t n;

                if (!left && d->s->out.n && c->open) {
                        d->n_covered =
                                c->calls->wrap(c, iov, out_peek(&d->s->out, iov, fds, &n_fds));
                        left = cover_left(c);
                }
                if (!left)
                        break;
                iov[0] = (struct iovec){ .iov_base = c->p + c->at, .iov_len = left };
                n = sock_send(d->kind, d->fd, iov, 1, NULL, 0);
                if (is_for_now(n))
                        break;
                if (n < 0) {
                        d->mute = true;
                        break;
                }
                cover_sent(c, (size_t)n);
                if ((size_t)n < left)
                        break;
                out_advance(&d->s->out, d->n_covered, 0);
                d->n_covered = 0;
                if (d->s->out.n < OUT_HIGH / 2 && !d->s->buried)
                        session_fill(d->s);
        }
}

static void flush_bare(drive *d) {
        /* what is left after them goes on in the next turn, behind what was sent meanwhile */
        for (int i = 0; i < ROUNDS && d->s->out.n && !d->mute; i++) {
                struct iovec iov[OUT_IOV_MAX];
                int fds[OUT_FDS_MAX];
                size_t n_fds, n_iov = out_peek(&d->s->out, iov, fds, &n_fds), n_all = 0;
                ssize_t n = sock_send(d->kind, d->fd, iov, n_iov, fds, n_fds);

                for (size_t k = 0; k < n_iov; k++)
                        n_all += iov[k].iov_len;

                if (is_for_now(n))
                        break;
                if (n < 0) {
                        /* What the peer said before it went is still to be read, and then the end.
                         */
                        d->mute = true;
                        break;
                }
                out_advance(&d->s->out, (size_t)n, n_fds);
                if (d->s->out.n < OUT_HIGH / 2)
                        session_fill(d->s);
                if ((size_t)n < n_all)
                        break; /* there is no room, and another write would only say so */
        }
}

/* All has been said; a cover says so itself, and the other side hangs up. */
static void end_writing(drive *d) {
        d->shut = true;
        if (d->cover) {
                d->cover->calls->shut(d->cover, 0);
                flush_covered(d);
        } else if (d->kind != SOCK_IS_FILE) {
                shutdown(d->fd, SHUT_WR);
        }
}

static void drive_flush(session_link *l) {
        drive *d = of(l);
        bool was_high = d->s->out.n >= OUT_HIGH / 2, was_full = d->s->out.n >= OUT_HIGH;

        if (d->cover)
                flush_covered(d);
        else
                flush_bare(d);
        if (d->mute) {
                out_deinit(&d->s->out);
                d->n_covered = 0;
        }
        /* while parts of a large message keep coming it does not get low */
        if ((was_high && d->s->out.n < OUT_HIGH / 2) || (was_full && d->s->out.n < OUT_HIGH))
                session_stir(d->s);
        if (d->shutting && !d->shut && !d->s->out.n)
                end_writing(d);
        want(d);
}

static size_t drive_write(session_link *l, const struct iovec *iov, size_t n_iov) {
        drive *d = of(l);
        ssize_t n;

        if (d->mute || d->cover)
                return 0;
        n = sock_send(d->kind, d->fd, iov, n_iov, NULL, 0);
        if (n < 0 && n != -EAGAIN && n != -ENOBUFS && n != -ENOMEM)
                d->mute = true;
        return n < 0 ? 0 : (size_t)n;
}

static void drive_shut(session_link *l) {
        of(l)->shutting = true;
}

static void drive_close(session_link *l) {
        drive *d = of(l);

        if (d->cover) {
                d->cover->calls->shut(d->cover, d->s->error);
                flush_covered(d);
                d->cover->calls->free(d->cover);
        }
        source_close(&d->src);
        fork_forget(&d->in_child);
        fd_close(d->fd);
        mem_free(d);
}

static void drive_peer(const session_link *l, beam_peer *ret) {
        peer_get(of(l)->fd, ret);
}

static const link_calls calls = {
        .flush = drive_flush,
        .write = drive_write,
        .shut = drive_shut,
        .close = drive_close,
        .peer = drive_peer,
        .join = join_quietly,
        .show = show_as_fd,
};

int drive_start(int fd, cover *c, const beam_options *opt, bool dials, session **ret) {
        loop *l = loop_get();
        drive *d = l ? mem_zero(sizeof(*d)) : NULL;
        int r;

        if (!d)
                return -ENOMEM;
        r = sock_adopt(fd);
        if (r < 0) {
                mem_free(d);
                return r;
        }
        d->kind = (sock_kind)r;
        d->fd = fd;
        d->link = (session_link){ .calls = &calls, .passes_fds = d->kind == SOCK_IS_UNIX && !c };
        d->src.fn = on_ready;
        d->src.look = on_look;
        d->src.wait = d->kind != SOCK_IS_FILE ? on_wait : NULL;
        r = source_open(&d->src, l, fd, SOURCE_READ);
        if (r < 0) {
                mem_free(d);
                return r;
        }
        r = session_new(&d->link, opt, dials, &d->s);
        if (r < 0) {
                source_close(&d->src);
                mem_free(d);
                return r;
        }
        d->cover = c;
        fork_close(&d->in_child, fd);
        *ret = d->s;
        return 0;
}

void drive_leave(session *s) {
        drive *d = s->link ? of(s->link) : NULL;

        dirty_cancel(&s->dirty);
        dirty_cancel(&s->idle);
        list_remove(&s->unwritten);
        post_cancel(&s->burial);
        if (d)
                source_close(&d->src);
        s->loop = NULL;
}

int drive_arrive(session *s) {
        drive *d = s->link ? of(s->link) : NULL;
        loop *l = loop_get();
        int r;

        if (!l)
                return -ENOMEM;
        s->loop = l;
        s->burial.loop = l;
        if (!d)
                return 0;
        r = source_open(&d->src, l, d->fd, SOURCE_READ);
        if (r < 0)
                return r;
        if (s->error)
                post_put(&s->burial);
        else
                session_touch(s);
        return 0;
}
