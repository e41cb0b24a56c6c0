/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who follows this store: a client that is sent all of it, and then each change
 *
 *   TALKS --SYNC--> WAITS --a transfer has begun--> FILE --whole--> STREAM
 *     |                                               \--its length was not told--> MARKED
 *     \--PSYNC, and the stream is still there--------------------> STREAM <--its first ACK--/
 *
 * Its output lies elsewhere, in the transfer's file and in the stream of its master, and is
 * fetched from there when the last has been written: a follower is little more than two
 * offsets. Where the end of a file is told by a mark, a replica of Redis looks for that at
 * the end of what it has read: so nothing is said after it until the replica answers.
 */

#include "../client.h"
#include "master.h"
#include "transfer.h"

typedef enum follower_state {
        FOLLOWER_TALKS,
        FOLLOWER_WAITS,
        FOLLOWER_FILE,
        FOLLOWER_MARKED,
        FOLLOWER_STREAM,
} follower_state;

enum { FOLLOWER_ADDRESS_MAX = MASTER_HOST_MAX };

typedef struct follower {
        list node; /* of its master's, once it does not only talk */
        client *client;
        master *master;
        follower_state state;

        /* said by REPLCONF */
        uint16_t port;
        char address[FOLLOWER_ADDRESS_MAX];
        bool can_mark;        /* the end of a file, so that it need not be whole before */
        bool can_rename;      /* the stream */
        bool wants_no_keys;   /* but only the stream */
        bool wants_file_only; /* and no stream */

        bool acks;          /* it came by PSYNC, so that it tells how far it is */
        bool goes_on;       /* with the stream where it was */
        bool is_greeted;    /* that, or where the stream is, has been said */
        bool has_head;      /* what precedes the file has been said, */
        bool is_marked;     /* which was that a mark will follow it */
        transfer *transfer; /* of FILE */
        uint64_t file_at;   /* how much of it has been fetched */
        int64_t offset;     /* of the stream: the next byte to be fetched */
        int64_t acked;      /* up to there it has acted on all */
        int64_t heard;      /* clock_now(): when it said so */
        int64_t slow_since; /* clock_now(): over the soft limit; 0: it is not */
} follower;

/* That of @c, made when there is none yet; NULL without memory. */
follower *follower_of(client *c);
/* Whether @c is one, and does not only talk. */
bool follower_follows(const client *c);
/* Its client is freed. NULL is fine. */
follower *follower_free(follower *f);

/* A transfer has begun, or goes on, and is for it too. */
void follower_join(follower *f, transfer *t);
/* The stream from @offset on is all that it needs. */
void follower_go_on(follower *f, int64_t offset);

/* The same, but it wants no keys, for which it is sent an empty file. */
void follower_skip_file(follower *f, int64_t offset);
/* It says that it has acted on all before @offset. */
void follower_ack(follower *f, int64_t offset);

/* Whether it is behind by more than it may: by so much, or for so long. */
bool follower_is_slow(follower *f);

/* Whether nothing of a file has been said to it yet. */
bool follower_is_early(const follower *f);

/* "online" and the like, as INFO has it; and where it is, into @host or as it said. */
const char *follower_state_name(const follower *f);
const char *follower_host(const follower *f, char host[static FOLLOWER_ADDRESS_MAX]);

/* Whether it has the file, or has no need of it. */
static inline bool follower_is_online(const follower *f) {
        return f->state == FOLLOWER_STREAM;
}
