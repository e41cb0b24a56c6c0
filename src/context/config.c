/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/decimal.h"
#include "../wire/resp/request.h"
#include "file/save.h"
#include "tell/notify.h"

void config_init(config *c) {
        *c = (config){
                .databases = 16,
                .hz = 10,
                .proto_max_bulk_len = RESP_BULK_MAX,
                .hash_max_listpack_entries = 512,
                .hash_max_listpack_value = 64,
                .zset_max_listpack_entries = 128,
                .zset_max_listpack_value = 64,
                .set_max_intset_entries = 512,
                .hll_sparse_max_bytes = 3000,
                .list_max_listpack_size = -2,
                .stream_node_max_bytes = 4096,
                .stream_node_max_entries = 100,
                .maxclients = 10000,
                .tcp_keepalive = 300,
                .tracking_table_max_keys = 1000 * 1000,
                .slowlog_log_slower_than = 10000,
                .slowlog_max_len = 128,
                .latency_tracking = true,
                .repl_diskless_sync = true,
                .repl_backlog_size = 1 << 20,
                .repl_backlog_ttl = 3600,
                .repl_ping_replica_period = 10,
                .repl_timeout = 60,
                .unread = { [CONFIG_REPLICA] = { 256 << 20, 64 << 20, 60 },
                            [CONFIG_LISTENER] = { 32 << 20, 8 << 20, 60 } },
                .replica_read_only = true,
                .min_replicas_max_lag = 10,
                .dbfilename = "dump.rdb",
                .stop_writes_on_bgsave_error = true,
                .shutdown_timeout = 10,
                .maxmemory_policy = CONFIG_NO_EVICTION,
                .maxmemory_samples = 5,
                .lfu_log_factor = 10,
                .lfu_decay_time = 1,
                .hints = { .activerehashing = true,
                           .dynamic_hz = true,
                           .active_expire_effort = 1,
                           .repl_diskless_sync_delay = 5 },
        };
        if (!getcwd(c->dir, sizeof(c->dir)))
                memcpy(c->dir, ".", 2);
}

/* parameters by name */

typedef enum param_kind {
        PARAM_INT,
        PARAM_SIZE,
        PARAM_INT64,
        PARAM_UINT64,
        PARAM_BOOL,
        PARAM_WORD,  /* one of several, an int by its place among them */
        PARAM_TEXT,  /* an array of char, as long as its field */
        PARAM_RULES, /* the same, of when to save */
        PARAM_EVENTS,
        PARAM_UNREAD,
} param_kind;

/* In the order of their numbers. */
static const char *const classes[] = { "normal", "slave", "pubsub" };

/* In the order of config_policy. */
static const char *const policies[] = {
        "volatile-lru", "volatile-lfu",   "volatile-random", "volatile-ttl", "allkeys-lru",
        "allkeys-lfu",  "allkeys-random", "noeviction",      NULL,
};

