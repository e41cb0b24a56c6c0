/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests, as a server reads them: an array of bulks, or a line of words
 *
 *     resp_request_init(&r);
 *     ...read(2) more to the end of buf...
 *     while ((got = resp_request_next(&r, buf, n)) > 0) {
 *             ...r.argv, r.argc; none of an empty line: it is not answered...
 *             buf += r.consumed, n -= r.consumed;
 *     }
 *
 * The input lies together, from the first byte of the request in progress on. It may
 * move between calls, and must grow at its end only: what has been looked at is not
 * looked at again, so the work is linear in the bytes, however they were cut. What comes
 * out depends on the bytes alone. Redis's own limits on the length of a line, which
 * there depend on what one read(2) gives, are here as if it had read byte by byte.
 *
 *          '*'           a number > 0         a number        the bytes
 *   NEW ---------> COUNT ------------> LENGTH <-----------------------> BODY
 *    |               | 0 or less          | none left to read
 *    | other         v                    |
 *    +-> LINE ----> DONE <----------------+        any state --broken--> FAILED
 *
 * Let through, as in Redis: any byte for the LF after a CR, any two after a bulk, and a
 * bare LF behind a line of words. A 0 in a line hides the end of that line, which then
 * fails when it is too long.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp.h"

enum {
        /* Bytes of a line of words, and of one that says a number: Redis's, and more than
         * anyone types. The whole line has to wait in memory for its end. */
        RESP_LINE_MAX = 64 * 1024,

        /* Redis's limit on arguments, an int's; what holds memory down is that the array
         * of arguments grows only as they arrive. */
        RESP_ARGS_MAX = INT32_MAX,

        /* Who has not said the password yet has to have room for AUTH and HELLO only. */
        RESP_UNTRUSTED_ARGS_MAX = 10,
        RESP_UNTRUSTED_BULK_MAX = 16384,

        /* Redis's default of proto-max-bulk-len, the size of the largest value. */
        RESP_BULK_MAX = 512 * 1024 * 1024,

        RESP_ERROR_TEXT_MAX = 64, /* of resp_request_error() */
};

typedef struct resp_request {
        /* may be set at any time after init, and hold from the next number on */
        uint64_t max_bulk; /* bytes of one argument */
        uint32_t max_args; /* RESP_ARGS_MAX at the most */
        bool untrusted;    /* the limits for those hold too; false at first */

        /* of a whole request */
        uint32_t argc;
        bytes *argv;     /* in the input, for as long as that stays; until the next call */
        size_t consumed; /* bytes it took, from the first of the input */
        bool is_line;    /* not an array; a master never sends one that is not empty */

        /* After 0: the request is not whole before the input has as many bytes. More than
         * it has now; a caller that bounds its buffer can refuse at once. */
        size_t want;

        /* private */
        uint8_t state;
        char got;          /* instead of a $ */
        int error;         /* of FAILED, */
        const char *words; /* and what it says */
        const char *buf;   /* where argv points into */
        size_t at;         /* the item in progress begins there, */
        size_t seen;       /* and has no end before that */
        size_t n_body;
        uint32_t n_args; /* that the request says it has */
        uint32_t cap;    /* of argv */
} resp_request;

void resp_request_init(resp_request *r);
void resp_request_deinit(resp_request *r); /* may run twice */

/* Read the next request out of the @n bytes at @buf: after a whole one, that begins
 * behind what it consumed. Returns 1 with a request; 0 when more bytes are needed;
 * -EPROTO when it breaks a rule or passes a limit, -ENOMEM, then and ever after. The quotes
 * of a line are undone in @buf. */
int resp_request_next(resp_request *r, char *buf, size_t n);

/* A look at the request that begins at @p, before its turn: how many bytes it has, and its second
 * argument, which is the key of most. 0 if that takes more than a look: it is not all there, it
 * is a line, it is broken, it has one argument or very many. */
size_t resp_request_glance(const char *p, size_t n, bytes *ret);

/* Give back the memory of an idle one: of argv, unless a request is in progress. */
void resp_request_trim(resp_request *r);

/* The error reply that Redis gives before it hangs up, without its '-'. Returns its
 * length; it also ends with a 0. */
size_t resp_request_error(const resp_request *r, char out[static RESP_ERROR_TEXT_MAX]);
