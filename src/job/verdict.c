/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include "../base/clock.h"
#include "../base/decimal.h"
#include "key.h"

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

void verdict_say(const verdict *v, asker *a) {
        sink copy = *v->sink; /* it may have to be said again */
        const char *id = copy.id;
        char key[KEY_MAX], now[DECIMAL_MAX], status[DECIMAL_MAX], signal[DECIMAL_MAX];
        bytes text = v->status < 0 ? bytes_of(v->exit) : print(v->status, status);

        for (uint8_t i = 1; i < SINK_STREAMS; i++)
                sink_end(&copy, a, i);
        sink_close(&copy, a, text);
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
