/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is said over a WebSocket: frames
 *
 * A client gives a mask, four bytes that nobody can foresee (RFC 6455, 10.3), and a server NULL.
 * What breaks a rule of the wire is our own bug, and asserted.
 */

#include "ws.h"

enum { WS_CONTROL_FRAME_MAX = 2 + WS_MASK_SIZE + WS_CONTROL_MAX };

/* The head of a frame, which @length bytes follow; with a mask those through ws_mask(). With @fin
 * it is a message's last frame. Returns the bytes written. */
size_t ws_put_head(uint8_t out[static WS_HEAD_MAX], ws_opcode opcode, bool fin, uint64_t length,
                   const uint8_t *mask);

/* A whole Ping or Pong, of WS_CONTROL_MAX bytes at the most. */
size_t ws_put_control(uint8_t out[static WS_CONTROL_FRAME_MAX], ws_opcode opcode, const void *p,
                      size_t n, const uint8_t *mask);

/* A whole Close; WS_NO_CODE is one without anything. @reason is UTF-8, and is cut at WS_REASON_MAX
 * bytes, between two characters. */
size_t ws_put_close(uint8_t out[static WS_CONTROL_FRAME_MAX], uint16_t code, const char *reason,
                    const uint8_t *mask);
