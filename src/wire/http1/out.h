/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is said to the other side: responses, or requests
 *
 *     http1_out_head(&out, &(http1_message){ .status = 200, .reason = "OK", ... });
 *     http1_out_piece(&out, p, n);
 *     http1_out_end(&out, NULL, 0);
 *     ...write(2) what is in out, and http1_out_sent() so much of it...
 *
 * Where a message ends is said here and nowhere else: fields that decide about that cannot be
 * given by the caller, and no text can bring a line end into a head. So whatever a program puts
 * into its texts, it is one message.
 */

#include "http1.h"

typedef struct http1_message {
        /* a request: */
        bytes method, target;
        /* a response: 100 to 599, and a word for people, which may be empty */
        uint16_t status;
        bytes reason;

        http1_body body;
        uint64_t length; /* of HTTP1_LENGTH; of a response to HEAD how long it would be */
        bool head_only;  /* a response to HEAD, or a 304: of the body only what is said of it */
        bool closes;     /* nothing comes after it; HTTP1_TO_END says so by itself */
        bytes upgrade;   /* the protocol that is asked for, or with 101 agreed to; or empty */
        const http1_field *fields; /* but those that are made of the above */
        size_t n_fields;
} http1_message;

typedef struct http1_out {
        uint8_t *p; /* of base/mem: n bytes are to be sent */
        size_t n, cap;
        bool failed; /* for want of memory a part is missing: it cannot be sent */

        /* private */
        http1_body body; /* of the message in progress */
        uint64_t left;   /* of HTTP1_LENGTH */
        bool open;       /* its end has not been said */
} http1_out;

void http1_out_init(http1_out *o);
void http1_out_deinit(http1_out *o); /* may run twice */

/* The first @n bytes have gone. */
void http1_out_sent(http1_out *o, size_t n);

/* Begin a message. -EINVAL: a text that cannot stand there, a field that is made here, a body
 * where there can be none, or the message before it has no end yet; nothing is written then.
 * A 1xx is over with its head, and so is what has no body: http1_out_end() may be left out. */
int http1_out_head(http1_out *o, const http1_message *m);

/* Bytes of the body. -EINVAL: more than its length, or there is no body. */
int http1_out_piece(http1_out *o, const void *p, size_t n);

/* That was all of it; after chunks these fields may follow. -EINVAL: less than its length, or
 * fields that cannot stand there. */
int http1_out_end(http1_out *o, const http1_field *fields, size_t n_fields);
