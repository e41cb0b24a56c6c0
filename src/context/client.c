/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <ctype.h>
#include <stdio.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "block.h"
#include "context/commands.h"
#include "evict.h"
#include "multi.h"
#include "store.h"
#include "tell/monitor.h"

client *client_new(store *s) {
        client *c = mem_zero(sizeof(*c));

        if (!c)
                return NULL;
        c->id = s->next_id;
        if (table_add(&s->by_id, table_hash(&c->id, sizeof(c->id)), c) < 0)
                return mem_free(c);
        s->next_id++;
        c->store = s;
        c->db = &s->dbs[0];
        c->flags = CLIENT_TRUSTED;
        c->fd = -1;
        c->since = c->used = clock_wall_ms();
        resp_out_init(&c->out, 2);
        list_init(&c->monitoring);
        list_init(&c->node);
        list_append(&s->clients, &c->node);
        s->stats.n_clients_ever++;
        return c;
}

client *client_free(client *c) {
        if (!c)
                return NULL;
        block_forget(c);
        multi_forget(c);
        pubsub_forget(c);
        monitor_forget(c);
        master_forget(c);
        tracking_off(c);
        table_take(&c->store->by_id, table_hash(&c->id, sizeof(c->id)), &c->id, sizeof(c->id));
        list_remove(&c->node);
        if (c->flags & CLIENT_CONNECTED)
                c->store->n_clients--;
        resp_out_deinit(&c->out);
        mem_free(c->name);
        return mem_free(c);
}

void client_connect(client *c, int fd) {
        store *s = c->store;

        c->fd = fd;
        c->flags |= CLIENT_CONNECTED;
        s->n_clients++;
        if (s->config.timeout > 0)
                upkeep_wake(s);
        client_distrust(c);
}

/* Who came while there was no password need not say one that comes up later, as in Redis. */
void client_distrust(client *c) {
        if (*c->store->config.requirepass)
                c->flags &= ~(uint32_t)CLIENT_TRUSTED;
}

bool client_is_trusted(const client *c) {
        return c->flags & CLIENT_TRUSTED || !*c->store->config.requirepass;
}

/* In a time that depends on what was said, and not on how much of it is right. */
static bool is_password(bytes said, const char *password) {
        size_t n = strlen(password);
        unsigned differs = said.n != n;

        for (size_t i = 0; i < said.n; i++)
                differs |= (unsigned)(said.p[i] ^ password[i % n]);
        return !differs;
}

/* There is one user, "default", who may do anything. */
bool client_is_known(const store *s, bytes user, bytes password) {
        const char *wanted = s->config.requirepass;

        return bytes_equal(user, BYTES("default")) && (!*wanted || is_password(password, wanted));
}

client *client_find(const store *s, uint64_t id) {
        void **slot = table_find(&s->by_id, table_hash(&id, sizeof(id)), &id, sizeof(id));

        return slot ? *slot : NULL;
}

void client_close(client *c, bool now) {
        c->flags |= CLIENT_CLOSING | (now ? CLIENT_CLOSE_NOW : 0);
        client_touch(c);
}

/* Who waits for something, listens, or follows has nothing to say. */
static bool is_idle(const client *c) {
        return c->fd >= 0 && !c->follower &&
               !(c->flags & (CLIENT_BLOCKED | CLIENT_PUBSUB | CLIENT_MONITOR | CLIENT_CLOSING)) &&
               c->store->now - c->used > (int64_t)c->store->config.timeout * 1000;
}

void client_end_idle(store *s) {
        list_each(node, &s->clients) {
                client *c = container_of(node, client, node);

                if (is_idle(c))
                        client_close(c, true);
        }
}

bool client_set_name(call *c, int i) {
        bytes name = c->argv[i];
        char *copy = NULL;

        for (size_t k = 0; k < name.n; k++) {
                if (name.p[k] < '!' || name.p[k] > '~') {
                        call_fail(c, "ERR Client names cannot contain spaces, newlines or special "
                                     "characters.");
                        return false;
                }
        }
        if (name.n > 0) {
                copy = mem_zero(name.n + 1);
                if (!copy) {
                        call_fail_memory(c);
                        return false;
                }
                memcpy(copy, name.p, name.n);
        }
        mem_free(c->client->name);
        c->client->name = copy;
        return true;
}

