/* SPDX-License-Identifier: Apache-2.0 */
#include "test-link.h"

#include <stdlib.h>
#include <string.h>

#include "../base/fds.h"

static test_link *of(const session_link *l) {
        return (test_link *)(uintptr_t)l;
}

static void on_flush(session_link *base) {
        test_link *l = of(base);
        out_queue *q = &l->s->out;
        bool was_high = q->n >= OUT_HIGH / 2;

        while (q->n && !l->stalled) {
                struct iovec iov[OUT_IOV_MAX];
                int fds[OUT_FDS_MAX];
                size_t n_fds, n = 0, n_iov = out_peek(q, iov, fds, &n_fds);

                if (!n_iov)
                        abort();
                for (size_t i = 0; i < n_iov; i++)
                        n += iov[i].iov_len;
                l->n_writes++;
                l->take(l, iov, n_iov, fds, n_fds);
                out_advance(q, n, n_fds);
                session_fill(l->s);
        }
        if (was_high && q->n < OUT_HIGH / 2)
                session_stir(l->s);
}

static size_t on_write(session_link *base, const struct iovec *iov, size_t n_iov) {
        test_link *l = of(base);
        size_t n = 0;

        if (l->stalled)
                return 0;
        l->n_writes++;
        l->take(l, iov, n_iov, NULL, 0);
        for (size_t i = 0; i < n_iov; i++)
                n += iov[i].iov_len;
        return n;
}

static void on_shut(session_link *base) {
        of(base)->shut(of(base));
}

static void on_close(session_link *base) {
        of(base)->s = NULL;
        of(base)->close(of(base));
}

static void on_peer(const session_link *base, beam_peer *ret) {
        (void)base;
        ret->pid = -1;
}

static int on_join(beam_stream *st, int fd_in, int fd_out) {
        fd_close(fd_in);
        if (fd_out != fd_in)
                fd_close(fd_out);
        beam_stream_close(st);
        return 0;
}

static int on_show(beam_stream *st, bool readable, bool writable) {
        int fd = fd_dup(0);

        (void)readable;
        (void)writable;
        if (fd >= 0)
                beam_stream_close(st);
        return fd;
}

static const link_calls calls = {
        .flush = on_flush,
        .write = on_write,
        .shut = on_shut,
        .close = on_close,
        .peer = on_peer,
        .join = on_join,
        .show = on_show,
};

int test_link_open(test_link *l, const beam_options *opt, bool dials, bool passes_fds) {
        l->link = (session_link){ .calls = &calls, .passes_fds = passes_fds };
        return session_new(&l->link, opt, dials, &l->s);
}

void test_link_feed(session *s, const uint8_t *p, size_t n, bool in_place) {
        uint8_t *place = NULL, *block;
        size_t n_place = in_place ? session_place(s, &place) : 0;

        if (n_place) {
                n_place = n_place < n ? n_place : n;
                memcpy(place, p, n_place);
                session_fed_in_place(s, place, n_place);
                p += n_place;
                n -= n_place;
        }
        if (!n || s->error)
                return;
        block = malloc(n);
        if (!block)
                abort();
        memcpy(block, p, n);
        session_feed(s, block, n);
        free(block);
}
