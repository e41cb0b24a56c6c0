/* SPDX-License-Identifier: Apache-2.0 */
/* CONFIG: the parameters, by name. */
#include "../../base/glob.h"
#include "../store.h"
#include "context/commands.h"

static bool is_asked(const call *c, const char *name) {
        for (int i = 2; i < c->argc; i++)
                if (glob_match(c->argv[i], bytes_of(name), true))
                        return true;
        return false;
}

void cmd_config_get(call *c) {
        size_t later = resp_out_later(c->out), n = 0;
        char value[CONFIG_TEXT_MAX];

        for (unsigned i = 0; i < config_count(); i++) {
                const char *name = config_name(i);

                if (!name || !is_asked(c, name))
                        continue;
                config_print(&c->store->config, i, value);
                resp_out_bulk_text(c->out, name);
                resp_out_bulk_text(c->out, value);
                n++;
        }
        resp_out_head(c->out, later, RESP_MAP, n);
}

static bool find(bytes name, unsigned *ret) {
        for (unsigned i = 0; i < config_count(); i++) {
                if (config_name(i) && bytes_is(name, config_name(i))) {
                        *ret = i;
                        return true;
                }
        }
        return false;
}

static void fail(call *c, int i, const char *why) {
        call_failf(c, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s",
                   call_shown(c->argv[i]), c->argv[i].p, why);
}

/* All of them or none. */
void cmd_config_set(call *c) {
        config changed = c->store->config;
        char error[CONFIG_ERROR_MAX];
        unsigned at, other;

        if (c->argc % 2) {
                call_fail_syntax(c);
                return;
        }
        for (int i = 2; i < c->argc; i += 2) {
                if (!find(c->argv[i], &at)) {
                        call_failf(c,
                                   "ERR Unknown option or number of arguments for CONFIG SET - "
                                   "'%.*s'",
                                   call_shown(c->argv[i]), c->argv[i].p);
                        return;
                }
                for (int k = 2; k < i; k += 2) {
                        if (find(c->argv[k], &other) && other == at) {
                                fail(c, i, "duplicate parameter");
                                return;
                        }
                }
        }
        for (int i = 2; i < c->argc; i += 2) {
                find(c->argv[i], &at);
                if (config_set(&changed, at, c->argv[i + 1], error) < 0) {
                        fail(c, i, error);
                        return;
                }
        }
        c->store->config = changed;
        upkeep_wake(c->store); /* there may be less memory */
        save_wake(c->store);
        slowlog_cut(&c->store->slowlog, changed.slowlog_max_len);
        resp_out_ok(c->out);
}

void cmd_config_resetstat(call *c) {
        stats_reset(&c->store->stats);
        resp_out_ok(c->out);
}

/* There never is one: a program, or whoever starts it, says what is configured. */
void cmd_config_rewrite(call *c) {
        call_fail(c, "ERR The server is running without a config file");
}
