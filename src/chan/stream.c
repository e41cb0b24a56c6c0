/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <string.h>

#include "../base/clock.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "reason.h"
#include "session.h"
#include "wire.h"

enum { RING = 64 * 1024 }; /* as a pipe of the kernel's */

/* One way of a tube. */
typedef struct way {
        uint8_t *ring; /* made by the first write */
        size_t at, n;
        size_t pulled; /* by a bridge, and not yet acknowledged */
        uint64_t written, seen_taken;
        bool ended, stopped; /* by its writer, by its reader */
        bool left;           /* stopped before all was read */
        uint32_t end_code, stop_code;
        char *end_text, *stop_text;
} way;

typedef struct sleeper {
        list node;
        loop *loop;
} sleeper;

struct tube {
        lock guard;
        uint32_t forks;
        int n_sides;
        way ways[2]; /* by the side that writes */
        list sleepers[2];
        port *ports[2];
        int cut[2]; /* the error for that side, when the session was cut off */
        member member;
};

/* tubes */

static void tube_wake(tube *t, int side) {
        list_each(node, &t->sleepers[side]) {
                loop_poke(container_of(node, sleeper, node)->loop);
        }
        if (t->ports[side] && t->ports[side]->armed) {
                t->ports[side]->armed = false;
                post_put(&t->ports[side]->post);
        }
}

static void tube_free(tube *t) {
        group_leave(&t->member);
        for (int i = 0; i < 2; i++) {
                mem_free(t->ways[i].ring);
                mem_free(t->ways[i].end_text);
                mem_free(t->ways[i].stop_text);
        }
        mem_free(t);
}

static bool on_cut(member *m, int r0, int r1) {
        tube *t = container_of(m, tube, member);
        bool left = false;

        lock_take(&t->guard);
        for (int side = 0; side < 2; side++) {
                way *w = &t->ways[side];

                if (!w->ended) {
                        w->ended = true;
                        w->end_code = BEAM_CODE_LOST;
                }
                if (!w->stopped) {
                        w->stopped = true;
                        w->left = w->n + w->pulled > 0;
                        w->stop_code = BEAM_CODE_LOST;
                }
                left |= w->left;
                t->cut[side] = side ? r1 : r0;
                tube_wake(t, side);
        }
        lock_give(&t->guard);
        return left;
}

static bool is_way_over(const way *w) {
        return w->stopped || (w->ended && !w->n && !w->pulled);
}

static bool is_over(member *m) {
        tube *t = container_of(m, tube, member);
        bool over = true;

        lock_take(&t->guard);
        for (int side = 0; side < 2; side++)
                over = over && is_way_over(&t->ways[side]);
        lock_give(&t->guard);
        return over;
}

int stream_enter(beam_stream *st, group *g, int here) {
        tube *t = st->tube;
        int there = !here;

        return group_enter(g, &t->member, st->side ? here : there, st->side ? there : here, here);
}

static int end_of(uint32_t code) {
        return code == BEAM_CODE_NONE ? 0 : code == BEAM_CODE_LOST ? -ECONNRESET : -EPIPE;
}

static ssize_t way_take(way *w, uint8_t *buf, size_t n) {
        size_t first;

        if (!w->n)
                return w->ended ? end_of(w->end_code) : -EAGAIN;
        n = n < w->n ? n : w->n;
        first = n < RING - w->at ? n : RING - w->at;
        memcpy(buf, w->ring + w->at, first);
        memcpy(buf + first, w->ring, n - first);
        w->at = (w->at + n) % RING;
        w->n -= n;
        return (ssize_t)n;
}

