/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include "help.h"
#include "test.h"

#include <beam/beam.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Nothing here is waited for in vain: so long that not coming is a bug, also where each
 * byte is a call, and wakes a thread. */
#define PATIENCE (INT64_C(60) * BEAM_SECOND)
enum { LARGE = 150 * 1000, STREAMED = 90 * 1000 };

const char *const scenario_cases[] = {
        "mem:{id}",    "unix:{dir}/s",        "tcp://127.0.0.1:0",    "ws://127.0.0.1:0",
        "bg mem:{id}", "bg unix:@fault-{id}", "bg tcp://127.0.0.1:0", NULL,
};

bool scenario_may_fail_with(int r) {
        switch (r) {
        case -ENOMEM:
        case -EMFILE:
        case -ENFILE:
        case -ENOBUFS:
        case -EAGAIN:
        case -ECONNRESET:
        case -ENOTCONN:
        case -ECONNREFUSED:
        case -ECONNABORTED:
        case -EPIPE:
        case -EADDRNOTAVAIL:
                return true;
        default:
                return false;
        }
}

/* All that is open, so that one function closes it wherever the run has come to. */
typedef struct stage {
        beam_listener *l;
        beam_session *a, *b;
        beam_sender *tx, *inner_tx, *back;
        beam_receiver *rx, *inner_rx, *opened;
        beam_stream *near, *far;
        beam_msg *msg, *got;
        int fd;
} stage;

static void stage_deinit(stage *s) {
        beam_msg_free(s->msg);
        beam_msg_free(s->got);
        beam_stream_close(s->near);
        beam_stream_close(s->far);
        beam_sender_close(s->tx);
        beam_sender_close(s->inner_tx);
        beam_sender_close(s->back);
        beam_receiver_close(s->rx);
        beam_receiver_close(s->inner_rx);
        beam_receiver_close(s->opened);
        beam_session_close(s->a);
        beam_session_close(s->b);
        beam_listener_close(s->l);
        if (s->fd >= 0)
                close(s->fd);
}

static int64_t patience(void) {
        return beam_after(PATIENCE * test_slowness());
}

static uint8_t byte_at(size_t i) {
        return (uint8_t)(i ^ i >> 8);
}

/* A receive of which an end or a loss is as good as an error. */
static int take(beam_receiver *rx, beam_msg **ret) {
        int r = beam_recv(rx, ret, patience());

        return r > 0 ? 0 : r == 0 ? -EPIPE : r;
}

static int send_text(stage *s, beam_sender *tx, const char *text) {
        int r = beam_msg_new(text, strlen(text), &s->msg);

        if (r >= 0)
                r = beam_send(tx, s->msg, patience());
        if (r >= 0)
                s->msg = NULL;
        return r;
}

static int take_text(stage *s, beam_receiver *rx, const char *text) {
        int r = take(rx, &s->got);
        size_t n;

        if (r < 0)
                return r;
        const void *p = beam_msg_data(s->got, &n);
        assert_mem(p, n, text, strlen(text));
        s->got = beam_msg_free(s->got);
        return 0;
}

/* the acts */

static int meet(stage *s, const char *url, bool background) {
        beam_options opt = { .size = sizeof(opt), .background = background };
        int r;

        r = beam_listen(test_url(url), &opt, &s->l);
        if (r < 0)
                return r;
        r = beam_dial(beam_listener_url(s->l), &opt, &s->a, patience());
        if (r < 0)
                return r;
        /* What is lost on its way is never accepted: there is somebody only as long as the
         * side that dialled lives. */
        for (int64_t end = patience();;) {
                r = beam_accept(s->l, &s->b, beam_after(BEAM_SECOND / 50));
                if (r != -ETIMEDOUT)
                        return r;
                r = beam_session_state(s->a, NULL);
                if (r < 0)
                        return r;
                assert_lt(beam_now(), end);
        }
}

static int open_channel(stage *s) {
        int r = beam_session_open(s->a, "fault", 2, &s->tx, patience());

        if (r < 0)
                return r;
        r = beam_session_accept(s->b, &s->got, patience());
        if (r <= 0)
                return r == 0 ? -EPIPE : r;
        s->rx = beam_msg_take_receiver(s->got, 0);
        assert_not_null(s->rx);
        s->got = beam_msg_free(s->got);
        return 0;
}

