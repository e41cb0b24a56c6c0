/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The mux wire: frames of a session, in and out (spec/mux.md)
 *
 * Inbound: bytes go in, events come out, and the events do not depend on how the
 * bytes were cut. It reads no socket and asks no clock. Payloads of MSG and DATA
 * are handed on in place, in as many pieces as they came; every other frame comes
 * as one event with its fields parsed. A head that was cut is gathered in the
 * decoder, one with long fields in memory lent for that moment: an idle decoder
 * holds none.
 *
 *             8 bytes          a HELLO          MSG or DATA
 *   PREFACE ----------> HELLO ---------> HEAD <-------------> BODY
 *                                       |    ^   payload read
 *                                       |____| any other frame
 *   any state --broken rule--> FAILED, for good
 *
 * Outbound: functions that write one frame's head and fields into memory that the
 * caller has; each returns how many bytes it wrote, and its type says how many at
 * the most.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        MUX_PREFACE_SIZE = 8,
        MUX_HEAD_SIZE = 12,
        MUX_NAME_MAX = 255,   /* bytes of a service name or a reason: one byte counts them */
        MUX_LABEL_MAX = 63,   /* bytes of a format label */
        MUX_FIXED_MAX = 384,  /* the longest head with its fields: OPEN with a full name, HELLO */
        MUX_SMALL_MAX = 24,   /* the longest of those without a text: THING, CREDIT */
        MUX_FRAME_MIN = 1024, /* a payload that every peer must take */
        MUX_FRAME_DEFAULT = 64 * 1024, /* what we take: one read's worth */
        MUX_FRAME_MAX = 0xffffff,      /* what a u24 can say */
        MUX_DEPTH_MAX = 1 << 20,       /* as of beam_pipe() */

        /* What a HELLO that does not mention them means. */
        MUX_MSG_DEFAULT = 16 << 20,
        MUX_THINGS_DEFAULT = 1024,
        MUX_OPENS_DEFAULT = 16384,
        MUX_WINDOW_DEFAULT = 1 << 20, /* covers 10 Gbit/s at 0.8 ms there and back */
};

#define MUX_CHANNEL_MAX UINT64_C(0xffffffffffff) /* what a u48 can say */

extern const uint8_t mux_preface[MUX_PREFACE_SIZE];

typedef enum mux_type {
        MUX_HELLO = 1, /* session: what each side takes; first, once */
        MUX_OPEN,      /* a channel or stream, with a service name */
        MUX_THING,     /* one thing of the message that follows on this channel */
        MUX_MSG,       /* a message, or a part of one */
        MUX_DATA,      /* bytes of a stream */
        MUX_CREDIT,    /* so much was taken; on channel 0: so many more may be opened */
        MUX_END,       /* from the sending side: no more, and why */
        MUX_STOP,      /* from the receiving side: no more, and why */
        MUX_ASK,       /* from the sending side: say at once what was taken */
        MUX_PING,
        MUX_PONG,
        MUX_AWAY, /* session: nothing new is taken any more, and why */
        MUX_TYPE_END,
} mux_type;

enum {
        MUX_MSG_MORE = 1, /* another part follows */
        MUX_MSG_HEAD = 2, /* the payload begins with a message head */
        MUX_MSG_REST = 4, /* continues the part before */

        MUX_CREDIT_WANT = 1, /* depth 0: a receive is waiting */
};

/* What the side that reads the frame gets. */
typedef enum mux_kind {
        MUX_SENDER = 1,
        MUX_RECEIVER,
        MUX_STREAM,
        MUX_FD,        /* descriptor that came with this frame (THING only) */
        MUX_FD_BRIDGE, /* stream to be shown as a descriptor (THING only) */
} mux_kind;

enum { /* of MUX_FD_BRIDGE: which ways the descriptor goes, for the side that gets it */
       MUX_FD_READ = 1,
       MUX_FD_WRITE = 2,
};

typedef struct mux_head {
        uint32_t length; /* bytes of payload, 24 bits */
        uint8_t type;    /* a mux_type */
        uint8_t flags;
        uint8_t n_fds;    /* descriptors that belong to this frame */
        uint64_t channel; /* 48 bits; 0 is the session */
} mux_head;

enum { /* mux_hello.role */
       MUX_DIALLED = 1,
       MUX_ACCEPTED = 2,
};

enum {                     /* mux_hello.fds */
       MUX_FDS_PASS = 1,   /* takes descriptors where the link passes them */
       MUX_FDS_BRIDGE = 2, /* takes descriptors as streams */
};

typedef struct mux_hello {
        uint8_t role; /* dialled or accepted; the one field that has to be there */
        uint8_t fds;
        uint8_t id[16];      /* of the session, chosen by the side that dialled */
        uint32_t max_frame;  /* bytes of payload of one frame */
        uint64_t max_msg;    /* bytes of one message */
        uint32_t max_things; /* of one message */
        uint32_t max_opens;  /* channels that the reader may open to begin with */
        uint32_t window;     /* bytes on one channel that may lie there untaken */
        uint64_t features;   /* bits; none are defined yet, unknown ones are ignored */
} mux_hello;

typedef struct mux_bytes {
        const uint8_t *p;
        size_t n;
} mux_bytes;

#define MUX_NO_DEADLINE UINT64_MAX

