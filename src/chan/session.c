/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "carry.h"
#include "reason.h"
#include "stream.h"

enum {
        WINDOW = 1024 * 1024, /* bytes on one channel that may lie untaken: 16 writes of 64 KiB */
        FDS_AHEAD = 253,      /* of one write, whose frames have not all come */
        FDS_UNCLAIMED = 2 * 253, /* a frame's may come one batch before its bytes */
        /* A peer that makes us answer and does not read has to wait for our reading. */
        OUT_STALLED = 4 * OUT_HIGH,
};

static const session_calls mux_calls;

static size_t or_default(size_t value, size_t otherwise) {
        return value ? value : otherwise;
}

void options_fill(beam_options *out, const beam_options *in) {
        *out = (beam_options){ 0 };
        /* an older program knows fewer fields, and wants the default in the others */
        if (in)
                memcpy(out, in, in->size < sizeof(*out) ? in->size : sizeof(*out));
        out->size = sizeof(*out);
        out->max_msg = or_default(out->max_msg, (size_t)16 << 20);
        out->max_things = or_default(out->max_things, 1024);
        out->max_channels = or_default(out->max_channels, 16384);
        out->max_queued = or_default(out->max_queued, (size_t)64 << 20);
        out->max_fds = or_default(out->max_fds, 256);
        out->max_nesting = or_default(out->max_nesting, 32);
        out->max_pending = or_default(out->max_pending, 128);
        if (out->hello_timeout <= 0)
                out->hello_timeout = 10 * CLOCK_SECOND;
}

/* the table of wires */

static wire **bucket(const session *s, uint64_t id) {
        /* both sides count in twos */
        return &s->buckets[(id >> 1 ^ id << 3) & (s->n_buckets - 1)];
}

int session_reserve(session *s, size_t n) {
        size_t n_buckets = s->n_buckets ? s->n_buckets : SESSION_N_BUCKETS;
        wire **old = s->buckets;
        size_t n_old = s->n_buckets;

        while (n_buckets < s->n_wires + n)
                n_buckets *= 2;
        if (n_buckets == s->n_buckets)
                return 0;
        s->buckets = mem_array(n_buckets, sizeof(*s->buckets));
        if (!s->buckets) {
                s->buckets = old;
                return -ENOMEM;
        }
        s->n_buckets = n_buckets;
        for (size_t i = 0; i < n_old; i++)
                while (old[i]) {
                        wire *w = old[i], **b = bucket(s, w->id);

                        old[i] = w->next;
                        w->next = *b;
                        *b = w;
                }
        mem_free(old);
        return 0;
}

void session_list(session *s, wire *w) {
        wire **b = bucket(s, w->id);

        w->next = *b;
        *b = w;
        w->flags |= WIRE_LISTED;
        s->n_wires++;
        if (w->flags & WIRE_OURS)
                s->n_ours++;
        else
                s->n_theirs++;
}

void session_unlist(session *s, wire *w) {
        for (wire **at = bucket(s, w->id); *at; at = &(*at)->next)
                if (*at == w) {
                        *at = w->next;
                        break;
                }
        w->flags &= ~(uint32_t)WIRE_LISTED;
        s->n_wires--;
        if (s->last == w)
                s->last = NULL;
        if (s->body == w)
                s->body = NULL;
        list_remove(&w->owing);
        if (w->flags & WIRE_HELD)
                list_append(&s->over, &w->sending);
        if (w->flags & WIRE_OURS)
                s->n_ours--;
        else {
                s->n_theirs--;
                /* room for another, told in bulk unless the peer has none left */
                s->opens_owed++;
                if (s->opens_owed >= s->opt.max_channels / 4 ||
                    s->n_theirs + s->opens_owed >= s->opt.max_channels)
                        session_touch(s);
        }
        if (!s->n_wires && (s->away_said || s->away_heard))
                session_touch(s);
}