static int open_file(stage *s) {
        /* By calls that do not fail in turn: this is the test's, not the library's. */
        s->fd = memfd_create("fault", MFD_CLOEXEC);
        assert_ge(s->fd, 0);
        assert_eq(pwrite(s->fd, "file", 4, 0), 4);
        return 0;
}

/* A message with one of each kind. */
static int send_things(stage *s) {
        int r = beam_msg_new("things", 6, &s->msg);

        if (r >= 0)
                r = beam_msg_set_label(s->msg, "text/plain");
        if (r < 0)
                return r;
        beam_msg_set_deadline(s->msg, patience());
        r = beam_pipe(2, &s->inner_tx, &s->inner_rx);
        if (r >= 0)
                r = beam_stream_pair(&s->near, &s->far);
        if (r >= 0)
                r = beam_msg_put_receiver(s->msg, s->inner_rx);
        if (r < 0)
                return r;
        s->inner_rx = NULL;
        r = beam_msg_put_stream(s->msg, s->far);
        if (r < 0)
                return r;
        s->far = NULL;
        open_file(s);
        r = beam_msg_put_fd(s->msg, s->fd);
        if (r < 0)
                return r;
        s->fd = -1;
        r = beam_send(s->tx, s->msg, patience());
        if (r >= 0)
                s->msg = NULL;
        return r;
}

static int read_file(stage *s) {
        int64_t end = patience();
        char text[8];
        ssize_t n = 0;

        /* A bridged one is filled by the loop, unless that has a thread of its own. */
        for (ssize_t r; n < 4; n += r) {
                while (!(test_poll_now(s->fd, POLLIN) & (POLLIN | POLLHUP))) {
                        r = beam_loop_dispatch();
                        if (r < 0)
                                return (int)r;
                        assert_lt(beam_now(), end);
                }
                r = syscall(SYS_pread64, s->fd, text + n, sizeof(text) - (size_t)n, n);
                if (r < 0) /* no file */
                        r = syscall(SYS_read, s->fd, text + n, sizeof(text) - (size_t)n);
                if (r <= 0)
                        return -EPIPE; /* its bridge failed */
        }
        assert_mem(text, (size_t)n, "file", 4);
        close(s->fd);
        s->fd = -1;
        return 0;
}

static int take_things(stage *s) {
        int r = take(s->rx, &s->got);

        if (r < 0)
                return r;
        assert_str(beam_msg_label(s->got), "text/plain");
        assert_true(beam_msg_deadline(s->got) != BEAM_FOREVER);
        assert_eq(beam_msg_things(s->got), 3);
        s->inner_rx = beam_msg_take_receiver(s->got, 0);
        s->far = beam_msg_take_stream(s->got, 1);
        assert_not_null(s->inner_rx);
        assert_not_null(s->far);
        s->fd = beam_msg_take_fd(s->got, 2);
        s->got = beam_msg_free(s->got);
        if (s->fd < 0)
                return -EMFILE; /* there was none to make a bridge with */
        return read_file(s);
}

static int use_inner(stage *s) {
        int r = send_text(s, s->inner_tx, "inner");

        if (r >= 0)
                r = take_text(s, s->inner_rx, "inner");
        if (r < 0)
                return r;
        s->inner_tx = beam_sender_fail(s->inner_tx, BEAM_CODE_USER, "enough");
        r = beam_recv(s->inner_rx, &s->got, patience());
        if (r != -EPIPE)
                return r < 0 ? r : -EPIPE;
        s->inner_rx = beam_receiver_close(s->inner_rx);
        return 0;
}

static int use_stream(stage *s) {
        uint8_t out[4096], in[3000];
        size_t sent = 0, got = 0;
        ssize_t n = 0;

        while (got < STREAMED && n >= 0) {
                if (sent < STREAMED) {
                        size_t k = STREAMED - sent < sizeof(out) ? STREAMED - sent : sizeof(out);

                        for (size_t i = 0; i < k; i++)
                                out[i] = byte_at(sent + i);
                        /* With nothing on its way there is room, or will be soon. */
                        n = beam_stream_write(s->near, out, k, sent > got ? BEAM_NOW : patience());
                        if (n > 0)
                                sent += (size_t)n;
                        if (n < 0 && n != -ETIMEDOUT)
                                return (int)n;
                        if (sent == STREAMED) {
                                n = beam_stream_shutdown(s->near);
                                if (n < 0)
                                        return (int)n;
                        }
                }
                n = beam_stream_read(s->far, in, sizeof(in), patience());
                if (n == 0)
                        return -EPIPE;
                for (ssize_t i = 0; i < n; i++)
                        assert_eq(in[i], byte_at(got + (size_t)i));
                if (n > 0)
                        got += (size_t)n;
        }
        if (n < 0)
                return (int)n;
        n = beam_stream_read(s->far, in, sizeof(in), patience());
        assert_le(n, 0);
        s->far = beam_stream_close(s->far);
        s->near = beam_stream_close(s->near);
        return (int)n;
}

