/* SPDX-License-Identifier: Apache-2.0 */
#include "carry.h"

#include <fcntl.h>
#include <unistd.h>

#include "../base/fds.h"
#include "../base/mem.h"
#include "bridge.h"
#include "stream.h"

typedef struct carry_item {
        mux_kind kind; /* what the peer gets */
        uint8_t ways;
        wire *wire;     /* ours of the new channel; NULL for a descriptor that goes itself */
        void *end;      /* on it, for the bridge */
        bridge *bridge; /* between that and the end that was carried */
        bool back;      /* the wire is held by the caller already */
} carry_item;

/* Places at the end that hold nothing are not counted; in the middle they would move the
 * numbers by which the bytes name the rest. */
static int count(session *s, const beam_msg *msg, bool back, carry *c) {
        size_t n = msg_n_things(msg);

        while (n && msg_thing(msg, n - 1)->kind == BEAM_NOTHING)
                n--;
        for (size_t i = 0; i < n; i++) {
                beam_kind kind = msg_thing(msg, i)->kind;

                if (kind == BEAM_NOTHING)
                        return -EINVAL;
                if (kind == BEAM_FD && s->link->passes_fds && s->peer.fds & MUX_FDS_PASS)
                        c->n_fds++;
                else if (kind == BEAM_FD && !(s->peer.fds & MUX_FDS_BRIDGE))
                        return -ENOBUFS;
                else
                        c->n_channels++;
        }
        c->n = n + back;
        c->n_channels += back;
        if (c->n > s->peer.max_things)
                return -E2BIG;
        if (c->n_channels > s->peer.max_opens)
                return -ENOBUFS;
        if (c->n_channels && (s->away_said || s->away_heard))
                return -EPIPE;
        return c->n_channels > s->opens_left ? -EAGAIN : 0;
}

static uint8_t fd_ways(int fd) {
        int mode = fcntl(fd, F_GETFL) & O_ACCMODE;

        return (uint8_t)((mode != O_WRONLY ? MUX_FD_READ : 0) |
                         (mode != O_RDONLY ? MUX_FD_WRITE : 0));
}

/* The number comes with the commit, so that what is given up leaves no gap. */
static int prepare_wire(session *s, uint32_t flags, size_t depth, carry_item *item) {
        item->wire = wire_new(s, 0, flags | WIRE_OURS, (uint32_t)depth);
        if (!item->wire)
                return -ENOMEM;
        item->end = flags & WIRE_STREAM ? (void *)wire_stream(item->wire)
                    : flags & WIRE_TX   ? (void *)wire_sender(item->wire)
                                        : (void *)wire_receiver(item->wire);
        return item->end ? 0 : -ENOMEM;
}

static int prepare(session *s, const thing *t, carry_item *item) {
        int r;

        switch (t->kind) {
        case BEAM_SENDER:
                item->kind = MUX_SENDER;
                r = prepare_wire(s, WIRE_RX, sender_depth(t->tx), item);
                return r < 0 ? r : bridge_new(item->end, t->tx, &item->bridge);
        case BEAM_RECEIVER:
                item->kind = MUX_RECEIVER;
                r = prepare_wire(s, WIRE_TX, receiver_depth(t->rx), item);
                return r < 0 ? r : bridge_new(t->rx, item->end, &item->bridge);
        case BEAM_STREAM:
                item->kind = MUX_STREAM;
                return prepare_wire(s, WIRE_TX | WIRE_RX | WIRE_STREAM, 0, item);
        case BEAM_FD:
                if (s->link->passes_fds && s->peer.fds & MUX_FDS_PASS) {
                        item->kind = MUX_FD;
                        return 0;
                }
                item->kind = MUX_FD_BRIDGE;
                item->ways = fd_ways(t->fd);
                return prepare_wire(s, WIRE_TX | WIRE_RX | WIRE_STREAM, 0, item);
        case BEAM_NOTHING:
                break;
        }
        return -EINVAL;
}

void carry_cancel(carry *c) {
        for (size_t i = 0; i < c->n && c->items; i++) {
                bridge_free(c->items[i].bridge);
                mem_free(c->items[i].end);
                if (!c->items[i].back)
                        wire_drop(c->items[i].wire);
        }
        c->items = mem_free(c->items);
}

int carry_prepare(session *s, beam_msg *msg, wire *back, carry *c) {
        int r;

        *c = (carry){ 0 };
        r = count(s, msg, back != NULL, c);
        if (r < 0)
                return r;
        if (!c->n)
                return 0;
        c->items = mem_array(c->n, sizeof(*c->items));
        if (!c->items)
                return -ENOMEM;
        for (size_t i = 0; i < c->n - (back != NULL) && r >= 0; i++)
                r = prepare(s, msg_thing(msg, i), &c->items[i]);
        if (back)
                c->items[c->n - 1] = (carry_item){ .kind = MUX_SENDER, .wire = back, .back = true };
        if (r >= 0)
                r = out_reserve(&s->out, c->n_fds);
        if (r >= 0)
                r = session_reserve(s, c->n_channels);
        if (r < 0)
                carry_cancel(c);
        return r;
}