wire *session_find(session *s, uint64_t id) {
        wire *w = s->last;

        if (w && w->id == id)
                return w;
        if (!s->n_buckets)
                return NULL;
        for (w = *bucket(s, id); w && w->id != id; w = w->next)
                ;
        if (w)
                s->last = w;
        return w;
}

uint64_t session_next_id(session *s) {
        uint64_t id = s->next_id;

        s->next_id += 2;
        return id;
}

static bool is_ours(const session *s, uint64_t id) {
        return (id & 1) == (s->dialled ? 1 : 0);
}

int session_admit(session *s, uint64_t id) {
        if (is_ours(s, id) || id <= s->last_seen)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "a channel number that is not new, or not the peer's");
        if (s->n_theirs + s->opens_owed >= s->opt.max_channels)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "more channels than allowed");
        s->last_seen = id;
        return 0;
}

/* life */

static void on_dirty(dirty *d) {
        session *s = container_of(d, session, dirty);

        session_fill(s);
        if (s->link)
                s->link->flush(s->link);
        if (!s->out.n)
                list_remove(&s->unwritten);
        else if (!list_is_linked(&s->unwritten))
                list_append(&s->loop->unwritten, &s->unwritten);
}

static void on_idle(dirty *d) {
        session *s = container_of(d, session, idle);

        list_move(&s->owing, &s->lazy);
        session_touch(s);
}

void session_put_off(session *s) {
        if (!s->error)
                dirty_put_idle(s->loop, &s->idle);
}

void session_touch(session *s) {
        if (!s->error)
                dirty_put(s->loop, &s->dirty);
}

/* All wires learn that the session is gone; those that nobody holds go with it. */
static void bury(session *s) {
        s->buried = true;
        s->opens->flags |= WIRE_LOST | WIRE_END | (s->error == -EPIPE ? 0 : WIRE_CUT) |
                           (s->closed_here ? WIRE_CLOSED_HERE : 0);
        for (size_t i = 0; i < s->n_buckets; i++)
                while (s->buckets[i]) {
                        wire *w = s->buckets[i];

                        s->buckets[i] = w->next;
                        wire_on_lost(w, s->closed_here);
                }
        /* those that were over already have nothing to hear, but must not look here again */
        while (!list_is_empty(&s->over))
                container_of(list_take_first(&s->over), wire, sending)->s = NULL;
        s->n_wires = s->n_ours = s->n_theirs = 0;
        s->last = s->body = NULL;
        if (s->opens->by && s->opens->by->armed) {
                s->opens->by->armed = false;
                post_put(&s->opens->by->post);
        }
        dirty_cancel(&s->dirty);
        dirty_cancel(&s->idle);
        list_remove(&s->unwritten);
        if (s->link) {
                session_link *link = s->link;

                s->link = NULL;
                link->close(link);
        }
        out_deinit(&s->out);
        mux_decoder_deinit(&s->in);
        fd_close_all(s->fds, s->n_fds);
        s->fds = mem_free(s->fds);
        s->n_fds = 0;
        s->buckets = mem_free(s->buckets);
        s->n_buckets = 0;
}

static void on_burial(post *p) {
        session *s = container_of(p, session, burial);

        /* the last word, as far as the kernel takes it at once */
        if (s->link)
                s->link->flush(s->link);
        bury(s);
}

static int end(session *s, int error) {
        if (!s->error) {
                s->error = error;
                post_put(&s->burial);
                if (s->greeting)
                        post_put(s->greeting);
        }
        return error;
}

int session_fail(session *s, int error, uint32_t code, const char *text) {
        uint8_t *p;

        if (s->error)
                return s->error;
        /* what does not begin as a session is told nothing in frames */
        if (!mux_decoder_is_new(&s->in)) {
                p = out_room(&s->out, MUX_FIXED_MAX);
                if (p)
                        out_commit(&s->out, mux_put_away(p, code, s->last_seen,
                                                         (mux_bytes){ (const uint8_t *)text,
                                                                      strlen(text) }));
        }
        return end(s, error);
}

