/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions
 *
 * A program sees a session as a handful of calls behind a table, since there are
 * two kinds: one that speaks mux over a link, and one in memory, where there is
 * nothing to speak. The first is here, without a socket: bytes and descriptors are
 * fed in, a queue of bytes and descriptors comes out, and the link is told when
 * there is something in it. Its owner is the loop of one thread; it has no lock.
 */

#include <sys/uio.h>

#include "out.h"
#include "wire.h"

typedef struct session_calls {
        int (*open)(beam_session *s, mux_kind kind, const char *service, size_t depth,
                    void *ret_end, int64_t deadline);
        beam_receiver *(*opens)(beam_session *s); /* NULL without memory */
        int (*drain)(beam_session *s, int64_t deadline);
        void (*close)(beam_session *s);
        int (*ping)(beam_session *s, int64_t *ret_rtt, int64_t deadline);
        int (*state)(const beam_session *s, beam_reason *ret);
        int (*peer)(const beam_session *s, beam_peer *ret);
} session_calls;

struct beam_session {
        const session_calls *calls;
        uint32_t forks;
};

typedef struct session_link session_link;

/* What a session asks of its link. */
typedef struct link_calls {
        /* Write from the queue what the kernel takes now. */
        void (*flush)(session_link *l);
        /* Write these now, past an empty queue. Returns bytes, 0 when it would wait. */
        size_t (*write)(session_link *l, const struct iovec *iov, size_t n_iov);
        /* All has been said: half-close once the queue is written. */
        void (*shut)(session_link *l);
        /* The session is over: let go of the descriptor; no more calls either way. */
        void (*close)(session_link *l);
        void (*peer)(const session_link *l, beam_peer *ret);
        /* Descriptors that cannot pass: as beam_stream_join(), and the other way round, a
         * descriptor, one end of a socketpair, that shows @st. */
        int (*join)(beam_stream *st, int fd_in, int fd_out);
        int (*show)(beam_stream *st, bool readable, bool writable);
} link_calls;

struct session_link {
        const link_calls *calls;
        bool passes_fds;
};

enum {
        SESSION_N_BUCKETS = 8,
        SESSION_WINDOW = 1024 * 1024, /* bytes on one channel that may lie untaken: 16 writes of
                                         64 KiB */
};

struct session {
        beam_session base; /* first: it is what the program holds */
        loop *loop;
        session_link *link;
        dirty dirty, idle; /* idle: credit that nobody waits for */
        list unwritten;    /* in the loop's list while there is output that waits */
        mux_decoder in;
        out_queue out;
        beam_options opt;
        mux_hello peer; /* what it said */
        post burial;
        post *news; /* of the link's: put when the peer has said hello, and when the session
                     * has ended, before its wires hear of that */

        uint8_t fds_taken; /* MUX_FDS_..., as we said */
        bool dialled, greeted;
        bool away_said, away_heard; /* orderly: nothing new, and an end when all is over */
        bool closed_here, shut, buried;
        bool refused, unsaid_lost; /* something sent was not taken; nobody knows */
        /* What comes next can wait until the program has taken this: bytes for a read that
         * waited, or descriptors. */
        bool sated;
        int error;
        uint64_t next_id, last_seen; /* ours to give; the peer's highest */
        uint32_t opens_left;         /* that the peer lets us open */
        uint32_t opens_owed;         /* to give back to it */
        uint32_t n_theirs;           /* in the table, or not yet looked at */
        uint32_t n_fds_held;

        beam_receiver *opens; /* of what the peer opened: made when it is asked for */
        wire **buckets, *last;
        uint32_t n_wires, n_buckets;
        list owing, lazy, sending;
        list over;  /* wires that have left the table and are still held */
        wire *body; /* whose payload is coming in */

        int *fds; /* came in, not yet claimed by a frame */
        uint32_t n_fds, size_fds;
        size_t queued; /* what the messages cost that nobody took */
        reason *bye;   /* what the peer said */
        uint64_t ping_sent, ping_seen;
        int64_t ping_at, ping_rtt;
};

/* A session over @link, not yet greeted. */
int session_new(session_link *link, const beam_options *opt, bool dials, session **ret);

/* Bytes have come: handle them; an error has ended the session. Descriptors that came
 * with them are put in first and are the session's. */
int session_feed(session *s, const uint8_t *p, size_t n);
int session_feed_fds(session *s, const int *fds, size_t n);
size_t session_place(session *s, uint8_t **ret);
int session_fed_in_place(session *s, const uint8_t *p, size_t n);

/* The byte pipe is over: @r is 0 at its end. */
void session_lost(session *s, int r);

/* Put together what is to be written: the next parts of large messages, credit. */
void session_fill(session *s);

/* Anything for the link to write: now, or at the end of the round. */
void session_touch(session *s);
/* Credit that nobody waits for: with what else leaves, or when the thread is idle. */
void session_put_off(session *s);
/* Wait until the queue is empty, as beam_send() does outside of a round. */
void session_settle(session *s, int64_t deadline);

/* Whoever waits for room, or to open something, may look again. */
void session_stir(session *s);

/* for wires */
void session_list(session *s, wire *w);
void session_unlist(session *s, wire *w);
/* The peer may open another: one of its channels is over, and its end was seen. */
void session_give_back(session *s);
wire *session_find(session *s, uint64_t id);
uint64_t session_next_id(session *s);
/* Room in the table, so that listing cannot fail. */
int session_reserve(session *s, size_t n);
/* Whether the peer may open @id now; a rule broken ends the session. */
int session_admit(session *s, uint64_t id);
/* The peer broke a rule, or a limit, or there is no memory to go on: say so and end, in
 * the next turn of the loop, so that whoever called may finish. Returns @error. */
int session_fail(session *s, int error, uint32_t code, const char *text);

/* Waits for what the link needs of the peer before dial or accept can return. */
int session_greeting(const session *s); /* 1 greeted, 0 not yet, or the error */

void options_fill(beam_options *out, const beam_options *in);
