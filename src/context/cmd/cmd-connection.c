/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the connection itself. */
#include "../client.h"

#include "../../base/mem.h"
#include "../multi.h"
#include "../store.h"
#include "../tell/monitor.h"
#include "context/commands.h"

void cmd_ping(call *c) {
        if (c->argc > 2) {
                call_fail(c, "ERR wrong number of arguments for 'ping' command");
        } else if (c->client->flags & CLIENT_PUBSUB && c->out->version == 2) {
                resp_out_array(c->out, 2);
                resp_out_bulk_text(c->out, "pong");
                resp_out_bulk(c->out, c->argc == 2 ? c->argv[1].p : NULL,
                              c->argc == 2 ? c->argv[1].n : 0);
        } else if (c->argc == 2) {
                resp_out_bulk(c->out, c->argv[1].p, c->argv[1].n);
        } else {
                resp_out_status(c->out, "PONG");
        }
}

void cmd_echo(call *c) {
        resp_out_bulk(c->out, c->argv[1].p, c->argv[1].n);
}

void cmd_select(call *c) {
        if (call_db(c, 1, NULL, &c->client->db))
                resp_out_ok(c->out);
}

static bool trust(call *c, bytes user, bytes said) {
        if (!client_is_known(c->store, user, said)) {
                call_fail(c, "WRONGPASS invalid username-password pair or user is disabled.");
                return false;
        }
        c->client->flags |= CLIENT_TRUSTED;
        return true;
}

void cmd_auth(call *c) {
        if (c->argc > 3)
                call_fail_syntax(c);
        else if (c->argc == 2 && !*c->store->config.requirepass)
                call_fail(c, "ERR AUTH <password> called without any password configured for the "
                             "default user. Are you sure your configuration is correct?");
        else if (trust(c, c->argc == 2 ? BYTES("default") : c->argv[1], c->argv[c->argc - 1]))
                resp_out_ok(c->out);
}

static void say_hello(call *c) {
        resp_out_map(c->out, 7);
        resp_out_bulk_text(c->out, "server");
        resp_out_bulk_text(c->out, "redis");
        resp_out_bulk_text(c->out, "version");
        resp_out_bulk_text(c->out, STORE_REDIS_VERSION);
        resp_out_bulk_text(c->out, "proto");
        resp_out_integer(c->out, c->out->version);
        resp_out_bulk_text(c->out, "id");
        resp_out_integer(c->out, (int64_t)c->client->id);
        resp_out_bulk_text(c->out, "mode");
        resp_out_bulk_text(c->out, "standalone");
        resp_out_bulk_text(c->out, "role");
        resp_out_bulk_text(c->out, c->store->follows ? "replica" : "master");
        resp_out_bulk_text(c->out, "modules");
        resp_out_array(c->out, 0);
}

/* AUTH username password and SETNAME name, each of which takes effect, as in Redis, also if
 * what follows it makes no sense. */
static bool read_hello(call *c) {
        for (int i = 2; i < c->argc; i++) {
                if (call_is(c, i, "AUTH") && i + 2 < c->argc) {
                        if (!trust(c, c->argv[i + 1], c->argv[i + 2]))
                                return false;
                        i += 2;
                } else if (call_is(c, i, "SETNAME") && i + 1 < c->argc) {
                        if (!client_set_name(c, ++i))
                                return false;
                } else {
                        call_failf(c, "ERR Syntax error in HELLO option '%.*s'",
                                   call_shown(c->argv[i]), c->argv[i].p);
                        return false;
                }
        }
        return true;
}

void cmd_hello(call *c) {
        int64_t version = c->out->version;

        if (c->argc > 1) {
                if (!call_integer(c, 1, &version,
                                  "ERR Protocol version is not an integer or out of range"))
                        return;
                if (version < 2 || version > 3) {
                        call_fail(c, "NOPROTO unsupported protocol version");
                        return;
                }
                if (!read_hello(c))
                        return;
        }
        if (!client_is_trusted(c->client)) {
                call_fail(c, "NOAUTH HELLO must be called with the client already authenticated, "
                             "otherwise the HELLO AUTH <user> <pass> option can be used to "
                             "authenticate the client and select the RESP protocol version at the "
                             "same time");
                return;
        }
        c->out->version = c->client->out.version = (uint8_t)version;
        say_hello(c);
}

void cmd_quit(call *c) {
        resp_out_ok(c->out);
        c->client->flags |= CLIENT_CLOSING;
}

/* As if it had just connected. */
void cmd_reset(call *c) {
        client *who = c->client;

        multi_discard(who);
        pubsub_forget(who);
        tracking_off(who);
        monitor_forget(who);
        who->name = mem_free(who->name);
        who->flags &= ~(uint32_t)CLIENT_QUIET;
        who->db = &c->store->dbs[0];
        if (who->address)
                client_distrust(who);
        who->out.version = 2;
        resp_out_status(&who->out, "RESET");
}
