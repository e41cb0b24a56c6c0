/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "../base/decimal.h"
#include "../wire/resp/request.h"
#include "notify.h"

void config_init(config *c) {
        *c = (config){
                .databases = 16,
                .proto_max_bulk_len = RESP_BULK_MAX,
                .hash_max_listpack_entries = 512,
                .hash_max_listpack_value = 64,
                .zset_max_listpack_entries = 128,
                .zset_max_listpack_value = 64,
                .set_max_intset_entries = 512,
                .list_max_listpack_size = -2,
                .stream_node_max_bytes = 4096,
                .stream_node_max_entries = 100,
        };
}

/* parameters by name */

typedef enum param_kind {
        PARAM_INT,
        PARAM_SIZE,
        PARAM_INT64,
        PARAM_UINT64,
        PARAM_EVENTS
} param_kind;

/* A value in bytes may be written as "64mb". */
static const struct param {
        const char *name, *old_name;
        size_t offset;
        param_kind kind;
        bool is_fixed, is_bytes;
        int64_t min, max;
} params[] = {
#define AT(field, k) .offset = offsetof(config, field), .kind = k
        { "databases", NULL, AT(databases, PARAM_INT), .is_fixed = true },
        { "hash-max-listpack-entries", "hash-max-ziplist-entries",
          AT(hash_max_listpack_entries, PARAM_SIZE), .max = INT64_MAX },
        { "hash-max-listpack-value", "hash-max-ziplist-value",
          AT(hash_max_listpack_value, PARAM_SIZE), .is_bytes = true, .max = INT64_MAX },
        { "list-max-listpack-size", "list-max-ziplist-size",
          AT(list_max_listpack_size, PARAM_INT64), .min = INT32_MIN, .max = INT32_MAX },
        { "notify-keyspace-events", NULL, AT(notify_keyspace_events, PARAM_EVENTS) },
        { "proto-max-bulk-len", NULL, AT(proto_max_bulk_len, PARAM_UINT64), .is_bytes = true,
          .min = 1 << 20, .max = INT64_MAX },
        { "set-max-intset-entries", NULL, AT(set_max_intset_entries, PARAM_SIZE),
          .max = INT64_MAX },
        { "stream-node-max-bytes", NULL, AT(stream_node_max_bytes, PARAM_SIZE), .is_bytes = true,
          .max = INT64_MAX },
        { "stream-node-max-entries", NULL, AT(stream_node_max_entries, PARAM_SIZE),
          .max = INT64_MAX },
        { "zset-max-listpack-entries", "zset-max-ziplist-entries",
          AT(zset_max_listpack_entries, PARAM_SIZE), .max = INT64_MAX },
        { "zset-max-listpack-value", "zset-max-ziplist-value",
          AT(zset_max_listpack_value, PARAM_SIZE), .is_bytes = true, .max = INT64_MAX },
#undef AT
};

enum { N_PARAMS = sizeof(params) / sizeof(*params) };

const char *config_name(unsigned i) {
        return i < N_PARAMS       ? params[i].name
               : i < 2 * N_PARAMS ? params[i - N_PARAMS].old_name
                                  : NULL;
}

unsigned config_count(void) {
        return 2 * N_PARAMS;
}

void config_print(const config *c, unsigned i, char ret[static CONFIG_TEXT_MAX]) {
        const struct param *p = &params[i % N_PARAMS];
        const void *at = (const char *)c + p->offset;

        switch (p->kind) {
        case PARAM_INT:
                snprintf(ret, CONFIG_TEXT_MAX, "%d", *(const int *)at);
                break;
        case PARAM_SIZE:
                snprintf(ret, CONFIG_TEXT_MAX, "%zu", *(const size_t *)at);
                break;
        case PARAM_INT64:
                snprintf(ret, CONFIG_TEXT_MAX, "%" PRId64, *(const int64_t *)at);
                break;
        case PARAM_UINT64:
                snprintf(ret, CONFIG_TEXT_MAX, "%" PRIu64, *(const uint64_t *)at);
                break;
        case PARAM_EVENTS:
                notify_print(*(const int *)at, ret);
                break;
        }
}

/* Digits, of which none are 0 as in Redis, and behind them a unit: of 1000, or with a b of
 * 1024. */
static bool read_bytes(bytes text, int64_t *ret) {
        static const struct {
                const char *name;
                int64_t n;
        } units[] = {
                { "", 1 },           { "b", 1 },           { "k", 1000 },
                { "kb", 1 << 10 },   { "m", 1000 * 1000 }, { "mb", 1 << 20 },
                { "g", 1000000000 }, { "gb", 1 << 30 },
        };
        size_t n = 0;
        int64_t number = 0;

        while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
                n++;
        if (n > 0 && !decimal_read(text.p, n, &number))
                return false;
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
                if (bytes_is((bytes){ text.p + n, text.n - n }, units[i].name))
                        return !__builtin_mul_overflow(number, units[i].n, ret);
        return false;
}

static int set_events(int *at, bytes value, char error[static CONFIG_ERROR_MAX]) {
        int set = notify_parse(value);

        if (set < 0) {
                snprintf(error, CONFIG_ERROR_MAX,
                         "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
                return set;
        }
        *at = set;
        return 0;
}

int config_set(config *c, unsigned i, bytes value, char error[static CONFIG_ERROR_MAX]) {
        const struct param *p = &params[i % N_PARAMS];
        void *at = (char *)c + p->offset;
        int64_t number;

        if (p->is_fixed) {
                snprintf(error, CONFIG_ERROR_MAX, "can't set immutable config");
                return -EPERM;
        }
        if (p->kind == PARAM_EVENTS)
                return set_events(at, value, error);
        if (!(p->is_bytes ? read_bytes(value, &number) : decimal_read(value.p, value.n, &number))) {
                snprintf(error, CONFIG_ERROR_MAX,
                         p->is_bytes ? "argument must be a memory value"
                                     : "argument couldn't be parsed into an integer");
                return -EINVAL;
        }
        if (number < p->min || number > p->max) {
                snprintf(error, CONFIG_ERROR_MAX,
                         "argument must be between %" PRId64 " and %" PRId64 " inclusive", p->min,
                         p->max);
                return -ERANGE;
        }
        if (p->kind == PARAM_SIZE)
                *(size_t *)at = (size_t)number;
        else
                *(int64_t *)at = number;
        return 0;
}
