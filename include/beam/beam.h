/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Channels
 *
 * A channel carries messages one way, in order, from its sender to its
 * receiver. The two ends may be in one thread, in two, in two processes or on
 * two machines: the calls stay the same. A message is a run of bytes plus the
 * things it carries: ends of other channels, byte streams, file descriptors.
 * From Go's channels and from libchan, which took them over the network.
 *
 * Owning:   put moves a thing into a message, take moves it out, and send
 *           moves the message away. A call that fails has moved nothing; the
 *           two codes that mean "left, and nobody knows" are the exception
 *           that beam_send() spells out.
 * Waiting:  whatever can wait ends in a deadline, a point on the clock of
 *           beam_now(). BEAM_NOW is long past, BEAM_FOREVER never comes; they
 *           are ordinary times, not special cases.
 * Failing:  below zero is a negative errno, and beam_strerror() says it in
 *           words. -ETIMEDOUT is the deadline, -EPIPE the other end closed on
 *           purpose, -ECONNRESET the link lost and nobody knows, -ENOTCONN the
 *           link was lost before the call, -EMSGSIZE and -ENOBUFS a limit,
 *           -EPROTO the peer broke a rule, -ECHILD the object was made before
 *           fork() and belongs to the parent, -EINVAL misuse, -ENOMEM no memory.
 *           The rest stands with each call.
 * Threads:  each object is used by one thread at a time. What a thread dials or
 *           accepts belongs to its loop, and moves on whenever that thread is in
 *           a call that waits, or in beam_loop_run() or beam_loop_dispatch().
 *           Ends move to another thread inside a message over beam_pipe().
 *           Nothing here starts a thread unless it says so (background, names).
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BEAM_API __attribute__((visibility("default")))

typedef struct beam_sender beam_sender;
typedef struct beam_receiver beam_receiver;
typedef struct beam_stream beam_stream;
typedef struct beam_msg beam_msg;
typedef struct beam_session beam_session;
typedef struct beam_listener beam_listener;

/* time */

#define BEAM_NOW INT64_C(0)
#define BEAM_FOREVER INT64_MAX
#define BEAM_SECOND INT64_C(1000000000)

/* Nanoseconds on a clock that never steps back; the unit of every deadline. */
BEAM_API int64_t beam_now(void);

/* The deadline @ns from now; what is too far for the clock is BEAM_FOREVER. */
BEAM_API int64_t beam_after(int64_t ns);

/* What a negative result means, in words for a person. Never NULL. */
BEAM_API const char *beam_strerror(int r);

/* reasons */

/* Codes below 256 are Beam's, the rest belong to applications. */
enum {
        BEAM_CODE_NONE = 0,       /* an orderly end */
        BEAM_CODE_CANCELED = 1,   /* not wanted any more */
        BEAM_CODE_REFUSED = 2,    /* not taken, by policy */
        BEAM_CODE_NO_SERVICE = 3, /* nothing of that name here */
        BEAM_CODE_LIMIT = 4,      /* over a limit of the side that closed */
        BEAM_CODE_PROTOCOL = 5,   /* a rule of the wire was broken */
        BEAM_CODE_INTERNAL = 6,   /* out of memory or descriptors, or worse */
        BEAM_CODE_TIMEOUT = 7,    /* its deadline passed */
        BEAM_CODE_GONE = 8,       /* dropped with what it lay in, unread */
        BEAM_CODE_LOST = 9,       /* a link further on was lost: -ECONNRESET here */
        BEAM_CODE_USER = 256,
};

/* Why the other side closed. @text is borrowed until the end is closed; "" if none. */
typedef struct beam_reason {
        uint32_t code;
        const char *text;
} beam_reason;

/* channels */

/* Make both ends of a channel in memory. Up to @depth messages may lie between
 * them; with a depth of 0 each send waits for its receive, as in Go. -EINVAL
 * above BEAM_DEPTH_MAX. */
#define BEAM_DEPTH_MAX ((size_t)1 << 20)
BEAM_API int beam_pipe(size_t depth, beam_sender **ret_tx, beam_receiver **ret_rx);

/* Another handle to the same end, for another producer or another worker. The
 * channel ends when the last one is closed. An end that came from a session is
 * first turned into an end in memory that its session feeds. */
BEAM_API int beam_sender_dup(beam_sender *tx, beam_sender **ret);
BEAM_API int beam_receiver_dup(beam_receiver *rx, beam_receiver **ret);