/* A value in bytes may be written as "64mb". */
static const struct param {
        const char *name, *old_name;
        size_t offset, size;
        param_kind kind;
        bool is_fixed, is_protected, is_bytes;
        int64_t min, max;
        int64_t least, most; /* a number beyond is taken, as the nearest of these; or 0 and 0 */
        const char *const *words; /* up to NULL */
} params[] = {
#define AT(field, k) \
        .offset = offsetof(config, field), .size = sizeof(((config *)0)->field), .kind = k
        { "active-expire-effort", NULL, AT(hints.active_expire_effort, PARAM_INT), .min = 1,
          .max = 10 },
        { "activerehashing", NULL, AT(hints.activerehashing, PARAM_BOOL) },
        { "client-output-buffer-limit", NULL, AT(unread, PARAM_UNREAD) },
        { "databases", NULL, AT(databases, PARAM_INT), .is_fixed = true },
        { "dbfilename", NULL, AT(dbfilename, PARAM_TEXT), .is_protected = true },
        { "dir", NULL, AT(dir, PARAM_TEXT), .is_protected = true },
        { "dynamic-hz", NULL, AT(hints.dynamic_hz, PARAM_BOOL) },
        { "hash-max-listpack-entries", "hash-max-ziplist-entries",
          AT(hash_max_listpack_entries, PARAM_SIZE), .max = INT64_MAX },
        { "hash-max-listpack-value", "hash-max-ziplist-value",
          AT(hash_max_listpack_value, PARAM_SIZE), .is_bytes = true, .max = INT64_MAX },
        { "hz", NULL, AT(hz, PARAM_INT), .max = INT32_MAX, .least = 1, .most = 500 },
        { "hll-sparse-max-bytes", NULL, AT(hll_sparse_max_bytes, PARAM_SIZE), .is_bytes = true,
          .max = INT64_MAX },
        { "lazyfree-lazy-eviction", NULL, AT(hints.lazyfree_eviction, PARAM_BOOL) },
        { "lazyfree-lazy-expire", NULL, AT(hints.lazyfree_expire, PARAM_BOOL) },
        { "lazyfree-lazy-server-del", NULL, AT(hints.lazyfree_server, PARAM_BOOL) },
        { "lazyfree-lazy-user-del", NULL, AT(hints.lazyfree_user, PARAM_BOOL) },
        { "lazyfree-lazy-user-flush", NULL, AT(hints.lazyfree_flush, PARAM_BOOL) },
        { "list-compress-depth", NULL, AT(hints.list_compress_depth, PARAM_INT), .max = INT32_MAX },
        { "list-max-listpack-size", "list-max-ziplist-size",
          AT(list_max_listpack_size, PARAM_INT64), .min = INT32_MIN, .max = INT32_MAX },
        { "latency-monitor-threshold", NULL, AT(latency_monitor_threshold, PARAM_UINT64),
          .max = INT64_MAX },
        { "latency-tracking", NULL, AT(latency_tracking, PARAM_BOOL) },
        { "lfu-decay-time", NULL, AT(lfu_decay_time, PARAM_INT), .max = INT32_MAX },
        { "lfu-log-factor", NULL, AT(lfu_log_factor, PARAM_INT), .max = INT32_MAX },
        { "masterauth", NULL, AT(masterauth, PARAM_TEXT) },
        { "masteruser", NULL, AT(masteruser, PARAM_TEXT) },
        { "maxclients", NULL, AT(maxclients, PARAM_INT64), .min = 1, .max = UINT32_MAX },
        { "maxmemory", NULL, AT(maxmemory, PARAM_UINT64), .is_bytes = true, .max = INT64_MAX },
        { "maxmemory-policy", NULL, AT(maxmemory_policy, PARAM_WORD), .words = policies },
        { "maxmemory-samples", NULL, AT(maxmemory_samples, PARAM_INT), .min = 1, .max = INT32_MAX },
        { "min-replicas-max-lag", "min-slaves-max-lag", AT(min_replicas_max_lag, PARAM_INT),
          .max = INT32_MAX },
        { "min-replicas-to-write", "min-slaves-to-write", AT(min_replicas_to_write, PARAM_INT),
          .max = INT32_MAX },
        { "notify-keyspace-events", NULL, AT(notify_keyspace_events, PARAM_EVENTS) },
        { "proto-max-bulk-len", NULL, AT(proto_max_bulk_len, PARAM_UINT64), .is_bytes = true,
          .min = 1 << 20, .max = INT64_MAX },
        { "repl-backlog-size", NULL, AT(repl_backlog_size, PARAM_INT64), .is_bytes = true, .min = 1,
          .max = INT64_MAX },
        { "repl-backlog-ttl", NULL, AT(repl_backlog_ttl, PARAM_INT), .max = INT32_MAX },
        { "repl-diskless-sync", NULL, AT(repl_diskless_sync, PARAM_BOOL) },
        { "repl-diskless-sync-delay", NULL, AT(hints.repl_diskless_sync_delay, PARAM_INT),
          .max = INT32_MAX },
        { "repl-ping-replica-period", "repl-ping-slave-period",
          AT(repl_ping_replica_period, PARAM_INT), .min = 1, .max = INT32_MAX },
        { "repl-timeout", NULL, AT(repl_timeout, PARAM_INT), .min = 1, .max = INT32_MAX },
        { "requirepass", NULL, AT(requirepass, PARAM_TEXT) },
        { "save", NULL, AT(save, PARAM_RULES) },
        { "replica-read-only", "slave-read-only", AT(replica_read_only, PARAM_BOOL) },
        { "set-max-intset-entries", NULL, AT(set_max_intset_entries, PARAM_SIZE),
          .max = INT64_MAX },
        { "shutdown-timeout", NULL, AT(shutdown_timeout, PARAM_INT), .max = INT32_MAX },
        { "slowlog-log-slower-than", NULL, AT(slowlog_log_slower_than, PARAM_INT64), .min = -1,
          .max = INT64_MAX },
        { "slowlog-max-len", NULL, AT(slowlog_max_len, PARAM_UINT64), .max = INT64_MAX },
        { "stop-writes-on-bgsave-error", NULL, AT(stop_writes_on_bgsave_error, PARAM_BOOL) },
        { "stream-node-max-bytes", NULL, AT(stream_node_max_bytes, PARAM_SIZE), .is_bytes = true,
          .max = INT64_MAX },
        { "stream-node-max-entries", NULL, AT(stream_node_max_entries, PARAM_SIZE),
          .max = INT64_MAX },
        { "tcp-keepalive", NULL, AT(tcp_keepalive, PARAM_INT), .max = INT32_MAX },
        { "timeout", NULL, AT(timeout, PARAM_INT), .max = INT32_MAX },
        { "tracking-table-max-keys", NULL, AT(tracking_table_max_keys, PARAM_SIZE),
          .max = INT64_MAX },
        { "zset-max-listpack-entries", "zset-max-ziplist-entries",
          AT(zset_max_listpack_entries, PARAM_SIZE), .max = INT64_MAX },
        { "zset-max-listpack-value", "zset-max-ziplist-value",
          AT(zset_max_listpack_value, PARAM_SIZE), .is_bytes = true, .max = INT64_MAX },
#undef AT
};

