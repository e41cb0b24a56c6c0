/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/mem.h"
#include "carry.h"
#include "session-inner.h"
#include "wire-inner.h"

/* One write's in frames that are about to be looked at, and as many ahead of theirs (M55).
 * Counted as they come in, not after the frames: that would ask how these were cut. */
enum { FDS_UNCLAIMED = 2 * 253 };

static int on_hello(session *s, const mux_event *ev) {
        if (s->greeted)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "HELLO twice");
        if (ev->hello.role == (s->dialled ? MUX_DIALLED : MUX_ACCEPTED))
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    s->dialled ? "both sides dial" : "both sides listen");
        s->peer = ev->hello;
        s->opens_left = s->peer.max_opens;
        s->greeted = true;
        if (s->news)
                post_put(s->news);
        return 0;
}

static int on_open(session *s, const mux_event *ev) {
        uint32_t flags = ev->open.kind == MUX_SENDER     ? WIRE_TX
                         : ev->open.kind == MUX_RECEIVER ? WIRE_RX
                                                         : WIRE_TX | WIRE_RX | WIRE_STREAM;
        thing t = { .kind = ev->open.kind == MUX_SENDER     ? BEAM_SENDER
                            : ev->open.kind == MUX_RECEIVER ? BEAM_RECEIVER
                                                            : BEAM_STREAM };
        beam_receiver *opens;
        beam_msg *msg;
        wire *w;
        int r;

        r = session_admit(s, ev->head.channel);
        if (r < 0)
                return r;
        w = session_reserve(s, 1) < 0
                    ? NULL
                    : wire_new(s, ev->head.channel, flags | WIRE_UNSEEN, ev->open.depth);
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
        opens = session_opens(s);
        if (!opens) {
                beam_msg_free(msg);
                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        }
        s->queued += msg->n + MSG_OVERHEAD;
        wire_deliver(opens->wire, msg);
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
                return session_end(s, ev->close.code == BEAM_CODE_PROTOCOL ? -EPROTO
                                      : ev->close.code == BEAM_CODE_LIMIT  ? -ENOBUFS
                                                                           : -ECONNRESET);
        s->away_heard = true;
        return session_say_away(s);
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
        uint64_t id = ev->head.channel,
                 known = session_is_ours(s, id) ? s->next_id - 1 : s->last_seen;

        if (id > known)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "a frame of a channel that was never opened");
        return ev->head.type == MUX_THING ? carry_drop(s, ev) : 0;
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
                        session_end(s, r);
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
        return s->error;
}

int session_feed_fds(session *s, const int *fds, size_t n) {
        if (s->n_fds + n > s->size_fds) {
                uint32_t size = (uint32_t)(s->n_fds + n > 8 ? s->n_fds + n : 8);
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
        s->n_fds += (uint32_t)n;
        if (s->n_fds > FDS_UNCLAIMED || !(s->fds_taken & MUX_FDS_PASS))
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