/* Send @msg. On 0 it is no longer the caller's. On failure it still is:
 *   never sent   -ETIMEDOUT no room before the deadline; -ENOTCONN the link was
 *                lost before; -EMSGSIZE, -E2BIG (things), -ENOBUFS (channels or
 *                fds) the other side would not take it; -ELOOP it carries a receiver
 *                and would lie behind that itself; -ENOMEM, -EINVAL;
 *   refused      -EPIPE the receiver is gone; beam_sender_reason() says why;
 *   unknown      -ECONNRESET or -EINPROGRESS (deadline): it left, and nobody said
 *                that it was taken. Only a channel of depth 0 can answer this.
 * A send of depth 0 over a link learns its fate after the message has left: when it
 * is refused or unknown then, the bytes are still in @msg, what it carried is not. It
 * takes a round trip, so that BEAM_NOW is always too early for it. */
BEAM_API int beam_send(beam_sender *tx, beam_msg *msg, int64_t deadline);

/* Receive one message. Returns 1 with a message that is now the caller's, and 0
 * once the sender has closed and all it sent has been received. -EPIPE when the
 * sender closed with a code (beam_receiver_reason() has it), -ECONNRESET when its
 * link was lost, both after what had arrived has been received. */
BEAM_API int beam_recv(beam_receiver *rx, beam_msg **ret_msg, int64_t deadline);

/* Wait until all that was sent has been taken by the receiver. Returns 0 then,
 * -ETIMEDOUT if some has not been taken yet, -EPIPE if the receiver went away and
 * left some, -ECONNRESET if nobody knows. With BEAM_NOW it only asks. */
BEAM_API int beam_sender_drain(beam_sender *tx, int64_t deadline);

/* Close an end. NULL is fine; NULL comes back. What was sent before is still
 * delivered; what was not received is dropped, and its things closed. */
BEAM_API beam_sender *beam_sender_close(beam_sender *tx);
BEAM_API beam_receiver *beam_receiver_close(beam_receiver *rx);

/* Close an end and say why: @code is not 0, @text may be NULL and is cut at 255
 * bytes. The other side gets -EPIPE and the reason, after what was sent before. */
BEAM_API beam_sender *beam_sender_fail(beam_sender *tx, uint32_t code, const char *text);
BEAM_API beam_receiver *beam_receiver_fail(beam_receiver *rx, uint32_t code, const char *text);

/* Why the other side closed. Returns 1 with the reason once it has, 0 before. */
BEAM_API int beam_sender_reason(const beam_sender *tx, beam_reason *ret);
BEAM_API int beam_receiver_reason(const beam_receiver *rx, beam_reason *ret);

/* Send @msg with a fresh way back as its last thing, and wait for the one answer.
 * Returns 0 with the answer. The deadline travels with the message. Failures as
 * of beam_send(); once the question has left, @msg is gone and failing means:
 * -EPIPE the way back was closed without an answer, -ETIMEDOUT none came in time,
 * -ECONNRESET the link was lost. *@ret_left, unless NULL, tells: whether it left. */
BEAM_API int beam_call(beam_sender *tx, beam_msg *msg, beam_msg **ret_answer, int *ret_left,
                       int64_t deadline);

/* Answer a message of beam_call(): take its last thing, send @answer there, close.
 * -ENOENT if @question has no way back. @answer moves as in beam_send(). */
BEAM_API int beam_reply(beam_msg *question, beam_msg *answer, int64_t deadline);

/* Move messages from @rx to @tx until the end. Returns 0 at the end, the error of
 * whichever side failed otherwise. Both ends stay the caller's. A message that
 * was received and could not be sent is dropped; *@ret_n counts those sent. -ELOOP:
 * both are ends of one channel in memory. */
BEAM_API int beam_copy(beam_receiver *rx, beam_sender *tx, uint64_t *ret_n, int64_t deadline);

/* choice */

/* One way a choice can go: send @msg on @tx, or receive from @rx into @msg. An arm
 * with neither is never chosen. */
typedef struct beam_arm {
        beam_sender *tx;
        beam_receiver *rx;
        beam_msg *msg;
        int r; /* what beam_send() or beam_recv() would have returned */
} beam_arm;

/* Do exactly one of @arms, any whose call would not wait; failing is not waiting.
 * Among several that could go, each has its chance. Returns its index, or
 * -ETIMEDOUT when none could go before the deadline. */
BEAM_API int beam_select(beam_arm *arms, size_t n_arms, int64_t deadline);

/* messages */

typedef enum beam_kind {
        BEAM_NOTHING, /* taken already, or never there */
        BEAM_SENDER,
        BEAM_RECEIVER,
        BEAM_STREAM,
        BEAM_FD,
} beam_kind;

#define BEAM_LABEL_MAX 63 /* bytes of a format label; fits any media type in use */

