/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A stream as RDB
 *
 * A page is a node of Redis's: a listpack that begins with how many entries there are and
 * the names of the fields of the first, which the others share if they have the same. Behind
 * all of them come the stream's numbers, its groups and what is pending in them.
 */

#include "../../wire/rdb/out.h"
#include "../type/key-stream.h"

void dump_page(rdb_out *out, const page *p);
void dump_groups(rdb_out *out, const stream *s);
