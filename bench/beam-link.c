/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Channels over sockets, two processes, one session
 *
 * One way, three manners of sending: "gather" corks as many as the batch says and
 * uncorks, "plain" sends each by itself, "background" sends each by itself into a
 * session that runs on a thread of its own. 64 KiB messages: "64k" wraps the sender's
 * memory, "64k-copy" makes each message anew. A pass ends when side b has said that it
 * has everything.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "beam-side.h"

void end_url(const bench *b, char *ret, size_t n) {
        if (!strcmp(b->c->link, "unix"))
                snprintf(ret, n, "unix:%s", b->url_path);
        else
                snprintf(ret, n, "tcp://127.0.0.1:%d", b->url_port);
}

static end *end_new(bench *b, int background) {
        beam_options opt = { .size = sizeof(opt), .background = background };
        end *e = calloc(1, sizeof(*e));
        char url[128];

        if (!e)
                abort();
        e->large = calloc(1, b->c->size);
        e->null = dup(0);
        b->own = e;
        end_url(b, url, sizeof(url));
        if (b->side == 1)
                bench_check(b, "listen", beam_listen(url, &opt, &e->listener));
        else
                bench_check(b, "dial", beam_dial(url, &opt, &e->session, BEAM_FOREVER));
        return e;
}

static void take_open(bench *b, beam_msg **ret) {
        end *e = b->own;

        if (bench_check(b, "accept", beam_session_accept(e->session, ret, BEAM_FOREVER)) == 0)
                bench_fail(b, "accept", "the session ended");
}

/* The channels of side a, and of side b, which then stops listening unless the case is
 * to show what that costs: the bare pair has no listening socket either. */
static void open_ends(bench *b) {
        end *e = b->own;
        beam_msg *m;

        if (b->side == 0) {
                bench_check(
                        b, "open",
                        beam_session_open(e->session, "there", b->c->depth, &e->tx, BEAM_FOREVER));
                bench_check(b, "open",
                            beam_session_open_receiver(e->session, "back", b->c->depth, &e->rx,
                                                       BEAM_FOREVER));
                bench_check(b, "open",
                            beam_session_open_stream(e->session, "bytes", &e->st, BEAM_FOREVER));
                end_hear_done(b, e->rx);
        } else {
                bench_check(b, "accept", beam_accept(e->listener, &e->session, BEAM_FOREVER));
                if (b->c->mode != LISTENING)
                        e->listener = beam_listener_close(e->listener);
                take_open(b, &m);
                e->rx = beam_msg_take_receiver(m, 0);
                beam_msg_free(m);
                take_open(b, &m);
                e->tx = beam_msg_take_sender(m, 0);
                beam_msg_free(m);
                take_open(b, &m);
                e->st = beam_msg_take_stream(m, 0);
                beam_msg_free(m);
                if (!e->rx || !e->tx || !e->st)
                        bench_fail(b, "accept", "not what was opened");
                end_say_done(b, e->tx);
        }
}

void end_listen(bench *b) {
        end_new(b, 0);
}

void end_open(bench *b) {
        if (b->side == 0)
                end_new(b, 0);
        open_ends(b);
}

static void end_open_background(bench *b) {
        if (b->side == 0)
                end_new(b, 1);
        open_ends(b);
}

static void ping_a(bench *b, uint64_t n) {
        end *e = b->own;

        while (n--) {
                end_put(b, e->tx);
                end_take(b, e->rx);
        }
}

static void ping_b(bench *b, uint64_t n) {
        end *e = b->own;

        while (n--) {
                end_take(b, e->rx);
                end_put(b, e->tx);
        }
}

static void call_a(bench *b, uint64_t n) {
        beam_msg *m, *answer;
        end *e = b->own;
        size_t size;

        while (n--) {
                bench_check(b, "msg", beam_msg_new(bench_next(b), 64, &m));
                bench_check(b, "call", beam_call(e->tx, m, &answer, NULL, BEAM_FOREVER));
                bench_sum(b, beam_msg_data(answer, &size));
                beam_msg_free(answer);
        }
}

static void call_b(bench *b, uint64_t n) {
        beam_msg *question, *m;
        end *e = b->own;
        size_t size;

        while (n--) {
                if (bench_check(b, "recv", beam_recv(e->rx, &question, BEAM_FOREVER)) == 0)
                        bench_fail(b, "recv", "the end came early");
                bench_sum(b, beam_msg_data(question, &size));
                bench_check(b, "msg", beam_msg_new(bench_next(b), 64, &m));
                bench_check(b, "reply", beam_reply(question, m, BEAM_FOREVER));
                beam_msg_free(question);
        }
}

static void one_way_a(bench *b, uint64_t n) {
        end *e = b->own;

        while (n--)
                end_put(b, e->tx);
        end_hear_done(b, e->rx);
}

static void one_way_b(bench *b, uint64_t n) {
        end *e = b->own;

        while (n--)
                end_take(b, e->rx);
        end_say_done(b, e->tx);
}

static void gather_a(bench *b, uint64_t n) {
        end *e = b->own;
        size_t i, k;

        for (; n; n -= k) {
                k = n < b->c->batch ? n : b->c->batch;
                beam_cork();
                for (i = 0; i < k; i++)
                        end_put(b, e->tx);
                bench_check(b, "uncork", beam_uncork(BEAM_FOREVER));
        }
        end_hear_done(b, e->rx);
}

static void nothing(void *arg) {
        (void)arg;
}

