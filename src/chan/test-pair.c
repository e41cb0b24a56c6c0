/* SPDX-License-Identifier: Apache-2.0 */
#include "test-pair.h"

#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/fds.h"

static test_side *of(test_link *l) {
        return (test_side *)l;
}

static void on_take(test_link *l, const struct iovec *iov, size_t n_iov, const int *fds,
                    size_t n_fds) {
        test_side *d = of(l);

        for (size_t i = 0; i < n_iov; i++) {
                if (d->n + iov[i].iov_len > d->size) {
                        d->size = 2 * (d->n + iov[i].iov_len);
                        d->bytes = realloc(d->bytes, d->size);
                        assert_not_null(d->bytes);
                }
                memcpy(d->bytes + d->n, iov[i].iov_base, iov[i].iov_len);
                d->n += iov[i].iov_len;
        }
        assert_le(d->n_fds + n_fds, n_of(d->fds));
        for (size_t i = 0; i < n_fds; i++)
                d->fds[d->n_fds++] = fd_dup(fds[i]);
        post_put(&d->deliver);
}

static void on_gone(test_link *l) {
        of(l)->gone = true;
        post_put(&of(l)->deliver);
}

void test_side_feed(session *s, const uint8_t *p, size_t n, size_t cut) {
        for (size_t at = 0; at < n && !s->error; at += cut)
                test_link_feed(s, p + at, cut < n - at ? cut : n - at, cut % 2);
}

static void on_deliver(post *p) {
        test_side *d = container_of(p, test_side, deliver);
        session *to = d->other->link.s;
        uint8_t *bytes = d->bytes;
        size_t n = d->n;

        d->bytes = NULL;
        d->n = d->size = 0;
        if (to && !to->error) {
                if (d->n_fds)
                        session_feed_fds(to, d->fds, d->n_fds);
                test_side_feed(to, bytes, n, d->cut);
                if (d->gone && d->other->link.s && !to->error)
                        session_lost(to, 0);
        } else
                fd_close_all(d->fds, d->n_fds);
        d->n_fds = 0;
        free(bytes);
}

void test_side_open(test_side *d, test_side *other, const beam_options *opt, bool dials, size_t cut,
                    session **ret) {
        *d = (test_side){
                .link = { .take = on_take, .shut = on_gone, .close = on_gone },
                .other = other,
                .cut = cut,
        };
        post_init(&d->deliver, loop_get(), false, on_deliver);
        assert_eq(test_link_open(&d->link, opt, dials, true), 0);
        *ret = d->link.s;
}

void test_side_deinit(test_side *d) {
        post_cancel(&d->deliver);
        free(d->bytes);
}

void test_turn(void) {
        for (int i = 0; i < 4; i++) {
                loop_turn(loop_get(), BEAM_NOW);
                loop_tidy(loop_get());
        }
}

void test_pair_open(test_pair *p, size_t cut, const beam_options *opt_b) {
        session *a, *b;

        test_side_open(&p->a, &p->b, NULL, true, cut, &a);
        test_side_open(&p->b, &p->a, opt_b, false, cut, &b);
        p->sa = &a->base;
        p->sb = &b->base;
        test_turn();
        assert_eq(session_greeting(a), 1);
        assert_eq(session_greeting(b), 1);
}

void test_pair_close(test_pair *p) {
        p->sa = beam_session_close(p->sa);
        test_turn();
        p->sb = beam_session_close(p->sb);
        test_turn();
        assert_eq(p->a.n + p->b.n, 0);
        test_side_deinit(&p->a);
        test_side_deinit(&p->b);
}

void *test_accept(beam_session *s, const char *service, beam_kind kind) {
        beam_msg *msg;
        void *end = NULL;
        size_t n;

        test_turn();
        assert_r(beam_session_accept(s, &msg, BEAM_NOW), 1);
        assert_str(beam_msg_data(msg, &n), service);
        assert_eq(n, strlen(service));
        assert_eq(beam_msg_kind(msg, 0), kind);
        end = kind == BEAM_SENDER     ? (void *)beam_msg_take_sender(msg, 0)
              : kind == BEAM_RECEIVER ? (void *)beam_msg_take_receiver(msg, 0)
                                      : (void *)beam_msg_take_stream(msg, 0);
        beam_msg_free(msg);
        return end;
}

void test_channel(test_pair *p, size_t depth, beam_sender **ret_tx, beam_receiver **ret_rx) {
        assert_eq(beam_session_open(p->sa, "svc", depth, ret_tx, BEAM_NOW), 0);
        *ret_rx = test_accept(p->sb, "svc", BEAM_RECEIVER);
}

int test_send(beam_sender *tx, const void *data, size_t n) {
        beam_msg *msg;
        int r;

        assert_eq(beam_msg_new(data, n, &msg), 0);
        r = beam_send(tx, msg, BEAM_NOW);
        if (r < 0)
                beam_msg_free(msg);
        test_turn();
        return r;
}

int test_recv(beam_receiver *rx, const void *data, size_t n) {
        beam_msg *msg;
        int r = beam_recv(rx, &msg, BEAM_NOW);

        if (r == 1) {
                size_t n_got;
                const void *got = beam_msg_data(msg, &n_got);

                assert_mem(got, n_got, data, n);
                beam_msg_free(msg);
        }
        test_turn();
        return r;
}