void session_lost(session *s, int r) {
        if (r == 0 && s->away_said && s->away_heard && !s->n_wires)
                end(s, -EPIPE);
        else
                end(s, -ECONNRESET);
}

int session_new(session_link *link, const beam_options *opt, bool dials, session **ret) {
        loop *l = loop_get();
        session *s = l ? mem_zero(sizeof(*s)) : NULL;
        uint8_t *p;

        if (!s)
                return -ENOMEM;
        options_fill(&s->opt, opt);
        s->base.calls = &mux_calls;
        s->base.forks = fork_count();
        s->loop = l;
        s->link = link;
        s->dialled = dials;
        s->next_id = dials ? 1 : 2;
        dirty_init(&s->dirty, on_dirty);
        dirty_init(&s->idle, on_idle);
        list_init(&s->unwritten);
        post_init(&s->burial, l, false, on_burial);
        mux_decoder_init(&s->in, MUX_FRAME_DEFAULT + MUX_FIXED_MAX);
        out_init(&s->out);
        list_init(&s->owing);
        list_init(&s->lazy);
        list_init(&s->sending);
        list_init(&s->over);
        s->opens = wire_new(s, 0, WIRE_RX | WIRE_OPENS, UINT32_MAX);
        s->base.opens = s->opens ? wire_receiver(s->opens) : NULL;
        if (!s->base.opens) {
                wire_drop(s->opens);
                mem_free(s);
                return -ENOMEM;
        }

        s->hello = (mux_hello){
                .role = dials ? 1 : 2,
                .fds = s->opt.fds == BEAM_FDS_REFUSE ? 0
                       : s->opt.fds == BEAM_FDS_REAL ? MUX_FDS_PASS
                                                     : MUX_FDS_PASS | MUX_FDS_BRIDGE,
                .max_frame = s->in.max_frame,
                .max_msg = s->opt.max_msg,
                .max_things =
                        (uint32_t)(s->opt.max_things < UINT32_MAX ? s->opt.max_things : UINT32_MAX),
                .max_opens = (uint32_t)(s->opt.max_channels < UINT32_MAX ? s->opt.max_channels
                                                                         : UINT32_MAX),
                .window = WINDOW,
        };
        if (!link->passes_fds)
                s->hello.fds &= (uint8_t)~MUX_FDS_PASS;
        if (dials && getrandom(s->hello.id, sizeof(s->hello.id), 0) < 0)
                memcpy(s->hello.id, &(int64_t){ clock_now() }, 8);

        p = out_room(&s->out, MUX_PREFACE_SIZE + MUX_FIXED_MAX);
        if (!p) {
                mem_free(s->base.opens);
                wire_drop(s->opens);
                mem_free(s);
                return -ENOMEM;
        }
        memcpy(p, mux_preface, MUX_PREFACE_SIZE);
        out_commit(&s->out, MUX_PREFACE_SIZE + mux_put_hello(p + MUX_PREFACE_SIZE, &s->hello));
        session_touch(s);
        *ret = s;
        return 0;
}

int session_greeting(const session *s) {
        return s->error ? s->error : s->greeted;
}

/* inbound */

static int on_hello(session *s, const mux_event *ev) {
        if (s->greeted)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "HELLO twice");
        if (ev->hello.role == s->hello.role)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    s->dialled ? "both sides dial" : "both sides listen");
        s->peer = ev->hello;
        s->opens_left = s->peer.max_opens;
        s->greeted = true;
        if (s->greeting)
                post_put(s->greeting);
        return 0;
}