static void start(session *s, carry_item *item, thing *t) {
        switch (item->kind) {
        case MUX_SENDER:
        case MUX_RECEIVER:
                bridge_start(item->bridge);
                break;
        case MUX_STREAM:
                /* without memory both sides are told that the stream is gone */
                if (stream_bridge(t->st, item->end) < 0) {
                        beam_stream_fail(t->st, BEAM_CODE_INTERNAL, NULL);
                        beam_stream_fail(item->end, BEAM_CODE_INTERNAL, NULL);
                }
                break;
        case MUX_FD_BRIDGE:
                if (s->link->calls->join(item->end, item->ways & MUX_FD_READ ? t->fd : -1,
                                         item->ways & MUX_FD_WRITE ? t->fd : -1) < 0) {
                        fd_close(t->fd);
                        beam_stream_fail(item->end, BEAM_CODE_INTERNAL, NULL);
                }
                break;
        case MUX_FD:
                break;
        }
}

void carry_commit(session *s, wire *parent, beam_msg *msg, carry *c) {
        for (size_t i = 0; i < c->n; i++) {
                carry_item *item = &c->items[i];
                thing *t = item->back ? NULL : msg_thing(msg, i);
                wire *w = item->wire;
                uint8_t *p = out_room(&s->out, MUX_FIXED_MAX);

                if (w) {
                        w->id = session_next_id(s);
                        session_list(s, w);
                        s->opens_left--;
                }
                if (!p) {
                        session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
                } else {
                        if (item->kind == MUX_FD)
                                out_fd_put(&s->out, t->fd);
                        out_commit(&s->out, mux_put_thing(p, parent->id, item->kind, item->ways,
                                                          w ? w->id : 0, w ? w->depth : 0));
                }
                if (t) {
                        start(s, item, t);
                        t->kind = BEAM_NOTHING;
                }
        }
        c->items = mem_free(c->items);
}

/* inbound */

static int take_fd(session *s, thing *t) {
        if (!s->n_fds)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "a descriptor did not come");
        t->kind = BEAM_FD;
        t->fd = s->fds[0];
        s->n_fds--;
        for (size_t i = 0; i < s->n_fds; i++)
                s->fds[i] = s->fds[i + 1];
        return 0;
}

static int take_channel(wire *parent, const mux_event *ev, thing *t) {
        session *s = parent->s;
        uint32_t flags = ev->open.kind == MUX_SENDER     ? WIRE_TX
                         : ev->open.kind == MUX_RECEIVER ? WIRE_RX
                                                         : WIRE_TX | WIRE_RX | WIRE_STREAM;
        wire *w;
        int r;

        r = session_admit(s, ev->open.channel);
        if (r < 0)
                return r;
        w = session_reserve(s, 1) < 0
                    ? NULL
                    : wire_new(s, ev->open.channel, flags | WIRE_UNSEEN, ev->open.depth);
        if (!w)
                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        if (flags == WIRE_RX) {
                w->carrier = parent->id;
                w->nth = parent->n_read + parent->n_open - parent->n_owed;
        }
        session_list(s, w);

        *t = (thing){ .kind = flags == WIRE_TX   ? BEAM_SENDER
                              : flags == WIRE_RX ? BEAM_RECEIVER
                                                 : BEAM_STREAM };
        if (flags == WIRE_TX)
                t->tx = wire_sender(w);
        else if (flags == WIRE_RX)
                t->rx = wire_receiver(w);
        else
                t->st = wire_stream(w);
        /* all three are pointers in one place */
        if (!t->tx) {
                wire_release(w);
                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        }
        return 0;
}

/* A descriptor that comes as a stream is shown as one end of a socketpair. */
static int show(session *s, thing *t, uint8_t ways) {
        int fd;

        /* what counts from here on is the descriptor */
        wire_seen(t->st->wire);
        fd = s->link->calls->show(t->st, ways & MUX_FD_READ, ways & MUX_FD_WRITE);
        if (fd < 0) {
                beam_stream_fail(t->st, BEAM_CODE_INTERNAL, "no descriptor to show it with");
                return fd;
        }
        *t = (thing){ .kind = BEAM_FD, .fd = fd, .bridged = true };
        return 0;
}

int carry_take(wire *parent, const mux_event *ev, beam_msg **msg) {
        session *s = parent->s;
        thing t = { 0 };
        int r;

        if (msg_n_things(*msg) >= s->opt.max_things)
                return session_fail(s, -E2BIG, BEAM_CODE_LIMIT, "too many things in a message");

        if (ev->open.kind == MUX_FD_BRIDGE && !(s->fds_taken & MUX_FDS_BRIDGE))
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "a descriptor as a stream, which was not offered");
        r = ev->open.kind == MUX_FD ? take_fd(s, &t) : take_channel(parent, ev, &t);
        if (r < 0)
                return r;
        if (ev->open.kind == MUX_FD_BRIDGE && show(s, &t, ev->open.ways) < 0)
                t.kind = BEAM_NOTHING;

        r = msg_put(*msg, &t);
        if (r < 0) {
                thing_close(&t);
                return session_fail(s, r, BEAM_CODE_INTERNAL, "out of memory");
        }
        if (wire_nesting(parent) >= s->opt.max_nesting ||
            (t.kind == BEAM_FD && s->n_fds_held >= s->opt.max_fds))
                return -ENOBUFS;
        return 0;
}

int carry_drop(session *s, const mux_event *ev) {
        wire nowhere = { .s = s };
        beam_msg *msg = msg_new(0);
        int r;

        if (!msg)
                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        r = carry_take(&nowhere, ev, &msg);
        beam_msg_free(msg);
        return r == -ENOBUFS ? 0 : r;
}
