/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What can be configured, under Redis's names and with Redis's defaults
 *
 * The fields are named as the parameters, with _ for -. Sizes are bytes, and the ends of
 * the names say the unit of a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/bytes.h"

/* What is removed when maxmemory is reached: of the keys that expire, or of all, those that
 * were not used for longest, that were used least, that are drawn, or that expire next. */
typedef enum config_policy {
        CONFIG_VOLATILE_LRU,
        CONFIG_VOLATILE_LFU,
        CONFIG_VOLATILE_RANDOM,
        CONFIG_VOLATILE_TTL,
        CONFIG_ALLKEYS_LRU,
        CONFIG_ALLKEYS_LFU,
        CONFIG_ALLKEYS_RANDOM,
        CONFIG_NO_EVICTION,
} config_policy;

enum { CONFIG_RULES_MAX = 256, CONFIG_PATH_MAX = 1024, CONFIG_NAME_MAX = 256 };

/* What a client may leave unread. With more than `hard` bytes it is ended, and when it has had
 * more than `soft` for so many seconds; 0 is no such limit. By class: those who listen to
 * channels are one, replicas another. */
typedef struct config_unread {
        uint64_t hard, soft;
        int64_t seconds;
} config_unread;

enum { CONFIG_NORMAL, CONFIG_REPLICA, CONFIG_LISTENER, CONFIG_CLASSES };

/* How Redis is to do what no answer shows: kept for those who set it, as tests and tools do, and
 * followed by nothing here. */
typedef struct config_hints {
        bool activerehashing, dynamic_hz;
        bool lazyfree_eviction, lazyfree_expire, lazyfree_server, lazyfree_user, lazyfree_flush;
        int list_compress_depth, active_expire_effort, repl_diskless_sync_delay;
} config_hints;

typedef struct config {
        int databases;
        int hz; /* how often a second upkeep.h looks for something to do */
        uint64_t proto_max_bulk_len;

        /* up to which size a collection is kept compact */
        size_t hash_max_listpack_entries, hash_max_listpack_value;
        size_t zset_max_listpack_entries, zset_max_listpack_value;
        size_t set_max_intset_entries;
        size_t hll_sparse_max_bytes;
        int64_t list_max_listpack_size; /* below 0: -1 to -5 are 4 to 64 KiB, else values */
        size_t stream_node_max_bytes, stream_node_max_entries;

        int64_t maxclients;
        int timeout;       /* seconds after which who says nothing is ended; 0: never */
        int tcp_keepalive; /* seconds until a silent peer is asked whether it lives; 0: never */
        config_unread unread[CONFIG_CLASSES];
        char requirepass[512]; /* what whoever connects has to say first; "" is nothing */

        int notify_keyspace_events;     /* a set of notify_class */
        size_t tracking_table_max_keys; /* 0: no limit */

        int64_t slowlog_log_slower_than; /* us; below 0: nothing is logged */
        uint64_t slowlog_max_len;
        uint64_t latency_monitor_threshold; /* ms; 0: nothing is watched */
        bool latency_tracking;              /* for LATENCY HISTOGRAM */

        /* of replication; the times are seconds */
        bool repl_diskless_sync; /* a snapshot is sent while it is being taken */
        int64_t repl_backlog_size;
        int repl_backlog_ttl, repl_ping_replica_period, repl_timeout;
        bool replica_read_only;
        int min_replicas_to_write, min_replicas_max_lag; /* 0: writes need none of them */
        char masteruser[256], masterauth[512];           /* what a master wants to hear, or "" */

        char save[CONFIG_RULES_MAX]; /* when, see save.h; "": never by itself */
        char dir[CONFIG_PATH_MAX], dbfilename[CONFIG_NAME_MAX];
        bool stop_writes_on_bgsave_error;
        int shutdown_timeout; /* seconds that SHUTDOWN waits for replicas */

        uint64_t maxmemory;   /* 0: no limit */
        int maxmemory_policy; /* of config_policy */
        int maxmemory_samples, lfu_log_factor, lfu_decay_time;

        config_hints hints;
} config;

void config_init(config *c);

/* Parameters by number, up to config_count(): an older name that one is known by too has a
 * number of its own, and the name of one that has no such name is NULL. */
unsigned config_count(void);
const char *config_name(unsigned i);

const char *config_policy_name(const config *c);

enum { CONFIG_TEXT_MAX = 4096, CONFIG_ERROR_MAX = 256 };
void config_print(const config *c, unsigned i, char ret[static CONFIG_TEXT_MAX]);

/* Whether a client that has left @n bytes unread has passed its limit; @since is kept from call
 * to call, at first 0. */
bool config_unread_is_over(const config_unread *l, uint64_t n, int64_t *since);

/* -EPERM: it stays as it is. -EINVAL, -ERANGE. Why is written into @error, in Redis's words. */
int config_set(config *c, unsigned i, bytes value, char error[static CONFIG_ERROR_MAX]);
