/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A client of a store: whoever executes commands
 *
 * A connection has one, a program may have any number. It keeps what Redis keeps for a
 * connection: the database it has selected, the version of the protocol, its transaction,
 * what it watches, waits for and has subscribed to. What is said to it is appended to
 * `out`, where its owner fetches it; when that happens outside of client_exec() (an answer
 * it waited for, a message of a channel, a line of MONITOR) the owner is told by `wake`.
 *
 *     READY --a command that waits--> BLOCKED --served, timed out, unblocked--> READY
 *       any --CLIENT KILL, over a limit, QUIT--> CLOSING: its owner sends what is in
 *       `out`, then frees it
 */

#include "../base/list.h"
#include "call.h"

typedef enum client_flag {
        CLIENT_BLOCKED = 1 << 0,
        CLIENT_CLOSING = 1 << 1,    /* to be closed once `out` has been sent */
        CLIENT_CLOSE_NOW = 1 << 2,  /* or before */
        CLIENT_CONNECTED = 1 << 3,  /* comes from outside, and counts as one */
        CLIENT_MULTI = 1 << 4,      /* commands are queued */
        CLIENT_DIRTY_CAS = 1 << 5,  /* a key that it watched has changed */
        CLIENT_DIRTY_EXEC = 1 << 6, /* a command could not be queued */
        CLIENT_IN_EXEC = 1 << 7,    /* runs what it has queued */
        CLIENT_UNIX = 1 << 8,       /* comes by a unix socket */
        CLIENT_NO_EVICT = 1 << 9,   /* CLIENT NO-EVICT */
        CLIENT_TIMED = 1 << 13,     /* how long its commands take is of interest */
        CLIENT_REPLY_OFF = 1 << 10, /* it wants no replies */
        CLIENT_REPLY_SKIP = 1 << 11,
        CLIENT_REPLY_SKIP_NEXT = 1 << 12,
        CLIENT_PUBSUB = 1 << 14, /* listens to something */
        CLIENT_EXECUTING = 1 << 15,
        CLIENT_MONITOR = 1 << 16, /* is told of every command */
        CLIENT_MASTER = 1 << 17,  /* says what this store is to do, which follows it */
        CLIENT_TRUSTED = 1 << 18, /* has said the password, or needs not */
        CLIENT_QUIET = CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT,
} client_flag;

struct client {
        store *store;
        db *db;
        uint64_t id;
        uint32_t flags; /* of client_flag */
        resp_out out;
        size_t sent;          /* bytes of `out` that have left */
        uint64_t n_pushed;    /* how often it was told something unasked */
        int64_t behind_since; /* that it has left more than the soft limit unread; 0: it has not */
        const command *last;  /* that it executed, or NULL */
        list node;            /* of all of the store's */
        char *name;           /* CLIENT SETNAME, or NULL */
        int64_t since, used;  /* ms of Unix time: made, and has last executed something */

        /* its owner's */
        void (*wake)(client *c); /* or NULL */
        void *owner;
        const char *address, *local_address; /* as CLIENT LIST has them; NULL: of this process */
        int fd;                              /* or -1 */
        size_t unread, unread_room; /* bytes that it has sent and are not executed; room for more */
        bool reads, writes;         /* whether that is waited for */

        /* What it has to be told lies elsewhere: append more of that to `out`, for whose
         * bytes there is room now. False if there is none. NULL: there is nothing of the kind. */
        bool (*refill)(client *c);

        /* each belongs to one file; NULL while there is nothing of the kind */
        struct multi *multi;                 /* multi.h */
        struct blocked *blocked;             /* block.h */
        struct subscriptions *subscriptions; /* pubsub.h */
        struct tracker *tracker;             /* tracking.h */
        struct follower *follower;           /* follower.h */

        list monitoring; /* monitor.h */
        int64_t wrote;   /* the offset in the stream behind the last change that it made */
};

/* A client of @s, in database 0, speaking RESP2, and trusted. NULL without memory. */
client *client_new(store *s);

/* It comes from outside, by @fd, and counts as one of those that there may be. */
void client_connect(client *c, int fd);

/* If there is a password it has to say it. */
void client_distrust(client *c);
bool client_is_trusted(const client *c);
/* Whether @user may come in with @password, which nobody needs where none is configured. */
bool client_is_known(const store *s, bytes user, bytes password);
/* Whatever it waits for, watches or has queued is dropped. NULL is fine, and comes back. */
client *client_free(client *c);

/* Execute one command. Returns 1 when it has been answered, 0 when it is BLOCKED and will
 * be answered later; nothing may be executed meanwhile. */
int client_exec(client *c, const bytes *argv, int argc);

/* Run @c in the name of @who: the command, its arguments, and whether it runs again stand
 * in it. For what runs commands that have been looked up: EXEC, a wait that is over. */
void client_run(client *who, call *c);

/* The one with that number, or NULL. */
client *client_find(const store *s, uint64_t id);

/* Where its command is answered: in `out`, or, if it wants no replies, where nobody reads.
 * What is no reply is said in `out` all the same. */
resp_out *client_answers(client *c);

/* Its command has been answered: whether the next one is to be may be another matter. */
void client_answered(client *c);

/* It has been answered outside of its own command: wake its owner. */
void client_touch(client *c);

/* It was told what it had not asked for: the same, unless it has too much unread; then it is
 * ended. Nobody is to tell it anything when client_hears() is false. */
void client_push(client *c);

static inline bool client_hears(const client *c) {
        return !(c->flags & CLIENT_CLOSE_NOW);
}

/* Whether it has left so much unread that it is to be ended. */
bool client_is_behind(client *c);

/* Close those connections that have said nothing for longer than `timeout`. */
void client_end_idle(store *s);

/* Argument @i of @c as the name of its client; an empty one is none. False if it cannot be
 * one, and that has been answered. */
bool client_set_name(call *c, int i);

/* Its owner is to end it, after sending what was said, or @now. */
void client_close(client *c, bool now);
