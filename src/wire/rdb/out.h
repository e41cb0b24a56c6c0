/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RDB as bytes, appended to one buffer
 *
 * Memory that runs out is noted in failed, and what is appended from then on is dropped:
 * whoever writes need not check, and whoever sends looks once. The checksum is the
 * sender's, as pieces may be sent in another order than they were written (crc64.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "rdb.h"

typedef struct rdb_out {
        uint8_t *p; /* of base/mem */
        size_t n, cap;
        bool failed;
} rdb_out;

void rdb_out_deinit(rdb_out *o); /* may run twice; all zero is an empty one */

void rdb_out_raw(rdb_out *o, const void *p, size_t n);
void rdb_out_byte(rdb_out *o, uint8_t byte);
void rdb_out_le64(rdb_out *o, uint64_t v);

/* values, and what they are made of */

void rdb_out_length(rdb_out *o, uint64_t n);
void rdb_out_string(rdb_out *o, bytes s);
void rdb_out_integer(rdb_out *o, int64_t v); /* a string that is a number */
void rdb_out_double(rdb_out *o, double v);   /* a score */

/* opcodes */

void rdb_out_magic(rdb_out *o);
void rdb_out_aux(rdb_out *o, const char *name, bytes value);
void rdb_out_select(rdb_out *o, unsigned db);
void rdb_out_resize(rdb_out *o, uint64_t n_keys, uint64_t n_expiring); /* a hint */
void rdb_out_expiry(rdb_out *o, int64_t ms);

/* Behind a payload of DUMP: all that was written is one type and value. */
void rdb_out_footer(rdb_out *o);
