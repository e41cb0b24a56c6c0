/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls that only look up whose they are: time, words, sessions, the loop. */
#include <string.h>

#include "../base/clock.h"
#include "../base/fork.h"
#include "session.h"

int64_t beam_now(void) {
        return clock_now();
}

int64_t beam_after(int64_t ns) {
        return clock_add(clock_now(), ns);
}

const char *beam_strerror(int r) {
        if (r >= 0)
                return "no error";
        switch (-r) {
        case ETIMEDOUT:
                return "the deadline passed";
        case EPIPE:
                return "the other side closed it";
        case ECONNRESET:
                return "the link was lost, and nobody knows how far things got";
        case ENOTCONN:
                return "the link was lost before";
        case EINPROGRESS:
                return "it has left, and nobody has said that it was taken";
        case ECANCELED:
                return "closed on this side";
        case EPROTO:
                return "the peer broke a rule of the protocol, or does not speak it";
        case EMSGSIZE:
                return "the message is larger than the other side takes";
        case E2BIG:
                return "the message carries more things than the other side takes";
        case ENOBUFS:
                return "over a limit of channels, descriptors or unread bytes";
        case ECHILD:
                return "made before fork(), so it belongs to the parent";
        case EACCES:
                return "not allowed: without a rule for access only loopback is open";
        case EADDRNOTAVAIL:
                return "no such host or address";
        case EADDRINUSE:
                return "another process listens there";
        case EAFNOSUPPORT:
                return "this kind of URL is not known here";
        case ECONNREFUSED:
                return "nobody listens there";
        case ENOENT:
                return "there is no such thing";
        case EINVAL:
                return "not a valid argument";
        case ELOOP:
                return "the message would lie behind a receiver that it carries";
        case ENOMEM:
                return "out of memory";
        case EDEADLK:
                return "the loop is running already";
        default: {
                const char *text = strerrordesc_np(-r);

                return text ? text : "unknown error";
        }
        }
}

/* sessions */

static int check(const beam_session *s) {
        return s->forks != fork_count() ? -ECHILD : 0;
}

int beam_session_open(beam_session *s, const char *service, size_t depth, beam_sender **ret_tx,
                      int64_t deadline) {
        int r = check(s);

        return r < 0 ? r : s->calls->open(s, MUX_RECEIVER, service, depth, ret_tx, deadline);
}

int beam_session_open_receiver(beam_session *s, const char *service, size_t depth,
                               beam_receiver **ret_rx, int64_t deadline) {
        int r = check(s);

        return r < 0 ? r : s->calls->open(s, MUX_SENDER, service, depth, ret_rx, deadline);
}

int beam_session_open_stream(beam_session *s, const char *service, beam_stream **ret_st,
                             int64_t deadline) {
        int r = check(s);

        return r < 0 ? r : s->calls->open(s, MUX_STREAM, service, 0, ret_st, deadline);
}

int beam_session_accept(beam_session *s, beam_msg **ret, int64_t deadline) {
        beam_receiver *opens;
        int r = check(s);

        if (r < 0)
                return r;
        opens = s->calls->opens(s);
        return opens ? beam_recv(opens, ret, deadline) : -ENOMEM;
}

beam_receiver *beam_session_opens(beam_session *s) {
        return s->calls->opens(s);
}

int beam_session_drain(beam_session *s, int64_t deadline) {
        int r = check(s);

        return r < 0 ? r : s->calls->drain(s, deadline);
}

beam_session *beam_session_close(beam_session *s) {
        if (s)
                s->calls->close(s);
        return NULL;
}

int beam_session_ping(beam_session *s, int64_t *ret_rtt, int64_t deadline) {
        int r = check(s);

        return r < 0 ? r : s->calls->ping(s, ret_rtt, deadline);
}

int beam_session_state(const beam_session *s, beam_reason *ret) {
        int r = check(s);

        return r < 0 ? r : s->calls->state(s, ret);
}

int beam_session_peer(const beam_session *s, beam_peer *ret) {
        beam_peer all = { .pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1 };
        size_t size = ret->size;
        int r = check(s);

        if (r >= 0)
                r = size < offsetof(beam_peer, pid) ? -EINVAL : s->calls->peer(s, &all);
        if (r < 0)
                return r;
        /* an older program knows fewer fields */
        memcpy(ret, &all, size < sizeof(all) ? size : sizeof(all));
        ret->size = size;
        return 0;
}

/* the loop */

void beam_cork(void) {
        loop *l = loop_get();

        if (l)
                l->corked++;
}

int beam_uncork(int64_t deadline) {
        loop *l = loop_mine();

        if (!l || !l->corked)
                return -EINVAL;
        if (--l->corked)
                return 0;
        loop_flush(l);
        while (!list_is_empty(&l->unwritten)) {
                if (deadline != BEAM_FOREVER && clock_now() >= deadline)
                        return -ETIMEDOUT;
                loop_turn(l, deadline);
        }
        return 0;
}

int beam_loop_run(int64_t deadline) {
        loop *l = loop_get();

        if (!l)
                return -ENOMEM;
        return l->in_callback ? -EDEADLK : loop_run(l, deadline);
}

void beam_loop_stop(void) {
        if (loop_mine())
                loop_stop(loop_mine());
}

int beam_loop_fd(void) {
        loop *l = loop_get();

        return l ? loop_fd(l) : -ENOMEM;
}

short beam_loop_events(void) {
        return LOOP_EVENTS;
}

int64_t beam_loop_wake(void) {
        loop *l = loop_mine();

        return l ? loop_wake(l) : BEAM_FOREVER;
}

int beam_loop_dispatch(void) {
        loop *l = loop_get();

        if (!l)
                return -ENOMEM;
        if (l->in_callback)
                return -EDEADLK;
        loop_dispatch(l);
        return 0;
}
