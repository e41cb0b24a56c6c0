/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is said over the channels of jobs: slips of RESP (rules J39 to J45)
 *
 * A slip is an array whose first text is what it is about. Others may have written it: so it is
 * looked through once, and what is found lies in it then as whole values.
 */

#include <beam/beam.h>

#include "../wire/resp/cursor.h"
#include "../wire/resp/out.h"

/* The first things of an order: who is told, and who tells; then its streams. */
enum {
        SLIP_TELL,
        SLIP_WORDS,
        SLIP_STREAMS,
};

/* Told to one another: as many lie there before anybody waits. */
enum {
        SLIP_TELL_DEPTH = 8,
        SLIP_WORDS_DEPTH = 64,
};

/* The texts of a slip, one by one; what it is about first. */
typedef struct slip {
        resp_cursor at;
        size_t n_left;
} slip;

/* What lies in @msg is a slip of texts only. -EPROTO: it is none. It stays in @msg. */
int slip_open(const beam_msg *msg, slip *ret);
bool slip_next(slip *s, bytes *ret);

/* A job that is to be run. All lies in its message. */
typedef struct slip_order {
        bytes id;                      /* or empty, as nobody has given it one yet */
        bytes text;                    /* the slip, without the ID */
        bytes name;                    /* of what is to be run */
        resp_cursor args, env, fields; /* each at an array of texts */
        bool stays;                    /* known, when it has ended */
        bool goes_on;                  /* when its client is gone */
        size_t n_streams;
        uint8_t streams[256]; /* the numbers of those that the message carries */
} slip_order;

/* An order that a client has written, or with @has_id one that a desk hands on. -EPROTO. */
int slip_read_order(const beam_msg *msg, bool has_id, slip_order *ret);

/* Writing: an array of texts, and then the message of all that was written. */
void slip_put(resp_out *out, const bytes *texts, size_t n);
int slip_msg(resp_out *out, beam_msg **ret);

/* Send the texts without waiting for anybody. */
int slip_send(beam_sender *tx, const bytes *texts, size_t n);
#define slip_say(tx, ...)                             \
        slip_send(tx, (const bytes[]){ __VA_ARGS__ }, \
                  sizeof((const bytes[]){ __VA_ARGS__ }) / sizeof(bytes))
