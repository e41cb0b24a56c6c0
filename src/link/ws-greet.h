/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The handshake of a WebSocket: a request and a response of HTTP/1.1, to be read and written
 *
 *     dials    ws_greet_begin() writes the request; ws_greet_feed() reads the response
 *     listens  ws_greet_feed() reads the request and writes the response, also one that refuses
 */

#include "../wire/http1/in.h"
#include "../wire/http1/out.h"
#include "../wire/ws/in.h"
#include "../wire/ws/key.h"
#include "url.h"

enum { GREET_HEAD_MAX = 16 * 1024 }; /* of a request: as Node takes; half of nginx's */

typedef struct ws_greet {
        http1_out out;   /* to be sent */
        const char *why; /* of a failure */

        /* private */
        http1_in in;
        bool dials;
        bool fits;                   /* the head was as it should be, */
        bool names_protocol;         /* and wants to hear which protocol it will be */
        char host[URL_HOST_MAX + 9]; /* with brackets and port */
        char path[URL_PATH_MAX + 1];
        char key[WS_KEY_TEXT];
        uint8_t *p; /* what came and was not read */
        size_t n, cap;
} ws_greet;

int ws_greet_new(const url *u, bool dials, ws_greet **ret);
ws_greet *ws_greet_free(ws_greet *g);

/* @n bytes have come. Returns 1 when it is over, and *@ret are those behind it, until g is freed; 0
 * if more are needed; an error if there will be no WebSocket: -EACCES, -ENOENT and -ECONNREFUSED
 * as the server said, -EPROTO: it was none, -EMSGSIZE, -ENOMEM. */
int ws_greet_feed(ws_greet *g, const uint8_t *p, size_t n, ws_bytes *ret);
