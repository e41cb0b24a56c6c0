/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include "../base/clock.h"
#include "../base/decimal.h"
#include "key.h"
#include "later.h"

static bytes print(int64_t n, char buf[static DECIMAL_MAX]) {
        return (bytes){ buf, decimal_print(n, buf) };
}

size_t verdict_put(const verdict *v, resp_out *out) {
        size_t n = 5;

        resp_out_bulk_text(out, "ended");
        resp_out_bulk_text(out, "exit");
        resp_out_bulk_text(out, v->exit);
        resp_out_bulk_text(out, "status");
        if (v->status < 0)
                resp_out_bulk_text(out, v->exit);
        else
                resp_out_bulk_integer(out, v->status);
        if (v->signal) {
                resp_out_bulk_text(out, "signal");
                resp_out_bulk_integer(out, v->signal);
                n += 2;
        }
        if (v->why) {
                resp_out_bulk_text(out, "why");
                resp_out_bulk_text(out, v->why);
                n += 2;
        }
        return n;
}

/* Not of its own will, nor by anybody else's. */
static bool has_failed(const verdict *v) {
        return v->status != 0 && !v->is_unwanted && strcmp(v->exit, "cancelled") != 0;
}

static bool goes_again(const verdict *v) {
        return has_failed(v) && strcmp(v->exit, "refused") != 0 && v->ticket &&
               v->ticket->tries < v->ticket->retry;
}

/* What this try has said is not of the next. */
static void forget_try(const verdict *v, asker *a, bytes key) {
        asker_say(a, NULL, NULL, BYTES("HDEL"), key, BYTES("worker"), BYTES("pid"), BYTES("began"),
                  BYTES("in.bad"));
        if (v->sink->is_log) {
                char log[KEY_MAX], tries[DECIMAL_MAX];

                asker_say(a, NULL, NULL, BYTES("XADD"),
                          key_print(log, "/beam/jobs/%s/log", v->sink->id), BYTES("*"),
                          BYTES("tries"), print(v->ticket->tries + 1, tries));
        }
}

static void say_again(const verdict *v, asker *a) {
        const char *id = v->sink->id;
        char key[KEY_MAX], lock_key[KEY_MAX], tries[DECIMAL_MAX], last[64];
        bytes fields = key_print(key, "/beam/jobs/%s", id);

        if (v->status < 0)
                snprintf(last, sizeof(last), "%s", v->exit);
        else
                snprintf(last, sizeof(last), "%s %d", v->exit, v->signal ? v->signal : v->status);
        forget_try(v, a, fields);
        asker_say(a, NULL, NULL, BYTES("HSET"), fields, BYTES("state"), BYTES("waiting"),
                  BYTES("tries"), print(v->ticket->tries + 1, tries), BYTES("last"),
                  bytes_of(last));
        asker_say(a, NULL, NULL, BYTES("DEL"), key_print(lock_key, "/jobs/%s", id));
        later_say(a, id, clock_wall_ms() + ticket_pause(v->ticket));
}

static void say_dead(const verdict *v, asker *a) {
        char now[DECIMAL_MAX];

        asker_say(a, NULL, NULL, BYTES("ZADD"), BYTES("/beam/dead"), print(clock_wall_ms(), now),
                  bytes_of(v->sink->id));
}

static void say_end(const verdict *v, asker *a) {
        const char *id = v->sink->id;
        char key[KEY_MAX], now[DECIMAL_MAX], status[DECIMAL_MAX], signal[DECIMAL_MAX];
        bytes text = v->status < 0 ? bytes_of(v->exit) : print(v->status, status);

        sink_say_ends(v->sink, a);
        sink_close(v->sink, a, text);
        asker_say(a, NULL, NULL, BYTES("HSET"), key_print(key, "/beam/jobs/%s", id), BYTES("state"),
                  BYTES("ended"), BYTES("ended"), print(clock_wall_ms(), now), BYTES("exit"),
                  bytes_of(v->exit));
        if (v->signal)
                asker_say(a, NULL, NULL, BYTES("HSET"), key_print(key, "/beam/jobs/%s", id),
                          BYTES("signal"), print(v->signal, signal));
        if (v->why)
                asker_say(a, NULL, NULL, BYTES("HSET"), key_print(key, "/beam/jobs/%s", id),
                          BYTES("why"), bytes_of(v->why));
        asker_say(a, NULL, NULL, BYTES("SET"), key_print(key, "/jobs/%s/status", id), text);
        /* Whoever else is about to end it finds the lock changed. */
        asker_say(a, NULL, NULL, BYTES("SET"), key_print(key, "/jobs/%s", id), BYTES("ended"));
        asker_say(a, NULL, NULL, BYTES("RPUSH"), key_print(key, "/jobs/%s/wait", id), bytes_of(id));
}

void verdict_say(const verdict *v, asker *a) {
        if (goes_again(v)) {
                say_again(v, a);
                return;
        }
        say_end(v, a);
        if (v->ticket && v->ticket->has_retry && has_failed(v))
                say_dead(v, a);
}