static ssize_t way_put(way *w, const uint8_t *buf, size_t n) {
        size_t at, first;

        if (w->stopped)
                return w->stop_code == BEAM_CODE_LOST ? -ENOTCONN : -EPIPE;
        if (w->ended)
                return -EPIPE;
        if (w->n + w->pulled >= RING)
                return -EAGAIN;
        if (!w->ring) {
                w->ring = mem_new(RING);
                if (!w->ring)
                        return -ENOMEM;
        }
        n = n < RING - w->n - w->pulled ? n : RING - w->n - w->pulled;
        at = (w->at + w->n) % RING;
        first = n < RING - at ? n : RING - at;
        memcpy(w->ring + at, buf, first);
        memcpy(w->ring, buf + first, n - first);
        w->n += n;
        w->written += n;
        return (ssize_t)n;
}

int beam_stream_pair(beam_stream **ret_a, beam_stream **ret_b) {
        beam_stream *a = mem_zero(sizeof(*a)), *b = mem_zero(sizeof(*b));
        tube *t = mem_zero(sizeof(*t));

        if (!a || !b || !t) {
                mem_free(a);
                mem_free(b);
                mem_free(t);
                return -ENOMEM;
        }
        t->forks = fork_count();
        t->n_sides = 2;
        t->member.cut = on_cut;
        t->member.is_over = is_over;
        list_init(&t->sleepers[0]);
        list_init(&t->sleepers[1]);
        *a = (beam_stream){ .tube = t, .side = 0 };
        *b = (beam_stream){ .tube = t, .side = 1 };
        *ret_a = a;
        *ret_b = b;
        return 0;
}

/* without waiting */

ssize_t stream_read(beam_stream *st, void *buf, size_t n) {
        tube *t = st->tube;
        ssize_t r;

        if (!t)
                return wire_read(st->wire, buf, n);
        lock_take(&t->guard);
        r = way_take(&t->ways[!st->side], buf, n);
        if (r < 0 && r != -EAGAIN && t->cut[st->side])
                r = t->cut[st->side];
        if (r > 0)
                tube_wake(t, !st->side);
        lock_give(&t->guard);
        return r;
}

ssize_t stream_pull(beam_stream *st, void *buf, size_t n) {
        tube *t = st->tube;
        ssize_t r;

        if (!t)
                return wire_read_pull(st->wire, buf, n);
        lock_take(&t->guard);
        r = way_take(&t->ways[!st->side], buf, n);
        if (r < 0 && r != -EAGAIN && t->cut[st->side])
                r = t->cut[st->side];
        if (r > 0)
                t->ways[!st->side].pulled += (size_t)r;
        lock_give(&t->guard);
        return r;
}

void stream_ack(beam_stream *st, size_t n) {
        tube *t = st->tube;

        if (!t) {
                wire_read_ack(st->wire, n);
                return;
        }
        lock_take(&t->guard);
        t->ways[!st->side].pulled -= n;
        tube_wake(t, !st->side);
        lock_give(&t->guard);
        if (t->member.of)
                group_stir(t->member.of);
}

size_t stream_taken(beam_stream *st) {
        tube *t = st->tube;
        size_t n;
        way *w;

        if (!t) {
                n = st->wire->said;
                st->wire->said = 0;
                return n;
        }
        lock_take(&t->guard);
        w = &t->ways[st->side];
        n = w->stopped && w->left ? 0 : (size_t)(w->written - w->n - w->pulled - w->seen_taken);
        w->seen_taken += n;
        lock_give(&t->guard);
        return n;
}

ssize_t stream_write(beam_stream *st, const void *buf, size_t n) {
        tube *t = st->tube;
        ssize_t r;

        if (!t)
                return wire_write(st->wire, buf, n);
        lock_take(&t->guard);
        r = way_put(&t->ways[st->side], buf, n);
        if (r == -ENOTCONN && t->cut[st->side] == -ECANCELED)
                r = -ECANCELED;
        if (r > 0)
                tube_wake(t, !st->side);
        lock_give(&t->guard);
        return r;
}

size_t stream_room(beam_stream *st) {
        tube *t = st->tube;
        size_t room;

        if (!t)
                return wire_room(st->wire);
        lock_take(&t->guard);
        room = RING - t->ways[st->side].n - t->ways[st->side].pulled;
        lock_give(&t->guard);
        return room;
}

