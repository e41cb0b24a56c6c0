/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Replies, as a client reads them: whole ones, of either version
 *
 *     while ((got = resp_reply_next(&r, buf, n)) > 0) {
 *             ...the r.consumed bytes at buf are a reply; cursor.h walks over them...
 *             buf += r.consumed, n -= r.consumed;
 *     }
 *
 * The input lies together, from the first byte of the reply in progress on, may move
 * between calls and grows at its end. Nothing is kept of it but how far it has been looked
 * at, so this is linear in the bytes, allocates nothing, and takes as many values within
 * one another as the limit says without recursion.
 *
 * A push is a reply of its own, and so are attributes with the value they belong to.
 * Unlike a server's reading, this is strict: who breaks the protocol here is a server,
 * and the next reply would be taken for the answer to another request. Streamed values,
 * "$?" and the like, are in the description of version 3 but in no server.
 *
 *          a byte        a head: array, map...
 *   HEAD <--------> LINE ----------------> HEAD for each value in it
 *                    | a bulk's length
 *                    +-----> BODY          any state --broken--> FAILED
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp.h"

enum {
        /* Values within values. Redis's deepest is COMMAND DOCS with 10 or so; scripts may
         * make what they like. Each level takes 8 bytes of the reader. */
        RESP_DEPTH_MAX = 64,

        /* Values of one reply; a count is all they cost here. As many as Redis can say. */
        RESP_VALUES_MAX = INT32_MAX,

        /* Bytes of one reply: it has to lie in memory at once. Twice the largest value. */
        RESP_REPLY_MAX = 1024 * 1024 * 1024,

        /* Bytes of a line, which may be a text, such as an error. Picked: Redis has none;
         * it cuts the texts it quotes at 128. */
        RESP_REPLY_LINE_MAX = 64 * 1024,
};

typedef struct resp_reply {
        /* limits, may be set after init */
        uint64_t max_bytes;
        uint32_t max_values;
        uint32_t max_depth; /* RESP_DEPTH_MAX at the most */

        size_t consumed; /* of a whole reply: how many bytes it is */
        size_t want;     /* after 0: as many bytes must be there at least; more than now */

        /* private */
        uint8_t state;
        uint8_t type; /* of the value in progress, which */
        int error;
        size_t at;   /* begins there, */
        size_t seen; /* has no end before that, */
        size_t n_body;
        uint32_t n_values;
        uint32_t depth; /* and is within so many others: */
        struct {
                uint32_t n_left; /* values that it still wants */
                bool is_note;    /* an attribute: with it no value is whole yet */
        } within[RESP_DEPTH_MAX];
} resp_reply;

void resp_reply_init(resp_reply *r);

/* Read the next reply out of the @n bytes at @buf: after a whole one, that begins behind
 * what it consumed. Returns 1 with a reply; 0 when more bytes are needed; -EPROTO when
 * it is none, -EMSGSIZE when it is over a limit, then and ever after. */
int resp_reply_next(resp_reply *r, const char *buf, size_t n);
