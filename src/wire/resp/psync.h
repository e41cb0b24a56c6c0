/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Following a master: what PSYNC and SYNC bring, as events
 *
 *     psync_init(&p, &options);
 *     ...write(2) what is in p.out, whenever there is something...
 *     while ((got = psync_next(&p, buf, n)) > 0) {
 *             ...act on p.event...
 *             buf += p.consumed, n -= p.consumed;
 *     }
 *
 * The input lies together from the first byte that was not consumed, as for request.h. The
 * talk on the wire is Redis's: who it is, what it can, and from where on it wants the stream.
 * The master goes on there if it still has that, or says where the stream is now and sends all
 * it holds as an RDB file, and then the stream: commands, of which each byte counts in the
 * offset.
 *
 *   GREET --AUTH, REPLCONF, PSYNC--> ASK --+CONTINUE-----------------------> STREAM
 *     |                               |  \--+FULLRESYNC--> HEAD --> BODY -----^
 *     |                               \--an error of who has no PSYNC: SYNC---^ as well
 *     \--an error--> FAILED
 *
 * A file whose length is not known in advance ends with 40 bytes that were announced.
 */

#include "out.h"
#include "request.h"

enum {
        PSYNC_ID_MAX = 40,     /* of a stream's name, and of a mark */
        PSYNC_TEXT_MAX = 512,  /* of why a master refused; the rest is cut off */
        PSYNC_LINE_MAX = 4096, /* of what is said before the stream. Picked. */
};

/* Of an offset that is told: beyond what any stream comes to, so that what comes after it can be
 * counted too. */
#define PSYNC_OFFSET_MAX (INT64_MAX / 2)

typedef enum psync_event {
        PSYNC_FULL, /* what was known is void: all of it comes, and then the stream from offset */
        PSYNC_CONTINUE, /* nothing is missing; the stream's id may be another one now */
        PSYNC_FILE,     /* bytes of the RDB file: payload */
        PSYNC_WHOLE,    /* that was all of it; once it has been acted on: psync_ack() */
        PSYNC_COMMAND,  /* request.argv, request.argc */
        PSYNC_PASSED,   /* the master is there; in the stream it is a command of no effect */
        PSYNC_REFUSED,  /* text says why; nothing more comes */
} psync_event;

typedef struct psync_options {
        const char *id; /* of the stream that is known up to @offset, or NULL; borrowed for init */
        int64_t offset;
        const char *user, *password; /* to say to AUTH, or NULL; borrowed all the time */
        uint16_t port;               /* where the follower listens itself, or 0 */
        bool gives_over;             /* it was the master, which the other one is to be now */
} psync_options;

typedef struct psync {
        resp_out out; /* to be sent; cut by the caller */

        psync_event event;
        size_t consumed; /* bytes of the input that it took */
        bytes payload;   /* in the input */
        resp_request request;
        char text[PSYNC_TEXT_MAX + 1];

        char id[PSYNC_ID_MAX + 1]; /* of the stream; "" where it has none, or none is known */
        int64_t offset;            /* in it, of what has been given out as an event */

        /* private */
        psync_options options;
        uint8_t state, step;
        bool has_mark;
        uint64_t n_left; /* of the file */
        char mark[PSYNC_ID_MAX];
} psync;

/* Says who it is: there is something in out. */
void psync_init(psync *p, const psync_options *options);
void psync_deinit(psync *p); /* may run twice */

/* Read on in the @n bytes at @buf. Returns 1 with an event; 0 when more bytes are needed;
 * -EPROTO: this is no master, -ENOMEM, then and ever after. */
int psync_next(psync *p, char *buf, size_t n);

/* Tell the master up to where all has been acted on. Expected once a second, and nothing of
 * a master that knows no offsets. */
void psync_ack(psync *p);

/* Whether the stream itself comes now. */
bool psync_streams(const psync *p);
