/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The proof in a handshake that both sides mean a WebSocket: RFC 6455, 4.2.2
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        WS_KEY_SIZE = 16,    /* bytes that a client picks at random, */
        WS_KEY_TEXT = 24,    /* as they are written, */
        WS_ACCEPT_TEXT = 28, /* and what a server makes of that */
};

/* Whether @key is one. */
bool ws_key_is_valid(const char *key, size_t n);

/* The answer to @key, which is valid. No NUL. */
void ws_key_accept(const char key[static WS_KEY_TEXT], char ret[static WS_ACCEPT_TEXT]);
