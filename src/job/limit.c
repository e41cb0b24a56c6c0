/* SPDX-License-Identifier: Apache-2.0 */
#include "limit.h"

#include <assert.h>
#include <errno.h>

#include "../base/decimal.h"

static const struct {
        const char *name;
        int resource;
} kinds[] = {
        { "as", RLIMIT_AS },
        { "core", RLIMIT_CORE },
        { "cpu", RLIMIT_CPU },
        { "data", RLIMIT_DATA },
        { "fsize", RLIMIT_FSIZE },
        { "locks", RLIMIT_LOCKS },
        { "memlock", RLIMIT_MEMLOCK },
        { "msgqueue", RLIMIT_MSGQUEUE },
        { "nice", RLIMIT_NICE },
        { "nofile", RLIMIT_NOFILE },
        { "nproc", RLIMIT_NPROC },
        { "rss", RLIMIT_RSS },
        { "rtprio", RLIMIT_RTPRIO },
        { "rttime", RLIMIT_RTTIME },
        { "sigpending", RLIMIT_SIGPENDING },
        { "stack", RLIMIT_STACK },
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == LIMIT_KINDS, "each has its name");

const char *limit_name(bytes name) {
        for (size_t i = 0; i < LIMIT_KINDS; i++)
                if (bytes_equal(name, bytes_of(kinds[i].name)))
                        return kinds[i].name;
        return NULL;
}

int limit_resource(const char *name) {
        for (size_t i = 0; i < LIMIT_KINDS; i++)
                if (strcmp(kinds[i].name, name) == 0)
                        return kinds[i].resource;
        return -EINVAL;
}

static bool read_one(bytes text, rlim_t *ret) {
        int64_t n;

        if (bytes_equal(text, BYTES("unlimited"))) {
                *ret = RLIM_INFINITY;
                return true;
        }
        if (!decimal_read(text.p, text.n, &n) || n < 0)
                return false;
        *ret = (rlim_t)n;
        return true;
}

bool limit_read_value(bytes text, process_limit *ret) {
        const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
        size_t n_soft = colon ? (size_t)(colon - text.p) : text.n;
        rlim_t soft, hard;

        if (!read_one((bytes){ text.p, n_soft }, &soft))
                return false;
        hard = soft;
        if (colon && !read_one((bytes){ colon + 1, text.n - n_soft - 1 }, &hard))
                return false;
        if (soft > hard)
                return false;
        ret->soft = soft;
        ret->hard = hard;
        return true;
}

bool limit_read(bytes text, process_limit *ret) {
        const char *equals = text.n ? memchr(text.p, '=', text.n) : NULL;
        size_t n_name = equals ? (size_t)(equals - text.p) : 0;

        ret->name = limit_name((bytes){ text.p, n_name });
        return ret->name && limit_read_value((bytes){ equals + 1, text.n - n_name - 1 }, ret);
}
