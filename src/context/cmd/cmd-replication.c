/* SPDX-License-Identifier: Apache-2.0 */
/* Replication: what those say who follow this store, and what is asked about it. */
#include "../../base/decimal.h"
#include "../block.h"
#include "../store.h"
#include "../sync/follower.h"
#include "../sync/master.h"
#include "../sync/replica.h"
#include "context/commands.h"

/* Whether the client can follow: it is at the end of a connection, which alone fetches what lies
 * elsewhere, and there is something to be followed. */
static bool may_follow(call *c) {
        if (!c->client->address) {
                call_fail(c, "ERR only a connection can follow");
                return false;
        }
        if (c->store->replica && !replica_is_online(c->store->replica)) {
                call_fail(c, "NOMASTERLINK Can't SYNC while not connected with my master");
                return false;
        }
        return true;
}

void cmd_sync(call *c) {
        if (may_follow(c))
                master_sync(c, (bytes){ NULL, 0 }, 0);
}

/* The master gives over to this one, its replica. Returns whether that can be. */
static bool take_over(call *c) {
        if (!c->store->replica) {
                call_fail(c, "ERR PSYNC FAILOVER can't be sent to a master.");
                return false;
        }
        if (!bytes_is(c->argv[1], master_id(c->store->master))) {
                call_fail(c, "ERR PSYNC FAILOVER replid must match my replid.");
                return false;
        }
        replica_stop(c->store);
        return true;
}

void cmd_psync(call *c) {
        int64_t offset;

        if (follower_follows(c->client) ||
            (c->argc > 3 && call_is(c, 3, "failover") && !take_over(c)))
                return;
        if (call_integer(c, 2, &offset, NULL) && may_follow(c))
                master_sync(c, c->argv[1], offset > 0 ? offset - 1 : -1);
}

/* REPLCONF: what a follower says of itself, before and after */

static void read_ack(follower *f, bytes text) {
        int64_t offset;

        if (decimal_read(text.p, text.n, &offset)) {
                follower_ack(f, offset);
                block_retry(&f->client->store->acks);
        }
}

/* Returns whether it can be; if not, that has been answered. */
static bool configure(call *c, follower *f, int i) {
        bytes value = c->argv[i + 1];
        int64_t n;

        if (call_is(c, i, "listening-port")) {
                if (!call_integer_in(c, i + 1, 0, UINT16_MAX, &n, NULL))
                        return false;
                f->port = (uint16_t)n;
        } else if (call_is(c, i, "ip-address")) {
                if (value.n >= sizeof(f->address)) {
                        call_failf(c,
                                   "ERR REPLCONF ip-address provided by replica instance is too "
                                   "long: %zu bytes",
                                   value.n);
                        return false;
                }
                memcpy(f->address, value.p, value.n);
                f->address[value.n] = '\0';
        } else if (call_is(c, i, "capa")) {
                f->can_mark |= bytes_is(value, "eof");
                f->can_rename |= bytes_is(value, "psync2");
        } else if (call_is(c, i, "rdb-only")) {
                if (!call_integer_in(c, i + 1, 0, 1, &n, NULL))
                        return false;
                f->wants_file_only = n;
        } else if (call_is(c, i, "rdb-filter-only")) {
                /* of what may be asked for there are no functions here, and the keys were not */
                f->wants_no_keys = true;
        } else {
                call_failf(c, "ERR Unrecognized REPLCONF option: %.*s", call_shown(c->argv[i]),
                           c->argv[i].p);
                return false;
        }
        return true;
}

void cmd_replconf(call *c) {
        follower *f = follower_of(c->client);

        if (c->argc % 2 == 0) {
                call_fail_syntax(c);
                return;
        }
        if (!f) {
                call_fail_memory(c);
                return;
        }
        for (int i = 1; i < c->argc; i += 2) {
                /* these two are not answered */
                if (call_is(c, i, "ack")) {
                        read_ack(f, c->argv[i + 1]);
                        return;
                }
                if (call_is(c, i, "getack"))
                        return;
                if (!configure(c, f, i))
                        return;
        }
        resp_out_ok(c->out);
}

/* asking */

void cmd_role(call *c) {
        if (c->store->replica)
                replica_tell_role(c->store->replica, c->out);
        else
                master_tell_role(c->store->master, c->out);
}

void cmd_wait(call *c) {
        int64_t wanted, deadline;
        int n;

        if (c->store->follows) {
                call_fail(c, "ERR WAIT cannot be used with replica instances. Please also note "
                             "that since Redis 4.0 if a replica is configured to be writable "
                             "(which is not the default) writes to replicas are just local and "
                             "are not propagated.");
                return;
        }
        if (!call_integer(c, 1, &wanted, NULL) || !block_deadline_ms(c, 2, &deadline))
                return;
        n = master_count_acked(c->store->master, c->client->wrote);
        if (n >= wanted || c->is_late || c->client->flags & CLIENT_IN_EXEC) {
                resp_out_integer(c->out, n);
                return;
        }
        if (!c->is_again)
                master_ask(c->store->master);
        call_wait_in(c, &c->store->acks, deadline);
}

/* following */

void cmd_replicaof(call *c) {
        url u = { .kind = URL_TCP };
        int64_t port;

        if (c->store->failover.state != FAILOVER_NONE) {
                call_fail(c, "ERR REPLICAOF not allowed while failing over.");
                return;
        }
        if (call_is(c, 1, "no") && call_is(c, 2, "one")) {
                replica_stop(c->store);
                resp_out_ok(c->out);
                return;
        }
        if (follower_follows(c->client)) {
                call_fail(c, "ERR Command is not valid when client is a replica.");
                return;
        }
        if (!call_integer_in(c, 2, 0, UINT16_MAX, &port, "ERR Invalid master port"))
                return;
        if (c->argv[1].n == 0 || c->argv[1].n > URL_HOST_MAX) {
                call_fail(c, "ERR Invalid master host");
                return;
        }
        memcpy(u.name, c->argv[1].p, c->argv[1].n);
        u.port = (uint16_t)port;
        if (c->store->replica && replica_is_of(c->store->replica, &u))
                resp_out_status(c->out, "OK Already connected to specified master");
        else if (replica_start(c->store, &u) < 0)
                call_fail_memory(c);
        else
                resp_out_ok(c->out);
}
