/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Commands that are being put together, and taken out again in order
 *
 *     words_add(&w, BYTES("DEL"));
 *     words_add(&w, name);
 *     words_end(&w);
 *     while ((argc = words_take(&w, &argv)) > 0)
 *             ...
 *
 * Memory that runs out is noted in failed, and what is put in from then on is dropped.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../../base/bytes.h"

typedef struct words {
        bool failed;

        /* private */
        char *text; /* the words, one behind the other */
        size_t n, size;
        struct word {
                size_t end;   /* in text */
                bool is_last; /* of its command */
        } * ends;
        size_t n_words, n_taken, cap;
        bytes *argv;
        size_t argv_cap;
} words;

void words_deinit(words *w); /* may run twice; all zero is an empty one */

void words_add(words *w, bytes word);
void words_add_integer(words *w, int64_t number);
void words_add_id(words *w, uint64_t ms, uint64_t seq); /* "ms-seq", of a stream's entry */

/* How many words, and bytes in them, the command in progress has. */
size_t words_count(const words *w);
size_t words_size(const words *w);

/* The command in progress is whole; nothing if there is none. */
void words_end(words *w);

/* The oldest whole command, until the next call. Returns its number of words, or 0. */
size_t words_take(words *w, const bytes **ret);
