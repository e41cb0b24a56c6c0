/* SPDX-License-Identifier: Apache-2.0 */
#include "background.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "../base/clock.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../chan/bridge.h"
#include "../chan/stream.h"
#include "dial.h"
#include "drive.h"
#include "mem.h"

/* How often what the peer has opened is handed over again, when memory was short. */
#define RETRY (CLOCK_SECOND / 500)

enum { N_TRIES = 64 }; /* picked: an eighth of a second */

typedef enum order_kind { ORDER_START, ORDER_OPEN, ORDER_DRAIN, ORDER_PING } order_kind;

/* What the program's thread asks of the session's, waiting for the answer. */
typedef struct order {
        order_kind kind;
        int64_t deadline;
        int r;
        union {
                struct {
                        mux_kind mux;
                        const char *service;
                        size_t depth;
                        void *end; /* of a channel in memory, to be the thread's */
                };
                int64_t rtt;
        };
} order;

typedef struct background {
        beam_session base;   /* the program's handle */
        beam_session *front; /* its side of the memory session */
        beam_sender *orders;
        pthread_t thread;
        beam_peer peer;

        /* the thread's */
        beam_session *back;
        beam_receiver *orders_in;
        session *s;
        beam_receiver *opens;
        post over; /* put when the session has ended, before its channels hear of it */
} background;

static const session_calls background_calls;

static background *of(const beam_session *s) {
        return (background *)(uintptr_t)s;
}

/* the thread */

/* The end that is handed over goes on at the link. */
static int open_for(background *b, order *o) {
        beam_session *s = &b->s->base;
        beam_stream *mine, *st;
        beam_receiver *rx;
        beam_sender *tx;
        bridge *br;
        void *end;
        int r;

        r = s->calls->open(s, o->mux, o->service, o->depth, &end, o->deadline);
        if (r < 0)
                return r;
        if (o->mux == MUX_STREAM) {
                mine = o->end;
                st = end;
                r = stream_bridge(mine, st);
                if (r < 0)
                        beam_stream_fail(st, BEAM_CODE_INTERNAL, NULL);
                return r;
        }
        rx = o->mux == MUX_RECEIVER ? o->end : end;
        tx = o->mux == MUX_RECEIVER ? end : o->end;
        r = bridge_new(rx, tx, &br);
        if (r < 0) {
                if (o->mux == MUX_RECEIVER)
                        beam_sender_fail(tx, BEAM_CODE_INTERNAL, NULL);
                else
                        beam_receiver_fail(rx, BEAM_CODE_INTERNAL, NULL);
                return r;
        }
        bridge_start(br);
        return 0;
}

/* The program may ask for the state as soon as one of its channels has told of the end. */
static void on_over(post *p) {
        background *b = container_of(p, background, over);

        mem_tell(b->back, b->s->error);
}

static int arrive(background *b) {
        int r = drive_arrive(b->s);

        if (r < 0)
                return r;
        post_init(&b->over, b->s->loop, false, on_over);
        b->s->news = &b->over;
        b->opens = b->s->base.calls->opens(&b->s->base);
        if (b->s->error)
                post_put(&b->over);
        return b->opens ? 0 : -ENOMEM;
}

static void obey(background *b, beam_msg *msg) {
        order *o = *(order **)beam_msg_buffer(msg);

        switch (o->kind) {
        case ORDER_START:
                o->r = arrive(b);
                break;
        case ORDER_OPEN:
                o->r = open_for(b, o);
                break;
        case ORDER_DRAIN:
                o->r = beam_session_drain(&b->s->base, o->deadline);
                break;
        case ORDER_PING:
                o->r = beam_session_ping(&b->s->base, &o->rtt, o->deadline);
                break;
        }
        /* done, whether or not there is memory for an answer: the way back closes */
        beam_msg_free(msg);
}

/* What the peer has opened, to the program. It has been counted by the peer, so it is not
 * dropped at the first lack of memory. */
static void hand_over(background *b, beam_msg *msg) {
        int r = mem_hand_over(b->back, msg, BEAM_FOREVER);

        for (int i = 0; i < N_TRIES && r == -ENOMEM; i++) {
                loop_turn(loop_mine(), clock_add(clock_now(), RETRY));
                r = mem_hand_over(b->back, msg, BEAM_FOREVER);
        }
        if (r < 0)
                beam_msg_free(msg);
}

static void relay(background *b) {
        for (;;) {
                beam_arm arms[] = {
                        { .rx = b->orders_in },
                        { .rx = b->opens },
                };
                int i = beam_select(arms, 2, BEAM_FOREVER);

                if (i == 0 && arms[0].r == 1)
                        obey(b, arms[0].msg);
                else if (i == 1 && arms[1].r == 1)
                        hand_over(b, arms[1].msg);
                else if (i == 0)
                        return;
                else if (i == 1)
                        /* the link is gone: the program is told, and may still ask */
                        break;
        }
        /* The bridges bring their news; then only the program's word is waited for. */
        loop_turn(loop_get(), 0);
        mem_end(b->back, b->s->error);
        b->back = beam_session_close(b->back);
        for (beam_msg *msg; beam_recv(b->orders_in, &msg, BEAM_FOREVER) == 1;)
                obey(b, msg);
}

static void *run(void *arg) {
        background *b = arg;
        beam_msg *first;

        if (beam_recv(b->orders_in, &first, BEAM_FOREVER) == 1) {
                obey(b, first);
                if (b->s->loop == loop_mine())
                        relay(b);
        }
        /* what the program sent before it closed goes as far as it can now */
        for (int i = 0; i < 2 && loop_mine(); i++)
                loop_turn(loop_mine(), 0);
        b->s->news = NULL;
        post_cancel(&b->over);
        beam_session_close(b->back);
        beam_session_close(&b->s->base);
        beam_receiver_close(b->orders_in);
        if (loop_mine())
                loop_turn(loop_mine(), 0);
        return NULL;
}

