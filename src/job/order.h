/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a job asks for: arguments, environment and how it is to be run (rules J2 to J4)
 *
 * Put together from three replies, each of which may be refused; why it was says the first
 * that was. Names come from elsewhere: what is run is never an argument's matter.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../wire/resp/cursor.h"
#include "limit.h"
#include "streams.h"
#include "ticket.h"

enum {
        /* What one job may ask for. The kernel takes 2 MiB of arguments and environment
         * together, and a text of 128 KiB. */
        ORDER_WORDS_MAX = 4096,
        ORDER_BYTES_MAX = 1 << 20,
        ORDER_WHY_MAX = 200,

        ORDER_KEEP = 4 << 20,
        ORDER_KEEP_MAX = 1 << 30, /* of a worker's accounts; what lies there is the context's */
        ORDER_GRACE_MS = 5000,
        ORDER_OWNER_MAX = 256,
        ORDER_PATH_MAX = 4095, /* the kernel's */
        ORDER_USER_MAX = 256,
};

typedef struct words {
        char **p; /* n of them, and NULL */
        size_t n, n_bytes;
} words;

typedef struct order {
        words argv, env;
        streams inputs, outputs;
        bool is_log;
        size_t keep;
        int64_t timeout_ms, grace_ms;    /* 0 is no timeout */
        char owner[ORDER_OWNER_MAX + 1]; /* or "" */
        ticket ticket;

        char *cwd, *user; /* or NULL */
        bool has_umask;
        mode_t umask;
        process_limit limits[LIMIT_KINDS]; /* each once */
        size_t n_limits;

        char why[ORDER_WHY_MAX]; /* it is refused; "" if it is not */
} order;

void order_init(order *o);
void order_deinit(order *o); /* may run twice */

/* What is wrong with it, if nothing was found before. */
__attribute__((format(printf, 2, 3))) void order_refuse(order *o, const char *format, ...);

/* What every job gets from its worker, and may not set itself: before the next. Given again it
 * is the last that counts. */
int order_give(order *o, const char *name, const char *value);
int order_give_text(order *o, const char *text); /* NAME=VALUE */
int order_inherit(order *o, const order *from);  /* the environment of @from */

/* Replies to LRANGE, HGETALL and HGETALL. 0, also when it is refused then; -ENOMEM. */
int order_take_args(order *o, resp_cursor reply);
int order_take_env(order *o, resp_cursor reply);
int order_take_fields(order *o, resp_cursor reply);

/* Refuse what only a process of its own can have. */
void order_fit_function(order *o);

/* When all has been taken: @name is the only argument if there is none. */
int order_close(order *o, const char *name);
