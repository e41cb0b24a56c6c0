/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * WebSocket, RFC 6455, both sides of it: what its parts share
 *
 *     in.h      bytes in, messages and control frames out
 *     out.h     frames as bytes
 *     key.h     what a handshake, which is HTTP/1.1, proves
 *
 * A client masks what it sends and a server does not; else the two sides are alike. No
 * extension is spoken: the three bits for them have to be 0.
 *
 * Machines: no system call, no clock, no randomness, nothing global.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ws_opcode {
        WS_CONTINUATION = 0,
        WS_TEXT = 1,
        WS_BINARY = 2,
        WS_CLOSE = 8,
        WS_PING = 9,
        WS_PONG = 10,
} ws_opcode;

enum {
        WS_CONTROL_MAX = 125, /* bytes of payload of a control frame */
        WS_REASON_MAX = 123,  /* of those of a Close, behind its code */
        WS_HEAD_MAX = 14,     /* the longest head: 8 bytes of length, 4 of mask */
        WS_MASK_SIZE = 4,
};

/* Codes of a Close, RFC 6455, 7.4.1, and of IANA's list those that came after it. */
enum {
        WS_NORMAL = 1000,
        WS_GOING_AWAY = 1001,
        WS_PROTOCOL = 1002,
        WS_UNSUPPORTED = 1003, /* a type of data that is not taken here */
        WS_NO_CODE = 1005,     /* never sent: the Close had none */
        WS_INVALID = 1007,     /* text that is not UTF-8 */
        WS_POLICY = 1008,
        WS_TOO_BIG = 1009,
        WS_INTERNAL = 1011,
};

/* Whether a Close may carry @code. */
bool ws_code_is_valid(uint32_t code);
