/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the public calls go through
 *
 * A client executes on a store in this thread (local.c), or asks somebody else over a link
 * (remote.c). Both give the reply as bytes of RESP3.
 */

#include <assert.h>
#include <beam/context.h>
#include <stddef.h>

#include "../base/bytes.h"

struct beam_context {
        struct store *store;
        uint32_t forks;
};

typedef struct client_calls {
        /* The bytes of the reply are valid until the next call. */
        int (*exec)(beam_client *c, const bytes *argv, int argc, bytes *ret, int64_t deadline);
        void (*free)(beam_client *c);
} client_calls;

struct beam_client {
        const client_calls *calls;
        uint32_t forks;
};

static_assert(sizeof(beam_arg) == sizeof(bytes) && offsetof(beam_arg, n) == offsetof(bytes, n),
              "arguments are handed on as they are");

/* The whole reply @text, as a result of it. */
void result_of(bytes text, beam_result *ret);