typedef struct mux_event {
        mux_head head;

        /* MSG, DATA: bytes in place, borrowed from the input */
        mux_bytes piece;
        uint32_t offset;  /* of the piece; for MSG after its message head */
        bool first, last; /* of the frame's pieces */

        union {
                mux_hello hello;
                struct {
                        uint8_t kind; /* mux_kind: OPEN has 1 to 3 */
                        uint8_t ways; /* of MUX_FD_BRIDGE */
                        uint32_t depth;
                        uint64_t channel; /* THING: the new one */
                        mux_bytes name;   /* OPEN; borrowed until the next call */
                } open;                   /* OPEN, THING */
                struct {
                        uint64_t total;  /* bytes of the whole message */
                        uint64_t left;   /* microseconds to its deadline, or MUX_NO_DEADLINE */
                        mux_bytes label; /* borrowed until the next call */
                } msg;                   /* MSG with MUX_MSG_HEAD, in the event with first */
                struct {
                        uint32_t n_msgs;
                        uint64_t n_bytes;
                } credit; /* CREDIT; on channel 0 n_msgs is channels */
                struct {
                        uint32_t code;
                        uint64_t last; /* AWAY: the highest channel of the reader's that was seen */
                        mux_bytes text; /* borrowed until the next call */
                } close;                /* END, STOP, AWAY */
                uint8_t ping[8];        /* PING, PONG */
        };
} mux_event;

typedef struct mux_decoder {
        uint32_t max_frame; /* the owner's limit, as told in its hello */
        bool bare;          /* set after init: the preface has been read by someone else */

        /* private */
        uint8_t state;
        bool is_new; /* of FAILED: it was the preface */
        int error;
        uint32_t n_kept, n_lent; /* bytes kept of a cut frame; size of lent */
        uint8_t small[32];       /* holds them, unless they need more */
        uint8_t *lent;
        mux_head head; /* of BODY */
        uint32_t offset, n_left;
} mux_decoder;

void mux_decoder_init(mux_decoder *d, uint32_t max_frame);
void mux_decoder_deinit(mux_decoder *d);

/* Take the next event out of @in and move @in past what was used. Returns 1 with
 * an event; 0 when all of @in has been used and more is needed; -EPROTO when the
 * peer broke a rule, -EMSGSIZE when a frame is over the limit, -ENOMEM, now and on
 * every later call. A rule of one frame, or of HELLO being first, is checked here;
 * what needs to know the channels is the session's. A MSG or DATA frame gives its
 * first event as soon as its head is whole, with an empty piece if need be. Only
 * the members that the type has are written: of the union, none for a MSG without
 * MUX_MSG_HEAD. */
int mux_decode(mux_decoder *d, mux_bytes *in, mux_event *ret_event);

/* Whether the preface has not come, or was not one: this is no session, or not yet. */
bool mux_decoder_is_new(const mux_decoder *d);

/* How many bytes of payload of a MSG or DATA frame are still to come: a caller that
 * reads straight into their place needs to know. 0 when in no such frame. */
uint32_t mux_decoder_left(const mux_decoder *d);

/* Those bytes have been put where they belong without passing through mux_decode():
 * at most mux_decoder_left(). Returns the event that mux_decode() would have, with
 * piece.p = @p. */
mux_event mux_decoder_skip(mux_decoder *d, const uint8_t *p, uint32_t n);

/* outbound: what breaks a rule of the wire is our own bug, and asserted */

size_t mux_put_hello(uint8_t out[static MUX_FIXED_MAX], const mux_hello *hello);
/* @depth counts only for the kinds that have one. */
size_t mux_put_open(uint8_t out[static MUX_FIXED_MAX], uint64_t channel, mux_kind kind,
                    uint32_t depth, mux_bytes name);
/* @ways and @depth count only for the kinds that have them; MUX_FD has no @channel,
 * and its descriptor leaves with the first byte written here. */
size_t mux_put_thing(uint8_t out[static MUX_SMALL_MAX], uint64_t parent, mux_kind kind,
                     uint8_t ways, uint64_t channel, uint32_t depth);
size_t mux_put_credit(uint8_t out[static MUX_SMALL_MAX], uint64_t channel, uint8_t flags,
                      uint32_t n_msgs, uint64_t n_bytes);
/* END, STOP: with @code 0 the payload is empty and @text is ignored. A text is cut at
 * MUX_NAME_MAX bytes, between two characters. */
size_t mux_put_close(uint8_t out[static MUX_FIXED_MAX], mux_type type, uint64_t channel,
                     uint32_t code, mux_bytes text);
size_t mux_put_away(uint8_t out[static MUX_FIXED_MAX], uint32_t code, uint64_t last,
                    mux_bytes text);
size_t mux_put_ask(uint8_t out[static MUX_SMALL_MAX], uint64_t channel);
size_t mux_put_ping(uint8_t out[static MUX_SMALL_MAX], mux_type type, const uint8_t data[static 8]);

/* The head of a MSG frame whose message head says @total, @left and @label; @n_part
 * bytes of the message follow. */
size_t mux_put_msg_head(uint8_t out[static MUX_FIXED_MAX], uint64_t channel, uint8_t flags,
                        uint64_t total, uint64_t left, mux_bytes label, uint32_t n_part);

/* The head alone: of a MSG without a message head, of DATA. Hot, so it is here. */
static inline size_t mux_put_head(uint8_t out[static MUX_HEAD_SIZE], const mux_head *h) {
        uint64_t a = (uint64_t)h->length << 40 | (uint64_t)h->type << 32 |
                     (uint64_t)h->flags << 24 | (uint64_t)h->n_fds << 16 | h->channel >> 32;
        uint32_t b = (uint32_t)h->channel;

        a = __builtin_bswap64(a);
        b = __builtin_bswap32(b);
        __builtin_memcpy(out, &a, 8);
        __builtin_memcpy(out + 8, &b, 4);
        return MUX_HEAD_SIZE;
}
