/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A snapshot on its way to those who follow: an RDB file of no name
 *
 * It is written a slice at a time by the loop, at the disk's speed, and read by each of
 * its followers at its own. So a slow one holds up neither the snapshot nor the others,
 * several that come at once share one, and its length is known in the end to those who
 * have to know it first. The file is in the directory that dumps are saved in.
 */

#include <sys/types.h>

#include "../../wire/resp/psync.h"
#include "../store.h"

typedef struct transfer transfer;
struct transfer {
        int64_t offset;          /* of the stream: what comes after it is not in the file */
        uint64_t n;              /* bytes that can be read */
        bool is_whole;           /* those are all */
        int error;               /* or it has failed, with this negative errno */
        char mark[PSYNC_ID_MAX]; /* to be said after it where its length was not told */

        /* private */
        unsigned n_users;
        struct filling *filling; /* until it is whole */
        int fd;
};

/* Take no more of it: its error is -ECANCELED. */
void transfer_stop(transfer *t);

/* Take a snapshot of @s, which says that the stream is at @stream_db unless that is -1. @told is
 * called from the loop each time there is more of it, or an error. -EBUSY: there is another one, to
 * be waited for. The caller is its first user. */
int transfer_new(store *s, int64_t offset, int stream_db, void (*told)(void *data, transfer *t),
                 void *data, transfer **ret);
transfer *transfer_ref(transfer *t);
transfer *transfer_unref(transfer *t); /* NULL comes back */

/* Whether there is a user beside the one who asks. */
bool transfer_is_shared(const transfer *t);

/* Read bytes of it from @at on: up to @n of those that are there. Returns how many. */
ssize_t transfer_read(const transfer *t, uint64_t at, void *p, size_t n);