int stream_left(beam_stream *st) {
        tube *t = st->tube;
        int r;

        if (!t)
                return st->wire->flags & (WIRE_STOPPED | WIRE_LOST) ? wire_tx_end(st->wire)
                                                                    : -EAGAIN;
        lock_take(&t->guard);
        r = !t->ways[st->side].stopped                      ? -EAGAIN
            : t->ways[st->side].stop_code == BEAM_CODE_LOST ? -ENOTCONN
                                                            : -EPIPE;
        lock_give(&t->guard);
        return r;
}

void stream_watch(beam_stream *st, port *by) {
        tube *t = st->tube;

        if (!t) {
                wire_watch(st->wire, by);
                return;
        }
        lock_take(&t->guard);
        if (by)
                by->armed = true;
        t->ports[st->side] = by;
        lock_give(&t->guard);
}

void stream_end(beam_stream *st, uint32_t code, const char *text) {
        tube *t = st->tube;
        bool stirred = false;
        way *w;

        if (!code && st->end_code) {
                code = st->end_code;
                text = st->end_text;
        }
        if (!t) {
                wire_end(st->wire, code, text);
                return;
        }
        lock_take(&t->guard);
        w = &t->ways[st->side];
        if (!w->ended) {
                w->ended = true;
                w->end_code = code;
                w->end_text = reason_copy(code, text);
                tube_wake(t, !st->side);
                stirred = true;
        }
        lock_give(&t->guard);
        if (stirred && t->member.of)
                group_stir(t->member.of);
}

void stream_stop(beam_stream *st, uint32_t code, const char *text) {
        tube *t = st->tube;
        bool stirred = false;
        way *w;

        if (!t) {
                wire_stop(st->wire, code, text);
                return;
        }
        lock_take(&t->guard);
        w = &t->ways[!st->side];
        if (!w->stopped) {
                w->stopped = true;
                w->left = w->n + w->pulled > 0;
                w->n = 0;
                w->stop_code = code;
                w->stop_text = reason_copy(code, text);
                if (w->left && t->member.of)
                        group_refused(t->member.of);
                tube_wake(t, !st->side);
                stirred = true;
        }
        lock_give(&t->guard);
        if (stirred && t->member.of)
                group_stir(t->member.of);
}

void stream_release(beam_stream *st) {
        tube *t = st->tube;
        bool last;

        mem_free(st->end_text);
        if (!t) {
                wire_release(st->wire);
                mem_free(st);
                return;
        }
        lock_take(&t->guard);
        t->ports[st->side] = NULL;
        last = --t->n_sides == 0;
        lock_give(&t->guard);
        if (last)
                tube_free(t);
        mem_free(st);
}

/* the program's calls */

bool stream_is_of_parent(const beam_stream *st) {
        return st->tube ? st->tube->forks != fork_count()
                        : st->wire->s && st->wire->s->base.forks != fork_count();
}

static int check(const beam_stream *st) {
        const wire *w = st->wire;

        if (st->tube)
                return st->tube->forks != fork_count() ? -ECHILD : 0;
        if (w->s && w->s->base.forks != fork_count())
                return -ECHILD;
        return w->s && w->s->loop != loop_mine() ? -EINVAL : 0;
}

/* One more turn of the loop; false at the deadline, which gets a last look. */
static bool turn(loop *l, int64_t deadline, bool *last) {
        if (*last)
                return false;
        *last = deadline != BEAM_FOREVER && clock_now() >= deadline;
        loop_turn(l, *last ? 0 : deadline);
        return true;
}

static void sleep_at(tube *t, int side, sleeper *sl) {
        sl->loop->n_foreign++;
        lock_take(&t->guard);
        list_append(&t->sleepers[side], &sl->node);
        lock_give(&t->guard);
}

