/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Replies and requests as bytes, appended to one buffer
 *
 * The calls say what is meant, and the version of the reader decides how it is written:
 * what version 2 has no name for goes as the nearest that it has, as in Redis.
 *
 * Memory that runs out is noted in failed, and what is appended from then on is
 * dropped: whoever writes replies need not check, and whoever sends them looks once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp.h"

typedef struct resp_out {
        uint8_t *p; /* of base/mem, and may be taken with take_ptr(): then n = cap = 0 */
        size_t n, cap;
        uint8_t version; /* 2 or 3 */
        bool failed;     /* a reply is missing its end: the buffer cannot be sent */
} resp_out;

void resp_out_init(resp_out *o, uint8_t version);
void resp_out_deinit(resp_out *o); /* may run twice */

/* Forget what was written from @n on, and that it failed. Keeps the memory. */
void resp_out_cut(resp_out *o, size_t n);

/* Room for @n bytes at the end, for the caller to write and then add to o->n; NULL if
 * there is no memory. Until the next call. */
uint8_t *resp_out_room(resp_out *o, size_t n);

/* values */

void resp_out_raw(resp_out *o, const void *p, size_t n); /* RESP already */
void resp_out_ok(resp_out *o);
void resp_out_status(resp_out *o, const char *text);

/* @text begins with a code, "ERR ..." if there is no better. Line ends at its end are cut
 * off, others become blanks, as an error is a line. */
void resp_out_error(resp_out *o, const char *text);
void resp_out_error_bytes(resp_out *o, const char *p, size_t n);

void resp_out_integer(resp_out *o, int64_t v);
void resp_out_bulk(resp_out *o, const void *p, size_t n);
void resp_out_bulk_text(resp_out *o, const char *text);
void resp_out_bulk_integer(resp_out *o, int64_t v);

void resp_out_null(resp_out *o);             /* in version 2 a bulk */
void resp_out_null_array(resp_out *o);       /* in version 2 an array */
void resp_out_bool(resp_out *o, bool v);     /* 2: 1 or 0 */
void resp_out_double(resp_out *o, double v); /* 2: a bulk */
/* A double that was made into a text in another way than real_print() does. */
void resp_out_double_bytes(resp_out *o, const char *p, size_t n);
void resp_out_bignum(resp_out *o, const char *p, size_t n); /* 2: a bulk */
/* @format is of three bytes: txt, mkd. 2: a bulk */
void resp_out_verbatim(resp_out *o, const char format[static 3], const void *p, size_t n);

/* heads: so many values follow, of a map or attribute twice as many */

void resp_out_array(resp_out *o, size_t n);
void resp_out_map(resp_out *o, size_t n_pairs);       /* 2: an array */
void resp_out_set(resp_out *o, size_t n);             /* 2: an array */
void resp_out_push(resp_out *o, size_t n);            /* 2: an array */
void resp_out_attribute(resp_out *o, size_t n_pairs); /* 3 only */

/* A head whose number is known later. What is written after resp_out_later() belongs to
 * it; resp_out_head() then puts it in front, as the version has it. They may nest. A
 * number over 9 moves what it is put in front of, once. */
size_t resp_out_later(resp_out *o);
void resp_out_head(resp_out *o, size_t later, resp_type type, size_t n);

/* A request: an array of bulks. */
void resp_out_request(resp_out *o, const bytes *argv, size_t argc);
