/* SPDX-License-Identifier: Apache-2.0 */
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../chan/end.h"
#include "../chan/stream.h"

/* Opened and not yet accepted; its memory is the kernel's until it is used. */
enum { OPENS_MAX = 65536 };

#define RETRY (CLOCK_SECOND / 200)

typedef struct mem_session {
        beam_session base;
        group *group;
        int side;
        beam_sender *to_peer; /* where what we open goes */
        beam_receiver *opens; /* what the peer opens */
        size_t meter;
        bool drained, away;
        _Atomic int error; /* set from the other side's thread, too */
        struct mem_session *_Atomic peer;
        char name[64];
        list node; /* waiting in a listener */
} mem_session;

static const session_calls mem_calls;

static mem_session *of(const beam_session *s) {
        return (mem_session *)(uintptr_t)s;
}

/* The peers know of each other only to say when one goes. */
static lock peers_guard;

static mem_session *side_new(group *g, int side, const char *name) {
        mem_session *s = mem_zero(sizeof(*s));

        if (!s)
                return NULL;
        s->base.calls = &mem_calls;
        s->base.forks = fork_count();
        s->group = g;
        s->side = side;
        list_init(&s->node);
        snprintf(s->name, sizeof(s->name), "mem:%s", name);
        return s;
}

int mem_pair(const beam_options *opt0, const beam_options *opt1, const char *name,
             beam_session **ret0, beam_session **ret1) {
        mem_session *s[2] = { NULL, NULL };
        beam_options opt[2];
        group *g;
        int r = -ENOMEM;

        options_fill(&opt[0], opt0);
        options_fill(&opt[1], opt1);
        g = group_new(&opt[0], &opt[1]);
        if (!g)
                return -ENOMEM;
        for (int i = 0; i < 2; i++)
                s[i] = side_new(g, i, name);
        if (!s[0] || !s[1])
                goto fail;
        for (int i = 0; i < 2; i++) {
                size_t depth = opt[!i].max_channels < OPENS_MAX ? opt[!i].max_channels : OPENS_MAX;

                r = beam_pipe(depth, &s[i]->to_peer, &s[!i]->opens);
                if (r < 0)
                        goto fail;
        }
        group_ref(g);
        s[0]->peer = s[1];
        s[1]->peer = s[0];
        *ret0 = &s[0]->base;
        *ret1 = &s[1]->base;
        return 0;
fail:
        for (int i = 0; i < 2; i++)
                if (s[i]) {
                        beam_sender_close(s[i]->to_peer);
                        beam_receiver_close(s[i]->opens);
                        mem_free(s[i]);
                }
        group_unref(g);
        return r;
}

/* opening */

static int enter(mem_session *s, mux_kind kind, void *mine, void *theirs) {
        int here = s->side, there = !s->side;

        switch (kind) {
        case MUX_RECEIVER: {
                chan_pipe *p = ((beam_sender *)mine)->pipe;

                p->max_msg = group_max_msg(s->group, there);
                if (s->meter && p->ring.depth)
                        pipe_meter(p, s->meter);
                return receiver_cross(theirs, s->group, here, true);
        }
        case MUX_SENDER: {
                chan_pipe *p = ((beam_receiver *)mine)->pipe;

                p->max_msg = group_max_msg(s->group, here);
                return sender_cross(theirs, s->group, here, true);
        }
        default:
                return stream_enter(theirs, s->group, here);
        }
}

static int make(mux_kind kind, size_t depth, void **ret_mine, void **ret_theirs) {
        beam_receiver *rx;
        beam_sender *tx;
        int r;

        if (kind == MUX_STREAM)
                return beam_stream_pair((beam_stream **)ret_mine, (beam_stream **)ret_theirs);
        r = beam_pipe(depth, &tx, &rx);
        if (r < 0)
                return r;
        *ret_mine = kind == MUX_RECEIVER ? (void *)tx : (void *)rx;
        *ret_theirs = kind == MUX_RECEIVER ? (void *)rx : (void *)tx;
        return 0;
}

