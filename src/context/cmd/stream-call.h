/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the commands of streams share: their arguments and answers
 *
 * What reads an argument returns false if it is none, and that has been answered.
 */

#include "../call.h"
#include "../type/key-stream.h"

/* The stream of argument 1, which db_read() has found to be @k (it counts as looked at,
 * which is what it is to Redis), and its group of argument 2, to be changed; or NULL. */
bool call_open_group(call *c, const key *k, stream **ret_s, stream_group **ret_g);

/* Argument @i as an ID, with @seq for what is missing. */
bool call_stream_id(call *c, int i, uint64_t seq, stream_id *ret);
/* Also - and +, the least and the largest. */
bool call_stream_id_or_end(call *c, int i, uint64_t seq, stream_id *ret);
/* The ends of a range: also an ID with a ( before it, which is not in the range. */
bool call_stream_from(call *c, int i, stream_id *ret);
bool call_stream_to(call *c, int i, stream_id *ret);

/* Argument @i as a number, which is at least 0 in the end. */
bool call_stream_count(call *c, int i, int64_t *ret, const char *error);

/* answers: an ID; an entry; and up to @max entries, 0 for all, returns how many */
void call_answer_id(call *c, stream_id id);
void call_answer_entry(call *c, page_entry *e);
size_t call_answer_range(call *c, const stream *s, stream_id from, stream_id to, uint64_t max,
                         stream_way way);

/* Errors: the group that arguments 1 and 2 name is not there; the one that arguments 2 and
 * 3 of a sub-command name; and a sub-command has other arguments than it can have. */
void call_fail_group(call *c);
void call_fail_group_of_sub(call *c);
void call_fail_usage(call *c, const char *parent);

/* Of a transaction of commands that stand for what a group has done: one of its entries is
 * pending so; it has read so far; it has this consumer. */
void call_send_pending(call *c, bytes name, const stream_group *g, stream_id id, const pending *p);
void call_send_group(call *c, bytes name, const stream_group *g);
void call_send_consumer(call *c, bytes name, const stream_group *g, const consumer *who);

/* The consumer of that name, who is made if there is none, and who has been seen now. NULL
 * without memory. */
consumer *call_consumer(call *c, bytes name, stream_group *g, bytes who, bool *ret_new);
