/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the other side of a WebSocket says
 *
 * Bytes go in, events come out, and the events do not depend on how the bytes were cut. The
 * payload of messages is unmasked where it lies and handed on in place, in as many pieces as
 * came; a control frame comes as one event. A head or a control frame that was cut is
 * gathered in the reader, which has no other memory.
 *
 *            a head                its last byte
 *   HEAD -------------> PAYLOAD -----------------> HEAD
 *     |                    |
 *     |  a Close           `--broken rule--> FAILED, for good
 *     `---------> CLOSED
 */

#include "../../base/utf8.h"
#include "ws.h"

/* Bytes of a message: as much as one of beam.h has by default. */
#define WS_MESSAGE_MAX (UINT64_C(16) << 20)

typedef struct ws_bytes {
        uint8_t *p;
        size_t n;
} ws_bytes;

typedef struct ws_event {
        ws_opcode opcode; /* of the message, for each of its pieces; never WS_CONTINUATION */
        ws_bytes piece;   /* of a message in the input; of a control frame until the next call */
        bool first, last; /* of the message's pieces */
        uint16_t code;    /* of WS_CLOSE: WS_NO_CODE if it had none; its reason is the piece */
} ws_event;

typedef struct ws_in {
        /* may be set after init */
        uint64_t max_message;

        /* Of a failure: what to say in the Close, and why. */
        uint16_t code;
        const char *why;

        /* private */
        bool masked; /* this side is a server */
        uint8_t state;
        int error;
        uint8_t n_kept; /* of the head, or of a control frame's payload */
        uint8_t head[WS_HEAD_MAX];
        uint8_t control[WS_CONTROL_MAX];
        uint8_t opcode, message; /* of the frame; of the message in progress or 0 */
        bool fin, begun;         /* the message has had an event */
        uint8_t mask[WS_MASK_SIZE];
        uint64_t length, at; /* of the frame's payload, of which so much has been read */
        uint64_t n_message;  /* bytes, with those of the frame in progress */
        utf8_stream utf8;
} ws_in;

/* For a @server, which wants frames masked, or a client, which wants them bare. It has
 * nothing to give back. */
void ws_in_init(ws_in *in, bool server);

/* Take the next event out of @bytes, which is moved past what was used. Returns 1 with an event; 0
 * when all has been used and more is needed, and whatever comes after a Close; -EPROTO when a
 * rule was broken, -EMSGSIZE when a message is over the limit, now and on every later call. Of
 * text what comes before the first byte that is not UTF-8 is still handed on. */
int ws_in_next(ws_in *in, ws_bytes *bytes, ws_event *ret);

/* Whether no frame is in progress. */
bool ws_in_is_between(const ws_in *in);
