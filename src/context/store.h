/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The embedded store: databases, clients, configuration, statistics
 *
 * Belongs to the thread that made it.
 */

#include "client.h"
#include "config.h"
#include "file/defer.h"
#include "file/save.h"
#include "file/snapshot.h"
#include "hold.h"
#include "latency.h"
#include "lazy.h"
#include "mount/mount.h"
#include "shutdown.h"
#include "slowlog.h"
#include "stats.h"
#include "sync/failover.h"
#include "sync/master.h"
#include "tell/feed.h"
#include "tell/pubsub.h"
#include "tell/tracking.h"
#include "upkeep.h"

/* Of the Redis whose commands these are: clients ask it what they can do. */
#define STORE_REDIS_VERSION "7.0.15"

typedef struct replica replica;

struct store {
        config config;
        db *dbs;
        int n_dbs;
        list clients;
        size_t n_clients; /* connections, and sessions at the addresses of the context */
        size_t n_blocked;
        list ready;       /* keys that changed and are waited for: block.c */
        bool is_serving;  /* those who wait */
        uint64_t next_id; /* of a client */
        table by_id;      /* the clients */
        int64_t since;    /* ms of Unix time: when it was made */
        char run_id[PSYNC_ID_MAX + 1];
        int64_t clock;      /* ns of Unix time: when what is executed began */
        bool in_row;        /* another follows: it begins when this one ends */
        int64_t now;        /* ms of Unix time, read once a command: all of it sees the same */
        uint64_t n_changes; /* ever */
        bool follows;       /* another store, which says when keys expire */
        bool obeys;         /* it executes what that one says, for which no key has expired yet */
        bool is_receiving;  /* all that one holds, beside what is here */
        call *current;      /* what is being executed, or NULL */
        client *executing;  /* whose command it is that has caused it, or NULL */
        resp_out unsaid;    /* answers that nobody wants */
        pubsub pubsub;
        list monitors; /* clients */
        hold *hold;    /* of commands, or NULL */
        tracking tracking;
        feed feed;
        master *master;     /* what is said to those who follow it */
        replica *replica;   /* how it follows, or NULL */
        failover failover;  /* to one of those who follow it */
        uint16_t port;      /* where it listens, as far as a master is told; 0: nowhere */
        list acks;          /* who waits for what those say: call_wait_in() */
        snapshot *snapshot; /* that is being taken, or NULL */
        defer *defer;       /* who waits for it */
        save_state save;
        shutdown_plan shutdown;
        unsigned side : 1; /* key.is_saved of keys that it has seen, and of new ones */
        upkeep *upkeep;
        int64_t due;         /* ms of Unix time: when upkeep.h has something to do */
        bool is_loading;     /* keys come in that nobody is told of */
        bool leaves_expired; /* DEBUG SET-ACTIVE-EXPIRE 0 */
        mounting mounting;
        stats stats;
        slowlog slowlog;
        latency latency;
        lazy lazy;
        int64_t memory_before, memory_peak; /* bytes of the process: when it was made, and ever */
        int evict_db;                       /* whose turn it is */
};

/* @cfg is copied; NULL is the default. */
int store_new(const config *cfg, store **ret);
/* Its clients have been freed. NULL comes back. */
store *store_free(store *s);

/* Bytes that the process has allocated; notes how much they were at most. */
int64_t store_memory(store *s);

/* Whether there are more clients than there may be; then the last of them is turned away, which
 * is counted. */
bool store_is_full(store *s);

/* Something took @ns: whether that is long says latency-monitor-threshold. */
void store_note_latency(store *s, latency_kind kind, int64_t ns);
