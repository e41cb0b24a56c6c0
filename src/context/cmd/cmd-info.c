/* SPDX-License-Identifier: Apache-2.0 */
/* INFO: how the server is. Redis's names for what there is; what a context does not have, or
 * would have to make up, is not in it. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../../base/mem.h"
#include "../store.h"
#include "../sync/replica.h"
#include "../text.h"
#include "context/commands.h"

static void tell_server(text *t, const store *s) {
        int64_t up = (s->now - s->since) / 1000;
        char program[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", program, sizeof(program));
        struct utsname os = { 0 };

        uname(&os);
        text_add(t, "redis_version:%s\r\n", STORE_REDIS_VERSION);
        text_add(t, "redis_mode:standalone\r\n");
        text_add(t, "os:%s %s %s\r\n", os.sysname, os.release, os.machine);
        text_add(t, "arch_bits:%zu\r\n", 8 * sizeof(void *));
        text_add(t, "multiplexing_api:epoll\r\n");
        text_add(t, "process_id:%d\r\n", (int)getpid());
        text_add(t, "run_id:%s\r\ntcp_port:%d\r\n", s->run_id, s->port);
        text_add(t, "server_time_usec:%" PRId64 "\r\n", s->clock / 1000);
        text_add(t, "uptime_in_seconds:%" PRId64 "\r\n", up);
        text_add(t, "uptime_in_days:%" PRId64 "\r\n", up / (24 * 60 * 60));
        text_add(t, "hz:%d\r\nconfigured_hz:%d\r\n", s->config.hz, s->config.hz);
        text_add(t, "executable:%.*s\r\nconfig_file:\r\n", n < 0 ? 0 : (int)n, program);
        if (shutdown_left(s) >= 0)
                text_add(t, "shutdown_in_milliseconds:%" PRId64 "\r\n", shutdown_left(s));
}

static void tell_clients(text *t, const store *s) {
        text_add(t, "connected_clients:%zu\r\n", s->n_clients - (size_t)master_count(s->master));
        text_add(t, "maxclients:%" PRId64 "\r\n", s->config.maxclients);
        text_add(t, "blocked_clients:%zu\r\n", s->n_blocked);
        text_add(t, "tracking_clients:%zu\r\n", s->tracking.n_trackers);
}

/* The number, and again as people read it. */
static void tell_bytes(text *t, const char *name, int64_t n) {
        static const char units[] = "BKMGTP";
        double scaled = (double)n;
        int unit = 0;

        for (; scaled >= 1024 && units[unit + 1]; unit++)
                scaled /= 1024;
        text_add(t, "%s:%" PRId64 "\r\n", name, n);
        text_add(t, "%s_human:%.*f%c\r\n", name, unit ? 2 : 0, scaled, units[unit]);
}

/* Of the process, in memory that is there. */
static int64_t resident(void) {
        FILE *file = fopen("/proc/self/statm", "re");
        long n = 0;

        if (!file)
                return 0;
        if (fscanf(file, "%*s %ld", &n) != 1)
                n = 0;
        fclose(file);
        return n * sysconf(_SC_PAGESIZE);
}

