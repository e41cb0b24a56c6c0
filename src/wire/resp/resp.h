/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RESP, the protocol of Redis, versions 2 and 3: what its parts share
 *
 *     request.h   bytes from a client in, its requests out      server, following a master
 *     out.h       replies and requests as bytes                 both sides
 *     reply.h     bytes from a server in, whole replies out     client
 *     cursor.h    the values of a whole reply, one by one       client, and in process
 *     psync.h    what a master sends to who follows it           following a master
 *     split.h     the words of a line, with quotes              inline requests, the tool
 *
 * The bytes are described at https://redis.io/docs/reference/protocol-spec and in
 * redis/redis-specifications, protocol/RESP3.md. What they leave open, such as which
 * broken requests are let through and the words for those that are not, is as in Redis
 * 7.0, for whose clients this is made; tests run both over the same bytes.
 *
 * Machines: no system call, no clock, nothing global. Input lies together in the
 * caller's buffer and is pointed into, never copied.
 */

#include "../../base/bytes.h"

/* The first byte of a value says what it is. In version 2 there are only the first
 * five, and null is a bulk or array of length -1. */
typedef enum resp_type {
        RESP_STATUS = '+',
        RESP_ERROR = '-',
        RESP_INTEGER = ':',
        RESP_BULK = '$',
        RESP_ARRAY = '*',
        RESP_NULL = '_',
        RESP_BOOL = '#',
        RESP_DOUBLE = ',',
        RESP_BIGNUM = '(',
        RESP_BULK_ERROR = '!',
        RESP_VERBATIM = '=',
        RESP_MAP = '%',
        RESP_SET = '~',
        RESP_PUSH = '>',
        RESP_ATTRIBUTE = '|', /* a map that says something of the value after it */
} resp_type;
