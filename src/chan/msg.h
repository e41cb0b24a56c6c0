/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages
 *
 * One block: a head of a cache line, then the bytes. Blocks come in sizes of a
 * power of two beside the head and are kept, a few of each size, by the thread that
 * frees them; what one thread frees and another allocates moves between them in
 * bundles, so that the price of a lock is paid once in 64 messages. A large block
 * is worth keeping too: giving 64 KiB back to the kernel and asking for it again
 * costs ten times the copy.
 *
 * What few messages have (a label, things, bytes of somebody else's) lies in a
 * second block, out of the same store.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "beam/beam.h"

typedef struct thing {
        beam_kind kind;
        bool bridged; /* an fd that Beam fills */
        union {
                beam_sender *tx;
                beam_receiver *rx;
                beam_stream *st;
                int fd;
        };
} thing;

typedef struct msg_extra {
        char label[BEAM_LABEL_MAX + 1];
        void (*release)(void *arg);
        void *arg;
        size_t n_things, size_things;
        thing *things; /* that one, or more elsewhere */
        thing one;
} msg_extra;

static_assert(sizeof(msg_extra) <= 128, "as small a block as its label allows");

struct beam_msg {
        beam_msg *next; /* in whatever queue it is */
        uint8_t *data;
        size_t n;
        int64_t deadline;
        msg_extra *extra;
        union {
                beam_msg *next_bundle; /* of a bundle's first */
                uint64_t left;         /* of one under way: bytes to come, to go, to be read */
        };
        uint32_t size_class;
        uint32_t n_lines; /* of 64 bytes, beside the head */
        uint32_t pins;    /* parts on their way out, borrowed by a session */
        bool freed;       /* while pinned */
        uint8_t pad[3];
};

static_assert(sizeof(beam_msg) == 64, "a head is a cache line");

/* What a message takes up beside its bytes: the head, and the smallest block. */
enum { MSG_OVERHEAD = 128 };

/* A message of @n bytes to be filled in. NULL without memory. */
beam_msg *msg_new(size_t n);

/* Make room for @n bytes, of which those that it has stay. May move the message, or make
 * it if there is none. */
int msg_reserve(beam_msg **msg, size_t n);
static inline size_t msg_room(const beam_msg *msg) {
        return (size_t)msg->n_lines * 64;
}

int msg_put(beam_msg *msg, const thing *t);
void thing_close(thing *t);
/* Places at the end that hold nothing are not places any more. */
void msg_trim_things(beam_msg *msg);
static inline size_t msg_n_things(const beam_msg *msg) {
        return msg->extra ? msg->extra->n_things : 0;
}
static inline thing *msg_thing(const beam_msg *msg, size_t i) {
        return &msg->extra->things[i];
}

uint32_t msg_n_fds(const beam_msg *msg);

/* Label and things move from @from to @to, which has none; its bytes stay. */
int msg_take_extra(beam_msg *to, beam_msg *from);

/* Hold the bytes until unpinned; a free meanwhile is put off. */
static inline void msg_pin(beam_msg *msg) {
        msg->pins++;
}
void msg_unpin(beam_msg *msg);

/* A queue by the messages' own links. */
typedef struct msg_queue {
        beam_msg *first, **last;
} msg_queue;

static inline void msg_queue_init(msg_queue *q) {
        q->first = NULL;
        q->last = &q->first;
}
static inline void msg_queue_put(msg_queue *q, beam_msg *msg) {
        msg->next = NULL;
        *q->last = msg;
        q->last = &msg->next;
}
static inline beam_msg *msg_queue_take(msg_queue *q) {
        beam_msg *msg = q->first;

        if (msg) {
                q->first = msg->next;
                if (!q->first)
                        q->last = &q->first;
        }
        return msg;
}

/* Give back what this thread, and nobody, keeps. */
void msg_trim(void);