void client_touch(client *c) {
        if (c->wake)
                c->wake(c);
}

resp_out *client_answers(client *c) {
        resp_out *unsaid = &c->store->unsaid;

        if (!(c->flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP)))
                return &c->out;
        unsaid->version = c->out.version;
        return unsaid;
}

/* What a client is told unasked and does not read is bounded also where Redis's default is no
 * limit: of who monitors, or has keys tracked. Picked: more than any answer to be read first. */
#define PUSHED_MAX ((size_t)1 << 30)

static const config_unread *limit_of(const client *c) {
        const config_unread *limits = c->store->config.unread;

        return &limits[c->follower                ? CONFIG_REPLICA
                       : c->flags & CLIENT_PUBSUB ? CONFIG_LISTENER
                                                  : CONFIG_NORMAL];
}

bool client_is_behind(client *c) {
        return config_unread_is_over(limit_of(c), c->out.n - c->sent, &c->behind_since);
}

void client_push(client *c) {
        c->n_pushed++;
        if (c->out.failed || client_is_behind(c) || c->out.n - c->sent > PUSHED_MAX)
                client_close(c, true);
        else
                client_touch(c);
}

static bool has_arity(const command *cmd, int argc) {
        return cmd->arity >= 0 ? argc == cmd->arity : argc >= -cmd->arity;
}

/* What a person may want to see of arguments that mean nothing: Redis's words. */
static void fail_unknown(call *c) {
        char args[CALL_SHOWN + 64];
        size_t n = 0;

        args[0] = '\0';
        for (int i = 1; i < c->argc && n < CALL_SHOWN; i++) {
                int room = CALL_SHOWN - (int)n;

                n += (size_t)snprintf(args + n, sizeof(args) - n, "'%.*s' ",
                                      call_shown(c->argv[i]) < room ? call_shown(c->argv[i]) : room,
                                      c->argv[i].p);
        }
        call_failf(c, "ERR unknown command '%.*s', with args beginning with: %s",
                   call_shown(c->argv[0]), c->argv[0].p, args);
}

static const char *upper(const char *name, char ret[static 32]) {
        size_t n = 0;

        for (; name[n] && n < 31; n++)
                ret[n] = (char)toupper((unsigned char)name[n]);
        ret[n] = '\0';
        return ret;
}

/* It is not run, for the reason that has been answered. */
static const command *reject(call *c, const command *cmd) {
        c->store->stats.commands[cmd->number].n_rejected++;
        return NULL;
}

/* The command that @argv names, or NULL, and it has been answered. */
static const command *find(call *c) {
        const command *cmd = command_find(c->argv[0]), *sub;
        char name[32];

        if (!cmd) {
                fail_unknown(c);
                return NULL;
        }
        if (cmd->n_subs > 0 && c->argc > 1) {
                sub = command_find_sub(cmd, c->argv[1]);
                if (!sub) {
                        call_failf(c, "ERR unknown subcommand '%.*s'. Try %s HELP.",
                                   call_shown(c->argv[1]), c->argv[1].p, upper(cmd->name, name));
                        return reject(c, cmd);
                }
                cmd = sub;
        }
        if (!has_arity(cmd, c->argc)) {
                /* an EXEC that cannot be executed ends its transaction */
                if (cmd->run == cmd_exec)
                        multi_discard(c->client);
                call_failf(c, "%s wrong number of arguments for '%s' command",
                           cmd->run == cmd_exec ? "EXECABORT Transaction discarded because of:"
                                                : "ERR",
                           cmd->name);
                return reject(c, cmd);
        }
        return cmd;
}

/* It began at @begin and has just ended. */
static void note_time(const call *c, int64_t begin) {
        store *s = c->store;
        int64_t ns;

        s->clock = clock_wall();
        ns = s->clock > begin ? s->clock - begin : 0; /* it may have been set back */
        store_note_latency(s, c->cmd->flags & CMD_FAST ? LATENCY_FAST_COMMAND : LATENCY_COMMAND,
                           ns);
        stats_note_time(&s->stats, c->cmd, ns, s->config.latency_tracking);
        if (s->config.slowlog_log_slower_than >= 0 &&
            ns / 1000 >= s->config.slowlog_log_slower_than && !(c->cmd->flags & CMD_SKIP_SLOWLOG))
                slowlog_put(&s->slowlog, c, ns / 1000, s->config.slowlog_max_len);
}