static void sleep_over(tube *t, sleeper *sl) {
        lock_take(&t->guard);
        list_remove(&sl->node);
        lock_give(&t->guard);
        sl->loop->n_foreign--;
}

/* What comes while the read waits goes straight where it is wanted. */
static ssize_t read_wire_waiting(wire *w, void *buf, size_t n, loop *l, int64_t deadline) {
        bool last = false;
        ssize_t r;

        w->sink = buf;
        w->sink_room = n;
        while (turn(l, deadline, &last)) {
                if (w->sink_room < n || w->in.first || w->flags & (WIRE_END | WIRE_LOST))
                        break;
        }
        r = (ssize_t)(n - w->sink_room);
        w->sink_room = 0;
        if (r)
                return r;
        return wire_read(w, buf, n);
}

ssize_t beam_stream_read(beam_stream *st, void *buf, size_t n, int64_t deadline) {
        loop *l = loop_get();
        sleeper sl = { .loop = l };
        bool last = false;
        ssize_t r = check(st);

        if (r < 0 || !n)
                return r;
        if (!l)
                return -ENOMEM;
        r = stream_read(st, buf, n);
        if (r != -EAGAIN)
                return r;
        if (st->wire) {
                r = read_wire_waiting(st->wire, buf, n, l, deadline);
                return r == -EAGAIN ? -ETIMEDOUT : r;
        }
        sleep_at(st->tube, st->side, &sl);
        while ((r = stream_read(st, buf, n)) == -EAGAIN && turn(l, deadline, &last))
                ;
        sleep_over(st->tube, &sl);
        return r == -EAGAIN ? -ETIMEDOUT : r;
}

ssize_t beam_stream_write(beam_stream *st, const void *buf, size_t n, int64_t deadline) {
        loop *l = loop_get();
        sleeper sl = { .loop = l };
        bool last = false;
        ssize_t r = check(st);

        if (r < 0 || !n)
                return r;
        if (!l)
                return -ENOMEM;
        r = stream_write(st, buf, n);
        if (r == -EAGAIN) {
                if (st->tube)
                        sleep_at(st->tube, st->side, &sl);
                while ((r = stream_write(st, buf, n)) == -EAGAIN && turn(l, deadline, &last))
                        ;
                if (st->tube)
                        sleep_over(st->tube, &sl);
        }
        if (r > 0 && st->wire && st->wire->s && !loop_holds_back(l)) {
                session *s = st->wire->s;

                loop_flush(l);
                if (s->out.n)
                        session_settle(s, deadline);
        }
        return r == -EAGAIN ? -ETIMEDOUT : r;
}

static void flush_if_outside(const beam_stream *st) {
        loop *l = loop_mine();

        if (st->wire && l && !loop_holds_back(l))
                loop_flush(l);
}

int beam_stream_shutdown(beam_stream *st) {
        int r = check(st);

        if (r < 0)
                return r;
        stream_end(st, BEAM_CODE_NONE, NULL);
        flush_if_outside(st);
        return 0;
}

int beam_stream_set_end(beam_stream *st, uint32_t code, const char *text) {
        int r = check(st);

        if (r < 0)
                return r;
        mem_free(st->end_text);
        st->end_code = code;
        st->end_text = reason_copy(code, text);
        return 0;
}

int stream_drained(beam_stream *st) {
        tube *t = st->tube;
        const way *w;
        int r;

        if (!t)
                return wire_drained(st->wire);
        lock_take(&t->guard);
        w = &t->ways[st->side];
        r = w->stopped         ? !w->left                         ? 0
                                 : w->stop_code == BEAM_CODE_LOST ? -ECONNRESET
                                                                  : -EPIPE
            : w->n + w->pulled ? -EAGAIN
                               : 0;
        lock_give(&t->guard);
        return r;
}

