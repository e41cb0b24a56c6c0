/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions over a WebSocket: the binary messages of one carry its bytes (spec/ws.md)
 */

#include "cover.h"
#include "url.h"

/* The cover of a connection that was made to @u, or came in at it. */
int ws_cover_new(const url *u, bool dials, cover **ret);