void mem_unmake(mux_kind kind, void *mine, void *theirs) {
        if (kind == MUX_STREAM) {
                beam_stream_close(mine);
                beam_stream_close(theirs);
        } else if (kind == MUX_RECEIVER) {
                beam_sender_close(mine);
                beam_receiver_close(theirs);
        } else {
                beam_receiver_close(mine);
                beam_sender_close(theirs);
        }
}

static bool is_past(int64_t deadline) {
        return deadline != BEAM_FOREVER && clock_now() >= deadline;
}

int mem_make(beam_session *base, mux_kind kind, size_t depth, void **ret_mine, void **ret_theirs,
             int64_t deadline) {
        mem_session *s = of(base);
        loop *l = loop_get();
        void *mine, *theirs;
        int r;

        if (!l)
                return -ENOMEM;
        if (s->away || atomic_load(&s->error))
                return s->away ? -EPIPE : -ENOTCONN;
        r = make(kind, depth, &mine, &theirs);
        if (r < 0)
                return r;

        group_wait(s->group, l);
        l->n_foreign++;
        while ((r = enter(s, kind, mine, theirs)) == -EAGAIN && !is_past(deadline))
                loop_turn(l, deadline);
        l->n_foreign--;
        group_forget(s->group, l);
        if (r < 0) {
                mem_unmake(kind, mine, theirs);
                return r == -EAGAIN ? -ETIMEDOUT : r;
        }
        *ret_mine = mine;
        *ret_theirs = theirs;
        return 0;
}

static int put(beam_msg *msg, mux_kind kind, void *theirs) {
        return kind == MUX_STREAM     ? beam_msg_put_stream(msg, theirs)
               : kind == MUX_RECEIVER ? beam_msg_put_receiver(msg, theirs)
                                      : beam_msg_put_sender(msg, theirs);
}

static int mem_open(beam_session *base, mux_kind kind, const char *service, size_t depth,
                    void *ret_end, int64_t deadline) {
        size_t n = service ? strlen(service) : 0;
        void *mine, *theirs;
        beam_msg *msg;
        int r;

        if (n > MUX_NAME_MAX)
                return -EINVAL;
        r = mem_make(base, kind, depth, &mine, &theirs, deadline);
        if (r < 0)
                return r;
        msg = msg_new(n + 1);
        r = msg ? put(msg, kind, theirs) : -ENOMEM;
        if (r >= 0) {
                memcpy(msg->data, service ? service : "", n + 1);
                msg->n = n;
                theirs = NULL;
                r = beam_send(of(base)->to_peer, msg, deadline);
                if (r == -EPIPE)
                        r = -ENOTCONN;
        }
        if (r < 0) {
                beam_msg_free(msg);
                mem_unmake(kind, mine, theirs);
                return r;
        }
        *(void **)ret_end = mine;
        return 0;
}

void mem_meter(beam_session *s, size_t max_bytes) {
        of(s)->meter = max_bytes;
}

int mem_hand_over(beam_session *base, beam_msg *msg, int64_t deadline) {
        mem_session *s = of(base);
        int r = msg_detach(msg);

        for (size_t i = 0; i < msg_n_things(msg) && r >= 0; i++)
                r = thing_cross(msg_thing(msg, i), s->group, s->side);
        return r < 0 ? r : beam_send(s->to_peer, msg, deadline);
}

/* ending */

static void set_state(beam_session *base, int error) {
        int none = 0;

        atomic_compare_exchange_strong(&of(base)->error, &none, error);
}

/* The last word to the peer's accept, and to its state. */
static void leave(mem_session *s, int error, uint32_t code) {
        lock_take(&peers_guard);
        if (s->peer) {
                set_state(&s->peer->base, error);
                s->peer->peer = NULL;
        }
        s->peer = NULL;
        lock_give(&peers_guard);
        s->to_peer = beam_sender_fail(s->to_peer, code, NULL);
}