/* A message of @n bytes copied from @data, or, with @data NULL, left to be filled
 * in through beam_msg_buffer(). How large it may be is for who receives it to say. */
BEAM_API int beam_msg_new(const void *data, size_t n, beam_msg **ret);

/* A message of bytes that stay where they are: @release(@arg) once they are not
 * needed, in whichever thread that is. */
BEAM_API int beam_msg_wrap(const void *data, size_t n, void (*release)(void *arg), void *arg,
                           beam_msg **ret);

/* Its bytes, borrowed from @msg. The buffer, to be filled in, is NULL for a wrapped one. */
BEAM_API const void *beam_msg_data(const beam_msg *msg, size_t *ret_n);
BEAM_API void *beam_msg_buffer(beam_msg *msg);

/* The format of the bytes, as "json" or "application/xml"; "" if nobody said. It is copied,
 * and what comes back is borrowed until it is set again. -EINVAL beyond BEAM_LABEL_MAX. */
BEAM_API int beam_msg_set_label(beam_msg *msg, const char *label);
BEAM_API const char *beam_msg_label(const beam_msg *msg);

/* When the answer is no longer of use: BEAM_FOREVER unless set. It travels as the
 * time that is left and arrives as a point on the receiver's clock. */
BEAM_API void beam_msg_set_deadline(beam_msg *msg, int64_t deadline);
BEAM_API int64_t beam_msg_deadline(const beam_msg *msg);

/* Free @msg and close whatever it still carries. NULL is fine; NULL comes back. */
BEAM_API beam_msg *beam_msg_free(beam_msg *msg);

/* Put a thing in, which is the message's then. Returns its place, from 0 on, the number by
 * which the bytes may name it. -EBADF: that is no descriptor. */
BEAM_API int beam_msg_put_sender(beam_msg *msg, beam_sender *tx);
BEAM_API int beam_msg_put_receiver(beam_msg *msg, beam_receiver *rx);
BEAM_API int beam_msg_put_stream(beam_msg *msg, beam_stream *st);
BEAM_API int beam_msg_put_fd(beam_msg *msg, int fd);

/* Take a thing out, which is the caller's then. NULL, or -1 for an fd, when @place holds no
 * such thing. */
BEAM_API size_t beam_msg_things(const beam_msg *msg); /* places, taken ones too */
BEAM_API beam_kind beam_msg_kind(const beam_msg *msg, size_t place);
BEAM_API beam_sender *beam_msg_take_sender(beam_msg *msg, size_t place);
BEAM_API beam_receiver *beam_msg_take_receiver(beam_msg *msg, size_t place);
BEAM_API beam_stream *beam_msg_take_stream(beam_msg *msg, size_t place);
BEAM_API int beam_msg_take_fd(beam_msg *msg, size_t place);

/* 1 if the fd at @place is one end of a socketpair that Beam fills from the other
 * side's descriptor, because the link cannot pass descriptors; 0 if it is the
 * descriptor itself; -ENOENT if there is none. */
BEAM_API int beam_msg_fd_bridged(const beam_msg *msg, size_t place);

/* byte streams */

/* Two ends of a duplex stream in memory. */
BEAM_API int beam_stream_pair(beam_stream **ret_a, beam_stream **ret_b);

/* As read(2) and write(2): short counts are normal, and a read of 0 is the end
 * (of a read that asked for more than 0). -EPIPE: the other side closed with a
 * code, or, writing, reads no more. */
BEAM_API ssize_t beam_stream_read(beam_stream *st, void *buf, size_t n, int64_t deadline);
BEAM_API ssize_t beam_stream_write(beam_stream *st, const void *buf, size_t n, int64_t deadline);

/* No more writes from here: the other side reads what was written, and then the end. */
BEAM_API int beam_stream_shutdown(beam_stream *st);

/* As beam_sender_drain(), of bytes. */
BEAM_API int beam_stream_drain(beam_stream *st, int64_t deadline);

/* What the end of this side will say: a later shutdown, close, or the end of what is
 * joined to it, closes with @code and @text instead of in order. May be called on a
 * joined stream until its @done. */
BEAM_API int beam_stream_set_end(beam_stream *st, uint32_t code, const char *text);

/* As of channels: close both ways, say why, and learn why the other side did. */
BEAM_API beam_stream *beam_stream_close(beam_stream *st);
BEAM_API beam_stream *beam_stream_fail(beam_stream *st, uint32_t code, const char *text);
BEAM_API int beam_stream_reason(const beam_stream *st, beam_reason *ret);

