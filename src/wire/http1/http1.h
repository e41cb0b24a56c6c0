/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/1.1, both sides of it: what its parts share
 *
 *     in.h     bytes in, requests out (a server); or responses (a client)
 *     out.h    responses as bytes (a server); or requests (a client)
 *
 * RFC 9110 says what is meant and RFC 9112 how it is written. Both let a recipient repair much
 * that is broken. Nothing is repaired here: where two programs on the way of one request repair
 * it differently they disagree on where it ends, and the next one is whatever the sender
 * liked. So what can be read in two ways, or is forbidden, is refused, and what is written
 * cannot be read in two ways.
 *
 * Machines: no system call, no clock, nothing global.
 */

#include <stdint.h>

#include "../../base/bytes.h"

/* How the end of a body is known. */
typedef enum http1_body {
        HTTP1_NO_BODY,
        HTTP1_LENGTH,  /* by its length, which may be 0 */
        HTTP1_CHUNKED, /* each piece says how long it is; fields may follow the last one */
        HTTP1_TO_END,  /* the connection ends with it: of responses only */
} http1_body;

typedef struct http1_field {
        bytes name, value;
} http1_field;

/* What a request was, as far as it decides where its response ends. */
enum {
        HTTP1_ASKED_HEAD = 1,    /* there will be no body, whatever is said of it */
        HTTP1_ASKED_CONNECT = 2, /* with a 2xx there is no HTTP any more */
        HTTP1_ASKED_UPGRADE = 4, /* a 101 is welcome */
};