static void large_a(bench *b, uint64_t n) {
        end *e = b->own;
        beam_msg *m;

        while (n--) {
                bench_touch(b, e->large);
                bench_check(b, "wrap", beam_msg_wrap(e->large, b->c->size, nothing, NULL, &m));
                bench_check(b, "send", beam_send(e->tx, m, BEAM_FOREVER));
        }
        end_hear_done(b, e->rx);
}

static void large_copy_a(bench *b, uint64_t n) {
        end *e = b->own;
        beam_msg *m;

        while (n--) {
                bench_touch(b, e->large);
                bench_check(b, "msg", beam_msg_new(e->large, b->c->size, &m));
                bench_check(b, "send", beam_send(e->tx, m, BEAM_FOREVER));
        }
        end_hear_done(b, e->rx);
}

static void bytes_a(bench *b, uint64_t n) {
        uint64_t left = n * b->c->size;
        end *e = b->own;
        ssize_t r;

        for (; left; left -= (uint64_t)r) {
                r = beam_stream_write(e->st, e->large, left < b->c->size ? left : b->c->size,
                                      BEAM_FOREVER);
                bench_check(b, "write", (int)r);
        }
        end_hear_done(b, e->rx);
}

static void bytes_b(bench *b, uint64_t n) {
        uint64_t left = n * b->c->size;
        end *e = b->own;
        ssize_t r;

        for (; left; left -= (uint64_t)r) {
                r = beam_stream_read(e->st, e->large, left < b->c->size ? left : b->c->size,
                                     BEAM_FOREVER);
                if (bench_check(b, "read", (int)r) == 0)
                        bench_fail(b, "read", "the end came early");
        }
        end_say_done(b, e->tx);
}

static void fds_a(bench *b, uint64_t n) {
        end *e = b->own;
        beam_msg *m;
        size_t i, k;
        int fd;

        for (; n; n -= k) {
                k = n < b->c->batch ? n : b->c->batch;
                bench_check(b, "msg", beam_msg_new(e->large, b->c->size, &m));
                for (i = 0; i < k; i++) {
                        fd = dup(e->null);
                        if (fd < 0)
                                bench_fail(b, "dup", strerror(errno));
                        bench_check(b, "put", beam_msg_put_fd(m, fd));
                }
                bench_check(b, "send", beam_send(e->tx, m, BEAM_FOREVER));
        }
        end_hear_done(b, e->rx);
}

static void fds_b(bench *b, uint64_t n) {
        end *e = b->own;
        size_t i, k;
        beam_msg *m;

        for (; n; n -= k) {
                if (bench_check(b, "recv", beam_recv(e->rx, &m, BEAM_FOREVER)) == 0)
                        bench_fail(b, "recv", "the end came early");
                k = beam_msg_things(m);
                for (i = 0; i < k; i++)
                        close(beam_msg_take_fd(m, i));
                beam_msg_free(m);
        }
        end_say_done(b, e->tx);
}

#define ON_BY(link_, name_, size_, depth_, batch_, open_, a_, b_)                                \
        {                                                                                        \
                .name = link_ "-" name_, .shape = BENCH_PROCESSES, .link = link_, .size = size_, \
                .depth = depth_, .batch = batch_, .a = { .open = open_, .run = a_ },             \
                .b = {.listen = end_listen,                                                      \
                      .open = end_open,                                                          \
                      .run = b_ }                                                                \
        }

#define ON(link_, name_, size_, depth_, batch_, a_, b_) \
        ON_BY(link_, name_, size_, depth_, batch_, end_open, a_, b_)

#define ON_BOTH(name_, size_, depth_, batch_, a_, b_)     \
        ON("unix", name_, size_, depth_, batch_, a_, b_), \
                ON("tcp", name_, size_, depth_, batch_, a_, b_)

#define LISTENING_ON(link_, name_)                                                            \
        {                                                                                     \
                .name = link_ "-" name_, .shape = BENCH_PROCESSES, .link = link_, .size = 64, \
                .depth = 1, .mode = LISTENING, .a = { .open = end_open, .run = ping_a },      \
                .b = {.listen = end_listen,                                                   \
                      .open = end_open,                                                       \
                      .run = ping_b }                                                         \
        }

const bench_case beam_link_cases[] = {
        ON_BOTH("ping", 64, 1, 1, ping_a, ping_b),
        LISTENING_ON("unix", "ping-listening"),
        LISTENING_ON("tcp", "ping-listening"),
        ON_BOTH("call", 64, 1, 1, call_a, call_b),
        ON_BOTH("gather", 64, 4096, 1024, gather_a, one_way_b),
        ON_BOTH("plain", 64, 4096, 1, one_way_a, one_way_b),
        ON_BY("unix", "background", 64, 4096, 1, end_open_background, one_way_a, one_way_b),
        ON_BY("tcp", "background", 64, 4096, 1, end_open_background, one_way_a, one_way_b),
        ON_BY("unix", "ping-background", 64, 1, 1, end_open_background, ping_a, ping_b),
        ON_BY("tcp", "ping-background", 64, 1, 1, end_open_background, ping_a, ping_b),
        ON_BOTH("64k", 65536, 64, 1, large_a, one_way_b),
        ON_BOTH("64k-copy", 65536, 64, 1, large_copy_a, one_way_b),
        ON_BOTH("bytes", 65536, 64, 1, bytes_a, bytes_b),
        ON("unix", "fd", 64, 128, 1, fds_a, fds_b),
        ON("unix", "fds", 64, 128, 64, fds_a, fds_b),
};
const size_t n_beam_link_cases = sizeof(beam_link_cases) / sizeof(*beam_link_cases);