/* Join @st with descriptors: what is read from @fd_in goes to the stream, what the
 * stream brings goes to @fd_out, half-close included, until both ways have ended;
 * then @done (it may be NULL) is called once from the loop with 0 or the first
 * error; beam_stream_reason() still answers in it. A way also ends when its reader is
 * gone, which is -EPIPE if something is left that nobody took. The stream and both fds
 * are Beam's from the call on, when it succeeds; either fd may be -1 for a way that is
 * not wanted (it is ended at once), both may be the same number, and any kind of
 * descriptor will do. What is not a socket is non-blocking until it is closed. */
BEAM_API int beam_stream_join(beam_stream *st, int fd_in, int fd_out,
                              void (*done)(void *data, int r), void *data);

/* sessions: channels between processes */

/* What to do with descriptors that a peer sends. */
typedef enum beam_fd_policy {
        BEAM_FDS_DEFAULT, /* take them, bridged where the link cannot pass them */
        BEAM_FDS_REFUSE,  /* a message with one is refused to its sender */
        BEAM_FDS_REAL,    /* take them, but only the descriptors themselves */
} beam_fd_policy;

/* Zero in a field asks for the default, which stands beside it. */
typedef struct beam_options {
        size_t size;         /* sizeof(beam_options), so that it may grow */
        size_t max_msg;      /* bytes of one message that comes in: 16 MiB */
        size_t max_things;   /* things of one message that comes in: 1024 */
        size_t max_channels; /* opened by the peer and open, or not taken yet: 16384 */
        size_t max_queued;   /* bytes that came in and nobody took, and 128 a message: 64 MiB */
        size_t max_fds;      /* descriptors that came in and nobody took: 256 */
        size_t max_nesting;  /* messages unread within messages unread: 32 */
        beam_fd_policy fds;
        int background;        /* 1: run the session on a thread of its own */
        int64_t hello_timeout; /* ns for the peer to say hello: 10 s */
        size_t max_pending;    /* of a listener: peers that have not yet said hello: 128 */
} beam_options;

/* Who is on the other side. */
typedef struct beam_peer {
        size_t size;      /* sizeof(beam_peer), set by the caller */
        pid_t pid;        /* on unix sockets, else -1 */
        uid_t uid;        /* on unix sockets, else (uid_t)-1 */
        gid_t gid;        /* on unix sockets, else (gid_t)-1 */
        char address[64]; /* "127.0.0.1:4711", "[::1]:80", "unix", "mem:name" */
} beam_peer;

/* Reach @url: mem:name unix:/path unix:@abstract tcp://host:port
 * ws://host:port/path fd:N
 * Returns once the peer has said hello. -EPROTO: what answers does not speak Beam.
 * -ECONNREFUSED, -ENOENT and the like as of connect(2); of ws: what its server says that
 * comes nearest; -EADDRNOTAVAIL: no such host. Resolving a host name runs getaddrinfo() on a helper
 * thread. */
BEAM_API int beam_dial(const char *url, const beam_options *opt, beam_session **ret,
                       int64_t deadline);

/* Be reached at @url: as above; tcp port 0 lets the kernel pick; fd:N is a socket
 * that listens already, or one connected peer; fd:systemd is the first descriptor
 * of LISTEN_FDS. The path of a stale unix socket is taken over, a live one is
 * -EADDRINUSE. -EACCES: the path is not ours to make, or the address is not of this
 * machine alone; -ENOENT: no such directory, or no LISTEN_FDS; -EAFNOSUPPORT: no such
 * kind of URL; else as of bind(2). */
BEAM_API int beam_listen(const char *url, const beam_options *opt, beam_listener **ret);

/* Where it is reached, with the port in it; borrowed. */
BEAM_API const char *beam_listener_url(const beam_listener *l);

/* Take the next session whose peer has said hello. -EPIPE once a listener on a
 * single connected peer has given that one. */
BEAM_API int beam_accept(beam_listener *l, beam_session **ret, int64_t deadline);

/* Who was not accepted yet is turned away; what was goes on. NULL is fine; NULL comes back. */
BEAM_API beam_listener *beam_listener_close(beam_listener *l);

/* Open a channel of @depth to the other side, which sees @service (up to 255
 * bytes, "" or NULL for none). Usable at once. Waits only while as many are open
 * as the other side allows: -ETIMEDOUT. -EINVAL: a longer name, or a depth above
 * BEAM_DEPTH_MAX; -ENOBUFS: the other side allows none; -EPIPE: either side is ending
 * in order; -ENOTCONN: the session has ended. */
BEAM_API int beam_session_open(beam_session *s, const char *service, size_t depth,
                               beam_sender **ret_tx, int64_t deadline);