void client_run(client *who, call *c) {
        store *s = who->store;
        uint64_t n_changes = s->n_changes;
        int64_t begin = s->clock;
        size_t before = who->out.n;

        c->store = s;
        c->db = who->db;
        c->client = who;
        c->out = client_answers(who);
        s->current = c;
        if (s->mounting.n_mounts == 0) {
                c->cmd->run(c);
        } else if (mount_begin(c)) {
                c->cmd->run(c);
                mount_end(c, before, n_changes);
        }
        s->current = NULL;
        s->stats.n_commands++;
        s->stats.commands[c->cmd->number].n_calls++;
        s->stats.commands[c->cmd->number].n_failed += c->has_failed;
        if (who->tracker && c->cmd->flags & CMD_READONLY && !c->is_again)
                tracking_note(c);
        feed_done(&s->feed, c->db, c->argv, c->argc, s->n_changes != n_changes);
        if (!list_is_empty(&s->monitors) && !c->is_again)
                monitor_tell(c);
        if (who->flags & CLIENT_TIMED)
                note_time(c, begin);
        if (s->n_changes != n_changes) {
                who->wrote = master_offset(s->master);
                if (s->config.save[0] && !s->save.is_timed)
                        save_wake(s);
        }
}

/* Those that a transaction does not keep for later. */
static bool is_of_transaction(const command *cmd) {
        return cmd->run == cmd_exec || cmd->run == cmd_discard || cmd->run == cmd_multi ||
               cmd->run == cmd_watch || cmd->run == cmd_quit || cmd->run == cmd_reset;
}

/* A transaction with a command that could not be queued is not executed. */
static void spoil(client *c) {
        if (c->flags & CLIENT_MULTI)
                c->flags |= CLIENT_DIRTY_EXEC;
}

/* Who speaks version 2 takes whatever comes for an answer, so that it may only ask for more
 * or less of it, while it listens. */
static bool is_for_listener(const command *cmd) {
        static void (*const those[])(call * c) = {
                cmd_subscribe,    cmd_unsubscribe, cmd_psubscribe, cmd_punsubscribe, cmd_ssubscribe,
                cmd_sunsubscribe, cmd_ping,        cmd_quit,       cmd_reset,
        };

        for (size_t i = 0; i < sizeof(those) / sizeof(*those); i++)
                if (cmd->run == those[i])
                        return true;
        return false;
}

/* Queuing does, whatever is queued; and EXEC if something does that it will execute. */
static bool needs_memory(const call *c) {
        if (c->cmd->flags & CMD_DENYOOM)
                return true;
        if (!(c->client->flags & CLIENT_MULTI))
                return false;
        if (c->cmd->run == cmd_exec)
                return multi_flags(c->client) & CMD_DENYOOM;
        return c->cmd->run != cmd_discard && c->cmd->run != cmd_quit && c->cmd->run != cmd_reset;
}

/* An EXEC that cannot be executed ends its transaction. */
static void refuse(call *c, const char *why) {
        bool is_exec = c->cmd->run == cmd_exec;

        if (is_exec)
                multi_discard(c->client);
        call_failf(c, "%s%s", is_exec ? "EXECABORT Transaction discarded because of: " : "", why);
}

/* Whether it changes something, or EXEC would. */
static bool writes(const call *c) {
        return (c->cmd->run == cmd_exec ? multi_flags(c->client) : c->cmd->flags) & CMD_WRITE;
}

/* Whether a change that cannot be saved is not wanted. */
static bool is_unsafe(const call *c) {
        const config *cfg = &c->store->config;

        return cfg->save[0] && cfg->stop_writes_on_bgsave_error && !c->store->follows &&
               (writes(c) || c->cmd->run == cmd_ping);
}

