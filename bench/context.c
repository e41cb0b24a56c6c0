/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A context in the program itself: GET and SET of small values, without a socket
 *
 * A thousand keys, so that what is measured is the way through the library and not the
 * cache. What is read has to be what was written.
 */

#include <beam/context.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { N_KEYS = 1000, N_NAME = 8 };

typedef struct keys {
        beam_context *ctx;
        beam_client *client;
        char names[N_KEYS][N_NAME + 1];
} keys;

static void execute(bench *b, const beam_arg *argv, size_t argc, beam_result *ret) {
        const keys *k = b->own;

        bench_check(b, "exec", beam_client_exec(k->client, argv, argc, ret, BEAM_FOREVER));
        if (ret->kind == BEAM_RESULT_ERROR)
                bench_fail(b, "exec", ret->data);
}

static void open_context(bench *b) {
        keys *k = calloc(1, sizeof(*k));
        beam_result result;

        if (!k)
                abort();
        b->own = k;
        bench_check(b, "new", beam_context_new(&k->ctx));
        bench_check(b, "client", beam_client_new(k->ctx, &k->client));
        for (int i = 0; i < N_KEYS; i++) {
                snprintf(k->names[i], sizeof(k->names[i]), "key:%04d", i);
                execute(b,
                        (beam_arg[]){ BEAM_ARG("SET"), { k->names[i], N_NAME }, BEAM_ARG("xxx") },
                        3, &result);
        }
}

static void get(bench *b, uint64_t n) {
        const keys *k = b->own;
        beam_result result;

        for (uint64_t i = 0; i < n; i++) {
                beam_arg argv[] = { BEAM_ARG("GET"), { k->names[i % N_KEYS], N_NAME } };

                execute(b, argv, 2, &result);
                if (result.n != 3)
                        bench_fail(b, "get", "another value");
        }
}

static void set(bench *b, uint64_t n) {
        const keys *k = b->own;
        beam_result result;

        for (uint64_t i = 0; i < n; i++) {
                beam_arg argv[] = { BEAM_ARG("SET"),
                                    { k->names[i % N_KEYS], N_NAME },
                                    BEAM_ARG("xxx") };

                execute(b, argv, 3, &result);
        }
}

int main(int argc, char **argv) {
        static const bench_case cases[] = {
                { .name = "get", .shape = BENCH_ALONE, .a = { .open = open_context, .run = get } },
                { .name = "set", .shape = BENCH_ALONE, .a = { .open = open_context, .run = set } },
        };

        return bench_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