static int on_open(session *s, const mux_event *ev) {
        uint32_t flags = ev->open.kind == MUX_SENDER     ? WIRE_TX
                         : ev->open.kind == MUX_RECEIVER ? WIRE_RX
                                                         : WIRE_TX | WIRE_RX | WIRE_STREAM;
        thing t = { .kind = ev->open.kind == MUX_SENDER     ? BEAM_SENDER
                            : ev->open.kind == MUX_RECEIVER ? BEAM_RECEIVER
                                                            : BEAM_STREAM };
        beam_msg *msg;
        wire *w;
        int r;

        r = session_admit(s, ev->head.channel);
        if (r < 0)
                return r;
        w = session_reserve(s, 1) < 0 ? NULL : wire_new(s, ev->head.channel, flags, ev->open.depth);
        if (!w)
                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        session_list(s, w);

        if (t.kind == BEAM_SENDER)
                t.tx = wire_sender(w);
        else if (t.kind == BEAM_RECEIVER)
                t.rx = wire_receiver(w);
        else
                t.st = wire_stream(w);
        if (!t.tx) {
                wire_release(w);
                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        }
        msg = msg_new(ev->open.name.n + 1);
        r = msg ? msg_put(msg, &t) : -ENOMEM;
        if (r < 0) {
                thing_close(&t);
                beam_msg_free(msg);
                return session_fail(s, r, BEAM_CODE_INTERNAL, "out of memory");
        }
        /* a text for those who read it as one; its length does not count the end */
        memcpy(msg->data, ev->open.name.p, ev->open.name.n);
        msg->data[ev->open.name.n] = 0;
        msg->n = ev->open.name.n;
        if (s->away_said) {
                beam_msg_free(msg);
                return 0;
        }
        s->queued += msg->n;
        msg_queue_put(&s->opens->in, msg);
        s->opens->n_in++;
        s->opens->bytes_in += msg->n;
        if (s->opens->by && s->opens->by->armed) {
                s->opens->by->armed = false;
                post_put(&s->opens->by->post);
        }
        return 0;
}

/* Nothing new from here on; what is open goes on, and its fate is asked for. */
static int say_away(session *s) {
        uint8_t *p;

        session_touch(s);
        if (s->away_said)
                return 0;
        p = out_room(&s->out, MUX_FIXED_MAX);
        if (!p)
                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        s->away_said = true;
        out_commit(&s->out, mux_put_away(p, 0, s->last_seen, (mux_bytes){ 0 }));
        for (size_t i = 0; i < s->n_buckets; i++)
                for (wire *w = s->buckets[i]; w; w = w->next)
                        if (w->flags & WIRE_TX)
                                wire_drained(w);
        return 0;
}

static int on_away(session *s, const mux_event *ev) {
        mux_bytes text = ev->close.text;

        if (!s->bye && ev->close.code) {
                s->bye = mem_zero(sizeof(*s->bye) + text.n + 1);
                if (s->bye) {
                        s->bye->code = ev->close.code;
                        if (text.n)
                                memcpy(s->bye->text, text.p, text.n);
                }
        }
        if (ev->close.code)
                return end(s, ev->close.code == BEAM_CODE_PROTOCOL ? -EPROTO
                              : ev->close.code == BEAM_CODE_LIMIT  ? -ENOBUFS
                                                                   : -ECONNRESET);
        s->away_heard = true;
        return say_away(s);
}

static int on_session_frame(session *s, const mux_event *ev) {
        uint8_t *p;

        switch (ev->head.type) {
        case MUX_HELLO:
                return on_hello(s, ev);
        case MUX_CREDIT:
                if (s->opens_left + (uint64_t)ev->credit.n_msgs > s->peer.max_opens)
                        return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                            "more channels given back than were opened");
                s->opens_left += ev->credit.n_msgs;
                session_stir(s);
                return 0;
        case MUX_PING:
                p = out_room(&s->out, MUX_FIXED_MAX);
                if (!p)
                        return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
                out_commit(&s->out, mux_put_ping(p, MUX_PONG, ev->ping));
                session_touch(s);
                return 0;
        case MUX_PONG:
                if (!s->ping_sent || memcmp(ev->ping, &s->ping_sent, sizeof(s->ping_sent)) != 0)
                        return 0;
                memcpy(&s->ping_seen, ev->ping, sizeof(s->ping_seen));
                s->ping_rtt = clock_now() - s->ping_at;
                return 0;
        case MUX_AWAY:
                return on_away(s, ev);
        default:
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "a frame of no channel");
        }
}

