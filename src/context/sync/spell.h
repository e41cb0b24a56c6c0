/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A snapshot, spelled out: an RDB file as the commands that make what is in it
 *
 *     while ((r = spell_next(&s, buf, n)) > 0) {
 *             ...s.db, s.argv, s.argc...
 *             buf += s.consumed, n -= s.consumed;
 *     }
 *
 * For who follows a store and is no store itself. Large collections come in several commands,
 * and what expires is said to when it has been made. The input is as that of rdb/in.h.
 */

#include "../../wire/rdb/in.h"
#include "../data/words.h"

typedef struct spell {
        /* Whether the key of this name is of interest; NULL: all are. */
        bool (*wants)(void *data, bytes name);
        void *data;

        /* a command; until the next call */
        int db;
        const bytes *argv;
        size_t argc;
        size_t consumed; /* of the input, after 0 too */
        size_t want;     /* after 0, as of rdb/in.h */

        int stream_db; /* what the stream behind the file begins in; 0 if that was not said */

        /* private */
        rdb_in in;
        words words;
        int64_t expiry; /* of the key */
        bytes name;     /* of the key, in a block of its own; likewise those of a stream's: */
        bytes group, consumer;
        bool is_skipped, is_empty;
        struct spell_pending {
                rdb_id id;
                int64_t ms;
                uint64_t n;
        } * pending; /* in the group, in the order of the ids */
        size_t n_pending, cap;
} spell;

void spell_init(spell *s);
void spell_deinit(spell *s); /* may run twice */

/* Returns 1 with a command; 0 when more bytes are needed, or after the end; else as
 * rdb_in_next(). */
int spell_next(spell *s, const uint8_t *p, size_t n);

/* Whether the file is at its end. */
bool spell_is_whole(const spell *s);