void mem_tell(beam_session *base, int error) {
        mem_session *s = of(base);

        lock_take(&peers_guard);
        if (s->peer)
                set_state(&s->peer->base, error);
        lock_give(&peers_guard);
}

void mem_end(beam_session *base, int error) {
        leave(of(base), error, error == -EPIPE ? BEAM_CODE_NONE : BEAM_CODE_LOST);
}

static beam_receiver *mem_opens(beam_session *base) {
        return of(base)->opens;
}

static int mem_drain(beam_session *base, int64_t deadline) {
        mem_session *s = of(base);
        loop *l = loop_get();
        bool all = false, last = false;

        if (!l)
                return -ENOMEM;
        s->away = true;
        group_wait(s->group, l);
        l->n_foreign++;
        while (!s->drained && !(all = group_drained(s->group)) && !last) {
                int error = atomic_load(&s->error);

                if (error && error != -EPIPE)
                        break;
                last = is_past(deadline);
                loop_turn(l, last ? 0 : deadline);
        }
        l->n_foreign--;
        group_forget(s->group, l);
        if (all && !s->drained) {
                s->drained = true;
                leave(s, -EPIPE, BEAM_CODE_NONE);
                set_state(base, -EPIPE);
        }
        if (group_has_lost(s->group))
                return -ECONNRESET;
        if (s->drained)
                return group_has_refused(s->group) ? -EPIPE : 0;
        return atomic_load(&s->error) ? -ECONNRESET : -ETIMEDOUT;
}

void mem_cancel(beam_session *base) {
        mem_session *s = of(base);

        if (!s->drained)
                group_cut(s->group, s->side);
}

static void mem_close(beam_session *base) {
        mem_session *s = of(base);

        if (base->forks == fork_count()) {
                if (!s->drained) {
                        leave(s, -ECONNRESET, BEAM_CODE_LOST);
                        group_cut(s->group, s->side);
                }
                beam_receiver_close(s->opens);
                group_unref(s->group);
        }
        mem_free(s);
}

static int mem_ping(beam_session *base, int64_t *ret_rtt, int64_t deadline) {
        (void)deadline;
        if (atomic_load(&of(base)->error))
                return -ENOTCONN;
        *ret_rtt = 0;
        return 0;
}

static int mem_state(const beam_session *base, beam_reason *ret) {
        if (ret)
                *ret = (beam_reason){ BEAM_CODE_NONE, "" };
        return atomic_load(&of(base)->error);
}

static int mem_peer(const beam_session *base, beam_peer *ret) {
        ret->pid = getpid();
        ret->uid = getuid();
        ret->gid = getgid();
        snprintf(ret->address, sizeof(ret->address), "%s", of(base)->name);
        return 0;
}

static const session_calls mem_calls = {
        .open = mem_open,
        .opens = mem_opens,
        .drain = mem_drain,
        .close = mem_close,
        .ping = mem_ping,
        .state = mem_state,
        .peer = mem_peer,
};

/* names */

typedef struct mem_listener {
        beam_listener base;
        list node; /* among the names */
        beam_options opt;
        list ready; /* sessions whose peer has dialled */
        size_t n_ready;
        loop *waiting;
        port *by;
        char name[108];
} mem_listener;

static lock names_guard;
static list names = LIST_INIT(names);

static mem_listener *find(const char *name) {
        list_each(node, &names) {
                mem_listener *l = container_of(node, mem_listener, node);

                if (!strcmp(l->name, name) && l->base.forks == fork_count())
                        return l;
        }
        return NULL;
}

static void names_in_child(void) {
        atomic_store(&names_guard.state, 0);
        atomic_store(&peers_guard.state, 0);
        list_init(&names);
}

/* The listener may be another thread's: all that is done with it is done under the
 * guard. 0, -EAGAIN while too many wait, or the error. */