/* About a channel that is over on our side: what it carries still has to be closed. */
static int on_stale_frame(session *s, const mux_event *ev) {
        uint64_t id = ev->head.channel, known = is_ours(s, id) ? s->next_id - 1 : s->last_seen;

        if (id > known)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "a frame of a channel that was never opened");
        if (ev->head.type == MUX_THING) {
                wire nowhere = { .s = s };
                beam_msg *msg = msg_new(0);
                int r;

                if (!msg)
                        return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
                r = carry_take(&nowhere, ev, &msg);
                beam_msg_free(msg);
                return r == -ENOBUFS ? 0 : r;
        }
        return 0;
}

static int broken(session *s, const char *what) {
        return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, what);
}

static int on_event(session *s, const mux_event *ev) {
        uint8_t type = ev->head.type;
        wire *w;

        if (!s->greeted && type != MUX_HELLO)
                return broken(s, "a frame before HELLO");
        if (type == MUX_OPEN)
                return on_open(s, ev);
        if (!ev->head.channel)
                return on_session_frame(s, ev);
        w = session_find(s, ev->head.channel);
        if (!w)
                return on_stale_frame(s, ev);

        switch (type) {
        case MUX_MSG:
        case MUX_THING:
                if (!(w->flags & WIRE_RX) || w->flags & (WIRE_STREAM | WIRE_END))
                        return broken(s, "a message on a channel that does not bring any");
                s->body = type == MUX_MSG && !ev->last ? w : NULL;
                return type == MUX_MSG ? wire_on_msg(w, ev) : wire_on_thing(w, ev);
        case MUX_DATA:
                if (!(w->flags & WIRE_STREAM) || w->flags & WIRE_END)
                        return broken(s, "bytes on what is no stream, or has ended");
                s->body = ev->last ? NULL : w;
                return wire_on_data(w, ev);
        case MUX_CREDIT:
                return w->flags & WIRE_TX ? wire_on_credit(w, ev)
                                          : broken(s, "credit from the sending side");
        case MUX_END:
                return w->flags & WIRE_RX ? wire_on_end(w, ev->close.code, ev->close.text)
                                          : broken(s, "END from the receiving side");
        case MUX_STOP:
                return w->flags & WIRE_TX ? wire_on_stop(w, ev->close.code, ev->close.text)
                                          : broken(s, "STOP from the sending side");
        case MUX_ASK:
                if (!(w->flags & WIRE_RX))
                        return broken(s, "ASK from the receiving side");
                wire_on_ask(w);
                return 0;
        default:
                return broken(s, "a frame of the session on a channel");
        }
}

int session_feed(session *s, const uint8_t *p, size_t n) {
        mux_bytes in = { p, n };
        mux_event ev;
        int r;

        while (!s->error && (r = mux_decode(&s->in, &in, &ev)) != 0) {
                if (r < 0 && mux_decoder_is_new(&s->in)) {
                        end(s, r);
                        break;
                }
                if (r < 0) {
                        session_fail(s, r,
                                     r == -EMSGSIZE ? BEAM_CODE_LIMIT
                                     : r == -ENOMEM ? BEAM_CODE_INTERNAL
                                                    : BEAM_CODE_PROTOCOL,
                                     "bytes that are no frame");
                        break;
                }
                on_event(s, &ev);
        }
        /* one write's descriptors may be ahead of their frames, no more (M55) */
        if (!s->error && s->n_fds > FDS_AHEAD)
                session_fail(s, -EPROTO, BEAM_CODE_LIMIT, "descriptors that no frame claims");
        return s->error;
}

