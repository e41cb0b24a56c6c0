/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the other side says: requests, as a server reads them, or responses, as a client does
 *
 *     http1_in_init(&in, false);
 *     while ((r = http1_in_next(&in, buf, n)) > 0) {
 *             ...act on in.event...
 *             buf += in.consumed, n -= in.consumed;
 *     }
 *     buf += in.consumed, n -= in.consumed;    (r == 0: some may have been used up)
 *     ...read(2) more to the end of buf...
 *
 * The input lies together from the first byte that was not consumed, and may move. A head and
 * what follows the last chunk have to lie in it whole; a body is handed on in place as it comes.
 * What has been looked at is not looked at again. Events depend on the bytes, never on how they
 * were cut; pieces of a body do.
 *
 *            a head                      its last byte
 *   START ----------> HEAD given, BODY ----------------> END given, START
 *     |  \                    | 101, 2xx to CONNECT           | "close"
 *     |   `-- broken --       `--> UPGRADED                   `--> CLOSED
 *     |                `--> FAILED, from any state
 *     `-- nothing more, http1_in_end()
 *
 * Requests that follow each other at once are read one by one, each when http1_in_next() is called
 * after the END before it: who answers before going on answers in order.
 *
 * A server that agrees to an upgrade does so after END, and stops calling: what then lies in
 * the input is of the new protocol. A client gets UPGRADE instead of END.
 */

#include "http1.h"

enum {
        /* Bytes of the first line with its end: RFC 9112 wants 8000 at least. */
        HTTP1_LINE_MAX = 8192,
        /* Bytes of a head, and of the fields after a body. As nginx takes by default; a head
         * waits in memory for its end. */
        HTTP1_HEAD_MAX = 32 * 1024,
        /* Fields of either. A browser behind two proxies sends 30. Each takes 8 bytes of the
         * reader. */
        HTTP1_FIELDS_MAX = 128,
        /* Bytes of a line that says how long a chunk is. Nobody sends extensions but to make
         * the reader work. */
        HTTP1_CHUNK_LINE_MAX = 256,
};

/* Bytes of a body: as much as a message of beam.h has by default. */
#define HTTP1_BODY_MAX (UINT64_C(16) << 20)

typedef enum http1_event {
        HTTP1_HEAD = 1, /* all up to the empty line is known */
        HTTP1_PIECE,    /* bytes of the body: payload */
        HTTP1_END,      /* of the message; the fields are now those after the body */
        HTTP1_UPGRADE,  /* likewise, and what comes next is no HTTP */
} http1_event;

typedef struct http1_span {
        uint16_t name, n_name, value, n_value;
} http1_span;

typedef struct http1_in {
        /* limits, may be set after init, that on the body also between HEAD and the next call */
        uint32_t max_line, max_head; /* max_head: below 64 KiB */
        uint32_t max_fields;         /* HTTP1_FIELDS_MAX at the most */
        uint64_t max_body;
        /* of a client: what was asked, HTTP1_ASKED_...; set before each response's head */
        uint8_t asked;

        http1_event event;
        size_t consumed; /* of the input, by the call that has just returned 0 or more */
        bytes payload;   /* of PIECE; in the input */

        /* From HEAD on; the texts lie in the input and are gone when that moves. */
        bytes method, target; /* of a request */
        bytes host;           /* whom it is for, with the port if that was said; may be empty */
        uint16_t status;      /* of a response */
        bytes reason;         /* may be empty */
        uint8_t minor;        /* HTTP/1.0 or 1.1 */
        http1_body body;
        uint64_t length;  /* of HTTP1_LENGTH */
        bool keep_alive;  /* another message may follow on this connection */
        bool waits;       /* the body comes only after a 100 (Continue), or after some time */
        bool has_upgrade; /* would like another protocol: see http1_in_lists(), "upgrade" */
        uint32_t n_fields;

        /* Of a failure: what a server should answer before it hangs up, and why. */
        uint16_t answer;
        const char *why;

        /* private */
        bool responses;
        bool switches; /* what comes next is no HTTP */
        uint8_t state;
        int error;
        const char *buf; /* the input, from the head or what is left of the body on */
        size_t n;
        size_t at, seen;  /* the line in progress begins there, has no end before that */
        const char *head; /* where the input was when the first line was read */
        uint64_t left;    /* of the body, or of a chunk */
        uint64_t n_body;  /* so far */
        size_t n_notes;   /* extensions of chunks, in all */
        http1_span spans[HTTP1_FIELDS_MAX];
} http1_in;

/* It has nothing to give back. */
void http1_in_init(http1_in *in, bool responses);

/* Read on in the @n bytes at @buf. Returns 1 with an event; 0 when more bytes are needed; -EPROTO
 * when a rule was broken, -EMSGSIZE when it is over a limit, then and ever after; -EPIPE for
 * bytes after a message that had said it was the last. */
int http1_in_next(http1_in *in, const char *buf, size_t n);

/* The other side will send no more, after all it had sent was read. Returns 1 with an event, the
 * END of a body that ends so; 0 if it was between two messages; -ECONNRESET if not. */
int http1_in_end(http1_in *in);

/* The fields, in their order; after HEAD those of the head, after END those behind the body.
 * Until the next call or until the input moves. A value has no blanks around it. */
http1_field http1_in_field(const http1_in *in, size_t i);

/* How many fields have that name, in letters of either case, and the first one's value. */
size_t http1_in_find(const http1_in *in, const char *name, bytes *ret);

/* Whether a field that is a list has this word in it, likewise: "connection", "upgrade". */
bool http1_in_lists(const http1_in *in, const char *name, const char *word);