static int hand_in(const char *name, const beam_options *opt, beam_session **ret) {
        beam_session *ours, *theirs;
        mem_listener *l;
        int r;

        lock_take(&names_guard);
        l = find(name);
        r = !l ? -ECONNREFUSED : l->n_ready >= l->opt.max_pending ? -EAGAIN : 0;
        if (r == 0)
                r = mem_pair(opt, &l->opt, name, &ours, &theirs);
        if (r == 0) {
                list_append(&l->ready, &of(theirs)->node);
                l->n_ready++;
                if (l->waiting)
                        loop_poke(l->waiting);
                if (l->by && l->by->armed) {
                        l->by->armed = false;
                        post_put(&l->by->post);
                }
                *ret = ours;
        }
        lock_give(&names_guard);
        return r;
}

int mem_dial(const char *name, const beam_options *opt, beam_session **ret, int64_t deadline) {
        loop *l = loop_get();
        int r;

        if (!l)
                return -ENOMEM;
        while ((r = hand_in(name, opt, ret)) == -EAGAIN) {
                int64_t retry = clock_add(clock_now(), RETRY);

                if (is_past(deadline))
                        return -ETIMEDOUT;
                while (!is_past(retry))
                        loop_turn(l, retry < deadline ? retry : deadline);
        }
        return r;
}

static beam_session *take_ready(mem_listener *l) {
        list *node;

        lock_take(&names_guard);
        node = list_take_first(&l->ready);
        l->n_ready -= node != NULL;
        lock_give(&names_guard);
        return node ? &container_of(node, mem_session, node)->base : NULL;
}

static int mem_accept(beam_listener *base, beam_session **ret, int64_t deadline) {
        mem_listener *m = (mem_listener *)base;
        beam_session *taken;
        loop *l = loop_get();
        bool last = false;

        if (!l)
                return -ENOMEM;
        lock_take(&names_guard);
        m->waiting = l;
        lock_give(&names_guard);
        l->n_foreign++;
        while (!(taken = take_ready(m)) && !last) {
                last = is_past(deadline);
                loop_turn(l, last ? 0 : deadline);
        }
        l->n_foreign--;
        lock_take(&names_guard);
        m->waiting = NULL;
        lock_give(&names_guard);
        if (taken)
                *ret = taken;
        return taken ? 0 : -ETIMEDOUT;
}

static void mem_listener_watch(beam_listener *base, port *by) {
        mem_listener *m = (mem_listener *)base;

        lock_take(&names_guard);
        if (by && !m->by)
                by->post.loop->n_foreign++;
        if (!by && m->by)
                m->by->post.loop->n_foreign--;
        m->by = by;
        if (by) {
                by->armed = list_is_empty(&m->ready);
                if (!by->armed)
                        post_put(&by->post);
        }
        lock_give(&names_guard);
}

static void mem_listener_close(beam_listener *base) {
        mem_listener *m = (mem_listener *)base;
        beam_session *s;

        if (base->forks == fork_count()) {
                lock_take(&names_guard);
                list_remove(&m->node);
                lock_give(&names_guard);
                while ((s = take_ready(m)))
                        beam_session_close(s);
        }
        mem_free(m);
}

static const listener_calls calls = {
        .accept = mem_accept,
        .watch = mem_listener_watch,
        .close = mem_listener_close,
};

int mem_listen(const char *name, const beam_options *opt, beam_listener **ret) {
        static _Atomic bool hooked;
        mem_listener *m = mem_zero(sizeof(*m));
        int r = 0;

        if (!m)
                return -ENOMEM;
        if (!atomic_exchange(&hooked, true))
                fork_in_child(names_in_child);
        m->base.calls = &calls;
        m->base.forks = fork_count();
        options_fill(&m->opt, opt);
        list_init(&m->ready);
        list_init(&m->node);
        snprintf(m->name, sizeof(m->name), "%s", name);
        snprintf(m->base.url, sizeof(m->base.url), "mem:%s", name);

        lock_take(&names_guard);
        if (find(name))
                r = -EADDRINUSE;
        else
                list_append(&names, &m->node);
        lock_give(&names_guard);
        if (r < 0)
                mem_free(m);
        else
                *ret = &m->base;
        return r;
}