int session_feed_fds(session *s, const int *fds, size_t n) {
        if (s->n_fds + n > s->size_fds) {
                size_t size = s->n_fds + n > 8 ? s->n_fds + n : 8;
                int *grown = mem_resize(s->fds, size * sizeof(*grown));

                if (!grown) {
                        for (size_t i = 0; i < n; i++)
                                fd_close(fds[i]);
                        return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
                }
                s->fds = grown;
                s->size_fds = size;
        }
        memcpy(s->fds + s->n_fds, fds, n * sizeof(*fds));
        s->n_fds += n;
        if (s->n_fds > FDS_UNCLAIMED || !(s->hello.fds & MUX_FDS_PASS))
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "descriptors that no frame claims");
        return 0;
}

size_t session_place(session *s, uint8_t **ret) {
        size_t room, left;

        if (!s->body || s->error)
                return 0;
        left = mux_decoder_left(&s->in);
        room = left ? wire_place(s->body, ret) : 0;
        return room < left ? room : left;
}

int session_fed_in_place(session *s, const uint8_t *p, size_t n) {
        mux_event ev = mux_decoder_skip(&s->in, p, (uint32_t)n);

        on_event(s, &ev);
        return s->error;
}

/* outbound */

void session_stir(session *s) {
        for (size_t i = 0; i < s->n_buckets; i++)
                for (wire *w = s->buckets[i]; w; w = w->next)
                        if (w->by && w->by->armed) {
                                w->by->armed = false;
                                post_put(&w->by->post);
                        }
}

void session_fill(session *s) {
        list owing = LIST_INIT(owing);
        uint8_t *p;

        /* with anything that leaves goes all that is owed */
        if (s->out.n)
                list_move(&s->owing, &s->lazy);
        list_move(&owing, &s->owing);
        while (!list_is_empty(&owing))
                wire_say_owed(container_of(list_take_first(&owing), wire, owing));

        if (s->opens_owed &&
            (s->opens_owed >= s->opt.max_channels / 4 ||
             s->n_theirs + s->opens_owed >= s->opt.max_channels) &&
            (p = out_room(&s->out, MUX_FIXED_MAX))) {
                out_commit(&s->out, mux_put_credit(p, 0, 0, s->opens_owed, 0));
                s->opens_owed = 0;
        }

        while (s->out.n < OUT_HIGH && !list_is_empty(&s->sending)) {
                wire *w = container_of(list_take_first(&s->sending), wire, sending);

                /* to the end of the list: each large message gets its turn */
                if (!wire_say_part(w))
                        list_append(&s->sending, &w->sending);
        }

        if (s->away_said && s->away_heard && !s->n_wires && !s->error && !s->shut) {
                s->shut = true;
                if (s->link)
                        s->link->shut(s->link);
        }
}

void session_settle(session *s, int64_t deadline) {
        loop *l = s->loop;

        while (!s->error && (s->out.n || !list_is_empty(&s->sending))) {
                if (deadline != BEAM_FOREVER && clock_now() >= deadline)
                        return;
                loop_turn(l, deadline);
        }
}

/* the program's calls */

static session *of(const beam_session *base) {
        return (session *)(uintptr_t)base;
}

