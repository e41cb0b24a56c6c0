/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What has been read of a job's output, against what there was
 *
 * Each piece says how many bytes of its stream came before it, and in the end the worker says how
 * many there were and their checksum: what is missing shows, wherever that is.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../base/bytes.h"

enum { TALLY_STREAMS = 256 };

typedef struct tally_stream {
        uint64_t n, crc;
        bool has_hole; /* something was missed: the checksum says nothing */
        bool is_unwanted;
        bool is_announced; /* that there were so many, of that checksum: */
        uint64_t n_there, crc_there;
} tally_stream;

typedef struct tally {
        tally_stream streams[TALLY_STREAMS];
} tally;

/* How many bytes are missing before a piece of @n bytes at @at; they count as read from here on.
 * Below zero: -EPROTO, the piece has been there before. An end may say less than there was:
 * who ends a job for another that was lost does not know. */
int64_t tally_miss(tally *t, unsigned stream, uint64_t at, size_t n);
void tally_add(tally *t, unsigned stream, bytes data);

/* A field of the job, as the worker wrote it; those that are none of "out.N.bytes" and
 * "out.N.crc" are passed over. -EPROTO: it is one, and no number. */
int tally_announce(tally *t, bytes field, bytes value);

/* What is printed there is read no more. */
void tally_unwant(tally *t, unsigned stream);

/* What comes from here on begins anew; what has been announced is of that. */
void tally_restart(tally *t);

/* Whether all that there was has been read as it was. */
bool tally_is_whole(const tally *t);
