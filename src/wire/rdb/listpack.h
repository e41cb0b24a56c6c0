/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A listpack, written: the block that Redis keeps the entries of a stream in
 *
 * What it looks like is in packed.h, which reads it.
 */

#include "out.h"

/* Into @o, which is empty, and holds nothing else. */
void rdb_listpack_begin(rdb_out *o);
void rdb_listpack_string(rdb_out *o, bytes s);
void rdb_listpack_integer(rdb_out *o, int64_t v);
/* So many were put in. */
void rdb_listpack_end(rdb_out *o, uint64_t n);