static int mux_open(beam_session *base, mux_kind kind, const char *service, size_t depth,
                    void *ret_end, int64_t deadline) {
        session *s = of(base);
        uint32_t flags = kind == MUX_RECEIVER ? WIRE_TX
                         : kind == MUX_SENDER ? WIRE_RX
                                              : WIRE_TX | WIRE_RX | WIRE_STREAM;
        size_t n = service ? strlen(service) : 0;
        void *made;
        uint8_t *p;
        wire *w;

        if (n > MUX_NAME_MAX || depth > BEAM_DEPTH_MAX)
                return -EINVAL;
        if (!s->peer.max_opens && s->greeted)
                return -ENOBUFS;
        while (!s->error && !s->opens_left && !s->away_heard) {
                if (deadline != BEAM_FOREVER && clock_now() >= deadline) {
                        loop_turn(s->loop, 0);
                        if (s->opens_left || s->error)
                                break;
                        return -ETIMEDOUT;
                }
                loop_turn(s->loop, deadline);
        }
        if (s->error)
                return -ENOTCONN;
        if (s->away_said || s->away_heard)
                return -EPIPE;

        w = session_reserve(s, 1) < 0 ? NULL : wire_new(s, 0, flags | WIRE_OURS, (uint32_t)depth);
        if (!w)
                return -ENOMEM;
        made = kind == MUX_RECEIVER ? (void *)wire_sender(w)
               : kind == MUX_SENDER ? (void *)wire_receiver(w)
                                    : (void *)wire_stream(w);
        p = made ? out_room(&s->out, MUX_FIXED_MAX) : NULL;
        if (!p) {
                mem_free(made);
                wire_drop(w);
                return -ENOMEM;
        }
        w->id = session_next_id(s);
        session_list(s, w);
        s->opens_left--;
        out_commit(&s->out, mux_put_open(p, w->id, kind, w->depth,
                                         (mux_bytes){ (const uint8_t *)service, n }));
        session_touch(s);
        if (!loop_holds_back(s->loop))
                loop_flush(s->loop);
        *(void **)ret_end = made;
        return 0;
}

static int verdict(const session *s) {
        if (s->unsaid_lost || s->error != -EPIPE)
                return -ECONNRESET;
        return s->refused ? -EPIPE : 0;
}

static int mux_drain(beam_session *base, int64_t deadline) {
        session *s = of(base);

        if (!s->error)
                say_away(s);
        while (!s->buried) {
                if (deadline != BEAM_FOREVER && clock_now() >= deadline) {
                        loop_turn(s->loop, 0);
                        return s->buried ? verdict(s) : -ETIMEDOUT;
                }
                loop_turn(s->loop, deadline);
        }
        return verdict(s);
}

static void mux_close(beam_session *base) {
        session *s = of(base);

        s->closed_here = true;
        if (s->base.forks == fork_count()) {
                session_fail(s, -ECANCELED, BEAM_CODE_CANCELED, "");
                post_cancel(&s->burial);
                on_burial(&s->burial);
        }
        /* the bridges of its ends tell those who wait at the other side, who may be threads */
        if (s->base.forks == fork_count() && s->loop)
                loop_tidy(s->loop);
        watch_free(s->base.opens);
        mem_free(s->base.opens);
        s->opens->s = NULL;
        wire_release(s->opens);
        mem_free(s->bye);
        mem_free(s);
}

static int mux_ping(beam_session *base, int64_t *ret_rtt, int64_t deadline) {
        session *s = of(base);
        uint64_t mine;
        uint8_t *p;

        if (s->error)
                return -ENOTCONN;
        p = out_room(&s->out, MUX_FIXED_MAX);
        if (!p)
                return -ENOMEM;
        mine = ++s->ping_sent;
        s->ping_at = clock_now();
        out_commit(&s->out, mux_put_ping(p, MUX_PING, (const uint8_t *)&mine));
        session_touch(s);
        while (s->ping_seen != mine) {
                if (s->error)
                        return -ECONNRESET;
                if (deadline != BEAM_FOREVER && clock_now() >= deadline)
                        return -ETIMEDOUT;
                loop_turn(s->loop, deadline);
        }
        *ret_rtt = s->ping_rtt;
        return 0;
}

static int mux_state(const beam_session *base, beam_reason *ret) {
        const session *s = of(base);

        if (ret)
                *ret = (beam_reason){ s->bye ? s->bye->code : 0, s->bye ? s->bye->text : "" };
        return s->error;
}

static int mux_peer(const beam_session *base, beam_peer *ret) {
        const session *s = of(base);

        if (!s->link)
                return -ENOTCONN;
        s->link->peer(s->link, ret);
        return 0;
}

static const session_calls mux_calls = {
        .open = mux_open,
        .drain = mux_drain,
        .close = mux_close,
        .ping = mux_ping,
        .state = mux_state,
        .peer = mux_peer,
};