static int send_large(stage *s) {
        int r = beam_msg_new(NULL, LARGE, &s->msg);
        size_t n;

        if (r < 0)
                return r;
        uint8_t *out = beam_msg_buffer(s->msg);
        for (size_t i = 0; i < LARGE; i++)
                out[i] = byte_at(i);
        r = beam_send(s->tx, s->msg, patience());
        if (r < 0)
                return r;
        s->msg = NULL;
        r = take(s->rx, &s->got);
        if (r < 0)
                return r;
        const uint8_t *in = beam_msg_data(s->got, &n);
        assert_eq(n, LARGE);
        for (size_t i = 0; i < LARGE; i++)
                assert_eq(in[i], byte_at(i));
        s->got = beam_msg_free(s->got);
        return 0;
}

typedef struct heard {
        stage *s;
        int r;
} heard;

static void on_question(void *data, beam_receiver *rx) {
        heard *h = data;

        h->r = beam_recv(rx, &h->s->got, BEAM_NOW);
        h->r = h->r > 0 ? 0 : h->r == 0 ? -EPIPE : h->r;
        beam_loop_stop();
}

/* A question with its way back, heard in a callback. */
static int ask(stage *s) {
        heard h = { .s = s };
        beam_sender *reply = NULL;
        int r;

        r = beam_pipe(1, &reply, &s->opened);
        if (r < 0)
                return r;
        s->back = reply;
        r = beam_msg_new("question", 8, &s->msg);
        if (r >= 0)
                r = beam_msg_put_sender(s->msg, s->back);
        if (r < 0)
                return r;
        s->back = NULL;
        r = beam_send(s->tx, s->msg, patience());
        if (r < 0)
                return r;
        s->msg = NULL;

        r = beam_receiver_watch(s->rx, on_question, &h);
        if (r < 0)
                return r;
        r = beam_loop_run(patience());
        beam_receiver_watch(s->rx, NULL, NULL);
        if (r >= 0)
                r = h.r;
        if (r < 0)
                return r;
        r = beam_msg_new("answer", 6, &s->msg);
        if (r >= 0)
                r = beam_reply(s->got, s->msg, patience());
        if (r < 0)
                return r;
        s->msg = NULL;
        s->got = beam_msg_free(s->got);
        r = take_text(s, s->opened, "answer");
        s->opened = beam_receiver_close(s->opened);
        return r;
}

static int part(stage *s) {
        int64_t rtt;
        int r = beam_session_ping(s->a, &rtt, patience());

        if (r >= 0)
                r = send_text(s, s->tx, "last");
        if (r >= 0)
                r = take_text(s, s->rx, "last");
        if (r < 0)
                return r;
        s->tx = beam_sender_close(s->tx);
        r = beam_recv(s->rx, &s->got, patience());
        if (r != 0)
                return r < 0 ? r : -EPIPE;
        s->rx = beam_receiver_close(s->rx);
        return beam_session_drain(s->a, patience());
}

static const struct {
        const char *name;
        int (*fn)(stage *s);
} acts[] = {
        { "open a channel", open_channel },
        { "send things", send_things },
        { "take things", take_things },
        { "use the inner channel", use_inner },
        { "use the stream", use_stream },
        { "send a large message", send_large },
        { "ask", ask },
        { "part", part },
};

static const char *act;

const char *scenario_act(void) {
        return act;
}

int scenario(const char *url, bool background) {
        stage s = { .fd = -1 };
        int r;

        act = "meet";
        r = meet(&s, url, background);
        for (size_t i = 0; i < n_of(acts) && r >= 0; i++) {
                act = acts[i].name;
                r = acts[i].fn(&s);
        }
        stage_deinit(&s);
        return r;
}

int scenario_case(const char *name) {
        bool background = !strncmp(name, "bg ", 3);

        return scenario(background ? name + 3 : name, background);
}
