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
#include "annex.h"

struct beam_context {
        struct store *store;
        uint32_t forks;
        annex *annex; /* at its addresses, or NULL */
};

typedef struct client_calls {
        /* The bytes of the reply are valid until the next call. */
        int (*exec)(beam_client *c, const bytes *argv, int argc, bytes *ret, int64_t deadline);
        /* The next of what it is told without asking. */
        int (*next)(beam_client *c, bytes *ret, int64_t deadline);
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

/* Whether the whole reply @text answers the command, and is not something that the client is
 * told: of what is pushed only SUBSCRIBE and its kin are answered by their own names. */
bool result_answers(bytes text, const bytes *argv, int argc);