enum { N_PARAMS = sizeof(params) / sizeof(*params) };

const char *config_name(unsigned i) {
        return i < N_PARAMS       ? params[i].name
               : i < 2 * N_PARAMS ? params[i - N_PARAMS].old_name
                                  : NULL;
}

unsigned config_count(void) {
        return 2 * N_PARAMS;
}

const char *config_policy_name(const config *c) {
        return policies[c->maxmemory_policy];
}

static void print_unread(const config_unread *limits, char ret[static CONFIG_TEXT_MAX]) {
        size_t n = 0;

        for (int i = 0; i < CONFIG_CLASSES; i++)
                n += (size_t)snprintf(ret + n, CONFIG_TEXT_MAX - n,
                                      "%s%s %" PRIu64 " %" PRIu64 " %" PRId64, i ? " " : "",
                                      classes[i], limits[i].hard, limits[i].soft,
                                      limits[i].seconds);
}

void config_print(const config *c, unsigned i, char ret[static CONFIG_TEXT_MAX]) {
        const struct param *p = &params[i % N_PARAMS];
        const void *at = (const char *)c + p->offset;

        switch (p->kind) {
        case PARAM_INT:
                snprintf(ret, CONFIG_TEXT_MAX, "%d", *(const int *)at);
                break;
        case PARAM_SIZE:
                snprintf(ret, CONFIG_TEXT_MAX, "%zu", *(const size_t *)at);
                break;
        case PARAM_INT64:
                snprintf(ret, CONFIG_TEXT_MAX, "%" PRId64, *(const int64_t *)at);
                break;
        case PARAM_UINT64:
                snprintf(ret, CONFIG_TEXT_MAX, "%" PRIu64, *(const uint64_t *)at);
                break;
        case PARAM_BOOL:
                snprintf(ret, CONFIG_TEXT_MAX, "%s", *(const bool *)at ? "yes" : "no");
                break;
        case PARAM_WORD:
                snprintf(ret, CONFIG_TEXT_MAX, "%s", p->words[*(const int *)at]);
                break;
        case PARAM_TEXT:
        case PARAM_RULES:
                snprintf(ret, CONFIG_TEXT_MAX, "%s", (const char *)at);
                break;
        case PARAM_EVENTS:
                notify_print(*(const int *)at, ret);
                break;
        case PARAM_UNREAD:
                print_unread(at, ret);
                break;
        }
}

