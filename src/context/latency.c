/* SPDX-License-Identifier: Apache-2.0 */
#include "latency.h"

#include "../base/mem.h"

const char *latency_name(latency_kind kind) {
        static const char *const names[LATENCY_KINDS] = {
                [LATENCY_COMMAND] = "command",
                [LATENCY_FAST_COMMAND] = "fast-command",
                [LATENCY_EXPIRE_CYCLE] = "expire-cycle",
                [LATENCY_EVICTION_CYCLE] = "eviction-cycle",
        };

        return names[kind];
}

void latency_put(latency *l, latency_kind kind, int64_t when, int64_t ms) {
        latency_sample *last,
                now = { .when = (uint32_t)when, .ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX };

        if (!l->samples[kind])
                l->samples[kind] = mem_array(LATENCY_SAMPLES, sizeof(latency_sample));
        if (!l->samples[kind])
                return;
        if (now.ms > l->max[kind])
                l->max[kind] = now.ms;
        last = &l->samples[kind][(l->n[kind] + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
        if (l->n[kind] > 0 && last->when == now.when) {
                if (now.ms > last->ms)
                        last->ms = now.ms;
                return;
        }
        l->samples[kind][l->n[kind]++ % LATENCY_SAMPLES] = now;
}

bool latency_get(const latency *l, latency_kind kind, size_t i, latency_sample *ret) {
        size_t n = l->n[kind], first = n > LATENCY_SAMPLES ? n - LATENCY_SAMPLES : 0;

        if (first + i >= n)
                return false;
        *ret = l->samples[kind][(first + i) % LATENCY_SAMPLES];
        return true;
}

bool latency_reset(latency *l, latency_kind kind) {
        bool any = l->n[kind] > 0;

        l->samples[kind] = mem_free(l->samples[kind]);
        l->n[kind] = 0;
        l->max[kind] = 0;
        return any;
}

void latency_deinit(latency *l) {
        for (int kind = 0; kind < LATENCY_KINDS; kind++)
                latency_reset(l, (latency_kind)kind);
}