int beam_stream_drain(beam_stream *st, int64_t deadline) {
        loop *l = loop_get();
        sleeper sl = { .loop = l };
        bool last = false;
        int r = check(st);

        if (r < 0)
                return r;
        if (!l)
                return -ENOMEM;
        if (st->tube)
                sleep_at(st->tube, st->side, &sl);
        while ((r = stream_drained(st)) == -EAGAIN && turn(l, deadline, &last))
                ;
        if (st->tube)
                sleep_over(st->tube, &sl);
        return r == -EAGAIN ? -ETIMEDOUT : r;
}

beam_stream *beam_stream_fail(beam_stream *st, uint32_t code, const char *text) {
        if (!st)
                return NULL;
        if (st->tube && st->tube->forks != fork_count()) {
                mem_free(st->end_text);
                return mem_free(st);
        }
        /* the stop first: who has read of the failure may not write with success after that */
        stream_stop(st, code, text);
        stream_end(st, code, text);
        flush_if_outside(st);
        stream_release(st);
        return NULL;
}

beam_stream *beam_stream_close(beam_stream *st) {
        return beam_stream_fail(st, BEAM_CODE_NONE, NULL);
}

int beam_stream_reason(const beam_stream *st, beam_reason *ret) {
        const wire *w = st->wire;
        tube *t = st->tube;
        const way *in, *out;
        int r = 1;

        if (!t) {
                const reason *why = w->end ? w->end : w->stop;

                if (!(w->flags & (WIRE_END | WIRE_STOPPED)))
                        return 0;
                *ret = (beam_reason){ why                    ? why->code
                                      : w->flags & WIRE_LOST ? (uint32_t)BEAM_CODE_LOST
                                                             : (uint32_t)BEAM_CODE_NONE,
                                      why ? why->text : "" };
                return 1;
        }
        lock_take(&t->guard);
        in = &t->ways[!st->side];
        out = &t->ways[st->side];
        if (in->ended && in->end_code)
                *ret = (beam_reason){ in->end_code, in->end_text ? in->end_text : "" };
        else if (out->stopped)
                *ret = (beam_reason){ out->stop_code, out->stop_text ? out->stop_text : "" };
        else if (in->ended)
                *ret = (beam_reason){ BEAM_CODE_NONE, "" };
        else
                r = 0;
        lock_give(&t->guard);
        return r;
}

/* bridges */

typedef struct stream_link {
        beam_stream *ends[2];
        port ports[2];
        bool over[2];  /* the way from ends[i] to ends[!i] has been ended */
        size_t out[2]; /* bytes that went that way and have not been acknowledged */
} stream_link;

static void say_why(beam_stream *from, int r, uint32_t *code, char text[static 256]) {
        beam_reason why = { BEAM_CODE_NONE, "" };

        text[0] = '\0';
        if (r == -EPIPE && beam_stream_reason(from, &why) > 0) {
                *code = why.code;
                strncpy(text, why.text, 255);
                text[255] = '\0';
        } else
                *code = r == -EPIPE || !r ? BEAM_CODE_NONE
                        : r == -ENOBUFS   ? BEAM_CODE_LIMIT
                                          : BEAM_CODE_LOST;
}

/* The reader has gone: so may the writer. */
static void look_way(stream_link *b, int i) {
        beam_stream *from = b->ends[i], *to = b->ends[!i];
        int left = b->over[i] ? -EAGAIN : stream_left(to);
        char text[256];
        uint32_t code;

        if (left == -EAGAIN)
                return;
        say_why(to, left, &code, text);
        stream_stop(from, code, text);
        stream_end(to, BEAM_CODE_CANCELED, NULL);
        b->out[i] = 0;
        b->over[i] = true;
}