/* Digits, of which none are 0 as in Redis, and behind them a unit: of 1000, or with a b of
 * 1024. What is too large for a number is -1, as in Redis. */
static bool read_bytes(bytes text, int64_t *ret) {
        static const struct {
                const char *name;
                int64_t n;
        } units[] = {
                { "", 1 },           { "b", 1 },           { "k", 1000 },
                { "kb", 1 << 10 },   { "m", 1000 * 1000 }, { "mb", 1 << 20 },
                { "g", 1000000000 }, { "gb", 1 << 30 },
        };
        size_t n = 0;
        int64_t number = 0;

        while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
                n++;
        if (n > 0 && !decimal_read(text.p, n, &number))
                number = -1;
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
                if (bytes_is((bytes){ text.p + n, text.n - n }, units[i].name))
                        return !__builtin_mul_overflow(number, units[i].n, ret);
        return false;
}

static int fail(char error[static CONFIG_ERROR_MAX], int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int fail(char error[static CONFIG_ERROR_MAX], int r, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(error, CONFIG_ERROR_MAX, format, args);
        va_end(args);
        return r;
}

static int set_events(int *at, bytes value, char error[static CONFIG_ERROR_MAX]) {
        int set = notify_parse(value);

        if (set < 0)
                return fail(error, set, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        *at = set;
        return 0;
}

static int set_bool(bool *at, bytes value, char error[static CONFIG_ERROR_MAX]) {
        if (!bytes_is(value, "yes") && !bytes_is(value, "no"))
                return fail(error, -EINVAL, "argument must be 'yes' or 'no'");
        *at = bytes_is(value, "yes");
        return 0;
}

static int set_word(int *at, const char *const *words, bytes value,
                    char error[static CONFIG_ERROR_MAX]) {
        size_t n;

        for (int i = 0; words[i]; i++) {
                if (bytes_is(value, words[i])) {
                        *at = i;
                        return 0;
                }
        }
        n = (size_t)snprintf(error, CONFIG_ERROR_MAX, "argument(s) must be one of the following: ");
        for (int i = 0; words[i] && n < CONFIG_ERROR_MAX; i++)
                n += (size_t)snprintf(error + n, CONFIG_ERROR_MAX - n, "%s%s", i ? ", " : "",
                                      words[i]);
        return -EINVAL;
}

static int set_text(char *at, size_t size, bytes value, char error[static CONFIG_ERROR_MAX]) {
        if (value.n >= size)
                return fail(error, -ERANGE, "argument is longer than %zu bytes", size - 1);
        if (value.n > 0 && memchr(value.p, '\0', value.n))
                return fail(error, -EINVAL, "argument has a zero in it");
        if (value.n > 0)
                memcpy(at, value.p, value.n);
        at[value.n] = '\0';
        return 0;
}

static int set_rules(char *at, size_t size, bytes value, char error[static CONFIG_ERROR_MAX]) {
        save_rule rules[SAVE_RULES_MAX];
        int n = save_read_rules(value, rules), used = 0;
        char text[CONFIG_TEXT_MAX] = "";

        for (int i = 0; i < n; i++)
                used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%" PRId64 " %" PRId64,
                                 i ? " " : "", rules[i].seconds, rules[i].n_changes);
        if (n < 0 || (size_t)used >= size)
                return fail(error, -EINVAL, "Invalid save parameters");
        memcpy(at, text, (size_t)used + 1);
        return 0;
}

static int class_of(bytes name) {
        if (bytes_is(name, "replica"))
                return CONFIG_REPLICA;
        for (int i = 0; i < CONFIG_CLASSES; i++)
                if (bytes_is(name, classes[i]))
                        return i;
        return -1;
}

/* Class, hard, soft, seconds, each with one blank before the next; as often as there are
 * classes to be changed. */
static int set_unread(config_unread *limits, bytes value, char error[static CONFIG_ERROR_MAX]) {
        config_unread changed[CONFIG_CLASSES];
        const char *at = value.p, *end = value.p + value.n;

        memcpy(changed, limits, sizeof(changed));
        while (at < end) {
                int64_t hard, soft, seconds;
                bytes words[4];
                int class, n = 0;

                for (; n < 4 && at < end; n++) {
                        const char *blank = memchr(at, ' ', (size_t)(end - at));

                        words[n] = (bytes){ at, (size_t)((blank ? blank : end) - at) };
                        at = blank ? blank + 1 : end;
                        if (words[n].n == 0)
                                break;
                }
                if (n < 4)
                        return fail(error, -EINVAL,
                                    "Wrong number of arguments in buffer limit configuration.");
                class = class_of(words[0]);
                if (class < 0)
                        return fail(error, -EINVAL,
                                    "Invalid client class specified in buffer limit "
                                    "configuration.");
                if (!read_bytes(words[1], &hard) || !read_bytes(words[2], &soft) ||
                    !decimal_read(words[3].p, words[3].n, &seconds) || seconds < 0)
                        return fail(error, -EINVAL,
                                    "Error in hard, soft or soft_seconds setting in buffer limit "
                                    "configuration.");
                changed[class] = (config_unread){ (uint64_t)hard, (uint64_t)soft, seconds };
        }
        memcpy(limits, changed, sizeof(changed));
        return 0;
}

static int set_number(const struct param *p, void *at, bytes value,
                      char error[static CONFIG_ERROR_MAX]) {
        int64_t number;

        if (p->is_bytes && !read_bytes(value, &number))
                return fail(error, -EINVAL, "argument must be a memory value");
        if (!p->is_bytes && !decimal_read(value.p, value.n, &number))
                return fail(error, -EINVAL, "argument couldn't be parsed into an integer");
        if (number < p->min || number > p->max)
                return fail(error, -ERANGE,
                            "argument must be between %" PRId64 " and %" PRId64 " inclusive",
                            p->min, p->max);
        if (p->most > 0)
                number = number < p->least ? p->least : number > p->most ? p->most : number;
        if (p->kind == PARAM_INT)
                *(int *)at = (int)number;
        else if (p->kind == PARAM_SIZE)
                *(size_t *)at = (size_t)number;
        else
                *(int64_t *)at = number;
        return 0;
}

int config_set(config *c, unsigned i, bytes value, char error[static CONFIG_ERROR_MAX]) {
        const struct param *p = &params[i % N_PARAMS];
        void *at = (char *)c + p->offset;

        if (p->is_fixed)
                return fail(error, -EPERM, "can't set immutable config");
        if (p->is_protected)
                return fail(error, -EPERM, "can't set protected config");
        switch (p->kind) {
        case PARAM_BOOL:
                return set_bool(at, value, error);
        case PARAM_WORD:
                return set_word(at, p->words, value, error);
        case PARAM_TEXT:
                return set_text(at, p->size, value, error);
        case PARAM_RULES:
                return set_rules(at, p->size, value, error);
        case PARAM_EVENTS:
                return set_events(at, value, error);
        case PARAM_UNREAD:
                return set_unread(at, value, error);
        default:
                return set_number(p, at, value, error);
        }
}

bool config_unread_is_over(const config_unread *l, uint64_t n, int64_t *since) {
        int64_t now;

        if (!l->soft || n < l->soft) {
                *since = 0;
        } else {
                now = clock_now();
                if (!*since)
                        *since = now;
                if (now - *since > l->seconds * CLOCK_SECOND)
                        return true;
        }
        return l->hard && n >= l->hard;
}
