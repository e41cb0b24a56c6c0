/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of a stream of changes concerns some keys only
 *
 * Those whose names begin with one of some prefixes. A command is let through when all of
 * its keys are such, and dropped when it changes none of them. One that makes a key of them
 * out of others, as RENAME may, says nothing to who does not have those: nobody can tell
 * from the stream alone what has become of the key.
 */

#include "../command.h"
#include "../data/words.h"

typedef struct sieve {
        const bytes *prefixes;
        size_t n_prefixes; /* 0: all keys are of interest */

        /* private */
        words words;
        int *places;
        size_t cap;
} sieve;

void sieve_deinit(sieve *s); /* may run twice; all zero lets everything through */

bool sieve_wants(const sieve *s, bytes name);

/* Returns 1 with what is left of the command, in *ret_argv and *ret_argc until the next
 * call; 0 if it is of no interest; -ESTALE: nobody can tell; -ENOMEM. */
int sieve_next(sieve *s, const bytes *argv, size_t argc, const bytes **ret_argv, size_t *ret_argc);