/* What can be said against a command that exists, before it is looked at; in Redis's order. */
static bool is_refused(call *c) {
        const client *who = c->client;

        if (c->cmd->run == cmd_refuse) {
                cmd_refuse(c);
                return true;
        }
        if (!client_is_trusted(who) && !(c->cmd->flags & CMD_NO_AUTH)) {
                call_fail(c, "NOAUTH Authentication required.");
                return true;
        }
        if (who->flags & CLIENT_MULTI && c->cmd->flags & CMD_NO_MULTI) {
                call_fail(c, "ERR Command not allowed inside a transaction");
                return true;
        }
        if (c->store->config.maxmemory > 0 && !evict_make_room(c->store) && needs_memory(c)) {
                refuse(c, "OOM command not allowed when used memory > 'maxmemory'.");
                return true;
        }
        if (c->store->save.has_failed && !c->store->obeys && is_unsafe(c)) {
                refuse(c, "MISCONF Redis is configured to save RDB snapshots, but it's currently "
                          "unable to persist to disk. Commands that may modify the data set are "
                          "disabled, because this instance is configured to report errors during "
                          "writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). "
                          "Please check the Redis logs for details about the RDB error.");
                return true;
        }
        if (c->store->config.min_replicas_to_write > 0 && writes(c) &&
            !master_has_enough(c->store->master)) {
                refuse(c, "NOREPLICAS Not enough good replicas to write.");
                return true;
        }
        if (c->store->follows && writes(c) && !(who->flags & CLIENT_MASTER) &&
            c->store->config.replica_read_only) {
                refuse(c, "READONLY You can't write against a read only replica.");
                return true;
        }
        if (who->flags & CLIENT_PUBSUB && who->out.version == 2 && !is_for_listener(c->cmd)) {
                call_failf(c,
                           "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING "
                           "/ QUIT / RESET are allowed in this context",
                           c->cmd->name);
                return true;
        }
        if (who->flags & CLIENT_MONITOR &&
            c->cmd->flags & (CMD_READONLY | CMD_WRITE | CMD_MAY_REPLICATE)) {
                call_fail(c, "ERR Replica can't interact with the keyspace");
                return true;
        }
        return false;
}

static int execute(client *c, const bytes *argv, int argc) {
        store *s = c->store;
        call now = { .store = s, .client = c, .argv = argv, .argc = argc };

        now.out = client_answers(c);
        if (!s->in_row)
                s->clock = clock_wall();
        s->now = c->used = s->clock / (CLOCK_SECOND / 1000);
        if (s->now >= s->due)
                upkeep_run(s);
        now.cmd = find(&now);
        if (!now.cmd) {
                spoil(c);
                return 1;
        }
        c->last = now.cmd;
        if (is_refused(&now)) {
                reject(&now, now.cmd);
                spoil(c);
                return 1;
        }
        if ((s->hold && hold_takes(&now)) || (s->snapshot && defer_takes(&now)))
                return c->flags & CLIENT_BLOCKED ? 0 : 1;
        if (c->flags & CLIENT_MULTI && !is_of_transaction(now.cmd)) {
                multi_queue(&now);
                return 1;
        }
        client_run(c, &now);
        if (!list_is_empty(&s->ready))
                block_serve(s);
        return c->flags & CLIENT_BLOCKED ? 0 : 1;
}

void client_answered(client *c) {
        if (!(c->flags & CLIENT_QUIET))
                return;
        if (!c->store->executing)
                resp_out_cut(&c->store->unsaid, 0);
        c->flags &= ~(uint32_t)CLIENT_REPLY_SKIP;
        if (c->flags & CLIENT_REPLY_SKIP_NEXT)
                c->flags ^= CLIENT_REPLY_SKIP_NEXT | CLIENT_REPLY_SKIP;
}

int client_exec(client *c, const bytes *argv, int argc) {
        store *s = c->store;
        client *outer = s->executing; /* whose computed keys may execute commands too */
        int r;

        s->executing = c;
        c->flags |= CLIENT_EXECUTING;
        r = execute(c, argv, argc);
        c->flags &= ~(uint32_t)CLIENT_EXECUTING;
        s->executing = outer;
        if (r == 1)
                client_answered(c);
        if (tracking_waits(&s->tracking, c->tracker))
                tracking_answered(c, argv[0]);
        return r;
}
