/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "session-inner.h"
#include "wire-inner.h"

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

/* life */

static void on_dirty(dirty *d) {
        session *s = container_of(d, session, dirty);

        session_fill(s);
        if (s->link)
                s->link->calls->flush(s->link);
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

static void end_opens(session *s) {
        wire *w = s->opens->wire;

        w->flags |= WIRE_LOST | WIRE_END | (s->error == -EPIPE ? 0 : WIRE_CUT) |
                    (s->closed_here ? WIRE_CLOSED_HERE : 0);
        wire_wake(w);
}

beam_receiver *session_opens(session *s) {
        wire *w;

        if (s->opens)
                return s->opens;
        w = wire_new(s, 0, WIRE_RX | WIRE_OPENS, UINT32_MAX);
        s->opens = w ? wire_receiver(w) : NULL;
        if (!s->opens)
                wire_drop(w);
        else if (s->buried)
                end_opens(s);
        return s->opens;
}

/* All wires learn that the session is gone; those that nobody holds go with it. */
static void bury(session *s) {
        s->buried = true;
        if (s->opens)
                end_opens(s);
        for (size_t i = 0; i < s->n_buckets; i++)
                while (s->buckets[i]) {
                        wire *w = s->buckets[i];

                        s->buckets[i] = w->next;
                        wire_on_lost(w, s->closed_here);
                }
        /* those that were over already must not look here again */
        while (!list_is_empty(&s->over)) {
                wire *w = container_of(list_take_first(&s->over), wire, turn);

                w->s = NULL;
                wire_wake(w);
        }
        s->n_wires = s->n_theirs = 0;
        s->last = s->body = NULL;
        dirty_cancel(&s->dirty);
        dirty_cancel(&s->idle);
        list_remove(&s->unwritten);
        if (s->link) {
                session_link *link = s->link;

                s->link = NULL;
                link->calls->close(link);
        }
        out_deinit(&s->out);
        mux_decoder_deinit(&s->in);
        fd_close_all(s->fds, s->n_fds);
        s->fds = mem_free(s->fds);
        s->n_fds = 0;
        s->buckets = mem_free(s->buckets);
        s->n_buckets = 0;
}

void session_bury(session *s) {
        post_cancel(&s->burial);
        if (s->link)
                s->link->calls->flush(s->link);
        bury(s);
}

static void on_burial(post *p) {
        session_bury(container_of(p, session, burial));
}

int session_end(session *s, int error) {
        if (!s->error) {
                s->error = error;
                post_put(&s->burial);
                if (s->news)
                        post_put(s->news);
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
        return session_end(s, error);
}

void session_lost(session *s, int r) {
        if (r == 0 && s->away_said && s->away_heard && !s->n_wires)
                session_end(s, -EPIPE);
        else
                session_end(s, -ECONNRESET);
}

static uint32_t at_most_u32(size_t n) {
        return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static size_t put_hello(const session *s, uint8_t *p) {
        mux_hello hello = {
                .role = s->dialled ? MUX_DIALLED : MUX_ACCEPTED,
                .fds = s->fds_taken,
                .max_frame = s->in.max_frame,
                .max_msg = s->opt.max_msg,
                .max_things = at_most_u32(s->opt.max_things),
                .max_opens = at_most_u32(s->opt.max_channels),
                .window = SESSION_WINDOW,
        };

        if (s->dialled && getrandom(hello.id, sizeof(hello.id), 0) < 0)
                memcpy(hello.id, &(int64_t){ clock_now() }, 8);
        return mux_put_hello(p, &hello);
}

int session_new(session_link *link, const beam_options *opt, bool dials, session **ret) {
        loop *l = loop_get();
        session *s = l ? mem_zero(sizeof(*s)) : NULL;
        uint8_t *p;

        if (!s)
                return -ENOMEM;
        options_fill(&s->opt, opt);
        s->base.calls = &session_mux_calls;
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
        s->fds_taken = s->opt.fds == BEAM_FDS_REFUSE ? 0
                       : s->opt.fds == BEAM_FDS_REAL ? MUX_FDS_PASS
                                                     : MUX_FDS_PASS | MUX_FDS_BRIDGE;
        if (!link->passes_fds)
                s->fds_taken &= (uint8_t)~MUX_FDS_PASS;

        p = out_room(&s->out, MUX_PREFACE_SIZE + MUX_FIXED_MAX);
        if (!p) {
                mem_free(s);
                return -ENOMEM;
        }
        memcpy(p, mux_preface, MUX_PREFACE_SIZE);
        out_commit(&s->out, MUX_PREFACE_SIZE + put_hello(s, p + MUX_PREFACE_SIZE));
        session_touch(s);
        *ret = s;
        return 0;
}

int session_greeting(const session *s) {
        return s->error ? s->error : s->greeted;
}

/* outbound */

int session_say_away(session *s) {
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

void session_say_owed(session *s) {
        list owing = LIST_INIT(owing);

        list_move(&owing, &s->owing);
        list_move(&owing, &s->lazy);
        dirty_cancel(&s->idle);
        while (!list_is_empty(&owing))
                wire_say_owed(container_of(list_take_first(&owing), wire, turn));
}

void session_fill(session *s) {
        uint8_t *p;

        /* with anything that leaves goes all that is owed */
        if (s->out.n || !list_is_empty(&s->owing))
                session_say_owed(s);

        if (s->opens_owed &&
            (s->opens_owed >= s->opt.max_channels / 4 ||
             s->n_theirs + s->opens_owed >= s->opt.max_channels) &&
            (p = out_room(&s->out, MUX_FIXED_MAX))) {
                out_commit(&s->out, mux_put_credit(p, 0, 0, s->opens_owed, 0));
                s->opens_owed = 0;
        }

        /* not to the brim: others have something to say beside a large message */
        while (s->out.n < OUT_HIGH / 2 && !list_is_empty(&s->sending)) {
                wire *w = container_of(list_take_first(&s->sending), wire, turn);

                /* to the end of the list: each large message gets its turn */
                if (!wire_say_part(w))
                        list_append(&s->sending, &w->turn);
        }

        if (s->away_said && s->away_heard && !s->n_wires && !s->error && !s->shut) {
                s->shut = true;
                if (s->link)
                        s->link->calls->shut(s->link);
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
