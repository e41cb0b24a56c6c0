/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "session-inner.h"

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

static beam_receiver *mux_opens(beam_session *base) {
        return session_opens(of(base));
}

static int verdict(const session *s) {
        if (s->unsaid_lost || s->error != -EPIPE)
                return -ECONNRESET;
        return s->refused ? -EPIPE : 0;
}

static int mux_drain(beam_session *base, int64_t deadline) {
        session *s = of(base);

        if (!s->error)
                session_say_away(s);
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
                if (!s->error)
                        session_say_owed(s);
                session_fail(s, -ECANCELED, BEAM_CODE_CANCELED, "");
                session_bury(s);
        }
        /* the bridges of its ends tell those who wait at the other side, who may be threads */
        if (s->base.forks == fork_count() && s->loop)
                loop_tidy(s->loop);
        if (s->opens) {
                watch_free(s->opens);
                s->opens->wire->s = NULL;
                wire_release(s->opens->wire);
                mem_free(s->opens);
        }
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
        s->link->calls->peer(s->link, ret);
        return 0;
}

const session_calls session_mux_calls = {
        .open = mux_open,
        .opens = mux_opens,
        .drain = mux_drain,
        .close = mux_close,
        .ping = mux_ping,
        .state = mux_state,
        .peer = mux_peer,
};
