/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the connection itself. */
#include "client.h"
#include "context/commands.h"
#include "store.h"

void cmd_ping(call *c) {
        if (c->argc > 2) {
                call_fail(c, "ERR wrong number of arguments for 'ping' command");
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
        int64_t n;

        if (!call_integer(c, 1, &n, "ERR invalid DB index"))
                return;
        if (n < 0 || n >= c->store->n_dbs) {
                call_fail(c, "ERR DB index is out of range");
                return;
        }
        c->client->db = &c->store->dbs[n];
        resp_out_ok(c->out);
}