BEAM_API int beam_session_open_receiver(beam_session *s, const char *service, size_t depth,
                                        beam_receiver **ret_rx, int64_t deadline);
BEAM_API int beam_session_open_stream(beam_session *s, const char *service, beam_stream **ret_st,
                                      int64_t deadline);

/* Take one that the other side has opened: a message whose bytes are the service
 * name and whose thing 0 is our end. Returns as beam_recv(). */
BEAM_API int beam_session_accept(beam_session *s, beam_msg **ret, int64_t deadline);

/* The channel on which those arrive, to select on or to watch; the session's own. NULL
 * without memory, and to watch that is -ENOMEM. */
BEAM_API beam_receiver *beam_session_opens(beam_session *s);

/* End in order: nothing new is opened or accepted, what is open goes on, and the
 * link closes when all of it has ended. Returns 0 when everything sent was taken,
 * -ETIMEDOUT when not yet, -EPIPE when some was refused, -ECONNRESET when nobody
 * knows. The first call starts it; BEAM_NOW only starts it or asks. */
BEAM_API int beam_session_drain(beam_session *s, int64_t deadline);

/* End now: ends of ours give -ECANCELED, the peer's -ECONNRESET. Waits for nothing.
 * NULL is fine; NULL comes back. */
BEAM_API beam_session *beam_session_close(beam_session *s);

/* The time a ping takes there and back, in ns. -ETIMEDOUT, -ENOTCONN, -ECONNRESET. */
BEAM_API int beam_session_ping(beam_session *s, int64_t *ret_rtt, int64_t deadline);

/* 0 while the session lives, then why not: -EPIPE ended in order, -ECONNRESET lost,
 * -EPROTO, -ENOBUFS. *@ret, unless NULL, is what the peer said; borrowed. */
BEAM_API int beam_session_state(const beam_session *s, beam_reason *ret);

/* Who the peer is, as far as the link knows. -EINVAL: @ret->size is not set. */
BEAM_API int beam_session_peer(const beam_session *s, beam_peer *ret);

/* the thread's loop */

/* Sends between cork and uncork leave together. Uncork waits until the kernel has
 * them all, or -ETIMEDOUT; what is left then moves on with the loop. They nest;
 * -EINVAL: there was no cork. */
BEAM_API void beam_cork(void);
BEAM_API int beam_uncork(int64_t deadline);

/* Have @fn called from the loop whenever a receive would not wait. NULL stops it.
 * The callback may receive, close its end, or wait for other things. */
BEAM_API int beam_receiver_watch(beam_receiver *rx, void (*fn)(void *data, beam_receiver *rx),
                                 void *data);
BEAM_API int beam_listener_watch(beam_listener *l, void (*fn)(void *data, beam_listener *l),
                                 void *data);

/* Run the loop of this thread and its callbacks until the deadline (-ETIMEDOUT) or
 * beam_loop_stop() in a callback (0). -EDEADLK from within a callback. */
BEAM_API int beam_loop_run(int64_t deadline);
BEAM_API void beam_loop_stop(void);

/* Under a loop of one's own: poll the fd for the events until the wake time at
 * most, then dispatch, then ask again. The fd is level-triggered, and one for all
 * that the thread has, and the library's: do not close it (-ENOMEM instead of it: no
 * loop could be made). Events are poll()'s; the wake time is a deadline. Dispatch never
 * waits; it runs the callbacks that are due. -EDEADLK from within one. */
BEAM_API int beam_loop_fd(void);
BEAM_API short beam_loop_events(void);
BEAM_API int64_t beam_loop_wake(void);
BEAM_API int beam_loop_dispatch(void);

/* Listen at @url and call @fn from the loop for each message on any channel that
 * any peer opens; @service is the name that the peer gave. The message is @fn's to
 * free. Returns when beam_loop_stop() is called, or with an error at the start. */
BEAM_API int beam_serve(const char *url, const beam_options *opt,
                        void (*fn)(void *data, const char *service, beam_msg *msg), void *data);

/* for __attribute__((cleanup)) */

static inline void beam_msg_freep(beam_msg **p) {
        *p = beam_msg_free(*p);
}
static inline void beam_sender_closep(beam_sender **p) {
        *p = beam_sender_close(*p);
}
static inline void beam_receiver_closep(beam_receiver **p) {
        *p = beam_receiver_close(*p);
}
static inline void beam_stream_closep(beam_stream **p) {
        *p = beam_stream_close(*p);
}
static inline void beam_session_closep(beam_session **p) {
        *p = beam_session_close(*p);
}
static inline void beam_listener_closep(beam_listener **p) {
        *p = beam_listener_close(*p);
}

#ifdef __cplusplus
}
#endif