/* Of the process, as in Redis. */
static void tell_memory(text *t, const store *s) {
        int64_t used = mem_used(), there = resident();
        int64_t peak = s->memory_peak > used ? s->memory_peak : used;

        tell_bytes(t, "used_memory", used);
        tell_bytes(t, "used_memory_rss", there);
        tell_bytes(t, "used_memory_peak", peak);
        text_add(t, "used_memory_peak_perc:%.2f%%\r\n",
                 100. * (double)used / (double)(peak > 0 ? peak : 1));
        text_add(t, "used_memory_startup:%" PRId64 "\r\n", s->memory_before);
        tell_bytes(t, "total_system_memory", sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
        tell_bytes(t, "maxmemory", (int64_t)s->config.maxmemory);
        text_add(t, "maxmemory_policy:%s\r\n", config_policy_name(&s->config));
        text_add(t, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%" PRId64 "\r\n",
                 (double)there / (double)(used > 0 ? used : 1), there - used);
        text_add(t, "mem_allocator:libc\r\n");
        text_add(t, "lazyfree_pending_objects:%zu\r\n", s->lazy.n_keys);
        text_add(t, "lazyfreed_objects:%" PRIu64 "\r\n", s->lazy.n_freed);
}

static void tell_persistence(text *t, const store *s) {
        text_add(t, "loading:0\r\nasync_loading:0\r\n");
        save_tell_info(s, t);
        text_add(t, "aof_enabled:0\r\naof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n");
}

static void tell_stats(text *t, const store *s) {
        const stats *of = &s->stats;

        text_add(t, "total_connections_received:%" PRIu64 "\r\n", of->n_clients_ever);
        text_add(t, "total_commands_processed:%" PRIu64 "\r\n", of->n_commands);
        text_add(t, "instantaneous_ops_per_sec:%" PRId64 "\r\n", of->per_second);
        text_add(t, "total_net_input_bytes:%" PRIu64 "\r\ntotal_net_output_bytes:%" PRIu64 "\r\n",
                 of->n_received, of->n_sent);
        text_add(t, "rejected_connections:%" PRIu64 "\r\n", of->n_turned_away);
        text_add(t, "sync_full:%" PRIu64 "\r\nsync_partial_ok:%" PRIu64 "\r\n", of->n_whole,
                 of->n_resumed);
        text_add(t, "sync_partial_err:%" PRIu64 "\r\n", of->n_begun_anew);
        text_add(t, "expired_keys:%" PRIu64 "\r\n", of->n_expired);
        text_add(t, "evicted_keys:%" PRIu64 "\r\n", of->n_evicted);
        text_add(t, "keyspace_hits:%" PRIu64 "\r\n", of->n_hits);
        text_add(t, "keyspace_misses:%" PRIu64 "\r\n", of->n_misses);
        text_add(t, "tracking_total_keys:%zu\r\ntracking_total_items:%zu\r\n",
                 table_count(&s->tracking.keys), s->tracking.n_items);
        text_add(t, "tracking_total_prefixes:%zu\r\n", table_count(&s->tracking.prefixes));
        text_add(t, "pubsub_channels:%zu\r\npubsub_patterns:%zu\r\npubsubshard_channels:%zu\r\n",
                 table_count(&s->pubsub.topics[PUBSUB_CHANNEL]),
                 table_count(&s->pubsub.topics[PUBSUB_PATTERN]),
                 table_count(&s->pubsub.topics[PUBSUB_SHARD]));
        text_add(t, "total_error_replies:%" PRIu64 "\r\n", of->n_errors);
        text_add(t, "total_reads_processed:%" PRIu64 "\r\ntotal_writes_processed:%" PRIu64 "\r\n",
                 of->n_reads, of->n_writes);
}

static void tell_replication(text *t, const store *s) {
        text_add(t, "role:%s\r\n", s->follows ? "slave" : "master");
        if (s->replica)
                replica_tell_info(s->replica, t);
        master_tell_info(s->master, t);
}

static void tell_time(text *t, const char *name, struct timeval used) {
        text_add(t, "%s:%jd.%06jd\r\n", name, (intmax_t)used.tv_sec, (intmax_t)used.tv_usec);
}

static void tell_cpu(text *t, const store *s) {
        struct rusage used;

        (void)s;
        getrusage(RUSAGE_SELF, &used);
        tell_time(t, "used_cpu_sys", used.ru_stime);
        tell_time(t, "used_cpu_user", used.ru_utime);
}

static void tell_cluster(text *t, const store *s) {
        (void)s;
        text_add(t, "cluster_enabled:0\r\n");
}

/* What was never asked for is not told. */
static void tell_command(text *t, const store *s, const command *cmd) {
        const command_stats *of = &s->stats.commands[cmd->number];
        uint64_t us = of->ns / 1000;

        if (of->n_calls > 0 || of->n_rejected > 0)
                text_add(t,
                         "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64
                         ",usec_per_call=%.2f,rejected_calls=%u,failed_calls=%u\r\n",
                         cmd->name, of->n_calls, us,
                         of->n_calls ? (double)us / (double)of->n_calls : 0., of->n_rejected,
                         of->n_failed);
        for (unsigned i = 0; i < cmd->n_subs; i++)
                tell_command(t, s, &cmd->subs[i]);
}

static void tell_commands(text *t, const store *s) {
        for (unsigned i = 0; i < n_commands; i++)
                tell_command(t, s, &command_table[i]);
}

static void tell_errors(text *t, const store *s) {
        for (size_t i = 0; i < s->stats.n_error_codes; i++)
                text_add(t, "errorstat_%s:count=%" PRIu64 "\r\n", s->stats.errors[i].code,
                         s->stats.errors[i].n);
}

static void tell_keyspace(text *t, const store *s) {
        for (int i = 0; i < s->n_dbs; i++) {
                const db *d = &s->dbs[i];

                if (db_size(d) > 0)
                        text_add(t, "db%d:keys=%zu,expires=%zu,avg_ttl=%" PRId64 "\r\n", i,
                                 db_size(d), table_count(&d->expiring), d->mean_ttl);
        }
}

static const struct section {
        const char *name;
        void (*tell)(text *t, const store *s);
        bool is_extra; /* only for who names it, or all of them */
} sections[] = {
        { "Server", tell_server, false },     { "Clients", tell_clients, false },
        { "Memory", tell_memory, false },     { "Persistence", tell_persistence, false },
        { "Stats", tell_stats, false },       { "Replication", tell_replication, false },
        { "CPU", tell_cpu, false },           { "Commandstats", tell_commands, true },
        { "Errorstats", tell_errors, false }, { "Cluster", tell_cluster, false },
        { "Keyspace", tell_keyspace, false },
};

static bool is_asked(const call *c, const struct section *section) {
        for (int i = 1; i < c->argc; i++)
                if (call_is(c, i, section->name) || call_is(c, i, "all") ||
                    call_is(c, i, "everything") || (call_is(c, i, "default") && !section->is_extra))
                        return true;
        return c->argc == 1 && !section->is_extra;
}

void cmd_info(call *c) {
        text t = { 0 };

        store_memory(c->store); /* notes how much there was at most */
        stats_rate(&c->store->stats, c->store->now);
        for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
                if (!is_asked(c, &sections[i]))
                        continue;
                text_add(&t, "%s# %s\r\n", t.n ? "\r\n" : "", sections[i].name);
                sections[i].tell(&t, c->store);
        }
        text_reply(&t, c);
}

void cmd_time(call *c) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        resp_out_array(c->out, 2);
        resp_out_bulk_integer(c->out, now.tv_sec);
        resp_out_bulk_integer(c->out, now.tv_nsec / 1000);
}
