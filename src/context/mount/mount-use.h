/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The computed keys that the command under way has asked for
 */

#include "mount.h"

typedef struct used {
        list node; /* of the store's, in the order of asking */
        mount *mount;
        void *key;       /* or NULL: there is none */
        bool is_read;    /* the program was asked */
        bool is_changed; /* by the command */
        bool is_written; /* the program has taken that */
        list events;     /* of that, to be told */
        bytes name;      /* whole; behind this struct, with a 0 at its end */
} used;

/* A stored key that the same command has changed. */
typedef struct touched {
        list node;
        db *db;
        bytes name; /* behind this struct */
} touched;

/* It is to be asked for again. */
void used_reset(used *u);