/* the program's side */

static int ask(background *b, order *o) {
        beam_msg *msg, *answer;
        order *at = o;
        int left, r;

        o->r = -ECONNRESET;
        r = beam_msg_new(&at, sizeof(at), &msg);
        if (r < 0)
                return r;
        r = beam_call(b->orders, msg, &answer, &left, BEAM_FOREVER);
        if (r == 0)
                beam_msg_free(answer);
        else if (!left)
                beam_msg_free(msg);
        return o->r;
}

static int background_open(beam_session *s, mux_kind kind, const char *service, size_t depth,
                           void *ret_end, int64_t deadline) {
        background *b = of(s);
        order o = { .kind = ORDER_OPEN,
                    .deadline = deadline,
                    .mux = kind,
                    .service = service,
                    .depth = depth };
        void *mine;
        int r;

        r = mem_make(b->front, kind, depth, &mine, &o.end, BEAM_NOW);
        if (r < 0)
                return r;
        r = ask(b, &o);
        if (r < 0) {
                mem_unmake(kind, mine, o.end);
                return r;
        }
        *(void **)ret_end = mine;
        return 0;
}

static beam_receiver *background_opens(beam_session *s) {
        beam_session *front = of(s)->front;

        return front->calls->opens(front);
}

static int background_drain(beam_session *s, int64_t deadline) {
        order o = { .kind = ORDER_DRAIN, .deadline = deadline };
        background *b = of(s);
        int r, on_link;

        /* What the thread has not taken over yet cannot be drained by it. */
        r = b->front->calls->drain(b->front, deadline);
        if (r == -ETIMEDOUT)
                return r;
        on_link = ask(b, &o);
        return on_link < 0 && on_link != -EPIPE ? on_link : r < 0 ? r : on_link;
}

static void background_close(beam_session *s) {
        background *b = of(s);

        if (s->forks == fork_count()) {
                mem_cancel(b->front);
                beam_sender_close(b->orders);
                pthread_join(b->thread, NULL);
        }
        beam_session_close(b->front);
        mem_free(b);
}

static int background_ping(beam_session *s, int64_t *ret_rtt, int64_t deadline) {
        order o = { .kind = ORDER_PING, .deadline = deadline };
        int r = ask(of(s), &o);

        if (r == 0)
                *ret_rtt = o.rtt;
        return r;
}

static int background_state(const beam_session *s, beam_reason *ret) {
        const background *b = of(s);

        return b->front->calls->state(b->front, ret);
}

static int background_peer(const beam_session *s, beam_peer *ret) {
        size_t size = ret->size;

        *ret = of(s)->peer;
        ret->size = size;
        return 0;
}

static const session_calls background_calls = {
        .open = background_open,
        .opens = background_opens,
        .drain = background_drain,
        .close = background_close,
        .ping = background_ping,
        .state = background_state,
        .peer = background_peer,
};

/* Signals are the program's business, on the program's threads. */
static int start_thread(background *b) {
        sigset_t all, before;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        r = -pthread_create(&b->thread, NULL, run, b);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

/* What the peer told of itself holds for sends before they reach the link. */
static beam_options limits_of_peer(const session *s) {
        bool fds = s->peer.fds & MUX_FDS_BRIDGE ||
                   (s->link && s->link->passes_fds && s->peer.fds & MUX_FDS_PASS);

        return (beam_options){
                .size = sizeof(beam_options),
                .max_msg = s->peer.max_msg < SIZE_MAX ? (size_t)s->peer.max_msg : SIZE_MAX,
                .max_things = s->peer.max_things,
                /* opening is asked of the thread, which knows the peer's room */
                .max_channels = UINT32_MAX,
                .fds = fds ? BEAM_FDS_DEFAULT : BEAM_FDS_REFUSE,
        };
}

int background_adopt(session *s, beam_session **ret) {
        background *b = mem_zero(sizeof(*b));
        order o = { .kind = ORDER_START };
        beam_options theirs = limits_of_peer(s);
        int r;

        if (!b) {
                beam_session_close(&s->base);
                return -ENOMEM;
        }
        b->base.calls = &background_calls;
        b->base.forks = fork_count();
        b->s = s;
        r = mem_pair(&s->opt, &theirs, "background", &b->front, &b->back);
        if (r >= 0) {
                r = beam_pipe(1, &b->orders, &b->orders_in);
                if (r < 0) {
                        beam_session_close(b->front);
                        beam_session_close(b->back);
                }
        }
        if (r < 0) {
                mem_free(b);
                beam_session_close(&s->base);
                return r;
        }
        b->peer.pid = -1;
        s->base.calls->peer(&s->base, &b->peer);
        /* what lies before the session counts against its window, as it does behind */
        mem_meter(b->front, s->peer.window);

        drive_leave(s);
        r = start_thread(b);
        if (r < 0) {
                drive_arrive(s);
                beam_sender_close(b->orders);
                beam_receiver_close(b->orders_in);
                beam_session_close(b->front);
                beam_session_close(b->back);
                beam_session_close(&s->base);
                mem_free(b);
                return r;
        }
        r = ask(b, &o);
        if (r < 0) {
                /* the session went with the thread */
                background_close(&b->base);
                return r;
        }
        *ret = &b->base;
        return 0;
}

int background_dial(const url *u, const beam_options *opt, beam_session **ret, int64_t deadline) {
        session *s;
        int r;

        r = dial_url(u, opt, &s, deadline);
        if (r < 0)
                return r;
        return background_adopt(s, ret);
}