static void pump_way(stream_link *b, int i, loop *l) {
        beam_stream *from = b->ends[i], *to = b->ends[!i];
        uint8_t *buf = loop_buffer(l);
        char text[256];
        uint32_t code;

        while (!b->over[i] && buf) {
                size_t room = stream_room(to);
                ssize_t n;

                if (!room)
                        break;
                n = stream_pull(from, buf, room < LOOP_BUFFER_SIZE ? room : LOOP_BUFFER_SIZE);
                if (n == -EAGAIN)
                        break;
                if (n <= 0) {
                        /* who failed has stopped reading before, and that goes first */
                        look_way(b, !i);
                        say_why(from, (int)n, &code, text);
                        stream_end(to, n ? code : 0, text);
                        b->over[i] = true;
                        break;
                }
                for (ssize_t done = 0, r; done < n; done += r) {
                        r = stream_write(to, buf + done, (size_t)(n - done));
                        if (r < 0) {
                                /* There was room, so memory is short or the link was lost just
                                 * now; what was read goes with it. */
                                if (r == -ENOMEM)
                                        code = BEAM_CODE_INTERNAL, text[0] = '\0';
                                else
                                        say_why(to, (int)r, &code, text);
                                stream_stop(from, code, text);
                                stream_end(to, code, text);
                                b->over[i] = true;
                                return;
                        }
                        b->out[i] += (size_t)r;
                }
        }
}

/* Once the way has been ended, its reader may still be at it. */
static bool settle_way(stream_link *b, int i) {
        size_t n = stream_taken(b->ends[!i]);

        if (n) {
                b->out[i] -= n;
                stream_ack(b->ends[i], n);
        }
        if (b->over[i] && b->out[i] && stream_left(b->ends[!i]) != -EAGAIN) {
                stream_stop(b->ends[i], BEAM_CODE_GONE, NULL);
                b->out[i] = 0;
        }
        return b->over[i] && !b->out[i];
}

static void pump(stream_link *b) {
        loop *l = b->ports[0].post.loop;
        bool settled = true;

        /* armed again, under the guard that a tube has */
        stream_watch(b->ends[0], &b->ports[0]);
        stream_watch(b->ends[1], &b->ports[1]);
        look_way(b, 0);
        look_way(b, 1);
        pump_way(b, 0, l);
        pump_way(b, 1, l);
        /* each of them, whatever the other says */
        for (int i = 0; i < 2; i++)
                settled = settle_way(b, i) && settled;
        if (!settled)
                return;
        for (int i = 0; i < 2; i++) {
                stream_watch(b->ends[i], NULL);
                if (b->ends[i]->tube)
                        l->n_foreign--;
                stream_stop(b->ends[i], 0, NULL);
                stream_release(b->ends[i]);
                post_cancel(&b->ports[i].post);
        }
        mem_free(b);
}

static void on_first(post *p) {
        pump(container_of(p, stream_link, ports[0].post));
}

static void on_second(post *p) {
        pump(container_of(p, stream_link, ports[1].post));
}

int stream_bridge(beam_stream *first, beam_stream *second) {
        loop *l = loop_get();
        stream_link *b = l ? mem_zero(sizeof(*b)) : NULL;

        if (!b)
                return -ENOMEM;
        b->ends[0] = first;
        b->ends[1] = second;
        post_init(&b->ports[0].post, l, false, on_first);
        post_init(&b->ports[1].post, l, false, on_second);
        for (int i = 0; i < 2; i++) {
                stream_watch(b->ends[i], &b->ports[i]);
                if (b->ends[i]->tube)
                        l->n_foreign++;
        }
        post_put(&b->ports[0].post);
        return 0;
}

int stream_detach(beam_stream *st) {
        beam_stream *inner, *outer, *old;
        int r;

        if (!st->wire)
                return 0;
        old = wire_stream(st->wire);
        if (!old)
                return -ENOMEM;
        r = beam_stream_pair(&inner, &outer);
        if (r < 0) {
                mem_free(old);
                return r;
        }
        r = stream_bridge(old, inner);
        if (r < 0) {
                mem_free(old);
                beam_stream_close(inner);
                beam_stream_close(outer);
                return r;
        }
        outer->end_code = st->end_code;
        outer->end_text = st->end_text;
        *st = *outer;
        mem_free(outer);
        return 0;
}
