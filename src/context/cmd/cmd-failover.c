/* SPDX-License-Identifier: Apache-2.0 */
/* FAILOVER: another one is to be the master. */
#include "../../base/clock.h"
#include "../store.h"
#include "context/commands.h"

typedef struct wish {
        char host[MASTER_HOST_MAX]; /* "": any */
        uint16_t port;
        int64_t timeout; /* ms; 0: none */
        bool is_forced, aborts;
} wish;

/* TO host port: a port of no replica is as good as any other that is wrong. */
static bool read_target(call *c, int i, wish *w) {
        int64_t port;

        if (!call_integer(c, i + 2, &port, NULL))
                return false;
        if (c->argv[i + 1].n < sizeof(w->host) && port > 0 && port <= UINT16_MAX) {
                memcpy(w->host, c->argv[i + 1].p, c->argv[i + 1].n);
                w->port = (uint16_t)port;
        }
        return true;
}

static bool read_timeout(call *c, int i, wish *w) {
        if (!call_integer(c, i + 1, &w->timeout, NULL))
                return false;
        if (w->timeout <= 0)
                call_fail(c, "ERR FAILOVER timeout must be greater than 0");
        return w->timeout > 0;
}

/* If it cannot be read, that has been answered. */
static bool read_wish(call *c, wish *w, bool *ret_has_target) {
        bool has_target = false;

        for (int i = 1; i < c->argc; i++) {
                if (call_is(c, i, "TIMEOUT") && i + 1 < c->argc && !w->timeout) {
                        if (!read_timeout(c, i++, w))
                                return false;
                } else if (call_is(c, i, "ABORT") && c->argc == 2) {
                        w->aborts = true;
                } else if (call_is(c, i, "TO") && i + 2 < c->argc && !has_target) {
                        if (!read_target(c, i, w))
                                return false;
                        has_target = true;
                        i += 2;
                } else if (call_is(c, i, "FORCE") && !w->is_forced) {
                        w->is_forced = true;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        *ret_has_target = has_target;
        return true;
}

/* What can be said against it, in Redis's order; NULL: nothing. */
static const char *refusal(const store *s, const wish *w, bool has_target) {
        bool is_online = false;

        if (s->follows)
                return "ERR FAILOVER is not valid when server is a replica.";
        if (master_count(s->master) == 0)
                return "ERR FAILOVER requires connected replicas.";
        if (w->is_forced && !(w->timeout && has_target))
                return "ERR FAILOVER with force option requires both a timeout and target HOST and "
                       "IP.";
        if (has_target && !master_find(s->master, w->host, w->port, &is_online))
                return "ERR FAILOVER target HOST and PORT is not a replica.";
        if (has_target && !is_online)
                return "ERR FAILOVER target replica is not online.";
        return NULL;
}

void cmd_failover(call *c) {
        store *s = c->store;
        bool is_under_way = s->failover.state != FAILOVER_NONE, has_target;
        int64_t deadline = CLOCK_NEVER;
        const char *why;
        wish w = { 0 };

        if (!read_wish(c, &w, &has_target))
                return;
        if (w.aborts && is_under_way) {
                failover_abort(s);
                resp_out_ok(c->out);
                return;
        }
        why = w.aborts       ? "ERR No failover in progress."
              : is_under_way ? "ERR FAILOVER already in progress."
                             : refusal(s, &w, has_target);
        if (why) {
                call_fail(c, why);
                return;
        }
        if (w.timeout && w.timeout < INT64_MAX / (CLOCK_SECOND / 1000))
                deadline = clock_add(clock_now(), w.timeout * (CLOCK_SECOND / 1000));
        if (failover_begin(s, has_target ? w.host : NULL, w.port, w.is_forced, deadline) < 0)
                call_fail_memory(c);
        else
                resp_out_ok(c->out);
}
