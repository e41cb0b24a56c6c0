/* SPDX-License-Identifier: Apache-2.0 */
/* LATENCY: what took long by kinds of events, and how long commands take. */
#include <inttypes.h>

#include "../store.h"
#include "../text.h"
#include "context/commands.h"

static bool read_kind(const call *c, int i, latency_kind *ret) {
        for (int kind = 0; kind < LATENCY_KINDS; kind++) {
                if (call_is(c, i, latency_name((latency_kind)kind))) {
                        *ret = (latency_kind)kind;
                        return true;
                }
        }
        return false;
}

static size_t count(const latency *l, latency_kind kind) {
        return l->n[kind] < LATENCY_SAMPLES ? l->n[kind] : LATENCY_SAMPLES;
}

void cmd_latency_latest(call *c) {
        const latency *l = &c->store->latency;
        size_t later = resp_out_later(c->out), n = 0;
        latency_sample last;

        for (int i = 0; i < LATENCY_KINDS; i++) {
                latency_kind kind = (latency_kind)i;

                if (l->n[kind] == 0)
                        continue;
                latency_get(l, kind, count(l, kind) - 1, &last);
                resp_out_array(c->out, 4);
                resp_out_bulk_text(c->out, latency_name(kind));
                resp_out_integer(c->out, last.when);
                resp_out_integer(c->out, last.ms);
                resp_out_integer(c->out, l->max[kind]);
                n++;
        }
        resp_out_head(c->out, later, RESP_ARRAY, n);
}

void cmd_latency_history(call *c) {
        const latency *l = &c->store->latency;
        latency_kind kind;
        latency_sample at;

        if (!read_kind(c, 2, &kind)) {
                resp_out_array(c->out, 0);
                return;
        }
        resp_out_array(c->out, count(l, kind));
        for (size_t i = 0; latency_get(l, kind, i, &at); i++) {
                resp_out_array(c->out, 2);
                resp_out_integer(c->out, at.when);
                resp_out_integer(c->out, at.ms);
        }
}

void cmd_latency_reset(call *c) {
        latency *l = &c->store->latency;
        latency_kind kind;
        int64_t n = 0;

        for (int i = 0; c->argc == 2 && i < LATENCY_KINDS; i++)
                n += latency_reset(l, (latency_kind)i);
        for (int i = 2; i < c->argc; i++)
                n += read_kind(c, i, &kind) && latency_reset(l, kind);
        resp_out_integer(c->out, n);
}

/* A bar for each sample, the longest as wide as there is room for. */
void cmd_latency_graph(call *c) {
        enum { WIDTH = 50 };
        static const char bar[] = "##################################################";
        const latency *l = &c->store->latency;
        uint32_t high = 1;
        latency_kind kind;
        latency_sample at;
        text t = { 0 };

        if (!read_kind(c, 2, &kind) || l->n[kind] == 0) {
                call_failf(c, "ERR No samples available for event '%.*s'", call_shown(c->argv[2]),
                           c->argv[2].p);
                return;
        }
        for (size_t i = 0; latency_get(l, kind, i, &at); i++)
                high = at.ms > high ? at.ms : high;
        text_add(&t, "%s, in ms by seconds ago; at most %u ever\n", latency_name(kind),
                 l->max[kind]);
        for (size_t i = 0; latency_get(l, kind, i, &at); i++)
                text_add(&t, "%8" PRId64 "s %8u %.*s\n", c->store->now / 1000 - at.when, at.ms,
                         (int)((uint64_t)at.ms * WIDTH / high), bar);
        text_reply(&t, c);
}

void cmd_latency_doctor(call *c) {
        const latency *l = &c->store->latency;
        text t = { 0 };

        if (c->store->config.latency_monitor_threshold == 0)
                text_add(&t, "Nothing is watched. CONFIG SET latency-monitor-threshold MS says "
                             "from how many milliseconds on something is long.\n");
        for (int i = 0; i < LATENCY_KINDS; i++) {
                latency_kind kind = (latency_kind)i;
                uint64_t sum = 0;
                latency_sample at;

                if (l->n[kind] == 0)
                        continue;
                for (size_t k = 0; latency_get(l, kind, k, &at); k++)
                        sum += at.ms;
                text_add(&t,
                         "%s: in %zu seconds it took long, %" PRIu64
                         " ms on average, %u ms at most, the last time %" PRId64 " s ago.\n",
                         latency_name(kind), l->n[kind], sum / count(l, kind), l->max[kind],
                         c->store->now / 1000 - at.when);
        }
        if (t.n == 0)
                text_add(&t, "Nothing has taken long.\n");
        else if (l->n[LATENCY_COMMAND] > 0)
                text_add(&t, "SLOWLOG GET shows which commands took long.\n");
        text_reply(&t, c);
}

/* Counts up to each time in microseconds, where there are more than up to the one before. */
static void reply_places(resp_out *o, const command *cmd, const command_stats *of) {
        size_t later, n = 0;
        int64_t sum = 0;

        resp_out_bulk_text(o, cmd->name);
        resp_out_map(o, 2);
        resp_out_bulk_text(o, "calls");
        resp_out_integer(o, (int64_t)of->n_calls);
        resp_out_bulk_text(o, "histogram_usec");
        later = resp_out_later(o);
        for (unsigned i = 0; i < STATS_PLACES; i++) {
                if (of->places[i] == 0)
                        continue;
                sum += of->places[i];
                resp_out_integer(o, stats_place_end(i) / 1000);
                resp_out_integer(o, sum);
                n++;
        }
        resp_out_head(o, later, RESP_MAP, n);
}

static size_t reply_command(call *c, const command *cmd) {
        const command_stats *of = &c->store->stats.commands[cmd->number];
        size_t n = of->places != NULL;

        if (of->places)
                reply_places(c->out, cmd, of);
        for (unsigned i = 0; i < cmd->n_subs; i++)
                n += reply_command(c, &cmd->subs[i]);
        return n;
}

void cmd_latency_histogram(call *c) {
        size_t later = resp_out_later(c->out), n = 0;

        for (unsigned i = 0; c->argc == 2 && i < n_commands; i++)
                n += reply_command(c, &command_table[i]);
        for (int i = 2; i < c->argc; i++) {
                const command *cmd = command_find_full(c->argv[i]);

                if (cmd)
                        n += reply_command(c, cmd);
        }
        resp_out_head(c->out, later, RESP_MAP, n);
}
